"""What is judged: ordered pairs of devices over a window, their truth and the packets of a phone (SPEC.md 17.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from anopticon_client.scoring import NO_TIME, Contact, KeyFacts, Packet
from anopticon_protocol.params import DAY_SECONDS
from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation.readings import MAX_DISTANCE_M, Recording
from anopticon_testbed.evaluation.scans import thinned, with_scans
from anopticon_testbed.evaluation.truth import (
    MAX_WINDOW_SECONDS,
    PAIR,
    near_times,
    stretches,
    while_known,
    windowed,
    with_pairs,
)

NEEDED: Final = (
    "scene",
    "receiver",
    "transmitter",
    "time_s",
    "attenuation_db",
    "distance_m",
    "seconds",
)
"""Columns from which contacts are made; models and levels have done their part by then, and cost memory."""
DAY: Final = 20_000
"""Every window is moved to the beginning of this UTC day, so that none is split by a midnight of its recording."""
KEY: Final = ("scene", "receiver", "transmitter", "window")
MAX_GAP_SECONDS: Final = 3_600
"""Over an hour without a measurement nobody knows who stood where."""
MAX_MINUTES: Final = 1_440
ROUNDING_SECONDS: Final = 1e-6
"""Sums of a thousand stretches differ in the last digits; 15 minutes are 15 minutes in whatever order."""


@dataclass(frozen=True, slots=True)
class Question:
    """What counts as a contact.

    Attributes:
        metres: near is at most this far.
        minutes: a contact is at least so long near; 0 asks for any time at all.
        window_minutes: the time over which that is asked; None for the whole scene (at most a day).
        gap_seconds: longest time between two measurements of a distance over which it is interpolated.
        thin: listening time and period of the phone that is emulated, seconds; None to use all that was heard.
    """

    metres: float = 2.0
    minutes: float = 15.0
    window_minutes: float | None = None
    gap_seconds: float = 300.0
    thin: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        window = MAX_MINUTES if self.window_minutes is None else self.window_minutes
        for name, value, low, high, unit in (
            ("metres", self.metres, 0, MAX_DISTANCE_M, "metres"),
            ("window", window, 0, MAX_MINUTES, "minutes"),
            ("gap", self.gap_seconds, 0, MAX_GAP_SECONDS, "seconds"),
        ):
            if not low < value <= high:
                raise InputError(f"{name} = {value:g}, must be above {low} and at most {high:,} {unit}")
        if not 0 <= self.minutes <= window:
            raise InputError(
                f"minutes = {self.minutes:g}, must be 0..{window:g} minutes, the window in which they are asked for"
            )

    @property
    def window_seconds(self) -> float:
        """Length of a window."""
        return MAX_WINDOW_SECONDS if self.window_minutes is None else self.window_minutes * 60

    def sentence(self, *, fixed: bool) -> str:
        """The question in words."""
        if fixed:
            return f"a contact is a pair at most {self.metres:g} m apart (one distance a pair, no times)"
        where = "its scene" if self.window_minutes is None else f"a window of {self.window_minutes:g} minutes"
        return f"a contact is a pair at most {self.metres:g} m apart for at least {self.minutes:g} minutes of {where}"


@dataclass(frozen=True)
class Contacts:
    """All that is judged.

    Attributes:
        table: one row a contact: KEY, `one`, `other`, `near_s`, `known_s`, `mean_m`, `near` (the truth).
        packets: one row a packet of such a contact: KEY, `attenuation_db`, `at_s` (seconds from the beginning of the
            window, null if the recording has no times), `since_s`.
        unknown: ordered pairs that heard or were heard at no known distance, and are not judged.
    """

    table: pl.DataFrame
    packets: pl.DataFrame
    unknown: int


def find_contacts(recording: Recording, question: Question) -> Contacts:
    """Find what can be judged in a recording whose readings have their attenuation.

    Raises:
        RecordingError: nothing can, because no reading has a time and a distance.
    """
    paired = with_pairs(recording.readings.select(NEEDED))
    if recording.fixed:
        return _fixed(paired, question)
    timed = paired.drop("seconds").filter(pl.col("time_s").is_not_null())
    if timed.is_empty():
        raise RecordingError(
            f"{recording.name}: no reading has a time, so that no duration is known; map a column to time_s, or to "
            "seconds where a row stands for a duration, or ask for the single readings alone with --readings-only"
        )
    pieces = stretches(timed, question.gap_seconds)
    if recording.tracks is not None:
        pieces = pl.concat([pieces.join(recording.tracks, on=list(PAIR), how="anti"), recording.tracks])
    if pieces.is_empty():
        raise RecordingError(
            f"{recording.name}: no pair has two known distances at most {question.gap_seconds:g} s apart; "
            "allow a longer --gap, or ask for the single readings alone with --readings-only"
        )
    cut = windowed(pieces, question.window_seconds)
    heard = while_known(timed, pieces)
    if question.thin is not None:
        heard = thinned(heard, *question.thin)
    table = _both_ways(_with_truth(cut, question), timed)
    ordered = timed.select("scene", "receiver", "transmitter").unique()
    unknown = ordered.join(table, on=["scene", "receiver", "transmitter"], how="anti").height
    return Contacts(table, _in_windows(with_scans(heard), cut, question), unknown)


def _with_truth(cut: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Times of each pair and window, and `near`, whether they make a contact."""
    times = near_times(cut, question.metres)
    long_enough = pl.col("near_s") >= question.minutes * 60 - ROUNDING_SECONDS
    return times.with_columns(near=long_enough & (pl.col("near_s") > 0))


