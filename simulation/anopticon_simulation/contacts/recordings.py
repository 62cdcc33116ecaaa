"""Recordings of nodes as a world: who heard whom when and how strongly, where everybody was, when each phone listened.

A node is a person. Whose frame a frame is, its sender's own schedule says, or a truth row; frames of nobody known are
left out and counted. Time is the wall clock's less the last clock reading, in whole nanoseconds.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import dist
from pathlib import Path
from typing import Final

from anopticon_client.errors import ClientError
from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.reader import find_recordings
from anopticon_client.recording.rows import (
    ClockReading,
    Manifest,
    Moved,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
    Truth,
)
from anopticon_protocol.advert import parse
from anopticon_protocol.errors import AdvertisementError
from anopticon_simulation.contacts.trace import MAX_SPAN_DAYS, SECONDS_PER_DAY
from anopticon_simulation.errors import ContactFileError

NS: Final = 1_000_000_000
MAX_FRAMES: Final = 60_000_000
"""Two days of ten nodes; 14 bytes each."""
NOBODY: Final = -1


@dataclass(slots=True)
class RecordedNode:
    """What one node heard and did; times are nanoseconds of the recording's own calendar, ascending."""

    name: str
    tx_power_dbm: int
    at_ns: array[int] = field(default_factory=lambda: array("q"))
    sender: array[int] = field(default_factory=lambda: array("i"))
    """Number of who sent each frame in `Recorded.people`, or NOBODY."""
    rssi_dbm: array[int] = field(default_factory=lambda: array("h"))
    scans_ns: list[tuple[int, int]] = field(default_factory=list)
    """Begin and end of each scan of its phone; empty if it ran none."""
    track: list[tuple[int, tuple[float, float, float]]] = field(default_factory=list)
    told: dict[str, list[tuple[int, float | None]]] = field(default_factory=dict)
    """Distances by sender, each from a time on, as truth rows say."""
    told_power: dict[str, int] = field(default_factory=dict)
    sends: bool = False
    begun_ns: int = 0
    ended_ns: int = 0

    def metres(self, other: RecordedNode, at_ns: int) -> float | None:
        """Distance to another at some time; None if nobody knows."""
        rows = self.told.get(other.name)
        if rows and rows[0][0] <= at_ns:
            value = rows[bisect_right(rows, (at_ns, float("inf"))) - 1][1]
            return value if value is not None and value >= 0 else None
        here, there = _where(self.track, at_ns), _where(other.track, at_ns)
        return dist(here, there) if here is not None and there is not None else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """All nodes of a folder of recordings, and senders that only truth rows name."""

    people: tuple[str, ...]
    nodes: dict[str, RecordedNode]
    notes: tuple[str, ...]

    @property
    def begun_ns(self) -> int:
        """The first time of any row."""
        return min(node.begun_ns for node in self.nodes.values())

    @property
    def ended_ns(self) -> int:
        """The last one."""
        return max(node.ended_ns for node in self.nodes.values())

    def tx_power_dbm(self, name: str) -> int | None:
        """What a sender radiates, by its own manifest or a truth row; None if nobody says."""
        node = self.nodes.get(name)
        if node is not None and node.sends:
            return node.tx_power_dbm
        told = [one.told_power[name] for one in self.nodes.values() if name in one.told_power]
        return told[0] if told else None


def read_recordings(path: Path) -> Recorded:
    """Read a recording or a folder of them; raises ContactFileError."""
    reader = _Reader()
    try:
        for recording in find_recordings(path):
            for row in recording.rows():
                reader.row(row)
    except ClientError as error:
        raise ContactFileError(str(error)) from error
    return reader.finish(path)


