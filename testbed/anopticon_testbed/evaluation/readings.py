"""The one table that every recording becomes before it is judged (SPEC.md 17.1).

A reading is one advertisement heard, with the distance at which it was heard if that is known. Columns that a form does
not have are null. Identities are categorical: a name is stored once, however often it is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from anopticon_testbed.errors import RecordingError

SCHEMA: Final[dict[str, pl.DataType]] = {
    "scene": pl.Categorical(),
    "receiver": pl.Categorical(),
    "transmitter": pl.Categorical(),
    "receiver_model": pl.Categorical(),
    "transmitter_model": pl.Categorical(),
    "time_s": pl.Float64(),
    "rssi_dbm": pl.Float64(),
    "tx_power_dbm": pl.Float64(),
    "attenuation_db": pl.Float64(),
    "distance_m": pl.Float64(),
    "seconds": pl.Float64(),
}
"""Columns of the table. `attenuation_db` is what the recording says itself, null where it is still to be computed;
`seconds` is the time that the row stands for, null where it follows from `time_s`."""

MAX_RECORDED_READINGS: Final = 4_000_000
"""At its peak an evaluation takes some 450 bytes a reading (bench/evaluation.py): 2 GB, what a small machine has."""
MAX_DISTANCE_M: Final = 1_000
"""Bluetooth at contact-tracing power is not heard so far; a larger figure is in another unit."""
MAX_READING_SECONDS: Final = 86_400
"""A reading stands for at most a day: nothing is decided over more."""
LOWEST_RSSI_DBM: Final = -127
HIGHEST_RSSI_DBM: Final = 20
"""What a controller can report (Core Specification 4.E.7.7.65.2)."""
LOWEST_POWER_DBM: Final = -127
HIGHEST_POWER_DBM: Final = 20
MAX_ATTENUATION_DB: Final = 255
"""The largest attenuation that the published interfaces carry."""

MISSING: Final[dict[str, tuple[float, ...]]] = {
    "time_s": (-1.0,),
    "rssi_dbm": (127.0, -128.0),
    "tx_power_dbm": (-999.0, 127.0, -128.0),
    "distance_m": (-1.0,),
}
"""Figures with which recordings in use say "not known"; empty, NULL and NaN say it everywhere."""

BOUNDS: Final[dict[str, tuple[float, float, str]]] = {
    "rssi_dbm": (LOWEST_RSSI_DBM, HIGHEST_RSSI_DBM, "dBm"),
    "tx_power_dbm": (LOWEST_POWER_DBM, HIGHEST_POWER_DBM, "dBm"),
    "attenuation_db": (0, MAX_ATTENUATION_DB, "dB"),
    "distance_m": (0, MAX_DISTANCE_M, "metres"),
    "seconds": (0, MAX_READING_SECONDS, "seconds"),
}

Place = Callable[[int], str]
"""Where a row of a batch stands in its file, for a person: "readings.csv, line 17"."""


class NotARecordingError(RecordingError):
    """A file is sound, but has not what a recording needs; among others in a folder it is passed over."""


@dataclass(frozen=True)
class Recording:
    """Readings of one or several files, ready to be judged.

    Attributes:
        name: what was read, for headings.
        form: which form it had.
        readings: the table of SCHEMA.
        dropped: reason to number of rows that could not be used at all.
        fixed: whether each pair of a scene had one distance throughout and the recording no times (SPEC.md 17.2).
        tracks: stretches of known distance, as of `truth.stretches`, of pairs whose positions are known whether they
            heard each other or not; None where readings alone tell.
    """

    name: str
    form: str
    readings: pl.DataFrame
    dropped: Mapping[str, int] = field(default_factory=dict)
    fixed: bool = False
    tracks: pl.DataFrame | None = None


def checked(batch: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Bring a batch into SCHEMA.

    Args:
        batch: some columns of SCHEMA, as text or numbers.
        place: tells a person where a row stands.

    Returns:
        Every column of SCHEMA; figures that mean "not known" are null.

    Raises:
        RecordingError: a field is no number, outside its bounds, or a receiver or transmitter is empty.
    """
    columns = []
    for name, kind in SCHEMA.items():
        if name not in batch.columns:
            columns.append(pl.lit(None, dtype=kind).alias(name))
        elif isinstance(kind, pl.Categorical):
            columns.append(pl.col(name).cast(pl.String).str.strip_chars().cast(kind))
        else:
            columns.append(pl.lit(numbers(batch[name], name, place, MISSING.get(name, ()))).alias(name))
    table = batch.select(columns)
    for name in ("receiver", "transmitter"):
        empty = table[name].is_null() | (table[name].cast(pl.String) == "")
        if empty.any():
            first = int(empty.arg_true()[0])
            raise RecordingError(
                f"{place(first)}: the field {name} is empty; each row needs both devices: fill it in or delete the row"
            )
    for name, bound in BOUNDS.items():
        _refuse_outside(table, name, bound, place)
    return table


