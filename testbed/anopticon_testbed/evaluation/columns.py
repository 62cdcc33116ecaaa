"""Which column of a table is which field of a reading: known headers, and a mapping of a person (SPEC.md 17.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.readings import MISSING, Place, numbers

METRES_PER_FOOT: Final = 0.3048
MAX_SHOWN: Final = 12
"""Columns named in an error; a table may have hundreds."""
MILLISECONDS: Final = 1e11
"""A Unix time above this is in milliseconds: in seconds it would be the year 5138."""

_UNITS: Final[dict[str, tuple[str, pl.Expr]]] = {
    "distance_ft": ("distance_m", pl.col("distance_ft") * METRES_PER_FOOT),
    "time_ms": ("time_s", pl.col("time_ms") / 1_000),
    "time_unix": (
        "time_s",
        pl.when(pl.col("time_unix") > MILLISECONDS)
        .then(pl.col("time_unix") / 1_000)
        .otherwise(pl.col("time_unix")),
    ),
    "minutes": ("seconds", pl.col("minutes") * 60),
}
"""Fields in another unit: what they become, and how."""

FIELDS: Final = (
    "scene",
    "receiver",
    "transmitter",
    "receiver_model",
    "transmitter_model",
    "time_s",
    "rssi_dbm",
    "tx_power_dbm",
    "attenuation_db",
    "distance_m",
    "seconds",
    *_UNITS,
)
"""Every field that a column may be mapped to."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A header that is known: field to column."""

    name: str
    columns: Mapping[str, str]


DIALECTS: Final = (
    Dialect(
        "DP-3T measurements",
        {
            "receiver": "receiver_id",
            "transmitter": "transmitter_id",
            "receiver_model": "receiver_model",
            "transmitter_model": "transmitter_model",
            "time_unix": "timestamp",
            "rssi_dbm": "rssi",
            "tx_power_dbm": "tx_power",
            "distance_m": "ground_truth_distance",
        },
    ),
    Dialect(
        "MITRE range-angle",
        {
            "scene": "env",
            "receiver": "file",  # one file is one receiver that hears one transmitter
            "transmitter": "tx_model",
            "receiver_model": "rx_model",
            "transmitter_model": "tx_model",
            "time_s": "t",
            "rssi_dbm": "rssi",
            "tx_power_dbm": "tx_power",
            "distance_ft": "range_ft",
        },
    ),
)


def parse_mapping(text: str) -> dict[str, str]:
    """Read `field=column,field=column`; a field with no column after the sign is taken from no column at all.

    Raises:
        InputError: a part has no "=", or names a field that does not exist, or one field twice.
    """
    mapping: dict[str, str] = {}
    for part in text.split(","):
        name, sign, column = (piece.strip() for piece in part.partition("="))
        if not sign or not name:
            raise InputError(f"columns: {part!r} must be FIELD=COLUMN, for example rssi_dbm=signal")
        if name not in FIELDS:
            raise InputError(f"columns: there is no field {name!r}; the fields are {', '.join(FIELDS)}")
        if name in mapping:
            raise InputError(f"columns: the field {name} is given twice")
        mapping[name] = column
    return mapping


def resolve(header: Sequence[str], mapping: Mapping[str, str]) -> Dialect | str:
    """Find out what the columns of a table are.

    The mapping goes before everything; then a known header, if all its columns are there; then columns that have the
    name of a field.

    Returns:
        The dialect, or, where the columns do not suffice, the sentence that says what is missing.
    """
    shown = ", ".join(header[:MAX_SHOWN]) + (", ..." if len(header) > MAX_SHOWN else "") or "none"
    absent = [column for column in mapping.values() if column and column not in header]
    if absent:
        return f"there is no column {absent[0]!r} to map; the columns are {shown}"
    columns = {name: name for name in FIELDS if name in header}
    title = "table with named columns"
    for dialect in DIALECTS:
        if set(dialect.columns.values()) <= set(header):
            columns, title = dict(dialect.columns), dialect.name
            break
    for name in mapping:
        target = _UNITS[name][0] if name in _UNITS else name
        for other in list(columns):
            if other == target or (other in _UNITS and _UNITS[other][0] == target):
                del columns[other]
    columns.update({name: column for name, column in mapping.items() if column})
    given = {_UNITS[name][0] if name in _UNITS else name for name in columns}
    missing = [name for name in ("receiver", "transmitter", "distance_m") if name not in given]
    if not given & {"rssi_dbm", "attenuation_db"}:
        missing.append("rssi_dbm (or attenuation_db)")
    if missing:
        return (
            f"no column for {', '.join(missing)}; the columns are {shown}: "
            "say which is which with --columns FIELD=COLUMN,..."
        )
    return Dialect(title, columns)


def renamed(table: pl.DataFrame, dialect: Dialect, place: Place) -> pl.DataFrame:
    """The fields of a table under their names and in their units.

    Raises:
        RecordingError: a field in another unit is no number; `place` tells where.
    """
    picked = table.select(pl.col(column).alias(name) for name, column in dialect.columns.items())
    for name, (target, expression) in _UNITS.items():
        if name in picked.columns:
            figures = numbers(picked[name], name, place, MISSING.get(target, ()))
            picked = (
                picked.with_columns(figures.alias(name)).with_columns(expression.alias(target)).drop(name)
            )
    return picked
