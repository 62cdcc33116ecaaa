"""Exposure Notification export files, read, written and verified: SPEC.md 8.5.

wire.py knows protobuf, model.py the records and their ranges, defects.py what can be wrong and what follows.
reader.py (with window.py, header.py and records.py) turns a stream of bytes into keys and defects,
duplicates.py compares keys, signatures.py and archive.py read what stands around export.bin, loading.py
applies all of it, writer.py is the reverse. Nothing here looks at a clock or does I/O.
"""

from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Part, Severity
from anopticon_protocol.export.loading import SignedExport, load_export
from anopticon_protocol.export.model import (
    ExportedKey,
    ExportHeader,
    ExportSummary,
    KeyRecord,
    SignatureInfo,
)
from anopticon_protocol.export.reader import read_export, scan_export
from anopticon_protocol.export.writer import write_export

__all__ = [
    "Defect",
    "DefectCode",
    "ExportError",
    "ExportHeader",
    "ExportSummary",
    "ExportedKey",
    "KeyRecord",
    "Part",
    "Severity",
    "SignatureInfo",
    "SignedExport",
    "load_export",
    "read_export",
    "scan_export",
    "write_export",
]
