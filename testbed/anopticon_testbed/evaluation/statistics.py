"""Rates, ROC curves and their intervals, from counted outcomes (SPEC.md 17.3).

Everything here is a function of its arguments. What is drawn to find intervals is in `resampling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """The ends of a 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Outcomes of a decision, counted."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of a count; `value` and `interval` are None where the count is 0, for then there is no rate."""

    hits: int
    of: int
    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Outcomes:
    """Counted outcomes: row i is `counts[i]` outcomes with score `scores[i]`, near or not, of one cluster.

    Attributes:
        scores: score of each row; more is more exposed.
        near: whether the truth of the row is a close contact.
        counts: how many equal outcomes the row stands for, 1 or more.
        first: number of the row's cluster.
        second: number of the row's other cluster, where one is drawn by device and a row belongs to two;
            else None.
    """

    scores: Floats
    near: Flags
    counts: Floats
    first: Indices
    second: Indices | None = None


@dataclass(frozen=True)
class Curve:
    """A ROC curve: rates of "score at least threshold", thresholds falling from infinity."""

    thresholds: Floats
    sensitivity: Floats
    false_positive_rate: Floats
    auc: float


def wilson(hits: int, of: int) -> Rate:
    """The share of `hits` among `of` with its Wilson score interval (Wilson 1927); no rate if `of` is 0."""
    if not 0 <= hits <= of:
        msg = f"{hits} hits of {of} is no share"
        raise ValueError(msg)
    if of == 0:
        return Rate(0, 0, None, None)
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share = hits / of
    middle = share + z * z / (2 * of)
    reach = z * ((share * (1 - share) + z * z / (4 * of)) / of) ** 0.5
    scale = 1 + z * z / of
    low = (
        0.0 if hits == 0 else (middle - reach) / scale
    )  # exact at the ends, where rounding would leave 1e-17
    high = 1.0 if hits == of else (middle + reach) / scale
    return Rate(hits, of, share, Interval(low, high))


def confusion(exposed: Flags, near: Flags, counts: Floats) -> Confusion:
    """Count the outcomes of a decision against the truth."""
    return Confusion(
        true_positives=int(counts[exposed & near].sum()),
        false_positives=int(counts[exposed & ~near].sum()),
        true_negatives=int(counts[~exposed & ~near].sum()),
        false_negatives=int(counts[~exposed & near].sum()),
    )


def by_score(outcomes: Outcomes) -> tuple[Floats, Indices]:
    """The distinct scores, rising, and the place of each row among them."""
    values, places = np.unique(outcomes.scores, return_inverse=True)
    return values, places.astype(np.int64).reshape(-1)


def summed(places: Indices, weights: Floats, near: Flags, length: int) -> tuple[Floats, Floats]:
    """The weight of near and of far outcomes at each distinct score."""
    return (
        np.bincount(places, weights * near, minlength=length).astype(np.float64),
        np.bincount(places, weights * ~near, minlength=length).astype(np.float64),
    )


def area(near: Floats, far: Floats) -> float:
    """Area under the ROC curve: chance that a near outcome outscores a far one, a tie counting half.

    Args:
        near: weight of near outcomes at each distinct score, scores rising; not all 0.
        far: the same of far ones.
    """
    below = np.cumsum(far) - far / 2
    return float((near * below).sum() / (near.sum() * far.sum()))


def roc(outcomes: Outcomes) -> Curve | None:
    """The ROC curve over every threshold; None if one of the classes is empty."""
    values, places = by_score(outcomes)
    weights = outcomes.counts
    near, far = summed(places, weights, outcomes.near, len(values))
    if not near.sum() or not far.sum():
        return None
    return Curve(
        thresholds=np.r_[np.inf, values[::-1]],
        sensitivity=np.r_[0.0, np.cumsum(near[::-1]) / near.sum()],
        false_positive_rate=np.r_[0.0, np.cumsum(far[::-1]) / far.sum()],
        auc=area(near, far),
    )
