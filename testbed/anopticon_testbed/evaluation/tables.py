"""Readers of CSV, gzipped CSV, Parquet and SQLite: batch by batch, so that a file too large is refused, not loaded."""

from __future__ import annotations

import csv
import gzip
import io
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final

import polars as pl

from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.columns import Dialect, renamed, resolve
from anopticon_testbed.evaluation.readings import (
    NotARecordingError,
    Place,
    Recording,
    checked,
    recorded,
    refuse_too_many,
)

BATCH_BYTES: Final = 16 * 1024 * 1024
"""Text parsed at once."""
BATCH_ROWS: Final = 200_000
"""Rows of a database fetched at once."""
INSTRUCTIONS: Final = 1_000_000
MAX_STEPS: Final = 2_000
"""Millions of instructions of SQLite's machine for one file; MAX_RECORDED_READINGS rows take a tenth of that. A damaged
file could make it search for ever."""
MAX_HEADER_BYTES: Final = 64 * 1024
"""A first line longer than this is no header."""
GZIP_MAGIC: Final = b"\x1f\x8b"


def read_csv(path: Path, mapping: Mapping[str, str]) -> Recording:
    """Read a CSV with a header, plain or gzipped, separated by commas, semicolons or tabs.

    Raises:
        RecordingError: no header that can be understood, or a row that cannot; names the line.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            with gzip.open(raw) if zipped else raw as stream:
                return _read_csv(stream, path, mapping)  # type: ignore[arg-type]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RecordingError(
            f"{path.name} is a damaged gzip file ({error}); fetch it again, or unpack what can be unpacked"
        ) from error


def _read_csv(stream: IO[bytes], path: Path, mapping: Mapping[str, str]) -> Recording:
    """Read the lines of a CSV."""
    header = stream.readline(MAX_HEADER_BYTES)
    names, separator = _header(header, path)
    dialect = resolve(names, mapping)
    if isinstance(dialect, str):
        raise NotARecordingError(f"{path.name}: {dialect}")
    batches: list[pl.DataFrame] = []
    line, rows = 2, 0
    for block in _blocks(stream):
        table = _parsed(block, names, separator, path, line)

        def place(row: int, line: int = line) -> str:
            return f"{path.name}, line {line + row:,}"

        rows += table.height
        refuse_too_many(rows, path.name)
        batches.append(_finished(table, dialect, path, place))
        line += block.count(b"\n")
    return recorded(path.name, dialect.name, batches)


def _parsed(block: bytes, names: list[str], separator: str, path: Path, line: int) -> pl.DataFrame:
    """The fields of a block of lines, as text; `line` is the number of its first."""
    expected = len(names) - 1
    lines = block.rstrip(b"\r\n").split(b"\n") if b'"' not in block else []
    sign = separator.encode()
    for number, text in enumerate(lines, line):
        if text.count(sign) != expected:
            raise RecordingError(
                f"{path.name}, line {number:,}: {text.count(sign) + 1} fields where the header has {len(names)}; "
                "write the missing fields, empty if they are not known, or delete the line"
            )
    try:
        return pl.read_csv(
            io.BytesIO(block.rstrip(b"\r\n")),
            has_header=False,
            new_columns=names,
            separator=separator,
            infer_schema=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        detail = str(error).splitlines()[0]
        raise RecordingError(
            f"{path.name}, from line {line:,}: not every line has {len(names)} fields, or a quote stays open "
            f"({detail}); check the file with a text editor"
        ) from error


def _header(line: bytes, path: Path) -> tuple[list[str], str]:
    """The names in the first line, and what separates them."""
    if not line.strip():
        raise RecordingError(f"{path.name} is empty; a CSV needs a header line with the names of its columns")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"{path.name} is no text in UTF-8; known forms are SQLite, CSV, gzipped CSV, Parquet and recordings of a "
            "node: convert it to one of them"
        ) from error
    separator = max(",;\t", key=text.count)
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=separator))]
    except (csv.Error, StopIteration) as error:
        raise RecordingError(
            f"{path.name}, line 1: no header of a CSV ({error}); write names of columns"
        ) from error
    if len(set(names)) < len(names):
        raise RecordingError(f"{path.name}, line 1: two columns have one name; give each its own")
    return names, separator


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Whole lines of a stream, about BATCH_BYTES at once."""
    rest = b""
    while piece := stream.read(BATCH_BYTES):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield whole + newline
        elif len(rest) > BATCH_BYTES:
            raise RecordingError(f"one line is longer than {BATCH_BYTES:,} bytes; this is no CSV")
    if rest.strip():
        yield rest


