"""Signal strength against distance: level at 1 m, slope and spread, with the receiver's floor (SPEC.md TB-25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_testbed.analysis.fits import (
    Line,
    Numbers,
    Values,
    line_above_floor,
    straight_line,
    variance_parts,
)
from anopticon_testbed.analysis.pairs import PairFrames, measured

MIN_DISTANCE_METRES: Final = 0.1
"""Nearer than this two antennas are one thing, and the logarithm runs away."""
FLOOR_SHARE: Final = 0.001
"""The receiver's floor is where the weakest frame in a thousand lies: single stray readings do not move it."""
DISTANCE_GRAIN: Final = 0.005
"""Of the logarithm: 1 %. Frames are gathered by it, so that a fit of millions takes as long as one of thousands."""


@dataclass(frozen=True, slots=True)
class StrengthFit:
    """rssi = level + slope * log10(metres) + pair + frame, and nothing below the floor.

    `plain` is the least-squares line through what was seen. `line` allows for the floor and is what a channel needs.
    """

    frames: int
    pairs: int
    floor_dbm: int
    plain: Line
    plain_deviation_db: float
    line: Line | None
    deviation_db: float
    between_pairs_db: float
    within_pair_db: float

    @property
    def best(self) -> Line:
        """The line that allows for the floor, if it could be fitted."""
        return self.line or self.plain


@dataclass(frozen=True, slots=True)
class Binned:
    """Frames by distance: quartiles of RSSI in each bin."""

    edges: Values
    counts: Values
    quartiles: Values
    """Shape (bins, 3); NaN in an empty bin."""


def fit_strength(pairs: Sequence[PairFrames]) -> StrengthFit | None:
    """The fit over all pairs, None if fewer than two distances are known."""
    x, y, cluster = _columns(pairs)
    if not len(x):
        return None
    floor = int(np.quantile(y, FLOOR_SHARE, method="lower"))
    x, y, cluster, weight = _gather(x, y, cluster)
    plain = straight_line(x, y, weight, cluster)
    if plain is None:
        return None
    seen = y >= floor
    above = line_above_floor(x[seen], y[seen], weight[seen], cluster[seen], floor - 0.5)
    line, deviation = above if above is not None else plain
    between, within = variance_parts(y - line.at(x), weight, cluster)
    return StrengthFit(
        frames=int(weight.sum()),
        pairs=len(np.unique(cluster)),
        floor_dbm=floor,
        plain=plain[0],
        plain_deviation_db=plain[1],
        line=above[0] if above is not None else None,
        deviation_db=deviation,
        between_pairs_db=between,
        within_pair_db=within,
    )


def binned_strength(pairs: Sequence[PairFrames], bins: int = 14) -> Binned | None:
    """Quartiles of RSSI in bins of equal width in the logarithm of distance."""
    x, y, _ = _columns(pairs)
    if not len(x):
        return None
    edges = np.linspace(x.min(), x.max() + 1e-9, bins + 1)
    place = np.clip(np.digitize(x, edges) - 1, 0, bins - 1)
    quartiles = np.full((bins, 3), np.nan)
    for one in range(bins):
        inside = y[place == one]
        if len(inside):
            quartiles[one] = np.quantile(inside, [0.25, 0.5, 0.75])
    return Binned(10**edges, np.bincount(place, minlength=bins).astype(np.float64), quartiles)


def strength_cloud(pairs: Sequence[PairFrames], most: int = 4_000) -> tuple[Values, Values]:
    """Metres and dBm of at most so many frames, evenly taken, for a picture."""
    x, y, _ = _columns(pairs)
    every = max(1, len(x) // most)
    return 10 ** x[::every], y[::every]


def _columns(pairs: Sequence[PairFrames]) -> tuple[Values, Values, Numbers]:
    x, y, cluster = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, np.int64)]
    for number, pair in enumerate(pairs):
        good = measured(pair) & (pair.metres >= MIN_DISTANCE_METRES)
        x.append(np.log10(pair.metres[good]))
        y.append(pair.rssi_dbm[good].astype(np.float64))
        cluster.append(np.full(int(good.sum()), number, np.int64))
    return np.concatenate(x), np.concatenate(y), np.concatenate(cluster)


def _gather(x: Values, y: Values, cluster: Numbers) -> tuple[Values, Values, Numbers, Values]:
    """Equal readings once, with how many there were."""
    rounded = np.round(x / DISTANCE_GRAIN).astype(np.int64)
    rows = np.column_stack([cluster, rounded, y.astype(np.int64)])
    unique, count = np.unique(rows, axis=0, return_counts=True)
    return (
        unique[:, 1].astype(np.float64) * np.float64(DISTANCE_GRAIN),
        unique[:, 2].astype(np.float64),
        unique[:, 0],
        count.astype(np.float64),
    )
