"""Reads recordings: rows as a stream, a torn end forgiven, damage anywhere else refused (SPEC.md 19.2)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from anopticon_client.errors import RecordingFileError
from anopticon_client.recording.codec import RowDecoder
from anopticon_client.recording.parts import SUFFIX, check_line
from anopticon_client.recording.rows import Manifest, Row
from anopticon_client.recording.schema import MAX_LINE_BYTES

MAX_FILES: Final = 100_000
"""Of one folder: ten years of a node that begins a part every hour."""
_CHECK: Final = re.compile(rb'\{"k":"check","n":([0-9]{1,9}),"crc":"([0-9a-f]{8})"\}\n?')
_BEGINNING: Final = b'{"k":"manifest"'


@dataclass(frozen=True, slots=True)
class TornEnd:
    """What a crash left behind the last whole line of a file."""

    path: Path
    line: int
    bytes_lost: int
    reason: str

    def __str__(self) -> str:
        """The sentence for a person."""
        return f"{self.path}: torn at line {self.line} ({self.reason}); {self.bytes_lost} bytes behind it are left out"


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of one node: its files in order."""

    manifest: Manifest
    """That of the first part."""
    parts: tuple[Path, ...]
    torn: list[TornEnd] = field(default_factory=list, compare=False)
    """Filled while `rows` is read."""

    def rows(self) -> Iterator[Row]:
        """Every row of every part, each part's manifest first; raises RecordingFileError at damage."""
        for path in self.parts:
            yield from read_part(path, self.torn.append)


def read_recording(path: Path, torn: Callable[[TornEnd], None] | None = None) -> Iterator[Row]:
    """Every row of a file or of all files of a folder, in the order of their names.

    A Manifest row says from whom the rows behind it are. `torn` is told of each file that ends in the middle of a row.
    Raises RecordingFileError, with file and line, for damage anywhere else: rows before it have been given out by then.
    """
    for part in _files(path):
        yield from read_part(part, torn)


def find_recordings(path: Path) -> list[Recording]:
    """The recordings in a file or folder, by node and run; files torn within their first line are left out."""
    found: dict[tuple[str, str], list[tuple[int, Path, Manifest]]] = {}
    for part in _files(path):
        rows = read_part(part)
        first = next(rows, None)
        if isinstance(first, Manifest):
            found.setdefault((first.node, first.run), []).append((first.part, part, first))
    recordings = []
    for _, parts in sorted(found.items()):
        parts.sort(key=lambda part: (part[0], part[1]))
        recordings.append(Recording(parts[0][2], tuple(part for _, part, _ in parts)))
    return recordings


def read_part(path: Path, torn: Callable[[TornEnd], None] | None = None) -> Iterator[Row]:
    """The rows of one file, a line in memory at a time; errors as of `read_recording`."""
    try:
        with path.open("rb") as source:
            yield from _PartReader(path, source, torn or (lambda _: None)).rows()
    except OSError as error:
        raise RecordingFileError(f"{path}: {error.strerror or error}") from error


class _PartReader:
    """Walks over the lines of one file."""

    def __init__(self, path: Path, source: BinaryIO, torn: Callable[[TornEnd], None]) -> None:
        self._path = path
        self._source = source
        self._torn = torn
        self._decoder = RowDecoder()
        self._number = 0
        self._lines = 0
        self._crc = 0
        self._block_at = 1

    def rows(self) -> Iterator[Row]:
        while line := self._source.readline(MAX_LINE_BYTES + 1):
            self._number += 1
            if _CHECK.fullmatch(line):
                self._check(line)
                continue
            try:
                row = self._row(line)
            except RecordingFileError as error:
                self._end_here(line, str(error))
                return
            if row is not None:
                yield row
        if self._decoder.waiting:
            self._torn(TornEnd(self._path, self._number, 0, "the rest of an input is missing"))

    def _row(self, line: bytes) -> Row | None:
        if len(line) > MAX_LINE_BYTES:
            raise RecordingFileError(f"is longer than {MAX_LINE_BYTES} bytes (MAX_LINE_BYTES)")
        row = self._decoder.decode(line)
        if self._number == 1 and not isinstance(row, Manifest):
            raise RecordingFileError("is no manifest, with which every recording begins")
        self._crc = zlib.crc32(line, self._crc)
        self._lines += 1
        return row

    def _check(self, line: bytes) -> None:
        if line.rstrip(b"\n") != check_line(self._lines, self._crc).rstrip("\n").encode():
            lines = f"lines {self._block_at} to {self._number - 1}"
            raise self._damage(f"{lines} are not those that line {self._number} checks: the file was changed")
        self._lines = self._crc = 0
        self._block_at = self._number + 1

    def _end_here(self, bad: bytes, reason: str) -> None:
        """A line that cannot be read is the torn end, if nothing that can be read comes behind it."""
        at = self._number
        lost = len(bad)
        if at == 1 and not _may_be_torn_beginning(bad):
            raise self._damage(f"line 1 {reason}: this is no recording")
        probe = RowDecoder()
        while line := self._source.readline(MAX_LINE_BYTES + 1):
            self._number += 1
            lost += len(line)
            if _readable(probe, line):
                raise self._damage(
                    f"line {at} {reason}, and whole rows come behind it: the file is damaged there"
                )
        self._torn(TornEnd(self._path, at, lost, f"it {reason}"))

    def _damage(self, what: str) -> RecordingFileError:
        return RecordingFileError(f"{self._path}: {what}")


def _readable(decoder: RowDecoder, line: bytes) -> bool:
    if _CHECK.fullmatch(line):
        return True
    try:
        decoder.decode(line)
    except RecordingFileError:
        return False
    return True


def _may_be_torn_beginning(line: bytes) -> bool:
    """Whether a crash can have left this of a manifest: a beginning of one, or zeros that were never filled."""
    return line.startswith(_BEGINNING) or _BEGINNING.startswith(line.rstrip(b"\0"))


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(part for part in path.iterdir() if part.name.endswith(SUFFIX))
    except OSError as error:
        raise RecordingFileError(f"{path}: {error.strerror or error}") from error
    if not found:
        raise RecordingFileError(f"{path}: holds no recording (*{SUFFIX})")
    if len(found) > MAX_FILES:
        raise RecordingFileError(f"{path}: holds {len(found)} files, at most {MAX_FILES} (MAX_FILES)")
    return found