def numbers(column: pl.Series, name: str, place: Place, missing: Sequence[float]) -> pl.Series:
    """A column as numbers, with null for what means "not known".

    Args:
        column: text or numbers.
        name: what the field is called, for the error.
        place: tells a person where a row stands.
        missing: figures that mean "not known"; so does NaN.

    Raises:
        RecordingError: a field is neither empty nor a number.
    """
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        column = text.cast(pl.Float64, strict=False)
        empty = text.is_null() | text.str.to_lowercase().is_in(["", "null", "none", "na"])
        wrong = column.is_null() & ~empty
        if wrong.any():
            first = int(wrong.arg_true()[0])
            raise RecordingError(
                f"{place(first)}: {name} = {text[first]!r} is no number; write digits with a decimal point, "
                "or leave the field empty where it is not known"
            )
    column = column.cast(pl.Float64, strict=False).fill_nan(None)
    return column.set(column.is_in(list(missing)), None) if missing else column


def _refuse_outside(table: pl.DataFrame, name: str, bound: tuple[float, float, str], place: Place) -> None:
    """Refuse the first row whose field is outside its bounds."""
    low, high, unit = bound
    outside = ~table[name].is_between(low, high)
    if outside.any():  # null is neither inside nor outside
        first = int(outside.arg_true()[0])
        raise RecordingError(
            f"{place(first)}: {name} = {table[name][first]:g}, must be {low:,}..{high:,} {unit}; "
            "correct the row, or the unit of the column"
        )


def joined(batches: list[pl.DataFrame], name: str) -> pl.DataFrame:
    """One table of several batches.

    Raises:
        RecordingError: there are no rows at all, or more than MAX_RECORDED_READINGS.
    """
    rows = sum(batch.height for batch in batches)
    if not rows:
        raise RecordingError(f"{name} holds no reading; a recording needs at least one row under its header")
    refuse_too_many(rows, name)
    return pl.concat(batches).rechunk()


def refuse_too_many(rows: int, name: str) -> None:
    """Refuse more than MAX_RECORDED_READINGS rows.

    Raises:
        RecordingError: there are more.
    """
    if rows > MAX_RECORDED_READINGS:
        raise RecordingError(
            f"{name} holds more than {MAX_RECORDED_READINGS:,} readings; score its scenes one by one"
        )


def recorded(name: str, form: str, batches: list[pl.DataFrame]) -> Recording:
    """A recording of several batches; durations in place of times make it one of fixed distances.

    Raises:
        RecordingError: there are no rows, too many, or a row has a duration and another a time.
    """
    readings = joined(batches, name)
    durations = readings.height - readings["seconds"].null_count()
    if not durations:
        return Recording(name, form, readings)
    if durations < readings.height:
        first = int(readings["seconds"].is_null().arg_true()[0])
        raise RecordingError(
            f"{name}: reading {first + 1:,} has no duration while others have; give each row its seconds, or none"
        )
    return Recording(name, form, readings, fixed=True)