class _Reader:
    def __init__(self) -> None:
        self._nodes: dict[str, RecordedNode] = {}
        self._node: RecordedNode
        self._offset_ns: int | None = None
        self._begun: int | None = None
        self._payloads: dict[bytes, int] = {}
        self._addresses: dict[bytes, int] = {}
        self._heard: dict[str, tuple[array[int], array[int]]] = {}
        self._owners: dict[bytes, set[str]] = {}
        self._by_address: dict[tuple[str, bytes], str] = {}
        self._frames = 0

    def row(self, row: Row) -> None:
        if isinstance(row, Manifest):
            self._begin(row)
        at = row.wall_ns - (self._offset_ns or 0)
        node = self._node
        node.begun_ns = min(node.begun_ns or at, at)
        node.ended_ns = max(node.ended_ns, at)
        match row:
            case HeardFrame():
                self._frame(row, at)
            case ClockReading():
                self._offset_ns = row.offset_ns
            case Sent() if row.frame:
                node.sends = True
                self._owners.setdefault(identity(row.frame), set()).add(node.name)
            case Moved():
                node.track.append((at, row.position))
            case ScanMark(phase=ScanPhase.BEGUN):
                self._begun = at
            case ScanMark() if self._begun is not None:
                node.scans_ns.append((self._begun, at))
                self._begun = None
            case Truth():
                name = row.sender or row.address.hex()
                self._by_address[node.name, row.address] = name
                node.told.setdefault(name, []).append((at, row.distance_m))
                if row.tx_power_dbm is not None:
                    node.told_power[name] = row.tx_power_dbm

    def finish(self, path: Path) -> Recorded:
        """Name the senders, and put everything in order of time."""
        names = set(self._nodes) | set(self._by_address.values())
        people = tuple(sorted(names, key=lambda name: (len(name), name)))
        number = {name: place for place, name in enumerate(people)}
        unknown = total = 0
        for node in self._nodes.values():
            payloads, addresses = self._heard[node.name]
            owner = [self._owner(payload) for payload in self._payloads]
            told = [self._by_address.get((node.name, address)) for address in self._addresses]
            who = [owner[one] or told[other] for one, other in zip(payloads, addresses, strict=True)]
            node.sender = array("i", [NOBODY if name is None else number[name] for name in who])
            unknown, total = unknown + sum(name is None for name in who), total + len(who)
            _sort(node)
        recorded = Recorded(people, self._nodes, _notes(total, unknown))
        if recorded.ended_ns - recorded.begun_ns > MAX_SPAN_DAYS * SECONDS_PER_DAY * NS:
            raise ContactFileError(f"{path}: spans more than {MAX_SPAN_DAYS} days (MAX_SPAN_DAYS)")
        return recorded

    def _begin(self, row: Manifest) -> None:
        if row.node not in self._nodes:
            self._nodes[row.node] = RecordedNode(row.node, row.tx_power_dbm)
            self._heard[row.node] = array("i"), array("i")
        self._node = self._nodes[row.node]
        self._begun = self._offset_ns = None
        if row.position is not None and not self._node.track:
            self._node.track.append((row.wall_ns, row.position))

    def _frame(self, row: HeardFrame, at: int) -> None:
        if row.rssi_dbm is None:
            return
        self._frames += 1
        if self._frames > MAX_FRAMES:
            raise ContactFileError(
                f"more than {MAX_FRAMES:,} frames (MAX_FRAMES): take a part of the recordings"
            )
        payloads, addresses = self._heard[self._node.name]
        payloads.append(self._payloads.setdefault(row.data, len(self._payloads)))
        addresses.append(self._addresses.setdefault(row.address, len(self._addresses)))
        self._node.at_ns.append(at)
        self._node.rssi_dbm.append(row.rssi_dbm)

    def _owner(self, payload: bytes) -> str | None:
        who = self._owners.get(identity(payload), set())
        return next(iter(who)) if len(who) == 1 else None


def identity(payload: bytes) -> bytes:
    """What tells one sender's frames from another's: the service data, or the whole where there is none."""
    try:
        return parse(payload).service_data
    except AdvertisementError:
        return payload


def _sort(node: RecordedNode) -> None:
    """Put frames in order of time: a clock that was set back may have mixed them."""
    order = sorted(range(len(node.at_ns)), key=node.at_ns.__getitem__)
    node.at_ns = array("q", [node.at_ns[place] for place in order])
    node.rssi_dbm = array("h", [node.rssi_dbm[place] for place in order])
    node.sender = array("i", [node.sender[place] for place in order])
    node.scans_ns.sort()
    node.track.sort(key=lambda point: point[0])
    for rows in node.told.values():
        rows.sort(key=lambda row: row[0])


def _where(
    track: Sequence[tuple[int, tuple[float, float, float]]], at_ns: int
) -> tuple[float, float, float] | None:
    """The last position up to a time, the first one before it; None without any."""
    if not track:
        return None
    return track[max(0, bisect_right(track, at_ns, key=lambda point: point[0]) - 1)][1]


def _notes(total: int, unknown: int) -> tuple[str, ...]:
    if not unknown:
        return ()
    return (f"{unknown:,} of {total:,} frames come from senders that no recording names: left out",)
