"""What a radio tells: frames as heard, what happened to the radio itself, and what it can do (SPEC.md 18).

Signal strengths are dBm, times are nanoseconds. Every record carries two times: the monotonic clock of the machine,
which never jumps but means nothing elsewhere, and the wall's, which others share but which may be set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class AddressType(Enum):
    """Kind of the address that a frame came from (Core Specification 6.B.1.3)."""

    PUBLIC = "public"
    STATIC = "static"
    RESOLVABLE = "resolvable"
    NON_RESOLVABLE = "nonresolvable"
    PLATFORM = "platform"
    """No address but a handle of the operating system (macOS)."""
    UNKNOWN = "unknown"


class PduType(Enum):
    """Kind of the advertising PDU (Core Specification 6.B.2.3); the backends that cannot tell say UNKNOWN."""

    ADV_IND = "ADV_IND"
    ADV_DIRECT_IND = "ADV_DIRECT_IND"
    ADV_NONCONN_IND = "ADV_NONCONN_IND"
    ADV_SCAN_IND = "ADV_SCAN_IND"
    SCAN_RSP = "SCAN_RSP"
    EXTENDED = "ADV_EXT_IND"
    UNKNOWN = "unknown"


class HeardFrame(NamedTuple):
    """One advertisement as heard.

    `address` has the most significant byte first and is empty where the platform hides it. `rssi_dbm` is None where the
    controller does not know it (HCI 127, BlueZ -127). `data` are the AD structures as on the air, or, from a backend
    whose capabilities do not say `exact_bytes`, rebuilt from what the operating system tells. `channel` is 37, 38, 39,
    or 0 for unknown.
    """

    mono_ns: int
    wall_ns: int
    address: bytes
    address_type: AddressType
    pdu: PduType
    rssi_dbm: int | None
    data: bytes
    channel: int = 0


class RadioEventKind(Enum):
    """What can happen to a radio."""

    SCAN_ON = "scan-on"
    SCAN_OFF = "scan-off"
    ADVERTISE_ON = "advertise-on"
    """Advertising began; details `address` and `frame` in hexadecimal where they are known."""
    ADVERTISE_OFF = "advertise-off"
    ROTATED = "rotated"
    """Address and payload changed in one step; details as of ADVERTISE_ON, and `gap_ns`, the silence between."""
    RESET = "reset"
    """The adapter or its daemon was reset, by us or by somebody else; detail `reason`."""
    DROPPED = "dropped"
    """Frames were lost between controller and reader; detail `count`."""
    FAILED = "failed"
    """Something went wrong that the radio carries on after; details `reason` and `advice`."""


@dataclass(frozen=True, slots=True)
class RadioEvent:
    """One thing that happened to a radio. Detail values are text or whole numbers, so that any file can hold them."""

    mono_ns: int
    wall_ns: int
    kind: RadioEventKind
    details: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many frames or rows a DROPPED event stands for: what it says as a number, else one."""
        said = self.details.get("count", 1)
        return said if isinstance(said, int) else 1


class Rotation(Enum):
    """How a backend changes address and payload."""

    ATOMIC = "atomic"
    """The old frame ends, then both change, then the new one begins, by commands of ours in that order."""
    REREGISTER = "re-register"
    """The daemon is asked to forget the old advertisement and to take a new one, for which it draws a new address."""
    FIRMWARE = "firmware"
    """The board at the other end does it; nobody here can check."""
    NONE = "none"
    """It cannot advertise."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do: a recording carries it, so that nobody takes a thinned sample for a full one.

    `every_pdu`: each PDU the antenna caught becomes a record. `rssi_bias`: sentence about which strengths are
    over-represented, empty if none are known. `duty`: share of the time that the receiver listens while scanning, 0..1,
    0 for a backend that cannot scan. `interval_ms`: the advertising interval really used, from and to, or None if the
    backend does not know. `works_while_scanning`: whether advertising goes on during a scan.
    """

    backend: str
    rotation: Rotation
    every_pdu: bool
    rssi_bias: str
    duty: float
    interval_ms: tuple[float, float] | None
    interval_honoured: bool
    exact_bytes_sent: bool
    exact_bytes_heard: bool
    works_while_scanning: bool
    remarks: tuple[str, ...] = ()
