"""When a node's radio did not listen: off times, unexplained silences, what was dropped (SPEC.md TB-22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_client.radio_records import RadioEventKind
from anopticon_testbed.analysis.survey import NodeLog
from anopticon_testbed.analysis.times import NodeTime, Seconds

SILENCE_FACTOR: Final = 20
"""A silence is remarkable from twenty usual gaps on: at random times, one in e^20 gaps is as long."""
BURST_FACTOR: Final = 4
"""And from four times the gap that one in a hundred exceeds: who listens in bursts has long gaps all the time."""
SILENCE_SECONDS_MIN: Final = 2.0
"""And not below this: rotations and channel hops make short ones."""
OFF_SECONDS_MIN: Final = 0.001
"""A scanner that is off for less was not off: two events have two times."""

Spans = list[tuple[float, float]]
"""Seconds of the run, from the first included to the last excluded."""


@dataclass(frozen=True, slots=True)
class DeadTime:
    """The listening of one node. Times in seconds."""

    node: str
    recorded: float
    listening: float
    """Scanner switched on, whatever its duty within that."""
    duty: float | None
    """Share of that which the backend says it really listens; None: it does not say."""
    known: bool
    """Whether the recording says when the scanner was on; else it is taken to have been on all the time."""
    off: Spans
    silences: Spans
    """While the scanner was on, and nothing was heard for far longer than usual."""
    frames: int
    dropped: int
    resets: int
    failures: int

    @property
    def dead_fraction(self) -> float:
        """Share of the recorded time in which a frame had no chance: scanner off, duty within, silences."""
        if not self.recorded:
            return 0.0
        silent = sum(end - start for start, end in self.silences)
        heard = max(0.0, self.listening - silent) * (1.0 if self.duty is None else self.duty)
        return 1 - heard / self.recorded


def dead_time(node: NodeLog, time: NodeTime) -> DeadTime:
    """The account of one node."""
    begun, ended = time.second(node.begun_ns), time.second(node.ended_ns)
    on, known = listening(node, time)
    can = node.manifest.capabilities
    kinds = [event.kind for event in node.events]
    return DeadTime(
        node=node.name,
        recorded=ended - begun,
        listening=sum(end - start for start, end in on),
        duty=can.duty if can is not None and 0 < can.duty <= 1 else None,
        known=known,
        off=_gaps(on, begun, ended),
        silences=_silences(time.seconds(node.frames.mono_ns), on),
        frames=len(node.frames),
        dropped=sum(event.count for event in node.events if event.kind is RadioEventKind.DROPPED),
        resets=kinds.count(RadioEventKind.RESET),
        failures=kinds.count(RadioEventKind.FAILED),
    )


def listening(node: NodeLog, time: NodeTime) -> tuple[Spans, bool]:
    """When the scanner was on, and whether the recording says so at all."""
    begun, ended = time.second(node.begun_ns), time.second(node.ended_ns)
    switches = [
        event
        for event in node.events
        if event.kind in (RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF, RadioEventKind.RESET)
    ]
    if not any(event.kind is RadioEventKind.SCAN_ON for event in switches):
        return [(begun, ended)], False
    spans: Spans = []
    since: float | None = None
    for event in switches:
        at = time.second(event.mono_ns)
        if event.kind is RadioEventKind.SCAN_ON:
            since = at if since is None else since
        elif since is not None:
            spans.append((since, at))
            since = None
    if since is not None:
        spans.append((since, ended))
    return in_order(spans), True


def within(spans: Spans, at: Seconds) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each of some times lies in one of the spans, which ascend."""
    if not spans:
        return np.zeros(len(at), np.bool_)
    starts, ends = np.array(spans).T
    place = np.searchsorted(starts, at, side="right") - 1
    return np.asarray((place >= 0) & (at < ends[np.maximum(place, 0)]), np.bool_)


def covered(spans: Spans, at: Seconds) -> Seconds:
    """Seconds of the spans, which ascend and do not meet, before each of some times."""
    if not spans:
        return np.zeros(len(at))
    starts, ends = np.array(spans).T
    begun = np.searchsorted(starts, at, side="right")
    whole = np.concatenate([[0.0], np.cumsum(ends - starts)])
    # The last of those that began may go on beyond.
    result: Seconds = whole[begun] - np.where(
        begun > 0, np.maximum(ends[np.maximum(begun, 1) - 1] - at, 0.0), 0.0
    )
    return result


def common(one: Spans, other: Spans) -> Spans:
    """What lies in a span of both; each ascends, and so does the result."""
    found: Spans = []
    here = there = 0
    while here < len(one) and there < len(other):
        start, end = max(one[here][0], other[there][0]), min(one[here][1], other[there][1])
        if end > start:
            found.append((start, end))
        if one[here][1] <= other[there][1]:
            here += 1
        else:
            there += 1
    return found


def in_order(spans: Spans) -> Spans:
    """The same seconds as spans that ascend and do not meet, whatever a damaged recording says."""
    found: Spans = []
    for start, end in sorted(spans):
        begin = max(start, found[-1][1]) if found else start
        if end > begin:
            found.append((begin, end))
    return found


def _gaps(on: Spans, begun: float, ended: float) -> Spans:
    edges = [begun, *(edge for span in on for edge in span), ended]
    return [
        (off, again)
        for off, again in zip(edges[::2], edges[1::2], strict=True)
        if again - off > OFF_SECONDS_MIN
    ]


def _silences(heard: Seconds, on: Spans) -> Spans:
    """Gaps between frames, while the scanner was on, that are far longer than the usual one."""
    found: Spans = []
    heard = np.sort(heard)
    gaps = np.diff(heard)
    if not len(gaps):
        return found
    usual = SILENCE_FACTOR * float(np.mean(np.minimum(gaps, 60.0)))
    bound = max(SILENCE_SECONDS_MIN, usual, BURST_FACTOR * float(np.quantile(gaps, 0.99)))
    for start, end in on:
        first, last = np.searchsorted(heard, [start, end])
        edges = np.concatenate([[start], heard[first:last], [end]])
        long = np.flatnonzero(np.diff(edges) > bound)
        found += [(float(edges[place]), float(edges[place + 1])) for place in long]
    return found
