"""Writes rows that are all there already: what an import made, or a recording in another order (SPEC.md 19.4)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from anopticon_client.errors import RecordingFileError
from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.parts import PartFile, block_of
from anopticon_client.recording.rows import Manifest, Row

STORED_BLOCK_LINES: Final = 5_000


def store_rows(folder: Path, rows: Iterable[Row]) -> list[Path]:
    """Write rows into parts of `folder`, one for each Manifest row, which is kept as it is.

    Raises RecordingFileError if a part is there already, the first row is no manifest, or the disk is full: what was
    written until then stays.
    """
    written: list[Path] = []
    part: PartFile | None = None
    lines: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            if isinstance(row, Manifest):
                _finish(part, lines)
                part = PartFile(folder, row, sync=False)
                written.append(part.path)
                continue
            if part is None:
                raise RecordingFileError("rows without a manifest before them belong to no recording")
            lines.append(encode_row(row))
            if len(lines) >= STORED_BLOCK_LINES:
                part.append(block_of(lines))
                lines.clear()
        _finish(part, lines)
    except FileExistsError as error:
        raise RecordingFileError(
            f"{error.filename} is there already: choose another folder or name of the run, or remove it"
        ) from error
    except OSError as error:
        raise RecordingFileError(f"recording in {folder}: {error.strerror or error}") from error
    finally:
        if part is not None:
            part.close()
    return written


def _finish(part: PartFile | None, lines: list[str]) -> None:
    if part is None:
        return
    if lines:
        part.append(block_of(lines))
        lines.clear()
    part.sync()
    part.close()
