"""The zip around an export: SPEC.md 8.5.6.

A small strict reader of its own, for three reasons: it may refuse what a general one tolerates (two entries
of a name, a directory that contradicts the local headers, data in front), it bounds everything before it
allocates (entries, names, inflated bytes, ratio), and it can say at which offset the archive is wrong.

`open_archive` reads the directory; it raises ExportError only if there is none to read. What is wrong with
single entries stands in `Archive.defects`, so that `inspect` can read on; whoever will use the keys calls
`Archive.require_sound` first. Zip64, encryption, spanning and every method but stored and deflated are not
used by the format.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Part
from anopticon_protocol.export.model import MAX_EXPORT_BYTES
from anopticon_protocol.export.signatures import MAX_SIGNATURE_FILE_BYTES
from anopticon_protocol.export.zip_layout import (
    DEFLATED,
    DIRECTORY_ENTRY,
    DIRECTORY_MAGIC,
    ENCRYPTED_FLAGS,
    END_MAGIC,
    END_RECORD,
    LOCAL_HEADER,
    LOCAL_MAGIC,
    STORED,
    Entry,
)

EXPORT_BIN: Final = "export.bin"
EXPORT_SIG: Final = "export.sig"
MAX_ARCHIVE_BYTES: Final = MAX_EXPORT_BYTES + 128 * 1024
"""The longest export.bin, stored, with its signatures and the directory."""
MAX_ENTRIES: Final = 16
"""The format has two; the rest is room to name what else is there."""
MAX_NAME_BYTES: Final = 256
MAX_COMMENT_BYTES: Final = 1_024
"""How far from the end the directory's end record is looked for; export writers leave no comment."""
MAX_RATIO: Final = 10
"""Keys are random: 16 of at most 68 bytes do not shrink, so that no real export inflates fivefold."""
RATIO_FREE_BYTES: Final = 64 * 1024
"""Below this size the ratio is not looked at: signatures and tiny files may be repetitive."""
CHUNK_BYTES: Final = 64 * 1024


class Archive:
    """An archive whose directory was read."""

    __slots__ = ("_data", "defects", "entries")

    def __init__(self, data: bytes, entries: tuple[Entry, ...]) -> None:
        """Judge the directory against what an export may hold."""
        self._data = data
        self.entries = entries
        self.defects = tuple(_entry_defects(entries))

    def require_sound(self) -> None:
        """Raise ExportError for the first defect of the directory."""
        if self.defects:
            raise ExportError(self.defects[0])

    def find(self, name: str) -> Entry | None:
        """The first entry of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of an entry, at most CHUNK_BYTES at a time; raises ExportError."""
        limit = MAX_SIGNATURE_FILE_BYTES if entry.name == EXPORT_SIG else MAX_EXPORT_BYTES
        body = self._body(entry)
        pieces = _stored(body) if entry.method == STORED else _inflated(body, entry)
        total = crc = 0
        for piece in pieces:
            total += len(piece)
            if total > limit:
                sentence = f"{_shown(entry)} is longer than {limit:,} bytes"
                raise ExportError(_defect(DefectCode.ENTRY_OVERSIZED, sentence, entry.offset))
            if total > RATIO_FREE_BYTES and total > MAX_RATIO * entry.compressed_size:
                sentence = f"{_shown(entry)} inflates more than {MAX_RATIO}-fold (MAX_RATIO): a zip bomb"
                raise ExportError(_defect(DefectCode.ENTRY_RATIO, sentence, entry.offset))
            crc = zlib.crc32(piece, crc)
            yield piece
        if total != entry.size or crc != entry.crc:
            sentence = f"{_shown(entry)} has not the length or the checksum that the directory states"
            raise ExportError(_defect(DefectCode.ENTRY_CORRUPT, sentence, entry.offset))

    def _body(self, entry: Entry) -> memoryview:
        if fault := _unreadable(entry):
            raise ExportError(fault)
        head = self._data[entry.offset : entry.offset + LOCAL_HEADER.size]
        if len(head) < LOCAL_HEADER.size or not head.startswith(LOCAL_MAGIC):
            raise ExportError(
                _malformed(f"{_shown(entry)} has no local header where the directory says", entry.offset)
            )
        _, _, flags, method, _, _, _, _, _, name_length, extra_length = LOCAL_HEADER.unpack(head)
        name_at = entry.offset + LOCAL_HEADER.size
        start = name_at + name_length + extra_length
        same = (flags, method) == (entry.flags, entry.method)
        if not same or self._data[name_at : name_at + name_length] != entry.raw_name:
            raise ExportError(
                _malformed(f"{_shown(entry)} is another file in its local header", entry.offset)
            )
        end = start + entry.compressed_size
        if end > len(self._data):
            raise ExportError(_malformed(f"{_shown(entry)} runs past the end of the archive", entry.offset))
        return memoryview(self._data)[start:end]


def open_archive(data: bytes) -> Archive:
    """Read the directory of a zip archive; raises ExportError if there is none or it contradicts itself."""
    if len(data) > MAX_ARCHIVE_BYTES:
        sentence = f"the archive is longer than {MAX_ARCHIVE_BYTES:,} bytes (MAX_ARCHIVE_BYTES)"
        raise ExportError(_defect(DefectCode.ARCHIVE_OVERSIZED, sentence))
    end_at = _find_end(data)
    _, disk, first_disk, count_here, count, size, offset, _ = END_RECORD.unpack_from(data, end_at)
    if (disk, first_disk) != (0, 0) or count_here != count:
        raise ExportError(_malformed("the archive spans several files", end_at))
    if count > MAX_ENTRIES:
        sentence = f"the archive has {count:,} entries, at most {MAX_ENTRIES} (MAX_ENTRIES)"
        raise ExportError(_defect(DefectCode.ENTRY_COUNT, sentence, end_at))
    if offset + size != end_at:
        raise ExportError(_malformed("the directory does not end where the end record starts", end_at))
    entries: list[Entry] = []
    position = offset
    for _ in range(count):
        entry, position = _read_entry(data, position, end_at)
        entries.append(entry)
    if position != end_at:
        raise ExportError(_malformed("the directory is longer than its entries", position))
    return Archive(data, tuple(entries))