def _finished(table: pl.DataFrame, dialect: Dialect, path: Path, place: Place) -> pl.DataFrame:
    """A batch in SCHEMA; the scene is the name of the file where no column says it."""
    try:
        fields = renamed(table, dialect, place)
        if "scene" not in fields.columns:
            fields = fields.with_columns(scene=pl.lit(path.name.partition(".")[0]))
        return checked(fields, place)
    except pl.exceptions.PolarsError as error:
        detail = str(error).splitlines()[0]
        raise RecordingError(
            f"{place(0)} and on: a column is neither text nor numbers ({detail}); map other columns with --columns"
        ) from error


class _Steps:
    """Stops SQLite after MAX_STEPS."""

    def __init__(self) -> None:
        self._taken = 0

    def next(self) -> int:
        """Count one; anything but 0 interrupts."""
        self._taken += 1
        return int(self._taken > MAX_STEPS)


def read_sqlite(path: Path, mapping: Mapping[str, str]) -> Recording:
    """Read the first table of an SQLite file whose columns suffice, never writing to it.

    Raises:
        RecordingError: no table suffices, or the file is damaged.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.set_progress_handler(_Steps().next, INSTRUCTIONS)
            names = [
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            refused = []
            for name in names:
                quoted = name.replace('"', '""')
                columns = [row[1] for row in database.execute(f'PRAGMA table_info("{quoted}")')]
                dialect = resolve(columns, mapping)
                if isinstance(dialect, Dialect):
                    return _read_table(database, quoted, dialect, path)
                refused.append(f"table {name}: {dialect}")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RecordingError(f"{path.name} cannot be read as SQLite ({error}); fetch it again") from error
    raise NotARecordingError(f"{path.name}: {'; '.join(refused) or 'there is no table in it'}")


def _read_table(database: sqlite3.Connection, quoted: str, dialect: Dialect, path: Path) -> Recording:
    """Read the columns of a table that the dialect names."""
    columns = list(dict.fromkeys(dialect.columns.values()))
    listed = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
    # Names come from the file's own schema, quoted; nothing else is put into the statement.
    cursor = database.execute(f'SELECT {listed} FROM "{quoted}"')  # noqa: S608
    batches: list[pl.DataFrame] = []
    rows = 0
    while fetched := cursor.fetchmany(BATCH_ROWS):
        try:
            table = pl.DataFrame(
                fetched, schema=columns, orient="row", infer_schema_length=None, strict=False
            )
        except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
            detail = str(error).splitlines()[0]
            raise RecordingError(f"{path.name}, from row {rows + 1:,}: {detail}; correct the row") from error

        def place(row: int, before: int = rows) -> str:
            return f"{path.name}, row {before + row + 1:,} of table {quoted}"

        rows += table.height
        refuse_too_many(rows, path.name)
        batches.append(_finished(table, dialect, path, place))
    return recorded(path.name, f"{dialect.name}, SQLite", batches)


def read_parquet(path: Path, mapping: Mapping[str, str]) -> Recording:
    """Read a Parquet file whose columns suffice.

    Raises:
        RecordingError: they do not, or the file is damaged.
    """
    try:
        lazy = pl.scan_parquet(path, glob=False)  # a file may be called run[1]
        dialect = resolve(lazy.collect_schema().names(), mapping)
        if isinstance(dialect, str):
            raise NotARecordingError(f"{path.name}: {dialect}")
        refuse_too_many(int(lazy.select(pl.len()).collect().item()), path.name)
        table = lazy.select(list(dict.fromkeys(dialect.columns.values()))).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        detail = str(error).splitlines()[0]
        raise RecordingError(f"{path.name} cannot be read as Parquet ({detail}); fetch it again") from error

    def place(row: int) -> str:
        return f"{path.name}, row {row + 1:,}"

    return recorded(path.name, f"{dialect.name}, Parquet", [_finished(table, dialect, path, place)])
