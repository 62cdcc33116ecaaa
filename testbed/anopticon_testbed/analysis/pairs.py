"""Frames of each pair of a sender and a receiver, in windows of time with the distance of each (SPEC.md TB-23).

What reception, strength and contacts are counted from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anopticon_testbed.analysis.dead_time import Spans, common, covered, in_order, listening
from anopticon_testbed.analysis.senders import Senders
from anopticon_testbed.analysis.survey import UNKNOWN_RSSI, NodeLog, Survey
from anopticon_testbed.analysis.times import NodeTime, Seconds

WINDOW_SECONDS: Final = 30.0
"""Of counting frames against those sent: 120 of them at four a second."""
ADVERTISING_DELAY_MS: Final = 5.0
"""Each advertising event comes 0 to 10 ms late, at random (Core Specification 6.B.4.4.2.2)."""


@dataclass(frozen=True, slots=True)
class PairFrames:
    """What `receiver` heard of `sender`: seconds of the run, RSSI (UNKNOWN_RSSI possible) and metres (or NaN)."""

    run: str
    sender: str
    receiver: str
    at: Seconds
    rssi_dbm: NDArray[np.int16]
    metres: Seconds


@dataclass(frozen=True, slots=True)
class PairWindow:
    """Frames sent while the receiver listened, and heard, in one window of time."""

    run: str
    sender: str
    receiver: str
    start: float
    metres: float
    sent: float
    heard: int


def pair_frames(survey: Survey, senders: Senders) -> Iterator[PairFrames]:
    """Every pair of which at least one frame was heard."""
    for node in survey.nodes:
        sender = senders.of_frames(node)
        at = senders.times[node.name].seconds(node.frames.mono_ns)
        for number in np.unique(sender[sender >= 0]):
            mine = np.flatnonzero(sender == number)
            name = senders.names[number]
            if name == node.name:
                continue
            mine = mine[np.argsort(at[mine], kind="stable")]
            metres = senders.distance(node, name, at[mine])
            yield PairFrames(survey.run, name, node.name, at[mine], node.frames.rssi_dbm[mine], metres)


def pair_windows(survey: Survey, senders: Senders, interval_ms: float | None = None) -> list[PairWindow]:
    """Sent and heard of every pair, window by window, where the sender's own schedule is known.

    `interval_ms` is the advertising interval of senders whose radio does not say it.
    """
    heard = {(one.sender, one.receiver): one.at for one in pair_frames(survey, senders)}
    found: list[PairWindow] = []
    for sender in survey.nodes:
        every = sending_interval_ms(sender, interval_ms)
        air = on_air(sender, senders.times[sender.name])
        if every is None or not air:
            continue
        for receiver in survey.nodes:
            if receiver is not sender:
                frames = heard.get((sender.name, receiver.name), np.zeros(0))
                found += _windows(survey, senders, (sender, receiver), air, every, frames)
    return found


def sending_interval_ms(sender: NodeLog, otherwise: float | None) -> float | None:
    """Mean time between two frames of a sender, its advertising delay included; None if nobody says it."""
    can = sender.manifest.capabilities
    if can is not None and can.interval_ms is not None:
        return sum(can.interval_ms) / 2 + ADVERTISING_DELAY_MS
    return otherwise


def on_air(node: NodeLog, time: NodeTime) -> Spans:
    """When a node broadcast anything, by its own schedule."""
    spans: Spans = []
    since: float | None = None
    for sent in sorted(node.sent, key=lambda row: row.mono_ns):
        at = time.second(sent.mono_ns)
        if sent.frame and since is None:
            since = at
        elif not sent.frame and since is not None:
            spans.append((since, at))
            since = None
    if since is not None:
        spans.append((since, time.second(node.ended_ns)))
    return in_order(spans)


def _windows(
    survey: Survey, senders: Senders, pair: tuple[NodeLog, NodeLog], air: Spans, every: float, frames: Seconds
) -> Iterator[PairWindow]:
    sender, receiver = pair
    ears, _ = listening(receiver, senders.times[receiver.name])
    both = common(air, ears)
    if not both:
        return
    starts = np.arange(both[0][0], both[-1][1], WINDOW_SECONDS)
    edges = np.append(starts, starts[-1] + WINDOW_SECONDS)
    counts = np.histogram(frames, edges)[0]
    sent = np.diff(covered(both, edges)) * 1_000 / every
    metres = senders.distance(receiver, sender.name, starts + WINDOW_SECONDS / 2, frames)
    columns = (starts.tolist(), sent.tolist(), counts.tolist(), metres.tolist())
    for start, expected, count, apart in zip(*columns, strict=True):
        if expected >= 1:
            yield PairWindow(survey.run, sender.name, receiver.name, start, apart, expected, count)


def measured(frames: PairFrames) -> NDArray[np.bool_]:
    """Which frames have both a strength and a distance above 0."""
    return np.asarray(
        (frames.rssi_dbm != UNKNOWN_RSSI) & np.isfinite(frames.metres) & (frames.metres > 0), np.bool_
    )
