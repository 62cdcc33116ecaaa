"""Where nodes were, and how far from each other, whether they heard each other or not (SPEC.md 17.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import polars as pl

from anopticon_testbed.evaluation.statistics import Floats

STEP_SECONDS: Final = 5.0
"""Between two moments so far apart a distance changes evenly, near enough: a walker goes seven metres."""
MAX_STRETCHES: Final = 5_000_000
"""Of all pairs together; with more, the steps are made longer."""


@dataclass(frozen=True)
class Track:
    """Positions of a node: `places[i]` (x, y, z metres) at `moments[i]` (true seconds), known from `begin` to `end`."""

    scene: str
    node: str
    moments: Floats
    places: Floats
    begin: float
    end: float

    def at(self, moments: Floats) -> Floats:
        """Positions at some moments, changing evenly between those that are known, shape (moments, 3)."""
        return np.column_stack([np.interp(moments, self.moments, self.places[:, axis]) for axis in range(3)])

    @property
    def still(self) -> bool:
        """Whether it never moved."""
        return bool((self.places == self.places[0]).all())


def tracks(known: Sequence[Track]) -> pl.DataFrame | None:
    """Stretches of known distance of every two nodes of a scene, as of `truth.stretches`; None if there are none."""
    pairs = [
        (one, other) if one.node < other.node else (other, one)
        for one, other in combinations(known, 2)
        if one.scene == other.scene and min(one.end, other.end) > max(one.begin, other.begin)
    ]
    if not pairs:
        return None
    moving = sum(
        min(one.end, other.end) - max(one.begin, other.begin)
        for one, other in pairs
        if not (one.still and other.still)
    )
    step = max(STEP_SECONDS, moving / MAX_STRETCHES)
    return pl.concat([_apart(one, other, step) for one, other in pairs])


def _apart(one: Track, other: Track, step: float) -> pl.DataFrame:
    """Stretches of the distance between two nodes."""
    begin, end = max(one.begin, other.begin), min(one.end, other.end)
    steps = 1 if one.still and other.still else max(1, round((end - begin) / step))
    moments = np.linspace(begin, end, steps + 1)
    distance = np.linalg.norm(one.at(moments) - other.at(moments), axis=1)
    names = {"scene": one.scene, "one": one.node, "other": other.node}
    return pl.DataFrame(
        {
            "begin": moments[:-1],
            "end": moments[1:],
            "before": distance[:-1],
            "after": distance[1:],
        }
    ).select(
        *(pl.lit(text).cast(pl.Categorical()).alias(name) for name, text in names.items()),
        "begin",
        "before",
        "end",
        "after",
    )
