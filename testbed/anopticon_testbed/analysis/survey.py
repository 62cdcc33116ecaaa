"""Recordings as arrays: one log a node and run, frames in columns, the few other rows as they stand.

Times are int64 nanoseconds on the node's own clocks. A frame takes 26 bytes: a day of ten nodes at four frames a second
from nine neighbours is 31 million frames, 800 MB.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from anopticon_client.radio_records import AddressType, HeardFrame, RadioEvent
from anopticon_client.recording.reader import Recording, find_recordings
from anopticon_client.recording.rows import (
    ClockReading,
    Manifest,
    Moved,
    NoticeRow,
    PhoneInput,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
    Truth,
)
from anopticon_protocol.advert import parse
from anopticon_protocol.errors import AdvertisementError
from anopticon_protocol.params import EPHID_BYTES
from anopticon_testbed.errors import RecordingError

UNKNOWN_RSSI: Final = -32_768
MAX_FRAMES: Final = 60_000_000
"""Of one analysis: two days of ten nodes, 1.6 GB of columns; more is analysed in parts."""
Ints = NDArray[np.int64]
Key = TypeVar("Key")


class Names(Generic[Key]):
    """Numbers for things that come again and again, in the order in which they came first."""

    def __init__(self) -> None:
        self._number: dict[Key, int] = {}
        self.things: list[Key] = []

    def number(self, thing: Key) -> int:
        """The number of `thing`, a new one if it is new."""
        known = self._number.get(thing)
        if known is None:
            known = self._number[thing] = len(self.things)
            self.things.append(thing)
        return known


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that one node heard, in the order of recording; all columns have the same length."""

    mono_ns: Ints
    wall_ns: Ints
    address: NDArray[np.int32]
    """Number of the address in `Survey.addresses`."""
    payload: NDArray[np.int32]
    """Number of the AD structures in `Survey.payloads`."""
    rssi_dbm: NDArray[np.int16]
    """UNKNOWN_RSSI where the radio did not know it."""

    def __len__(self) -> int:
        """How many."""
        return len(self.mono_ns)


@dataclass(frozen=True, slots=True)
class PhoneScan:
    """One scan of the phone: frames `first` to before `last` of the node's frames lie within it."""

    begun_ns: int
    ended_ns: int
    now: int
    first: int
    last: int


