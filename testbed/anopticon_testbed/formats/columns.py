"""The columns of each kind of row in Parquet, derived from the schema of recordings (SPEC.md 19.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import polars as pl

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.fields import (
    Base64,
    Choice,
    FieldKind,
    Hex,
    Maybe,
    Position,
    Real,
    Text,
    Whole,
)
from anopticon_client.recording.rows import Row
from anopticon_client.recording.schema import KINDS, Field

ORDER: Final = "seq"
"""Place of the row in the recording, from 0: with it the tables become one stream again."""
RECORDING: Final = "part_seq"
"""`seq` of the manifest that the row belongs to: node and run are in the table `manifest` under it."""
MAX_COLUMN_BYTES: Final = 512 * 1024 * 1024
"""Text or bytes of one column of the rows read at once, six times the longest frames: a small file can claim to hold
any number of long cells, stored once."""
INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1


class Column(NamedTuple):
    """One column: its type, and how a value of a row becomes one of it and back. `check` raises ValueError."""

    name: str
    dtype: pl.DataType
    to_cell: Callable[[object], object]
    to_value: Callable[[object], object]


def _same(value: object) -> object:
    return value


def _column(field: Field) -> Column:
    kind = field.kind.kind if isinstance(field.kind, Maybe) else field.kind
    dtype, to_cell, to_value = _mapping(kind, field.kind)
    return Column(field.attribute, dtype, to_cell, to_value)


def _mapping(
    kind: FieldKind, whole: FieldKind
) -> tuple[pl.DataType, Callable[[object], object], Callable[[object], object]]:
    """Type of a column and both ways. Reading goes through the field's own check, as reading a line does."""
    plain: dict[type, pl.DataType] = {Real: pl.Float64(), Text: pl.String(), Whole: pl.Int64()}
    if isinstance(kind, Whole) and kind.low >= INT16_MIN and kind.high <= INT16_MAX:
        return pl.Int16(), _same, whole.decode
    if type(kind) in plain:
        return plain[type(kind)], _same, whole.decode
    if isinstance(kind, Choice):
        return pl.String(), kind.encode, whole.decode
    if isinstance(kind, Hex | Base64):
        return pl.Binary(), _same, _bytes_of(kind)
    if isinstance(kind, Position):
        return pl.List(pl.Float64), whole.encode, whole.decode
    return pl.String(), _json_of(whole), _json_into(whole)


def _bytes_of(kind: Hex | Base64) -> Callable[[object], object]:
    def check(cell: object) -> object:
        kind.encode(cell)
        return cell

    return check


def _json_of(kind: FieldKind) -> Callable[[object], object]:
    def write(value: object) -> object:
        return None if value is None else json.dumps(kind.encode(value), allow_nan=False)

    return write


def _json_into(kind: FieldKind) -> Callable[[object], object]:
    def read(cell: object) -> object:
        try:
            return kind.decode(None if cell is None else json.loads(str(cell)))
        except RecursionError as error:
            raise ValueError("must be JSON") from error

    return read


COLUMNS: Final = {name: tuple(_column(field) for field in kind.fields) for name, kind in KINDS.items()}
"""Every kind of row with its columns, after `seq` and `part_seq`."""


def to_frame(name: str, rows: Sequence[Row], order: Sequence[int], parts: Sequence[int]) -> pl.DataFrame:
    """Rows of one kind as a table."""
    columns = COLUMNS[name]
    data: dict[str, pl.Series] = {
        ORDER: pl.Series(ORDER, order, pl.Int64),
        RECORDING: pl.Series(RECORDING, parts, pl.Int64),
    }
    for column in columns:
        cells = [column.to_cell(getattr(row, column.name)) for row in rows]
        data[column.name] = pl.Series(column.name, cells, column.dtype)
    return pl.DataFrame(data)


def to_rows(name: str, frame: pl.DataFrame) -> list[tuple[int, Row]]:
    """The reverse: each row with its place. Raises RecordingFileError naming the column."""
    wanted = {ORDER: pl.Int64(), **{column.name: column.dtype for column in COLUMNS[name]}}
    for column, dtype in wanted.items():
        if column not in frame.columns:
            raise RecordingFileError(f"table {name} lacks the column {column}")
        if frame.schema[column] != dtype:
            raise RecordingFileError(
                f"table {name}, column {column}: is {frame.schema[column]}, {dtype} needed"
            )
    if frame[ORDER].has_nulls():
        raise RecordingFileError(f"table {name}, column {ORDER}: a row has no place")
    order = frame[ORDER].to_list()
    cells = {column.name: _values(name, column, frame[column.name]) for column in COLUMNS[name]}
    make = KINDS[name].row
    if make is HeardFrame:  # by place, which is quicker than by name
        return list(zip(order, map(HeardFrame._make, zip(*cells.values(), strict=True)), strict=True))
    names = list(cells)
    made = [make(**dict(zip(names, row, strict=True))) for row in zip(*cells.values(), strict=True)]
    return list(zip(order, made, strict=True))


def _values(name: str, column: Column, cells: pl.Series) -> list[object]:
    if cells.dtype in {pl.String, pl.Binary}:
        lengths = cells.bin.size() if cells.dtype == pl.Binary else cells.str.len_bytes()
        if lengths.cast(pl.Int64).sum() > MAX_COLUMN_BYTES:
            raise RecordingFileError(
                f"table {name}, column {column.name} holds more than {MAX_COLUMN_BYTES:,} bytes in {len(cells):,} rows "
                "(MAX_COLUMN_BYTES): no recording does"
            )
    values = cells.to_list()
    try:
        return [column.to_value(cell) for cell in values]
    except ValueError as error:
        raise RecordingFileError(f"table {name}, column {column.name} {error}") from error
