"""Recordings made from a known world: clocks, positions, channel and faults that an analysis must find again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from anopticon_client.radio_records import (
    AddressType,
    Capabilities,
    HeardFrame,
    PduType,
    RadioEvent,
    RadioEventKind,
    Rotation,
)
from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.rows import ClockReading, Manifest, Moved, Row, ScanMark, ScanPhase, Sent
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID

START_NS = 1_772_452_800 * 10**9
NS = 10**9
TX_DBM = -15


@dataclass
class MadeNode:
    """One node: where it stands, how its clocks run, when it listens, how its radio misbehaves."""

    name: str
    position: tuple[float, float, float]
    mono_at_start: float = 1_000.0
    wall_ahead: float = 0.0
    """Seconds by which the wall clock is ahead of true time."""
    drift: float = 0.0
    """Of the monotonic clock: 1e-6 is a part in a million."""
    off: list[tuple[float, float]] = field(default_factory=list)
    rotates: bool = True
    walks_to: tuple[float, tuple[float, float, float]] | None = None
    """Second at which it is suddenly elsewhere."""
    tells_clock: bool = True

    def mono_ns(self, second: float) -> int:
        """Its monotonic clock at a true second of the run."""
        return round((self.mono_at_start + second * (1 + self.drift)) * NS)

    def wall_ns(self, second: float) -> int:
        """Its wall clock."""
        return START_NS + round((second + self.wall_ahead) * NS)

    def at(self, second: float) -> tuple[float, float, float]:
        """Where it is."""
        if self.walks_to is not None and second >= self.walks_to[0]:
            return self.walks_to[1]
        return self.position


@dataclass
class MadeRun:
    """A run of `seconds`: RSSI = tx - 54 - slope * log10(d) + pair + fading, nothing below the floor."""

    nodes: list[MadeNode]
    seconds: float = 600.0
    interval: float = 0.25
    epoch: float = 300.0
    level: float = -69.0
    slope: float = -12.0
    pair_sd: float = 0.0
    fading_sd: float = 0.0
    floor: int = -100
    seed: int = 1
    loss: float = 0.0
    scans: bool = False
    leaks: bool = False
    """At each rotation one frame has the old address and the new identifier."""

    def write(self, folder: Path, run: str = "made") -> Path:
        """The recordings of all nodes, one file each."""
        folder.mkdir(parents=True, exist_ok=True)
        for node in self.nodes:
            lines = "".join(encode_row(row) for row in self._rows(node, run))
            (folder / f"{node.name}_{run}_000001.jsonl").write_text(lines, encoding="ascii")
        return folder

    def frame(self, node: MadeNode, epoch: int) -> tuple[bytes, bytes]:
        """Address and AD structures of a node in an epoch."""
        said = hashlib.sha256(f"{self.seed} {node.name} {epoch if node.rotates else 0}".encode()).digest()
        address = bytes([said[31] & 0x3F]) + said[26:31]
        fresh = hashlib.sha256(f"{self.seed} {node.name} {epoch}".encode()).digest()
        return address, encode(DP3T_SERVICE_UUID, fresh[:16])

    def _rows(self, node: MadeNode, run: str) -> Iterator[Row]:
        can = Capabilities("made", Rotation.ATOMIC, True, "", 1.0, (245.0, 245.0), True, True, True, True)
        yield Manifest(
            node.name, run, node.mono_ns(0), node.wall_ns(0), "beacon", DP3T_SERVICE_UUID, "made", TX_DBM,
            node.position, can, "test",
        )  # fmt: skip
        timed = sorted([*self._own(node), *self._heard(node)], key=lambda pair: pair[0])
        for _, row in timed:
            yield row

    def _own(self, node: MadeNode) -> Iterator[tuple[float, Row]]:
        def when(second: float) -> tuple[int, int]:
            return node.mono_ns(second), node.wall_ns(second)

        edges = [0.0, *(edge for span in node.off for edge in span), self.seconds]
        for on, off in zip(edges[::2], edges[1::2], strict=True):
            yield on, RadioEvent(*when(on), RadioEventKind.SCAN_ON)
            if off < self.seconds:
                yield off, RadioEvent(*when(off), RadioEventKind.SCAN_OFF)
        for epoch in range(math.ceil(self.seconds / self.epoch)):
            address, data = self.frame(node, epoch)
            yield epoch * self.epoch, Sent(*when(epoch * self.epoch), data, address, TX_DBM)
        if node.walks_to is not None:
            yield node.walks_to[0], Moved(*when(node.walks_to[0]), node.walks_to[1])
        for minute in range(int(self.seconds // 60) + 1):
            if node.tells_clock:
                ahead = round(node.wall_ahead * NS)
                yield minute * 60.0, ClockReading(*when(minute * 60.0), ahead, 1_000_000, "test")
        for end in range(300, int(self.seconds) + 1, 300):
            if self.scans:
                yield end - 4.0, ScanMark(*when(end - 4.0), ScanPhase.BEGUN)
                yield end + 1e-6, ScanMark(*when(end + 1e-6), ScanPhase.ENDED, START_NS // NS + end, 1)
        yield self.seconds, RadioEvent(*when(self.seconds), RadioEventKind.SCAN_OFF)

    def _heard(self, node: MadeNode) -> Iterator[tuple[float, Row]]:
        for number, sender in enumerate(self.nodes):
            if sender is node:
                continue
            # The sender's own luck: the same events reach everybody.
            events = np.random.default_rng([self.seed, number])
            count = int(self.seconds / self.interval) + 1
            times = np.cumsum(self.interval - 0.005 + events.uniform(0, 0.01, count))
            luck = np.random.default_rng([self.seed, number, self.nodes.index(node), 7])
            pair = luck.normal(0, self.pair_sd) if self.pair_sd else 0.0
            noise, lost = luck.normal(0, 1, count), luck.uniform(0, 1, count) < self.loss
            for second, fading, gone in zip(times.tolist(), noise.tolist(), lost.tolist(), strict=True):
                off = any(start <= second < end for start, end in node.off)
                metres = math.dist(node.at(second), sender.at(second))
                rssi = round(self.level + self.slope * math.log10(metres) + pair + self.fading_sd * fading)
                if second < self.seconds and not off and not gone and rssi >= self.floor:
                    yield second, self._frame_heard(node, sender, second, rssi)

    def _frame_heard(self, node: MadeNode, sender: MadeNode, second: float, rssi: int) -> HeardFrame:
        epoch = int(second // self.epoch)
        address, data = self.frame(sender, epoch)
        if self.leaks and epoch and second - epoch * self.epoch < self.interval:
            address = self.frame(sender, epoch - 1)[0]
        kind, pdu = AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND
        return HeardFrame(node.mono_ns(second), node.wall_ns(second), address, kind, pdu, rssi, data, 37)
