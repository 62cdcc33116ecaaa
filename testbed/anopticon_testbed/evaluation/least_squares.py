"""Least squares over sessions, with errors that hold both the scatter of scans and that between sessions."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from anopticon_testbed.evaluation.statistics import CONFIDENCE, Floats, Interval

MIN_FREE_ROWS: Final = 5
"""With fewer sessions beyond the unknowns, their scatter is not estimated."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fitted figure in dB or dBm, its 95 % interval (normal approximation)."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Solved:
    """Least squares of one level a session: figures, their standard errors, what is left, variance between sessions."""

    found: Floats
    errors: Floats
    residual: Floats
    between: float | None


def solve(matrix: Floats, within: Floats, level: Floats) -> Solved:
    """Solve for the unknowns.

    Args:
        matrix: the design, a row a session, a column an unknown.
        within: variance of each session's mean, from its scans.
        level: the mean of each session, dBm, less what is known.
    """
    solver = np.linalg.pinv(matrix)
    found = solver @ level
    residual = level - matrix @ found
    between = _between(residual, within, matrix.shape[1])
    return Solved(found, np.sqrt((solver**2) @ (within + (between or 0.0))), residual, between)


def _between(residual: Floats, errors: Floats, unknowns: int) -> float | None:
    """Variance of session means about the fit beyond that of their scans; None if there are too few to tell."""
    free = len(residual) - unknowns
    if free < MIN_FREE_ROWS:
        return None
    return max(0.0, float((residual**2).sum() / free - errors.mean()))


def estimate(value: float, error: float) -> Estimate:
    """A figure with its interval."""
    reach = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * error
    return Estimate(float(value), Interval(float(value - reach), float(value + reach)))
