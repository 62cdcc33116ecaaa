"""Who was how near to whom for how long, from the distances of a recording alone (SPEC.md 17.2).

The distance of two devices is known at the moments at which either heard the other. Between two such moments at most
`gap_seconds` apart it is taken to change evenly; elsewhere it is not known, and time at an unknown distance is no
contact.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from anopticon_testbed.evaluation.statistics import Floats

PAIR: Final = ("scene", "one", "other")
"""Columns that name two devices of a scene in no order."""
MAX_WINDOW_SECONDS: Final = 86_400
"""Every published rule decides about a day; a longer scene is cut into days from its beginning."""


def with_pairs(readings: pl.DataFrame) -> pl.DataFrame:
    """Add `one` and `other`: receiver and transmitter in the order of their names, whoever heard whom."""
    receiver, transmitter = pl.col("receiver").cast(pl.String), pl.col("transmitter").cast(pl.String)
    # Names are compared once for each pair, not once for each reading.
    pairs = (
        readings.select("receiver", "transmitter")
        .unique()
        .with_columns(
            one=pl.min_horizontal(receiver, transmitter).cast(pl.Categorical()),
            other=pl.max_horizontal(receiver, transmitter).cast(pl.Categorical()),
        )
    )
    return readings.join(pairs, on=["receiver", "transmitter"], how="left", maintain_order="left")


def near_share(before: Floats, after: Floats, bound: float) -> Floats:
    """Share of each stretch spent at most `bound` away, while the distance goes evenly from `before` to `after`."""
    low, high = np.minimum(before, after), np.maximum(before, after)
    spread = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        partly = (bound - low) / spread
    return np.asarray(np.where(high <= bound, 1.0, np.where(low > bound, 0.0, np.clip(partly, 0.0, 1.0))))


def stretches(paired: pl.DataFrame, gap_seconds: float) -> pl.DataFrame:
    """Stretches of known distance of each pair.

    Args:
        paired: readings with `one` and `other`.
        gap_seconds: longest stretch over which a distance is interpolated.

    Returns:
        PAIR, `begin` and `end` (seconds), `before` and `after` (metres), in order of time within each pair.
    """
    known = (
        paired.filter(pl.col("time_s").is_not_null() & pl.col("distance_m").is_not_null())
        .group_by(*PAIR, "time_s")
        .agg(pl.col("distance_m").mean())
        .sort(*PAIR, "time_s")
    )
    return (
        known.with_columns(
            end=pl.col("time_s").shift(-1).over(PAIR), after=pl.col("distance_m").shift(-1).over(PAIR)
        )
        .filter(pl.col("end") - pl.col("time_s") <= gap_seconds)
        .rename({"time_s": "begin", "distance_m": "before"})
    )


def windowed(pieces: pl.DataFrame, window_seconds: float) -> pl.DataFrame:
    """Cut stretches where a window ends; the windows of a pair follow on each other from its first stretch on.

    Args:
        pieces: as of `stretches`.
        window_seconds: length of a window.

    Returns:
        As `pieces`, with `window`, the number of the window from 0, and `start`, when the pair's first one began.
    """
    placed = pieces.with_columns(start=pl.col("begin").min().over(PAIR)).with_columns(
        first=((pl.col("begin") - pl.col("start")) / window_seconds).floor().cast(pl.Int64),
        last=((pl.col("end") - pl.col("start")) / window_seconds).floor().cast(pl.Int64),
    )
    cut = placed.with_columns(window=pl.int_ranges("first", pl.col("last") + 1)).explode("window")
    opens = pl.col("start") + pl.col("window") * window_seconds
    slope = (pl.col("after") - pl.col("before")) / (pl.col("end") - pl.col("begin"))
    left, right = (
        pl.max_horizontal("begin", opens),
        pl.min_horizontal("end", opens + window_seconds),
    )
    return cut.select(
        *PAIR,
        "window",
        "start",
        begin=left,
        end=right,
        before=pl.col("before") + slope * (left - pl.col("begin")),
        after=pl.col("before") + slope * (right - pl.col("begin")),
    ).filter(pl.col("end") > pl.col("begin"))


def near_times(pieces: pl.DataFrame, bound_m: float) -> pl.DataFrame:
    """Sum up windowed stretches.

    Returns:
        PAIR, `window`, `near_s` (seconds at most `bound_m` away), `known_s` (seconds of known distance) and `mean_m`
        (mean distance over them).
    """
    length = pl.col("end") - pl.col("begin")
    share = near_share(pieces["before"].to_numpy(), pieces["after"].to_numpy(), bound_m)
    return (
        pieces.with_columns(share=share, length=length)
        .group_by(*PAIR, "window")
        .agg(
            near_s=(pl.col("share") * pl.col("length")).sum(),
            known_s=pl.col("length").sum(),
            mean_m=((pl.col("before") + pl.col("after")) / 2 * pl.col("length")).sum()
            / pl.col("length").sum(),
        )
    )


def while_known(paired: pl.DataFrame, pieces: pl.DataFrame) -> pl.DataFrame:
    """The readings heard while the distance of their pair was known.

    What was heard before the cameras ran says nothing about a contact that nobody measured.
    """
    timed = paired.filter(pl.col("time_s").is_not_null()).sort("time_s")
    spans = pieces.select(*PAIR, "begin", "end").sort("begin")
    joined = timed.join_asof(
        spans, left_on="time_s", right_on="begin", by=list(PAIR), strategy="backward", check_sortedness=False
    )
    return joined.filter(pl.col("end") >= pl.col("time_s")).drop("begin", "end")
