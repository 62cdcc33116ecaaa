"""Lines of a contacts file, plain, gzip or zip, with a bound on everything that is read.

The packing is recognised by the first bytes, never by the name: the lists in circulation are
called .csv and hold tabs, or .dat and hold gzip.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from anopticon_simulation.errors import ContactFileError

MAX_FILE_BYTES = 128 * 2**20
"""Largest file opened at all: a hundred times the largest published face-to-face list, packed."""

MAX_TEXT_BYTES = 128 * 2**20
"""Most text read after unpacking: a small file that swells beyond it is a decompression bomb."""

MAX_ZIP_BYTES = 8 * 2**20
"""Largest zip archive: its directory is read at once, and 8 MiB of that stay within 150 MiB of memory."""

MAX_LINE_BYTES = 256
"""Longest line: five short columns need 40 bytes."""

MAX_ROWS = 1_000_000
"""Most lines of a list: twice the largest published one; at worst (no pair twice) it takes 550 MiB."""

MAX_SHOWN = 40
"""Most characters of a bad value that an error repeats."""

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_SQLITE = b"SQLite format 3\x00"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_Bytes = BufferedIOBase | IO[bytes]
_DAMAGE = (EOFError, OSError, zlib.error, zipfile.BadZipFile)


def file_error(path: Path, rule: str) -> ContactFileError:
    """Build the error for a fault of the whole file."""
    return ContactFileError(f"contacts file {path}: {rule}")


def line_error(path: Path, line: int, rule: str, *, column: int = 0, value: bytes = b"") -> ContactFileError:
    """Build the error for one line; `column` counts from 1 and is left out where it is 0."""
    place = f"line {line}, column {column}" if column else f"line {line}"
    shown = value[: MAX_SHOWN + 1].decode("ascii", "backslashreplace")
    shown = shown if len(value) <= MAX_SHOWN else shown[:MAX_SHOWN] + "..."
    found = f" is {shown!r}, but" if value else ":"
    return ContactFileError(f"contacts file {path}, {place}{found} {rule}")


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give (number from 1, line) of a contacts file, unpacked, without blank lines.

    Raises ContactFileError for a file that is absent, damaged, no text or beyond a bound.
    """
    with ExitStack() as stack:
        try:
            source = _open(path, stack)
            yield from _bounded(path, source)
        except _DAMAGE as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            raise file_error(path, f"cannot be read: {reason}") from error


def _open(path: Path, stack: ExitStack) -> _Bytes:
    if not path.exists():
        raise file_error(path, "there is no such file")
    if not path.is_file():
        raise file_error(path, "is no regular file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise file_error(path, f"has {size} bytes, more than MAX_FILE_BYTES ({MAX_FILE_BYTES})")
    file = stack.enter_context(path.open("rb"))
    head = file.read(len(_SQLITE))
    file.seek(0)
    if head.startswith(_GZIP):
        return stack.enter_context(gzip.GzipFile(fileobj=file))
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return _open_zip(path, size, stack)
    if head == _SQLITE:
        raise file_error(path, "is an SQLite database; a list of contacts is text")
    return file


def _open_zip(path: Path, size: int, stack: ExitStack) -> _Bytes:
    """Open the one member of an archive; several would leave open which one is meant."""
    if size > MAX_ZIP_BYTES:
        raise file_error(path, f"is a zip of {size} bytes, more than MAX_ZIP_BYTES ({MAX_ZIP_BYTES})")
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise file_error(path, f"is a zip with {len(members)} files, and must hold exactly one")
    member = members[0]
    if member.flag_bits & 1:
        raise file_error(path, "is an encrypted zip")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise file_error(path, "is a zip packed by another method than deflate")
    if member.file_size > MAX_TEXT_BYTES:
        raise file_error(
            path,
            f"unpacks from {size} to {member.file_size} bytes, more than MAX_TEXT_BYTES ({MAX_TEXT_BYTES})",
        )
    return stack.enter_context(archive.open(member))


def _bounded(path: Path, source: _Bytes) -> Iterator[tuple[int, bytes]]:
    total = number = 0
    while line := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        total += len(line)
        if len(line) > MAX_LINE_BYTES:
            raise line_error(path, number, f"is longer than MAX_LINE_BYTES ({MAX_LINE_BYTES})")
        if total > MAX_TEXT_BYTES:
            raise line_error(path, number, f"unpacks to more than MAX_TEXT_BYTES ({MAX_TEXT_BYTES})")
        if number > MAX_ROWS:
            raise line_error(path, number, f"there are more lines than MAX_ROWS ({MAX_ROWS})")
        if b"\x00" in line:
            raise line_error(path, number, "holds a zero byte, so the file is no text")
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.isspace():
            yield number, line
