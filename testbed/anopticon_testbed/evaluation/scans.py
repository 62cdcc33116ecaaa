"""From what a receiver heard to the scans of a phone (SPEC.md 17.2).

A phone listens now and then and takes each scan for the time since the one before. A recording may be of such a phone,
or of a receiver that listened all the time; in the second case it is cut into scans here.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from anopticon_testbed.errors import InputError

SCAN_GAP_SECONDS: Final = 25.5
"""Readings further apart are of two scans (Exposure Notification groups sightings so)."""
SCAN_SECONDS: Final = 60
"""Listening that goes on is cut into scans of this length: the step in which Exposure Notification counts time."""
MAX_SCAN_EVERY_SECONDS: Final = 600
"""Idle phones stretch the time between scans to nine minutes."""


def thinned(timed: pl.DataFrame, listen: float, every: float) -> pl.DataFrame:
    """Keep what a phone would hear that listens for the first `listen` seconds of every `every`.

    Raises:
        InputError: it would listen for no time, or longer than until the next scan, or too rarely.
    """
    if not 0 < listen <= every <= MAX_SCAN_EVERY_SECONDS:
        raise InputError(
            f"thin = {listen:g}/{every:g}, must be LISTEN/EVERY seconds with "
            f"0 < LISTEN <= EVERY <= {MAX_SCAN_EVERY_SECONDS}, for example 4/300"
        )
    since = pl.col("time_s") - pl.col("time_s").min().over("scene")
    return timed.filter(since % every < listen)


def with_scans(timed: pl.DataFrame) -> pl.DataFrame:
    """Say of each reading which scan it is of.

    Args:
        timed: readings with times.

    Returns:
        The same in order of scene, receiver and time, with `scan_s`, when its scan began, and `since_s`, the time for
        which the scan stands: since the receiver's scan before it, 0 if it had no other. The receiver's first scan
        stands for as long as the median of its others.
    """
    receiver = ["scene", "receiver"]
    ordered = timed.sort(*receiver, "time_s")
    fresh = (pl.col("time_s").diff().over(receiver) > SCAN_GAP_SECONDS).fill_null(value=True)
    runs = ordered.with_columns(run=fresh.cum_sum().over(receiver))
    run = [*receiver, "run"]
    begin, end = pl.col("time_s").min().over(run), pl.col("time_s").max().over(run)
    slots = ((end - begin) / SCAN_SECONDS).round().clip(lower_bound=1)
    slot = pl.min_horizontal(((pl.col("time_s") - begin) / SCAN_SECONDS).floor(), slots - 1)
    placed = runs.with_columns(scan_s=begin + slot * SCAN_SECONDS)
    scans = placed.select(*receiver, "scan_s").unique().sort(*receiver, "scan_s")
    since = pl.col("scan_s").diff().over(receiver)
    scans = scans.with_columns(since_s=since.fill_null(since.median().over(receiver)).fill_null(0.0))
    return placed.join(scans, on=[*receiver, "scan_s"], maintain_order="left").drop("run")