def _in_windows(scans: pl.DataFrame, cut: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The packets of scans, with their window and their place in it."""
    starts = cut.select(*PAIR, "start").unique()
    window = ((pl.col("time_s") - pl.col("start")) / question.window_seconds).floor().cast(pl.Int64)
    opens = pl.col("start") + pl.col("window") * question.window_seconds
    return (
        scans.join(starts, on=list(PAIR), maintain_order="left")
        .with_columns(window=window)
        .with_columns(at_s=pl.col("scan_s") - opens)
        .select(*KEY, "attenuation_db", "at_s", "since_s")
    )


def _both_ways(times: pl.DataFrame, timed: pl.DataFrame) -> pl.DataFrame:
    """Each pair in both orders, as far as the first of the order listened at all in the scene."""
    there = times.with_columns(receiver=pl.col("one"), transmitter=pl.col("other"))
    back = times.with_columns(receiver=pl.col("other"), transmitter=pl.col("one"))
    listened = timed.select("scene", "receiver").unique()
    spoke = timed.select("scene", "transmitter").unique()
    return (
        pl.concat([there, back])
        .join(listened, on=["scene", "receiver"], how="semi")
        .join(spoke, on=["scene", "transmitter"], how="semi")
        .sort(KEY)
    )


def _fixed(paired: pl.DataFrame, question: Question) -> Contacts:
    """One distance for each pair of a scene, and durations in place of times."""
    known = paired.filter(pl.col("distance_m").is_not_null()).with_columns(window=pl.lit(0, dtype=pl.Int64))
    table = (
        known.group_by(*KEY, "one", "other")
        .agg(mean_m=pl.col("distance_m").mean(), known_s=pl.col("seconds").sum())
        .with_columns(near=pl.col("mean_m") <= question.metres)
        .with_columns(near_s=pl.col("near").cast(pl.Float64) * pl.col("known_s"))
        .sort(KEY)
    )
    packets = known.select(
        *KEY, "attenuation_db", at_s=pl.lit(None, dtype=pl.Float64), since_s=pl.col("seconds")
    )
    unknown = paired.select("scene", "receiver", "transmitter").unique().height - table.height
    return Contacts(table, packets, unknown)


def with_packets(contacts: Contacts, risk_level: int = 0) -> Iterator[list[Contact]]:
    """What a phone would hand to its scoring, for each row of the table in order.

    Args:
        contacts: what is judged.
        risk_level: transmission risk level of every key, 0 for none.
    """
    order = contacts.table.select(KEY).with_row_index("place")
    rounded = contacts.packets.select(
        *KEY,
        att=(pl.col("attenuation_db") + 0.5).floor().cast(pl.Int64),
        at=pl.col("at_s").floor().clip(lower_bound=0).cast(pl.Int64),
        since=(pl.col("since_s") + 0.5).floor().cast(pl.Int64),
    )
    rows = rounded.join(order, on=list(KEY)).sort("place", "at", maintain_order=True)
    bounds = np.searchsorted(rows["place"].to_numpy(), np.arange(contacts.table.height + 1))
    begin = DAY * DAY_SECONDS
    facts = KeyFacts(start=begin, risk_level=risk_level)
    for first, behind in pairwise(bounds.tolist()):
        part = rows.slice(first, behind - first)
        packets = tuple(
            Packet(DAY, -att, 0, since, NO_TIME if at is None else begin + at)
            for att, at, since in part.select("att", "at", "since").iter_rows()
        )
        yield [Contact(packets, facts)] if packets else []