@dataclass(slots=True)
class NodeLog:
    """All that one node recorded in one run."""

    manifest: Manifest
    frames: Frames
    begun_ns: int
    ended_ns: int
    """First and last time of any row, on the node's monotonic clock."""
    events: list[RadioEvent] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    clock: list[ClockReading] = field(default_factory=list)
    truth: list[Truth] = field(default_factory=list)
    scans: list[PhoneScan] = field(default_factory=list)
    notices: list[NoticeRow] = field(default_factory=list)
    inputs: int = 0
    torn: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The node."""
        return self.manifest.node


@dataclass
class Survey:
    """The logs of all nodes of one run, and the addresses and payloads that they heard."""

    run: str
    nodes: list[NodeLog]
    addresses: list[bytes]
    address_types: list[set[AddressType]]
    payloads: list[bytes]

    @cached_property
    def identifiers(self) -> list[bytes | None]:
        """For each payload its EphID or RPI; None where it is no frame of a service of ours."""
        return [identifier_of(payload) for payload in self.payloads]

    def node(self, name: str) -> NodeLog | None:
        """The log of a node."""
        return next((node for node in self.nodes if node.name == name), None)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts pi2 before pi10."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name))


def identifier_of(payload: bytes) -> bytes | None:
    """The EphID or RPI in AD structures, None if they hold none."""
    try:
        return parse(payload).service_data[:EPHID_BYTES]
    except AdvertisementError:
        return None


def load(paths: Iterable[Path]) -> list[Survey]:
    """The surveys in files and folders, one for each run; raises RecordingError or RecordingFileError."""
    runs: dict[str, list[Recording]] = {}
    for path in paths:
        for recording in find_recordings(path):
            runs.setdefault(recording.manifest.run, []).append(recording)
    for run, recordings in runs.items():
        names = [recording.manifest.node for recording in recordings]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise RecordingError(f"run {run}: {twice[0]} recorded twice; name each node and run once")
    return [_survey(run, recordings) for run, recordings in sorted(runs.items())]


def _survey(run: str, recordings: Sequence[Recording]) -> Survey:
    addresses, payloads = Names[bytes](), Names[bytes]()
    kinds: list[set[AddressType]] = []
    nodes, frames = [], 0
    for recording in sorted(recordings, key=lambda one: natural(one.manifest.node)):
        reader = _LogReader(addresses, kinds, payloads, MAX_FRAMES - frames)
        nodes.append(reader.read(recording))
        frames += len(nodes[-1].frames)
    return Survey(run, nodes, addresses.things, kinds, payloads.things)


class _LogReader:
    """Reads one recording into columns."""

    def __init__(
        self, addresses: Names[bytes], kinds: list[set[AddressType]], payloads: Names[bytes], room: int
    ) -> None:
        self._addresses, self._kinds, self._payloads, self._room = addresses, kinds, payloads, room
        self._mono, self._wall = array("q"), array("q")
        self._address, self._payload, self._rssi = array("i"), array("i"), array("h")
        self._begun: tuple[int, int] | None = None

    def read(self, recording: Recording) -> NodeLog:
        log = NodeLog(
            recording.manifest, _no_frames(), recording.manifest.mono_ns, recording.manifest.mono_ns
        )
        for row in recording.rows():
            if isinstance(row, HeardFrame):
                self._frame(row, recording)
            else:
                self._other(row, log)
            log.begun_ns, log.ended_ns = min(log.begun_ns, row.mono_ns), max(log.ended_ns, row.mono_ns)
        log.frames = Frames(
            np.array(self._mono, np.int64),
            np.array(self._wall, np.int64),
            np.array(self._address, np.int32),
            np.array(self._payload, np.int32),
            np.array(self._rssi, np.int16),
        )
        log.torn = tuple(str(end) for end in recording.torn)
        return log

    def _frame(self, row: HeardFrame, recording: Recording) -> None:
        if len(self._mono) >= self._room:
            raise RecordingError(
                f"{recording.parts[0].parent}: more than {MAX_FRAMES:,} frames (MAX_FRAMES): analyse it in parts"
            )
        address = self._addresses.number(row.address)
        if address == len(self._kinds):
            self._kinds.append(set())
        self._kinds[address].add(row.address_type)
        self._mono.append(row.mono_ns)
        self._wall.append(row.wall_ns)
        self._address.append(address)
        self._payload.append(self._payloads.number(row.data))
        self._rssi.append(UNKNOWN_RSSI if row.rssi_dbm is None else row.rssi_dbm)

    def _other(self, row: Row, log: NodeLog) -> None:
        match row:
            case RadioEvent():
                log.events.append(row)
            case Sent():
                log.sent.append(row)
            case Moved():
                log.moved.append(row)
            case ClockReading():
                log.clock.append(row)
            case Truth():
                log.truth.append(row)
            case NoticeRow():
                log.notices.append(row)
            case PhoneInput():
                log.inputs += 1
            case ScanMark():
                self._mark(row, log)

    def _mark(self, row: ScanMark, log: NodeLog) -> None:
        if row.phase is ScanPhase.BEGUN:
            self._begun = row.mono_ns, len(self._mono)
        elif self._begun is not None:
            begun_ns, first = self._begun
            log.scans.append(PhoneScan(begun_ns, row.mono_ns, row.now, first, len(self._mono)))
            self._begun = None


def _no_frames() -> Frames:
    empty = np.zeros(0, np.int64)
    return Frames(empty, empty, empty.astype(np.int32), empty.astype(np.int32), empty.astype(np.int16))