def _find_end(data: bytes) -> int:
    """Find the end record: the last one whose comment reaches exactly to the end of the file."""
    at = len(data)
    first = max(0, len(data) - END_RECORD.size - MAX_COMMENT_BYTES)
    while (at := data.rfind(END_MAGIC, first, at)) != -1:
        if at + END_RECORD.size <= len(data):
            comment = END_RECORD.unpack_from(data, at)[-1]
            if at + END_RECORD.size + comment == len(data):
                return at
    sentence = "not a zip archive, or one that is cut off: no end record"
    raise ExportError(_defect(DefectCode.NOT_ZIP, sentence))


def _read_entry(data: bytes, position: int, limit: int) -> tuple[Entry, int]:
    if position + DIRECTORY_ENTRY.size > limit or not data.startswith(DIRECTORY_MAGIC, position):
        raise ExportError(_malformed("no directory entry where one must be", position))
    head = DIRECTORY_ENTRY.unpack_from(data, position)
    _, _, _, flags, method, _, _, crc, compressed, size, name_length, extra, comment, _, _, _, offset = head
    name_at = position + DIRECTORY_ENTRY.size
    end = name_at + name_length + extra + comment
    if end > limit or name_length > MAX_NAME_BYTES:
        sentence = (
            f"a directory entry runs past its end, or has a name over {MAX_NAME_BYTES} bytes (MAX_NAME_BYTES)"
        )
        raise ExportError(_malformed(sentence, position))
    raw_name = data[name_at : name_at + name_length]
    name = raw_name.decode("utf-8", "backslashreplace")
    return Entry(name, raw_name, flags, method, crc, compressed, size, offset), end


def _entry_defects(entries: tuple[Entry, ...]) -> Iterator[Defect]:
    seen: set[str] = set()
    if entries and min(entry.offset for entry in entries) > 0:
        yield _malformed("there is something in front of the first entry", 0)
    for entry in entries:
        if _unsafe(entry.name):
            sentence = f"entry {_shown(entry)} names a place outside the archive"
            yield _defect(DefectCode.ENTRY_NAME, sentence, entry.offset)
        elif entry.name not in (EXPORT_BIN, EXPORT_SIG):
            sentence = (
                f"entry {_shown(entry)} does not belong: only {EXPORT_BIN} and {EXPORT_SIG} may be there"
            )
            yield _defect(DefectCode.ENTRY_EXTRA, sentence, entry.offset)
        if entry.name in seen:
            sentence = f"entry {_shown(entry)} stands in the archive more than once"
            yield _defect(DefectCode.ENTRY_DUPLICATE, sentence, entry.offset)
        seen.add(entry.name)
        if fault := _unreadable(entry):
            yield fault
    if EXPORT_BIN not in seen:
        yield _defect(DefectCode.EXPORT_MISSING, f"the archive has no {EXPORT_BIN}")
    if EXPORT_SIG not in seen:
        yield _defect(DefectCode.SIGNATURE_MISSING, f"the archive has no {EXPORT_SIG}: nothing is signed")


def _unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":") or "\0" in name


def _unreadable(entry: Entry) -> Defect | None:
    if entry.flags & ENCRYPTED_FLAGS:
        return _defect(DefectCode.ENTRY_ENCRYPTED, f"entry {_shown(entry)} is encrypted", entry.offset)
    if entry.method not in (STORED, DEFLATED):
        sentence = f"entry {_shown(entry)} has compression method {entry.method}, not stored or deflated"
        return _defect(DefectCode.ENTRY_METHOD, sentence, entry.offset)
    return None


def _stored(body: memoryview) -> Iterator[bytes]:
    for start in range(0, len(body), CHUNK_BYTES):
        yield bytes(body[start : start + CHUNK_BYTES])


def _inflated(body: memoryview, entry: Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    used = 0
    try:
        while used < len(body) and not inflater.eof:
            waiting: bytes | memoryview = body[used : used + CHUNK_BYTES]
            used += len(waiting)
            # A full output buffer leaves input behind, or output inside the inflater: ask for all.
            while piece := inflater.decompress(waiting, CHUNK_BYTES):
                yield piece
                waiting = inflater.unconsumed_tail
    except zlib.error as error:
        sentence = f"{_shown(entry)} does not inflate"
        raise ExportError(_defect(DefectCode.ENTRY_CORRUPT, sentence, entry.offset)) from error
    if not inflater.eof or inflater.unused_data or used < len(body):
        sentence = f"{_shown(entry)} does not end where its compressed bytes end"
        raise ExportError(_defect(DefectCode.ENTRY_CORRUPT, sentence, entry.offset))


def _shown(entry: Entry) -> str:
    return ascii(entry.name)


def _malformed(sentence: str, offset: int) -> Defect:
    return _defect(DefectCode.ARCHIVE_MALFORMED, sentence, offset)


def _defect(code: DefectCode, sentence: str, offset: int | None = None) -> Defect:
    return Defect(code, sentence, Part.ARCHIVE, offset)
