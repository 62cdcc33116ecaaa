"""A propagation model with walls: each one between sender and receiver takes its share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anopticon_client.radio.datagram import SENSITIVITY_DBM
from anopticon_client.radio.virtual.propagation import Field, LogDistance, Strengths
from anopticon_testbed.floorplan.plan import Wall

Array = NDArray[np.float64]
_SILENCE_DBM: Final = -1_000.0


class Walled:
    """Log-distance attenuation and scatter of a plan, less what the walls between take. Heights pass no wall."""

    def __init__(self, walls: Sequence[Wall], scatter_db: float = 0.0, seed: int = 0) -> None:
        """Walls as of a floor plan."""
        segments = [(*start, *end, wall.loss_db) for wall in walls for start, end in pairwise(wall.points)]
        self._segments: Array = np.array(segments, dtype=float).reshape(-1, 5)
        self._open = LogDistance(scatter_db=scatter_db, sensitivity_dbm=_SILENCE_DBM, seed=seed)
        self._known: dict[int, tuple[Array, Array]] = {}

    @property
    def steady(self) -> bool:
        """Whether strengths stay the same while no antenna moves."""
        return self._open.steady

    def strengths(self, field: Field, sender: int, at_ns: int) -> Strengths:
        """DBm at each antenna, NaN below the sensitivity of a receiver."""
        strengths = self._open.strengths(field, sender, at_ns) - self._losses(field.positions, sender)
        strengths = np.floor(strengths + 0.5)
        return np.where(strengths >= SENSITIVITY_DBM, strengths, np.nan)

    def _losses(self, positions: Array, sender: int) -> Array:
        """What the walls take from `sender` to each position; remembered until somebody moves."""
        known = self._known.get(sender)
        if known is not None and np.array_equal(known[0], positions):
            return known[1]
        losses = wall_losses(self._segments, positions[sender, :2], positions[:, :2])
        self._known[sender] = (positions.copy(), losses)
        return losses


def wall_losses(segments: Array, origin: Array, targets: Array) -> Array:
    """DB that segments (m, 5: x1, y1, x2, y2, dB) take from the way of `origin` (2) to each of `targets` (n, 2).

    A way that only touches the end of a wall, or runs along it, passes it.
    """
    if not len(segments):
        return np.zeros(len(targets))
    start, end, loss = segments[:, :2], segments[:, 2:4], segments[:, 4]
    along = end - start
    ways = targets[:, None, :] - origin
    sides = _cross(along, origin - start)[None, :] * _cross(along[None], targets[:, None, :] - start[None])
    ends = _cross(ways, (start - origin)[None]) * _cross(ways, (end - origin)[None])
    crossed = (sides < 0) & (ends < 0)
    result: Array = crossed @ loss
    return result


def _cross(one: Array, other: Array) -> Array:
    result: Array = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    return result
