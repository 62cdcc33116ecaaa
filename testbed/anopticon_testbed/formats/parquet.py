"""A recording as a folder of Parquet files, one or more for each kind of row, and back without loss (SPEC.md 19.4).

heard-00001.parquet  heard-00002.parquet  manifest-00001.parquet  ...
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import polars as pl

from anopticon_client.recording.rows import Manifest, Row
from anopticon_client.recording.schema import KINDS
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.columns import ORDER, to_frame, to_rows
from anopticon_testbed.formats.common import ImportOptions, Notes

CHUNK_ROWS: Final = 500_000
"""Rows of one file: some 200 MB of memory while it is made, 10 MB on disk."""
SLICE_ROWS: Final = 50_000
"""Rows read at once."""
MAX_FILES: Final = 100_000
_NAME: Final = re.compile(r"([a-z]+)-([0-9]{5})\.parquet")
_ROW_KINDS: Final = {kind.row: name for name, kind in KINDS.items()}


class _Chunk:
    """Rows of one kind that wait to be written."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._number = 0
        self._rows: list[Row] = []
        self._order: list[int] = []
        self._parts: list[int] = []

    def add(self, row: Row, order: int, part: int) -> None:
        self._rows.append(row)
        self._order.append(order)
        self._parts.append(part)
        if len(self._rows) >= CHUNK_ROWS:
            self.write()

    def write(self) -> None:
        if not self._rows:
            return
        self._number += 1
        path = self._folder / f"{self._name}-{self._number:05d}.parquet"
        to_frame(self._name, self._rows, self._order, self._parts).write_parquet(path, compression="zstd")
        self._rows, self._order, self._parts = [], [], []


def write_parquet(folder: Path, rows: Iterable[Row]) -> int:
    """Write every row into a new folder; how many. Raises RecordingError."""
    count, part = 0, -1
    chunks: dict[str, _Chunk] = {}
    try:
        folder.mkdir(parents=True)
        for row in rows:
            if isinstance(row, Manifest):
                part = count
            name = _ROW_KINDS[type(row)]
            if name not in chunks:
                chunks[name] = _Chunk(folder, name)
            chunks[name].add(row, count, part)
            count += 1
        for chunk in chunks.values():
            chunk.write()
    except FileExistsError as error:
        raise RecordingError(f"{folder} is there already: choose another name, or remove it") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordingError(f"{folder}: {error}") from error
    return count


def is_parquet(path: Path) -> bool:
    """Whether this is a folder as `write_parquet` makes it."""
    return path.is_dir() and any(_NAME.fullmatch(found.name) for found in path.iterdir())


def read_parquet(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """Every row of a folder in its place; raises RecordingError naming file and column, or RecordingFileError."""
    del options, notes  # such a folder says all of it, and nothing is left out
    kinds: dict[str, list[Path]] = {}
    for found in sorted(path.iterdir()):
        name = _NAME.fullmatch(found.name)
        if name and name[1] in KINDS:
            kinds.setdefault(name[1], []).append(found)
    if sum(map(len, kinds.values())) > MAX_FILES:
        raise RecordingError(f"{path}: more than {MAX_FILES} files (MAX_FILES)")
    if "manifest" not in kinds:
        raise RecordingError(f"{path}: has no manifest-00001.parquet, so nobody knows whose rows these are")
    streams = [_stream(name, files) for name, files in kinds.items()]
    merged = heapq.merge(*streams, key=lambda pair: pair[0])
    for expected, (place, row) in enumerate(merged):
        if place != expected:
            raise RecordingError(f"{path}: where {ORDER} {expected} is due, there is {place}")
        yield row


def _stream(name: str, files: Iterable[Path]) -> Iterator[tuple[int, Row]]:
    for file in files:
        try:
            with file.open("rb") as source:
                if source.read(4) != b"PAR1":
                    raise RecordingError(f"{file}: this is no Parquet file")
            table = pl.scan_parquet(file, glob=False)  # a folder may be called run[1]
            total = table.select(pl.len()).collect().item()
            for offset in range(0, total, SLICE_ROWS):
                piece = table.slice(offset, SLICE_ROWS).collect()
                yield from to_rows(name, piece)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise RecordingError(f"{file}: {error}") from error
