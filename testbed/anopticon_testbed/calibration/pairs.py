"""Who heard whom, how often and how strongly: from recordings, or from the collector's board (SPEC.md 20.2).

A frame belongs to the node whose recording says that it sent it: the transmitters' own schedules are the ground truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anopticon_client.radio_records import Capabilities, HeardFrame
from anopticon_client.recording.reader import Recording, find_recordings
from anopticon_client.recording.rows import Manifest, Sent
from anopticon_protocol.advert import parse
from anopticon_protocol.errors import AdvertisementError
from anopticon_testbed.calibration.offsets import Level
from anopticon_testbed.calibration.rates import NodeRate, PairRate, nominal_per_minute
from anopticon_testbed.errors import RecordingError

MAX_GAPS: Final = 20_000
"""Gaps kept for the median of a pair: 80 minutes at full rate."""
SECOND_NS: Final = 1_000_000_000


@dataclass(slots=True)
class _Tally:
    count: int = 0
    levels: dict[int, int] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)
    last_ns: int | None = None

    def add(self, frame: HeardFrame) -> None:
        self.count += 1
        if frame.rssi_dbm is not None:
            self.levels[frame.rssi_dbm] = self.levels.get(frame.rssi_dbm, 0) + 1
        if self.last_ns is not None and len(self.gaps) < MAX_GAPS:
            self.gaps.append((frame.mono_ns - self.last_ns) / SECOND_NS)
        self.last_ns = frame.mono_ns

    @property
    def rssi_dbm(self) -> float | None:
        """Median of the known strengths."""
        return median_of_counts(self.levels)

    @property
    def gap_seconds(self) -> float | None:
        return sorted(self.gaps)[len(self.gaps) // 2] if self.gaps else None


@dataclass(slots=True)
class Node:
    """What recordings say about one node."""

    manifest: Manifest
    first_ns: int
    last_ns: int
    sends: bool = False

    def rate(self) -> NodeRate:
        """What the node should do."""
        can = self.manifest.capabilities
        return NodeRate(0.0 if not self.sends else sent_per_minute(can), 1.0 if can is None else can.duty)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Nodes and pairs of a run."""

    nodes: dict[str, NodeRate]
    pairs: list[PairRate]
    levels: list[Level]
    """Medians less the stated power, for `calibrate`; empty from a board, which knows no medians."""


def sent_per_minute(can: Capabilities | None) -> float | None:
    """What a radio with these capabilities sends, None if it does not say."""
    return None if can is None or can.interval_ms is None else nominal_per_minute(can.interval_ms)


def read_pairs(path: Path) -> Pairs:
    """The nodes and pairs of all recordings in a folder, which must be of one run; raises RecordingError."""
    recordings = find_recordings(path)
    nodes: dict[str, Node] = {}
    owners: dict[bytes, str] = {}
    for recording in recordings:
        name = recording.manifest.node
        if name in nodes:
            raise RecordingError(
                f"{path}: holds two runs of {name} ({nodes[name].manifest.run}, {recording.manifest.run}): "
                "put one run into a folder of its own"
            )
        nodes[name] = _schedule(recording, owners)
    if not any(node.sends for node in nodes.values()):
        raise RecordingError(
            f"{path}: no recording says what its node sent (imported ones never do), so that nobody knows whose a "
            "frame is: give recordings that `node` or `up` made, of all nodes of the run"
        )
    tallies = {name: tally for recording in recordings for name, tally in _heard(recording, owners)}
    pairs, levels = [], []
    for (sender, receiver), tally in tallies.items():
        seconds = max(_overlap(nodes[sender], nodes[receiver]), 0) / SECOND_NS
        pairs.append(PairRate(sender, receiver, tally.count, seconds, tally.rssi_dbm, tally.gap_seconds))
        if tally.rssi_dbm is not None:
            power = nodes[sender].manifest.tx_power_dbm
            metres = _metres(nodes[sender].manifest, nodes[receiver].manifest)
            levels.append(Level(sender, receiver, tally.rssi_dbm - power, tally.count, metres))
    return Pairs({name: node.rate() for name, node in nodes.items()}, pairs, levels)


def board_pairs(board: Mapping[str, Any]) -> Pairs:
    """The nodes and pairs of a collector's board (`/v1/board`), over the last minute; silent nodes are left out."""
    told = [node for node in board["nodes"] if node["age_s"] <= board["stale_s"]]
    nodes = {
        node["node"]: NodeRate(
            60_000 / node["interval_ms"] if node["interval_ms"] else 0.0,
            1.0 if node["duty"] is None else node["duty"],
            node["duty"] is not None,
        )
        for node in told
    }
    pairs = [
        PairRate(heard["node"], node["node"], heard["count"], node["window_s"], heard["rssi_dbm"])
        for node in told
        for heard in node["heard"]
        if heard["node"] in nodes
    ]
    return Pairs(nodes, pairs, [])


def median_of_counts(counts: Mapping[int, int]) -> float | None:
    """The median of values given with how often each came; between two in the middle, their mean."""
    total = sum(counts.values())
    if not total:
        return None
    low = high = None
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if low is None and 2 * seen >= total:
            low = value
        if 2 * seen > total:
            high = value
            break
    assert low is not None  # noqa: S101 - the counts add up to more than nothing
    assert high is not None  # noqa: S101 - as above
    return (low + high) / 2


def identity(data: bytes) -> bytes:
    """What a frame is known by: its service data, or all of it if it is not one of ours."""
    try:
        return parse(data).service_data
    except AdvertisementError:
        return data


def _schedule(recording: Recording, owners: dict[bytes, str]) -> Node:
    """The node of a recording; notes in `owners` what it sent."""
    node = Node(recording.manifest, recording.manifest.wall_ns, recording.manifest.wall_ns)
    for row in recording.rows():
        node.last_ns = max(node.last_ns, row.wall_ns)
        if isinstance(row, Sent) and row.frame:
            node.sends = True
            owners[identity(row.frame)] = node.manifest.node
    return node


def _heard(recording: Recording, owners: Mapping[bytes, str]) -> Iterator[tuple[tuple[str, str], _Tally]]:
    receiver = recording.manifest.node
    senders: dict[bytes, str | None] = {}
    found: dict[str, _Tally] = {}
    for row in recording.rows():
        if not isinstance(row, HeardFrame):
            continue
        if row.data not in senders:
            senders[row.data] = owners.get(identity(row.data))
        sender = senders[row.data]
        if sender is not None and sender != receiver:
            found.setdefault(sender, _Tally()).add(row)
    for sender, tally in found.items():
        yield (sender, receiver), tally


def _metres(one: Manifest, other: Manifest) -> float | None:
    """Between the places that two nodes were told at their start; one that walks is not followed."""
    if one.position is None or other.position is None:
        return None
    return math.dist(one.position, other.position)


def _overlap(one: Node, other: Node) -> int:
    return min(one.last_ns, other.last_ns) - max(one.first_ns, other.first_ns)
