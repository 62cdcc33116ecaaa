"""Saying what an export or batch file holds, whether its signature verifies, and all that is wrong with it.

`inspect_bytes` recognises the kind of a file by its first bytes (by its name if they say nothing) and never
raises for what the file holds. report.py has the records and their JSON form, text.py the form for people.

>>> inspect_bytes("empty.zip", b"").defect_counts
{'not-zip': 1}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from anopticon_protocol.batch import MAGIC
from anopticon_protocol.export.archive import EXPORT_BIN, MAX_ARCHIVE_BYTES
from anopticon_protocol.export.defects import Severity
from anopticon_protocol.inspection.batches import inspect_batch
from anopticon_protocol.inspection.exports import inspect_archive, inspect_export
from anopticon_protocol.inspection.report import FORMAT, Draft, Finding, Inspection
from anopticon_protocol.inspection.text import printable, render
from anopticon_protocol.params import MAX_BATCH_BYTES
from anopticon_protocol.signing import VerifyingKey

__all__ = ["FORMAT", "MAX_INSPECTED_BYTES", "Inspection", "inspect_bytes", "printable", "render"]

MAX_INSPECTED_BYTES: Final = max(MAX_ARCHIVE_BYTES, MAX_BATCH_BYTES)
"""The longest file that any kind may be; nobody need read more than one byte above it."""


def inspect_bytes(name: str, data: bytes, keys: Mapping[str, VerifyingKey] | None = None) -> Inspection:
    """Inspect a file. `keys` are those to try on its signatures, by the name that the report gives them."""
    ending = name.lower().rpartition(".")[2]
    if data.startswith(MAGIC):
        kind, inspect = "batch", inspect_batch
    elif data.startswith(b"EK ") or (ending == "bin" and not data.startswith(b"PK")):
        kind, inspect = EXPORT_BIN, inspect_export
    elif data.startswith(b"PK") or ending == "zip":
        kind, inspect = "export archive", inspect_archive
    else:
        kind, inspect = "unknown", _unrecognised
    return inspect(Draft(name, kind, len(data), keys or {}), data)


def _unrecognised(draft: Draft, data: bytes) -> Inspection:
    first = f"starts with {data[:8].hex()}" if data else "is empty"
    sentence = f"neither a zip archive, an export.bin nor a batch: the file {first}"
    draft.add(Finding("unrecognised", Severity.REFUSE, "file", None, None, sentence))
    return draft.finish()
