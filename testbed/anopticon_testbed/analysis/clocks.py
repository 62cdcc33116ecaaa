"""Clocks of nodes against each other, from advertising events that several of them heard (SPEC.md TB-27).

One event reaches everybody within microseconds. Which of a sender's frames a frame is, one four times a second alike,
is told by the sender's own jitter: at the right offset differences fall together, at a wrong one the 0 to 10 ms of
every step between spread them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_testbed.analysis.survey import NodeLog, Survey
from anopticon_testbed.analysis.times import NS, Seconds

SEARCH_SECONDS: Final = 3.0
"""How far from the first guess an offset is looked for."""
BIN_SECONDS: Final = 0.001
NEAR_SECONDS: Final = 0.004
"""Differences this near to the line belong to it."""
BLOCK_SECONDS: Final = 60.0
"""Two crystals 50 parts in a million apart move 3 ms in it: less than the jitter that tells neighbours apart."""
MIN_EVENTS: Final = 8
"""Events in common below which nothing is said."""
EVENTS_PER_BLOCK: Final = 60
"""Taken of each identifier in a block: of a day's frames one in four, which is enough and fits into memory."""
DRIFT_MAX: Final = 200e-6
"""Crystals of Bluetooth devices are within 50 parts in a million; twice two of them."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """`other`'s monotonic clock against `one`'s: other = one + offset + drift * (seconds since `one` began).

    `wall_seconds` is how far the wall clock of `other` is ahead of that of `one` in the middle of what both heard,
    `told_seconds` what their clock readings say it is (None without readings), `told_error_seconds` their own bound.
    """

    one: str
    other: str
    events: int
    offset_seconds: float
    drift_ppm: float
    residual_seconds: float
    """Median absolute deviation of the differences from the line."""
    wall_seconds: float
    told_seconds: float | None
    told_error_seconds: float | None

    @property
    def disagrees(self) -> bool:
        """Whether the clock readings are further off than they, and the events, allow."""
        if self.told_seconds is None or self.told_error_seconds is None:
            return False
        return (
            abs(self.wall_seconds - self.told_seconds)
            > self.told_error_seconds + 5 * self.residual_seconds + 0.002
        )


def align(survey: Survey) -> list[Alignment]:
    """Every pair of nodes that heard enough of the same frames."""
    heard = [_by_frame(survey, node) for node in survey.nodes]
    found = []
    for first in range(len(survey.nodes)):
        for second in range(first + 1, len(survey.nodes)):
            pair = _pair(survey.nodes[first], survey.nodes[second], heard[first], heard[second])
            if pair is not None:
                found.append(pair)
    return found


def closure_seconds(alignments: Sequence[Alignment]) -> float:
    """Largest sum of offsets around three nodes, which would be 0; NaN without three of them."""
    ahead = {(one.one, one.other): one.wall_seconds for one in alignments}
    names = sorted({name for pair in ahead for name in pair})
    worst = [
        abs(ahead[a, b] + ahead[b, c] - ahead[a, c])
        for i, a in enumerate(names)
        for j, b in enumerate(names[i + 1 :], i + 1)
        for c in names[j + 1 :]
        if (a, b) in ahead and (b, c) in ahead and (a, c) in ahead
    ]
    return max(worst, default=float("nan"))


Heard = dict[int, Seconds]
"""For each address and payload: when a node heard it, in seconds since it began, ascending."""


def _by_frame(survey: Survey, node: NodeLog) -> Heard:
    frames = node.frames
    known = np.array([bool(address) for address in survey.addresses] or [False])
    if not len(frames):
        return {}
    use = np.flatnonzero(known[frames.address])
    code = frames.address[use].astype(np.int64) * len(survey.payloads) + frames.payload[use]
    at = (frames.mono_ns[use] - node.begun_ns) / NS
    order = np.lexsort((at, code))
    code, at = code[order], at[order]
    borders = np.flatnonzero(np.diff(code)) + 1
    starts = np.concatenate([[0], borders]) if len(code) else np.zeros(0, np.int64)
    return {int(code[start]): part for start, part in zip(starts, np.split(at, borders), strict=True)}


def _pair(one: NodeLog, other: NodeLog, first: Heard, second: Heard) -> Alignment | None:
    common = sorted(first.keys() & second.keys())
    if not common:
        return None
    # First guesses: an identifier comes into reach of both, and goes, at about the same time; and the wall clocks.
    edges = [[second[key][place] - first[key][place] for key in common] for place in (0, -1)]
    wall = (
        _wall_lead(one, one.begun_ns) + one.begun_ns - _wall_lead(other, other.begun_ns) - other.begun_ns
    ) / NS
    found = []
    for guess in (float(np.median(np.concatenate(edges))), wall):
        at, difference = _differences(first, second, common, guess)
        line = _line(at, difference, guess)
        if line is not None:
            found.append((int(line[2].sum()), at, difference, line))
    if not found:
        return None
    _, at, difference, (offset, drift, near) = max(found, key=lambda one: one[0])
    left = difference[near] - offset - drift * at[near]
    residual = float(np.median(np.abs(left)))
    if residual > NEAR_SECONDS / 3:
        # Spread evenly over what is near: no events in common, or stamps too coarse to tell.
        return None
    middle = float(np.median(at[near]))
    told, error = _told(one, other, middle, offset + drift * middle)
    return Alignment(
        one=one.name,
        other=other.name,
        events=int(near.sum()),
        offset_seconds=offset + (other.begun_ns - one.begun_ns) / NS,
        drift_ppm=drift * 1e6,
        residual_seconds=residual,
        wall_seconds=_wall_ahead(one, other, middle, offset + drift * middle),
        told_seconds=told,
        told_error_seconds=error,
    )


def _differences(first: Heard, second: Heard, common: Sequence[int], guess: float) -> tuple[Seconds, Seconds]:
    """Times at `one`, and how much later by its clock `other` heard any frame of the same sender within reach."""
    times, differences = [np.zeros(0)], [np.zeros(0)]
    for key in common:
        mine, theirs = first[key], second[key]
        most = EVENTS_PER_BLOCK * (1 + (mine[-1] - mine[0]) / BLOCK_SECONDS)
        mine = mine[:: max(1, int(len(mine) / most))]
        low = np.searchsorted(theirs, mine + guess - SEARCH_SECONDS)
        high = np.searchsorted(theirs, mine + guess + SEARCH_SECONDS)
        count = high - low
        which = np.repeat(np.arange(len(mine)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        times.append(mine[which])
        differences.append(theirs[low[which] + within] - mine[which])
    return np.concatenate(times), np.concatenate(differences)


def _line(at: Seconds, difference: Seconds, guess: float) -> tuple[float, float, np.ndarray] | None:
    """Offset, drift and which differences lie on the line; None if no line stands out."""
    if not len(at):
        return None
    block = np.floor((at - at.min()) / BLOCK_SECONDS).astype(np.int64)
    centres, offsets, weights = [], [], []
    for one in np.unique(block):
        inside = np.flatnonzero(block == one)
        peak = _peak(difference[inside], guess)
        if peak is not None:
            near = inside[np.abs(difference[inside] - peak) <= NEAR_SECONDS]
            centres.append(float(at[near].mean()))
            offsets.append(float(np.median(difference[near])))
            weights.append(len(near))
    if not centres:
        return None
    offset, drift = _theil_sen(np.array(centres), np.array(offsets))
    for _ in range(3):
        near_line = np.abs(difference - offset - drift * at) <= NEAR_SECONDS
        chance = len(difference) * NEAR_SECONDS / SEARCH_SECONDS
        if near_line.sum() < max(MIN_EVENTS, 4 * chance):
            return None
        if np.ptp(at[near_line]) > BLOCK_SECONDS / 2:
            drift, offset = np.polyfit(at[near_line], difference[near_line], 1)
        else:
            drift, offset = 0.0, float(np.median(difference[near_line]))
    if abs(drift) > DRIFT_MAX:
        return None
    return float(offset), float(drift), np.asarray(near_line)


def _peak(difference: Seconds, guess: float) -> float | None:
    """Where most differences fall together, if it stands out from what chance would pile up."""
    edges = np.arange(guess - SEARCH_SECONDS, guess + SEARCH_SECONDS + BIN_SECONDS, BIN_SECONDS)
    count = np.histogram(difference, edges)[0]
    count = count[:-1] + count[1:]
    best = int(count.argmax())
    usual = len(difference) / len(count) * 2
    if count[best] < MIN_EVENTS or count[best] < 4 * usual:
        return None
    return float(edges[best + 1])


def _theil_sen(x: Seconds, y: Seconds) -> tuple[float, float]:
    """Offset and slope by medians: a block that went astray does not count."""
    later = x[None, :] - x[:, None]
    use = later > BLOCK_SECONDS / 2
    slope = float(np.median(((y[None, :] - y[:, None]) / np.where(use, later, 1))[use])) if use.any() else 0.0
    return float(np.median(y - slope * x)), slope


def _wall_ahead(one: NodeLog, other: NodeLog, at: float, ahead: float) -> float:
    """How far `other`'s wall clock is ahead of `one`'s at second `at` of `one`, given its monotonic clock's lead."""
    mono = one.begun_ns + round(at * NS)
    theirs = other.begun_ns + round((at + ahead) * NS)
    return (theirs - mono + _wall_lead(other, theirs) - _wall_lead(one, mono)) / NS


def _wall_lead(node: NodeLog, mono_ns: int) -> int:
    """Wall minus monotonic clock of a node at some time, from the frame that it heard nearest to it."""
    if not len(node.frames):
        return node.manifest.wall_ns - node.manifest.mono_ns
    place = int(np.abs(node.frames.mono_ns - mono_ns).argmin())
    return int(node.frames.wall_ns[place] - node.frames.mono_ns[place])


def _told(one: NodeLog, other: NodeLog, at: float, ahead: float) -> tuple[float | None, float | None]:
    """What clock readings say of the lead of `other`'s wall clock, and how wrong they may be."""
    if not one.clock or not other.clock:
        return None, None
    mono = (one.begun_ns + round(at * NS), other.begun_ns + round((at + ahead) * NS))
    nearest = [
        min(node.clock, key=lambda row: abs(row.mono_ns - when))
        for node, when in zip((one, other), mono, strict=True)
    ]
    return (nearest[1].offset_ns - nearest[0].offset_ns) / NS, (
        nearest[0].error_ns + nearest[1].error_ns
    ) / NS
