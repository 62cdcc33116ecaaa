"""How likely a frame is heard, against distance: shares with intervals and a logistic line (SPEC.md TB-24)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_testbed.analysis.fits import Line, logistic_line, wilson
from anopticon_testbed.analysis.pairs import PairWindow

MIN_DISTANCE_METRES: Final = 0.1
BINS: Final = 10


@dataclass(frozen=True, slots=True)
class ReceptionBin:
    """Frames sent and heard at distances of one bin; `share` and its 95 % interval."""

    low_metres: float
    high_metres: float
    windows: int
    sent: float
    heard: float
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reception:
    """Shares by distance, by pair, and a line of log odds over log10 of metres where distances are known."""

    sent: float
    heard: float
    bins: tuple[ReceptionBin, ...]
    line: Line | None
    by_pair: dict[tuple[str, str], float]
    """Share heard of each (sender, receiver)."""

    @property
    def share(self) -> float:
        """Of all frames sent while somebody listened."""
        return self.heard / self.sent if self.sent else math.nan

    def half_distance(self) -> float:
        """Metres at which every second frame is heard; NaN without a falling line."""
        if self.line is None or self.line.slope.value >= 0:
            return math.nan
        exponent = -self.line.intercept.value / self.line.slope.value
        return 10.0**exponent if abs(exponent) < 6 else math.nan  # noqa: PLR2004 - beyond any radio


def reception(windows: Sequence[PairWindow]) -> Reception | None:
    """What became of the frames that were sent; None if no sender's schedule is known."""
    if not windows:
        return None
    sent = np.array([one.sent for one in windows])
    # A window can hold one frame more than expected: the share of a hundred is one, not a hundred and one.
    heard = np.minimum(np.array([float(one.heard) for one in windows]), sent)
    metres = np.array([one.metres for one in windows])
    names = sorted({(one.run, one.sender, one.receiver) for one in windows})
    number = {name: place for place, name in enumerate(names)}
    pair = np.array([number[one.run, one.sender, one.receiver] for one in windows])
    pair_sent, pair_heard = np.bincount(pair, sent), np.bincount(pair, heard)
    known = np.isfinite(metres) & (metres >= MIN_DISTANCE_METRES)
    x = np.log10(metres[known])
    line = logistic_line(x, heard[known], sent[known], pair[known]) if known.any() else None
    return Reception(
        sent=float(sent.sum()),
        heard=float(heard.sum()),
        bins=_bins(x, sent[known], heard[known], pair[known]),
        line=line,
        by_pair={
            (sender, receiver): float(pair_heard[place] / pair_sent[place])
            for place, (_, sender, receiver) in enumerate(names)
        },
    )


def _bins(x: np.ndarray, sent: np.ndarray, heard: np.ndarray, pair: np.ndarray) -> tuple[ReceptionBin, ...]:
    if not len(x):
        return ()
    edges = np.linspace(x.min(), x.max() + 1e-9, (BINS if np.ptp(x) > 0 else 1) + 1)
    place = np.clip(np.digitize(x, edges) - 1, 0, len(edges) - 2)
    found = []
    for one in range(len(edges) - 1):
        inside = place == one
        if inside.any():
            total, caught = float(sent[inside].sum()), float(heard[inside].sum())
            # Windows of a pair are alike: an interval as if each window were one trial, not each frame.
            trials = max(float(inside.sum()), float(len(np.unique(pair[inside]))))
            found.append(
                ReceptionBin(
                    low_metres=float(10 ** edges[one]),
                    high_metres=float(10 ** edges[one + 1]),
                    windows=int(inside.sum()),
                    sent=total,
                    heard=caught,
                    share=caught / total,
                    interval=wilson(caught / total * trials, trials),
                )
            )
    return tuple(found)
