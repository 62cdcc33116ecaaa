"""The rows of a recording (SPEC.md 19). `HeardFrame` and `RadioEvent` of the radio are rows as they stand.

Times are nanoseconds on the node's own two clocks, positions metres, powers dBm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from anopticon_client.radio_records import Capabilities, HeardFrame, RadioEvent


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first row of every file of a recording: who recorded what, with what, where.

    `about` holds what an experimenter wants to remember: chip, kernel, BlueZ version, height, carriage, antenna.
    `service_uuid` is the 16-bit UUID that the node broadcasts; a receiver that only listens has the one it filters for.
    """

    node: str
    run: str
    mono_ns: int
    wall_ns: int
    design: str
    service_uuid: int
    radio: str
    tx_power_dbm: int
    position: tuple[float, float, float] | None
    capabilities: Capabilities | None
    software: str
    part: int = 1
    """Number of this file within the recording, from 1: files are rotated."""
    about: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """The transmitter's own schedule: from this moment on it broadcasts `frame`; empty means silence. Ground truth."""

    mono_ns: int
    wall_ns: int
    frame: bytes
    address: bytes
    """As far as it is known; empty where a daemon draws it."""
    tx_power_dbm: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The node was here at this moment: a walker of a virtual testbed, or a position somebody measured."""

    mono_ns: int
    wall_ns: int
    position: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the node's wall clock is from true time, as chrony (or the collector) says: wall minus true."""

    mono_ns: int
    wall_ns: int
    offset_ns: int
    error_ns: int
    source: str


class ScanPhase(Enum):
    """Where a scan of the phone stands."""

    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ScanMark:
    """The phone on this node began or ended one of its scans.

    At the end `now` is the Unix second at which Scanned was handled and `count` the number of its sightings: the frames
    heard since BEGUN, in order. With these marks a replay hands the phone exactly what the live one got.
    """

    mono_ns: int
    wall_ns: int
    phase: ScanPhase
    now: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class PhoneInput:
    """Any other event that the phone handled: its kind, the Unix second, and its bytes (an index, a batch).

    Entropy is not recorded: it is secret, and what a phone is told about exposure does not depend on it.
    """

    mono_ns: int
    wall_ns: int
    now: int
    kind: str
    number: int = 0
    """The release of a batch."""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """The phone showed a notice to its person: what a replay has to show as well."""

    mono_ns: int
    wall_ns: int
    now: int
    notice_id: str
    kind: str
    day: int
    seconds: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Truth:
    """From this moment on this is known, from outside the radio, about the sender that has this address.

    `distance_m` is between the two antennas; None if nobody measured it. `tx_power_dbm` None: not known.
    """

    mono_ns: int
    wall_ns: int
    address: bytes
    distance_m: float | None
    tx_power_dbm: int | None
    sender: str = ""
    """Its name: the node, or a device of a data set."""


Row = (
    Manifest
    | HeardFrame
    | RadioEvent
    | Sent
    | Moved
    | ClockReading
    | ScanMark
    | PhoneInput
    | NoticeRow
    | Truth
)
