"""The statistics that the measures need: intervals, a logistic line, a line seen only above a floor, variance parts.

Frames of one pair are alike, so uncertainty is taken from pairs, not from frames: standard errors are of clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]

Z95: Final = 1.959963984540054
_STEPS: Final = 100
_CLOSE: Final = 1e-9
_ERF: Final = np.frompyfunc(math.erfc, 1, 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its standard error (NaN where one cluster leaves none)."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - Z95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + Z95 * self.error


@dataclass(frozen=True, slots=True)
class Line:
    """value = intercept + slope * x, with the covariance of both."""

    intercept: Estimate
    slope: Estimate
    covariance: tuple[tuple[float, float], tuple[float, float]]

    def at(self, x: ArrayLike) -> Values:
        """The line."""
        result: Values = self.intercept.value + self.slope.value * np.asarray(x, np.float64)
        return result

    def error_at(self, x: ArrayLike) -> Values:
        """Its standard error."""
        where = np.asarray(x, np.float64)
        (a, b), (_, d) = self.covariance
        result: Values = np.sqrt(np.maximum(a + 2 * b * where + d * where**2, 0))
        return result


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); the whole of 0..1 without trials."""
    if trials <= 0:
        return 0.0, 1.0
    share = hits / trials
    middle = share + Z95**2 / (2 * trials)
    spread = Z95 * math.sqrt(share * (1 - share) / trials + Z95**2 / (4 * trials**2))
    whole = 1 + Z95**2 / trials
    return max(0.0, min(share, (middle - spread) / whole)), min(1.0, max(share, (middle + spread) / whole))


def logistic_line(x: Values, hits: Values, trials: Values, cluster: Numbers) -> Line | None:
    """Log odds of a hit as a line in `x`, by iterated least squares; None where the data cannot tell.

    `hits` of `trials` at each x; errors are robust over `cluster`s, so more hits than chance allows widens them.
    """
    design = np.column_stack([np.ones_like(x), x])
    beta = np.zeros(2)
    if len(np.unique(x)) < 2 or not 0 < hits.sum() < trials.sum():  # noqa: PLR2004 - a line needs two points
        return None
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        weight = trials * chance * (1 - chance)
        information = design.T @ (weight[:, None] * design) + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (hits - trials * chance))
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < _CLOSE:
            break
    else:
        return None
    scores = (hits - trials * chance)[:, None] * design
    return _line(beta, _sandwich(information, scores, cluster))


def straight_line(x: Values, y: Values, weight: Values, cluster: Numbers) -> tuple[Line, float] | None:
    """Least squares of y on x, and the standard deviation about the line; None with fewer than two different x."""
    if len(np.unique(x)) < 2:  # noqa: PLR2004 - as above
        return None
    design = np.column_stack([np.ones_like(x), x])
    information = design.T @ (weight[:, None] * design)
    beta: Values = np.linalg.solve(information, design.T @ (weight * y)).astype(np.float64)
    residual = y - design @ beta
    scores = (weight * residual)[:, None] * design
    deviation = math.sqrt(float((weight * residual**2).sum() / max(weight.sum() - 2, 1)))
    return _line(beta, _sandwich(information, scores, cluster)), deviation


def line_above_floor(
    x: Values, y: Values, weight: Values, cluster: Numbers, floor: float
) -> tuple[Line, float] | None:
    """As `straight_line`, where values below `floor` were never seen: maximum likelihood of a truncated normal.

    What a receiver hears at the edge of its range is the upper part of what arrived; a plain line is too flat there.
    """
    start = straight_line(x, y, weight, cluster)
    if start is None:
        return None
    line, deviation = start
    beta = np.array([line.intercept.value, line.slope.value])
    scale = max(deviation, 0.1)
    design = np.column_stack([np.ones_like(x), x])
    for _ in range(_STEPS):
        mean = design @ beta
        edge = (floor - mean) / scale
        lift = _hazard(edge)
        # Expectation step: mean and variance of the part that could be seen; maximisation by scoring.
        residual = y - mean - scale * lift
        kept = np.clip(1 + edge * lift - lift**2, 0.05, 1.0)
        information = design.T @ ((weight * kept)[:, None] * design)
        step = np.linalg.solve(information, design.T @ (weight * residual))
        beta = beta + step
        spread = float((weight * (y - mean) ** 2).sum() / (weight * (1 + edge * lift)).clip(0.05).sum())
        change = abs(math.sqrt(max(spread, 0.01)) - scale)
        scale = math.sqrt(max(spread, 0.01))
        if np.abs(step).max() < 1e-6 and change < 1e-6:  # noqa: PLR2004 - microdecibels
            break
    else:
        return None
    scores = (weight * (y - design @ beta - scale * _hazard((floor - design @ beta) / scale)))[
        :, None
    ] * design
    return _line(beta, _sandwich(information, scores, cluster)), scale


def variance_parts(residual: Values, weight: Values, cluster: Numbers) -> tuple[float, float]:
    """Standard deviations between clusters and within them (one-way analysis of variance, unequal sizes)."""
    _, member = np.unique(cluster, return_inverse=True)
    size = np.bincount(member, weight)
    mean = np.bincount(member, weight * residual) / np.maximum(size, 1e-12)
    groups, total = len(size), float(size.sum())
    within_squares = float((weight * (residual - mean[member]) ** 2).sum())
    within = within_squares / max(total - groups, 1)
    if groups < 2:  # noqa: PLR2004 - one pair says nothing about others
        return math.nan, math.sqrt(within)
    grand = float((weight * residual).sum() / total)
    between_squares = float((size * (mean - grand) ** 2).sum()) / (groups - 1)
    typical = (total - float((size**2).sum()) / total) / (groups - 1)
    return math.sqrt(max(0.0, (between_squares - within) / typical)), math.sqrt(within)


def _hazard(edge: Values) -> Values:
    """Density over upper tail of the normal at `edge`; the asymptote where the tail is too thin to divide by."""
    tail = 0.5 * np.asarray(_ERF(np.minimum(edge, 8.0) / math.sqrt(2)), np.float64)
    density = np.exp(-0.5 * np.minimum(edge, 8.0) ** 2) / math.sqrt(2 * math.pi)
    result: Values = np.where(edge > 8.0, edge + 1 / np.maximum(edge, 1), density / tail)  # noqa: PLR2004
    return result


def _sandwich(information: Values, scores: Values, cluster: Numbers) -> Values:
    _, member = np.unique(cluster, return_inverse=True)
    groups = int(member.max()) + 1 if len(member) else 0
    summed = np.column_stack([np.bincount(member, scores[:, column], groups) for column in (0, 1)])
    bread = np.linalg.inv(information)
    if groups < 3:  # noqa: PLR2004 - two pairs give no error of a line of two numbers
        return np.full((2, 2), np.nan)
    result: Values = bread @ (summed.T @ summed) @ bread * (groups / (groups - 1))
    return result


def _line(beta: Values, covariance: Values) -> Line:
    errors = np.sqrt(np.maximum(np.diag(covariance), 0))
    return Line(
        Estimate(float(beta[0]), float(errors[0])),
        Estimate(float(beta[1]), float(errors[1])),
        (
            (float(covariance[0, 0]), float(covariance[0, 1])),
            (float(covariance[1, 0]), float(covariance[1, 1])),
        ),
    )
