"""An export archive from bytes to keys that may be used: every rule of SPEC.md 8.5 applied, in one call.

The file is read twice. The first pass finds whatever refuses it, some of which shows only at its end; so no
key is handed out of a file that is refused later. Who cannot afford that (2 microseconds a key) reads once
with `read_export` and throws the results away if it raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from anopticon_protocol.export.archive import CHUNK_BYTES, EXPORT_BIN, EXPORT_SIG, Archive, open_archive
from anopticon_protocol.export.defects import Defect, ExportError, Severity
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.model import ExportHeader, ExportSignature, ExportSummary, KeyRecord
from anopticon_protocol.export.reader import Event, read_export
from anopticon_protocol.export.signatures import compare_signatures, read_signatures, verify_signature
from anopticon_protocol.signing import VerifyingKey


@dataclass(frozen=True, slots=True)
class SignedExport:
    """An export that no rule refuses and one of the given keys signed; `dropped` counts unusable records."""

    header: ExportHeader
    signed_by: VerifyingKey
    records: int
    dropped: int
    _export_bin: bytes = field(repr=False)

    def key_records(self) -> Iterator[KeyRecord]:
        """Yield the usable keys in file order, revisions behind first publications."""
        for event in _events(self._export_bin):
            if isinstance(event, KeyRecord):
                yield event


def load_export(archive: bytes, keys: Sequence[VerifyingKey]) -> SignedExport:
    """Open, verify and check an archive; raises ExportError, whose defect names the rule that refuses it.

    One signature that verifies under one of `keys` is enough; the others must be well formed.
    """
    opened = open_archive(archive)
    opened.require_sound()
    export_bin = _read(opened, EXPORT_BIN)
    signatures, defects = read_signatures(_read(opened, EXPORT_SIG))
    _refuse(defects)
    header, records, usable = _check(export_bin)
    _refuse(compare_signatures(header, signatures))
    signed_by = _verify(export_bin, signatures, keys)
    return SignedExport(header, signed_by, records, records - usable, export_bin)


def slices(data: bytes) -> Iterator[bytes]:
    """Cut bytes that are in memory anyway into chunks for the reader."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def _read(opened: Archive, name: str) -> bytes:
    return b"".join(piece for entry in opened.entries if entry.name == name for piece in opened.chunks(entry))


def _events(export_bin: bytes) -> Iterator[Event]:
    return drop_duplicates(read_export(slices(export_bin)))


def _check(export_bin: bytes) -> tuple[ExportHeader, int, int]:
    """Read it all; return the header, how many records there are and how many can be used."""
    header, records, usable = ExportHeader(), 0, 0
    for event in _events(export_bin):
        if isinstance(event, KeyRecord):
            usable += 1
        elif isinstance(event, ExportSummary):
            header, records = event.header, event.records
    return header, records, usable


def _verify(
    export_bin: bytes, signatures: Sequence[ExportSignature], keys: Sequence[VerifyingKey]
) -> VerifyingKey:
    failures: list[ExportError] = []
    for entry in signatures:
        try:
            return verify_signature(export_bin, entry, keys)
        except ExportError as error:
            failures.append(error)
    raise failures[0]


def _refuse(defects: Sequence[Defect]) -> None:
    for defect in defects:
        if defect.severity is Severity.REFUSE:
            raise ExportError(defect)
