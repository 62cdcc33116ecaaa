"""Who was really near whom, against what the phone's scans had of it: recall and precision of contact (SPEC.md TB-28).

Near is a distance from positions or truth rows, never a strength. What a phone has is what section 6.6 credits: each of
its scans stands for the seconds since the one before, at most five minutes, and counts for every sender it heard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anopticon_protocol.designs.base import credited_seconds, mean_rounded_half_up
from anopticon_testbed.analysis.senders import Senders
from anopticon_testbed.analysis.survey import UNKNOWN_RSSI, NodeLog, Survey
from anopticon_testbed.analysis.times import Seconds

GRAIN_SECONDS: Final = 1.0
"""Steps in which a distance is looked at."""
NEAR_METRES: Final = 2.0
BOUND_DB: Final = 63
"""Attenuation up to which the phone of 9.5 counts a scan."""


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """When a phone would have listened, for recordings in which no phone did."""

    every_seconds: float = 300.0
    for_seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class Contact:
    """A sender near a receiver, in seconds: `true` within the distance, `heard` credited by scans that heard it.

    `counted` are those of `heard` at or below the attenuation bound, `right` those of `counted` that were truly near.
    `known` is how long the distance is known at all; outside it nothing is counted.
    """

    run: str
    sender: str
    receiver: str
    known: float
    true: float
    heard: float
    heard_near: float
    counted: float
    right: float


@dataclass(frozen=True, slots=True)
class Recall:
    """Sums over all pairs, and how many pairs of 15 minutes or more the phones found."""

    near_metres: float
    bound_db: int
    scans: int
    made_up: bool
    """Whether the scans are those of a plan, not of phones."""
    contacts: tuple[Contact, ...]

    @property
    def heard_share(self) -> float:
        """Of the seconds truly near, the share that scans credited at any strength."""
        return _share(sum(one.heard_near for one in self.contacts), sum(one.true for one in self.contacts))

    @property
    def recall(self) -> float:
        """Of the seconds truly near, the share that counted."""
        return _share(sum(one.right for one in self.contacts), sum(one.true for one in self.contacts))

    @property
    def precision(self) -> float:
        """Of the seconds that counted, the share that was truly near."""
        return _share(sum(one.right for one in self.contacts), sum(one.counted for one in self.contacts))


def contact_recall(
    survey: Survey,
    senders: Senders,
    near_metres: float = NEAR_METRES,
    bound_db: int = BOUND_DB,
    plan: ScanPlan | None = None,
) -> Recall | None:
    """The comparison for one run; None if no distance is known. Scans are the phones' own unless `plan` is given."""
    contacts: list[Contact] = []
    scans = 0
    made_up = plan is not None or not any(node.scans for node in survey.nodes)
    for node in survey.nodes:
        windows = _planned(node, senders, plan or ScanPlan()) if made_up else _own(node, senders)
        scans += len(windows)
        who = senders.of_frames(node)
        others = {senders.names[number] for number in np.unique(who[who >= 0]).tolist()}
        others |= {other.name for other in survey.nodes if other.sent}
        for name in sorted(others - {node.name}):
            mine = who == senders.number(name)
            levels = _levels(node, mine, windows)
            power = senders.tx_power_dbm(node, name)
            counts = [level is not None and max(0, power - level) <= bound_db for level in levels]
            seconds = _seconds(node, senders, name, mine, near_metres)
            contacts.append(_contact((survey.run, name, node.name), seconds, windows, levels, counts))
    contacts = [one for one in contacts if one.known > 0]
    return Recall(near_metres, bound_db, scans, made_up, tuple(contacts)) if contacts else None


@dataclass(frozen=True, slots=True)
class _Window:
    """A scan: seconds of the run of its end, what it stands for, and the frames heard in it."""

    end: float
    credited: float
    first: int
    last: int


def _own(node: NodeLog, senders: Senders) -> list[_Window]:
    time = senders.times[node.name]
    ends = [time.second(scan.ended_ns) for scan in node.scans]
    gaps = [0.0, *np.diff(ends).tolist()]
    return [
        _Window(end, credited_seconds(round(gap)), scan.first, scan.last)
        for scan, end, gap in zip(node.scans, ends, gaps, strict=True)
    ]


def _planned(node: NodeLog, senders: Senders, plan: ScanPlan) -> list[_Window]:
    """The windows of a plan over all that the node heard; the first ends `every_seconds` after the beginning."""
    time = senders.times[node.name]
    at = np.maximum.accumulate(time.seconds(node.frames.mono_ns)) if len(node.frames) else np.zeros(0)
    ends = np.arange(time.second(node.begun_ns), time.second(node.ended_ns), plan.every_seconds)[1:]
    first, last = np.searchsorted(at, ends - plan.for_seconds), np.searchsorted(at, ends)
    stands = credited_seconds(round(plan.every_seconds))
    return [
        _Window(float(end), stands, int(begin), int(stop))
        for end, begin, stop in zip(ends, first, last, strict=True)
    ]


def _levels(node: NodeLog, mine: NDArray[np.bool_], windows: Sequence[_Window]) -> list[int | None]:
    """Mean RSSI of one sender in each window, None where it was not heard in it."""
    usable = np.flatnonzero(mine & (node.frames.rssi_dbm != UNKNOWN_RSSI))
    rssi = node.frames.rssi_dbm[usable]
    bounds = [(np.searchsorted(usable, one.first), np.searchsorted(usable, one.last)) for one in windows]
    return [mean_rounded_half_up(rssi[a:b].tolist()) if b > a else None for a, b in bounds]


@dataclass(frozen=True, slots=True)
class _Seconds:
    """Cumulative seconds of known distance and of truly near, on a grid from `begin` on."""

    begin: float
    known: Seconds
    near: Seconds

    def between(self, start: float, end: float) -> tuple[float, float]:
        """Known and near seconds of a span."""
        low, high = (
            min(max(round((at - self.begin) / GRAIN_SECONDS), 0), len(self.known) - 1) for at in (start, end)
        )
        return float(self.known[high] - self.known[low]), float(self.near[high] - self.near[low])


def _seconds(
    node: NodeLog, senders: Senders, sender: str, mine: NDArray[np.bool_], near_metres: float
) -> _Seconds:
    time = senders.times[node.name]
    heard = np.sort(time.seconds(node.frames.mono_ns[mine]))
    begin = time.second(node.begun_ns)
    grid = np.arange(begin, time.second(node.ended_ns), GRAIN_SECONDS)
    metres = senders.distance(node, sender, grid, heard)
    known, near = np.isfinite(metres), np.nan_to_num(metres, nan=math.inf) <= near_metres
    start = np.zeros(1)
    return _Seconds(
        begin,
        np.concatenate([start, np.cumsum(known) * GRAIN_SECONDS]),
        np.concatenate([start, np.cumsum(near) * GRAIN_SECONDS]),
    )


def _contact(
    pair: tuple[str, str, str],
    seconds: _Seconds,
    windows: Sequence[_Window],
    levels: Sequence[int | None],
    counts: Sequence[bool],
) -> Contact:
    heard = heard_near = counted = right = 0.0
    for window, level, counts_too in zip(windows, levels, counts, strict=True):
        if level is not None:
            known, near = seconds.between(window.end - window.credited, window.end)
            heard, heard_near = heard + known, heard_near + near
            if counts_too:
                counted, right = counted + known, right + near
    run, sender, receiver = pair
    return Contact(
        run=run,
        sender=sender,
        receiver=receiver,
        known=float(seconds.known[-1]),
        true=float(seconds.near[-1]),
        heard=heard,
        heard_near=heard_near,
        counted=counted,
        right=right,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
