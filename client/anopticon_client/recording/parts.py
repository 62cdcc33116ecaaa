"""The files of a recording: numbered parts, each written in whole blocks (SPEC.md 19.2).

A block is some lines and one line more, which holds their number and CRC-32. A block that could not be written whole is
cut off again, so that a full disk leaves no torn row behind; a killed process may leave one, at the end of its part.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from anopticon_client.errors import RecordingFileError
from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.rows import Manifest

SUFFIX: Final = ".jsonl"
MAX_PARTS: Final = 999_999
_NEW_FILE: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_CHECK = '{{"k":"check","n":{lines},"crc":"{crc:08x}"}}\n'


def part_name(node: str, run: str, part: int) -> str:
    """Name of the file of one part: sorted by name, parts are in order."""
    return f"{node}_{run}_{part:06d}{SUFFIX}"


def next_part(folder: Path, node: str, run: str) -> int:
    """The number after the highest that the folder holds: nobody ever writes into a part of an earlier process."""
    form = re.compile(re.escape(f"{node}_{run}_") + r"([0-9]{6})" + re.escape(SUFFIX))
    numbers = [int(found[1]) for path in folder.iterdir() if (found := form.fullmatch(path.name))]
    return max(numbers, default=0) + 1


def check_line(lines: int, crc: int) -> str:
    """The last line of a block."""
    return _CHECK.format(lines=lines, crc=crc)


def block_of(lines: list[str]) -> bytes:
    """These lines (each with its end) and the line that checks them."""
    text = "".join(lines)
    data = text.encode()
    return data + check_line(text.count("\n"), zlib.crc32(data)).encode()


class PartFile:
    """One part, open for appending. Only whole blocks are ever in it, as long as the process lives."""

    def __init__(self, folder: Path, manifest: Manifest, *, sync: bool) -> None:
        """Make the file and write the manifest; raises OSError or RecordingFileError.

        With `sync` the disk has both the file and its name when this returns.
        """
        first = block_of([encode_row(manifest)])
        if manifest.part > MAX_PARTS:
            raise RecordingFileError(
                f"part {manifest.part}: at most {MAX_PARTS} (MAX_PARTS); begin another run"
            )
        self.path = folder / part_name(manifest.node, manifest.run, manifest.part)
        self.opened_ns = manifest.mono_ns
        self.size = 0
        self.blocks = 0
        self.torn = False
        """Something is behind the last whole block that could not be cut off: no more may be written here."""
        self._file = os.open(self.path, _NEW_FILE, 0o644)
        try:
            self.append(first)
            if sync:
                self.sync()
                _sync_folder(folder)
        except BaseException:
            self.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
            raise

    def append(self, block: bytes) -> None:
        """Write a block, or nothing and raise OSError."""
        try:
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except BaseException:
            self._cut()
            raise
        self.size += len(block)
        self.blocks += 1

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file; harmless the second time."""
        if self._file >= 0:
            descriptor, self._file = self._file, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _cut(self) -> None:
        try:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
        except OSError:
            self.torn = True


def numbered(manifest: Manifest, part: int, mono_ns: int, wall_ns: int) -> Manifest:
    """The manifest of one part, which says when that part began."""
    return replace(manifest, part=part, mono_ns=mono_ns, wall_ns=wall_ns)


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder last; Windows cannot and need not."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
