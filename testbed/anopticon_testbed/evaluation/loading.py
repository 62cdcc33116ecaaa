"""From paths to one recording: which form a file has is told by its content, never by its name (SPEC.md 17.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

import polars as pl

from anopticon_client.recording.reader import TornEnd, read_recording
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.nodes import read_nodes
from anopticon_testbed.evaluation.readings import NotARecordingError, Recording, refuse_too_many
from anopticon_testbed.evaluation.tables import GZIP_MAGIC, read_csv, read_parquet, read_sqlite
from anopticon_testbed.evaluation.tram import is_tram, is_tram_part, read_tram
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.parquet import is_parquet
from anopticon_testbed.formats.parquet import read_parquet as read_parquet_rows

SQLITE_MAGIC: Final = b"SQLite format 3\x00"
PARQUET_MAGIC: Final = b"PAR1"
MAX_FILES: Final = 10_000
"""Files of one folder; a set of recordings has hundreds."""
FORMS: Final = "SQLite, CSV, gzipped CSV, Parquet, minutes in attenuation bins, recordings of nodes"

BEGINNING: Final = b'{"k":"manifest"'
"""How the recording of a node begins."""

Reader = Callable[[Path, Mapping[str, str]], Recording]


def reader_of(path: Path) -> Reader | None:
    """The reader for the content of a file; None for what is no recording by its first bytes."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    if head.startswith(SQLITE_MAGIC):
        return read_sqlite
    if head.startswith(PARQUET_MAGIC):
        return read_parquet
    if head.startswith(GZIP_MAGIC):
        return read_csv
    if is_tram(path):
        return lambda found, _: read_tram(found)
    first = head.partition(b"\n")[0]
    separated = any(sign in first for sign in (b",", b";", b"\t"))
    named = separated and not first.startswith(b"#") and b"\x00" not in head
    return read_csv if named else None


def is_node(path: Path) -> bool:
    """Whether a file is the recording of a node."""
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING


def load(paths: Sequence[Path], mapping: Mapping[str, str]) -> tuple[Recording, list[str]]:
    """Read files and folders as one recording.

    Args:
        paths: files, which must all be recordings, and folders, whose other files are passed over.
        mapping: field to column, for tables with names of their own.

    Returns:
        The recording, and the names of the files that were passed over in folders.

    Raises:
        RecordingError: a path does not exist, a file holds a wrong figure, or nothing is a recording.
        RecordingFileError: the recording of a node is damaged.
    """
    found = _Found()
    for path in paths:
        if path.is_dir() and is_parquet(path):
            found.nodes.append(path)
        elif path.is_dir():
            _load_folder(path, mapping, found)
        elif path.is_file():
            if not path.stat().st_size:
                raise RecordingError(f"{path.name} is empty; a recording needs at least a header and a row")
            if not _take(path, mapping, found):
                raise RecordingError(f"{path.name} has none of the known forms ({FORMS}); convert it to CSV")
        else:
            raise RecordingError(f"there is no file or folder {path}; check the path")
    name = ", ".join(path.name for path in paths)
    if found.nodes:
        found.recordings.append(_of_nodes(found.nodes, name))
    if not found.recordings:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in found.passed[:5]) or "it is empty"
        raise RecordingError(f"no recording in {name}: {reasons}")
    return _merged(found.recordings, name), [name for name, _ in found.passed]


@dataclass
class _Found:
    """What was found so far: recordings, those of nodes (read together at the end), files passed over and why."""

    recordings: list[Recording] = field(default_factory=list)
    nodes: list[Path] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)


def _take(path: Path, mapping: Mapping[str, str], found: _Found) -> bool:
    """Read one file, or note it as one of a node; false if it has no known form."""
    if is_node(path):
        found.nodes.append(path)
        return True
    reader = reader_of(path)
    if reader is None:
        return False
    found.recordings.append(reader(path, mapping))
    return True


def _load_folder(folder: Path, mapping: Mapping[str, str], found: _Found) -> None:
    """Read the recordings among the files of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if len(files) > MAX_FILES:
        raise RecordingError(
            f"{folder.name} holds {len(files):,} files, at most {MAX_FILES:,} are read: split it"
        )
    for path in files:
        if is_tram_part(path):
            continue  # it is read with its matrix
        try:
            if not _take(path, mapping, found):
                found.passed.append((path.name, "it has no known form"))
        except NotARecordingError as error:
            found.passed.append((path.name, str(error)))


def _of_nodes(files: Sequence[Path], name: str) -> Recording:
    """All files of nodes as one recording: what one heard, the schedule of another explains."""
    torn: list[TornEnd] = []
    rows = chain.from_iterable(
        read_parquet_rows(path, ImportOptions(), Notes())
        if path.is_dir()
        else read_recording(path, torn.append)
        for path in files
    )
    recording = read_nodes(rows, name)
    if torn:
        lost = {"bytes behind a torn end, after a crash of the node": sum(one.bytes_lost for one in torn)}
        recording = replace(recording, dropped={**recording.dropped, **lost})
    return recording


def _merged(recordings: list[Recording], name: str) -> Recording:
    """One recording of several, if their forms go together."""
    if len(recordings) == 1:
        return recordings[0]
    if len({one.fixed for one in recordings}) > 1:
        raise RecordingError(
            f"{name}: some files have times and others durations only, which are judged differently; score them apart"
        )
    refuse_too_many(sum(one.readings.height for one in recordings), name)
    dropped: dict[str, int] = {}
    for one in recordings:
        for reason, count in one.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    forms = sorted({one.form for one in recordings})
    table = pl.concat([one.readings for one in recordings])
    known = [one.tracks for one in recordings if one.tracks is not None]
    return Recording(
        name,
        f"{len(recordings)} files of {', '.join(forms)}",
        table,
        dropped,
        recordings[0].fixed,
        pl.concat(known) if known else None,
    )
