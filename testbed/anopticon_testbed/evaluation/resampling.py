"""Intervals by bootstrap over clusters: outcomes of one pair, or of one device, depend on each other (SPEC.md 17.3).

What is drawn is drawn from the generator that is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from anopticon_testbed.evaluation.statistics import (
    CONFIDENCE,
    Flags,
    Floats,
    Interval,
    Outcomes,
    area,
    by_score,
    roc,
    summed,
)

GRID_POINTS: Final = 101
"""False positive rates at which the band of a ROC curve is computed."""
MIN_CLUSTERS: Final = 5
"""Drawn from fewer clusters, an interval knows nothing of how they differ."""
MIN_DEFINED_SHARE: Final = 0.5
"""An interval is given only if at least this share of the resamples had both classes."""


@dataclass(frozen=True)
class Band:
    """The 95 % band of a ROC curve, and the interval of the area under it, by bootstrap over clusters."""

    false_positive_rate: Floats
    low: Floats
    high: Floats
    auc: Interval
    resamples: int
    undefined: int


def clusters(outcomes: Outcomes) -> int:
    """How many clusters the outcomes have."""
    both = outcomes.first if outcomes.second is None else np.r_[outcomes.first, outcomes.second]
    return len(np.unique(both))


def draw_weights(outcomes: Outcomes, random: np.random.Generator) -> Floats:
    """How often each row is in one resample of the clusters, drawn with replacement.

    A row of two clusters (two devices) is in it as often as the product says: the resampled devices meet as the
    originals did.
    """
    last = int(outcomes.first.max())
    if outcomes.second is not None:
        last = max(last, int(outcomes.second.max()))
    drawn = np.bincount(random.integers(0, last + 1, last + 1), minlength=last + 1).astype(np.float64)
    weights = drawn[outcomes.first]
    if outcomes.second is not None:
        weights = weights * drawn[outcomes.second]
    return np.asarray(weights * outcomes.counts)


def roc_band(outcomes: Outcomes, resamples: int, random: np.random.Generator) -> Band | None:
    """Bootstrap the ROC curve over clusters.

    None if a class is empty, with fewer than MIN_CLUSTERS clusters, or if fewer than MIN_DEFINED_SHARE of the resamples
    had both classes.
    """
    if roc(outcomes) is None or clusters(outcomes) < MIN_CLUSTERS:
        return None
    values, places = by_score(outcomes)
    grid = np.linspace(0.0, 1.0, GRID_POINTS)
    lines, areas = [], []
    for _ in range(resamples):
        weights = draw_weights(outcomes, random)
        near, far = summed(places, weights, outcomes.near, len(values))
        if not near.any() or not far.any():
            continue
        areas.append(area(near, far))
        rates = np.r_[0.0, np.cumsum(far[::-1]) / far.sum()]
        lines.append(np.interp(grid, rates, np.r_[0.0, np.cumsum(near[::-1]) / near.sum()]))
    if len(areas) < max(2, MIN_DEFINED_SHARE * resamples):
        return None
    low, high = np.quantile(np.asarray(lines), _tails(), axis=0)
    ends = np.quantile(np.asarray(areas), _tails())
    return Band(grid, low, high, Interval(float(ends[0]), float(ends[1])), resamples, resamples - len(areas))


def rate_intervals(
    outcomes: Outcomes, exposed: Flags, resamples: int, random: np.random.Generator
) -> dict[str, Interval | None]:
    """Bootstrap over clusters the rates of a decision: sensitivity, specificity, precision.

    Args:
        outcomes: the counted outcomes.
        exposed: the decision on each row.
        resamples: how many resamples are drawn.
        random: the generator that is drawn from.

    Returns:
        The interval of each rate; None with fewer than MIN_CLUSTERS clusters, or where too many resamples left it
        undefined.
    """
    if clusters(outcomes) < MIN_CLUSTERS:
        return {"sensitivity": None, "specificity": None, "precision": None}
    drawn: dict[str, list[float]] = {"sensitivity": [], "specificity": [], "precision": []}
    for _ in range(resamples):
        weights = draw_weights(outcomes, random)
        near, far = weights * outcomes.near, weights * ~outcomes.near
        shares = {
            "sensitivity": (near[exposed].sum(), near.sum()),
            "specificity": (far[~exposed].sum(), far.sum()),
            "precision": (near[exposed].sum(), weights[exposed].sum()),
        }
        for name, (part, whole) in shares.items():
            if whole > 0:
                drawn[name].append(float(part / whole))
    return {
        name: _quantiles(values) if len(values) >= max(2, MIN_DEFINED_SHARE * resamples) else None
        for name, values in drawn.items()
    }


def _quantiles(values: list[float]) -> Interval:
    """The ends of the percentile interval."""
    low, high = np.quantile(np.asarray(values), _tails())
    return Interval(float(low), float(high))


def _tails() -> tuple[float, float]:
    """The two quantiles that hold the confidence between them."""
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
