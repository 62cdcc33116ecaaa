"""What can be wrong with an export file, and what follows from it: SPEC.md 8.5.5.

Every defect has a code for programs, a sentence for people and one of three severities:

- refuse: the file must not be used at all. Its bytes, bounds, archive or signature break a rule.
- drop: one key record must not be used; the others of the file may be.
- remark: nothing is lost, but a writer should not do it.

The severity belongs to the code: SEVERITY is the whole decision, and tests walk through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from anopticon_protocol.errors import RemoteError


class Severity(StrEnum):
    """What follows from a defect."""

    REFUSE = "refuse"
    DROP = "drop"
    REMARK = "remark"


class Part(StrEnum):
    """Where offsets count from."""

    ARCHIVE = "archive"
    EXPORT_BIN = "export.bin"
    EXPORT_SIG = "export.sig"


class DefectCode(StrEnum):
    """A stable word for each kind of defect."""

    # the zip archive
    NOT_ZIP = "not-zip"
    ARCHIVE_OVERSIZED = "archive-oversized"
    ARCHIVE_MALFORMED = "archive-malformed"
    ENTRY_COUNT = "entry-count"
    ENTRY_NAME = "entry-name"
    ENTRY_DUPLICATE = "entry-duplicate"
    ENTRY_EXTRA = "entry-extra"
    ENTRY_ENCRYPTED = "entry-encrypted"
    ENTRY_METHOD = "entry-method"
    ENTRY_OVERSIZED = "entry-oversized"
    ENTRY_RATIO = "entry-ratio"
    ENTRY_CORRUPT = "entry-corrupt"
    EXPORT_MISSING = "export-missing"
    # export.bin as a whole
    HEADER = "header"
    TRUNCATED = "truncated"
    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    FIELD_TYPE = "field-type"
    FIELD_COUNT = "field-count"
    FIELD_LENGTH = "field-length"
    FIELD_TEXT = "field-text"
    KEY_COUNT = "key-count"
    SIGNATURE_INFO_COUNT = "signature-info-count"
    WINDOW_MISSING = "window-missing"
    WINDOW = "window"
    BATCH = "batch"
    # one key record
    RECORD_OVERSIZED = "record-oversized"
    RECORD_MALFORMED = "record-malformed"
    RECORD_FIELD_TYPE = "record-field-type"
    KEY_LENGTH = "key-length"
    ROLLING_START = "rolling-start"
    ROLLING_PERIOD = "rolling-period"
    TRANSMISSION_RISK = "transmission-risk"
    REPORT_TYPE = "report-type"
    ONSET = "onset"
    DUPLICATE_KEY = "duplicate-key"
    # export.sig
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_EMPTY = "signature-empty"
    SIGNATURE_MALFORMED = "signature-malformed"
    SIGNATURE_COUNT = "signature-count"
    SIGNATURE_INFO_MISMATCH = "signature-info-mismatch"
    SIGNATURE_BATCH_MISMATCH = "signature-batch-mismatch"
    SIGNATURE_ALGORITHM = "signature-algorithm"
    SIGNATURE_KEY_ID = "signature-key-id"
    SIGNATURE_RAW = "signature-raw"
    SIGNATURE_NOT_DER = "signature-not-der"
    SIGNATURE_WRONG = "signature-wrong"
    # remarks
    UNKNOWN_FIELD = "unknown-field"
    RETIRED_FIELD = "retired-field"
    UNSORTED = "unsorted"
    KEY_ID_EMPTY = "key-id-empty"


_DROPS: Final = frozenset(
    {
        DefectCode.RECORD_OVERSIZED,
        DefectCode.RECORD_MALFORMED,
        DefectCode.RECORD_FIELD_TYPE,
        DefectCode.KEY_LENGTH,
        DefectCode.ROLLING_START,
        DefectCode.ROLLING_PERIOD,
        DefectCode.TRANSMISSION_RISK,
        DefectCode.REPORT_TYPE,
        DefectCode.ONSET,
        DefectCode.DUPLICATE_KEY,
    }
)
_REMARKS: Final = frozenset(
    {DefectCode.UNKNOWN_FIELD, DefectCode.RETIRED_FIELD, DefectCode.UNSORTED, DefectCode.KEY_ID_EMPTY}
)


def _severity(code: DefectCode) -> Severity:
    if code in _DROPS:
        return Severity.DROP
    return Severity.REMARK if code in _REMARKS else Severity.REFUSE


SEVERITY: Final = {code: _severity(code) for code in DefectCode}
"""The severity of every code."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong: what, where (`offset` in bytes from the start of `part`) and in which record.

    Records are counted from 1 in file order, `keys` and `revised_keys` together.
    """

    code: DefectCode
    sentence: str
    part: Part
    offset: int | None = None
    record: int | None = None

    @property
    def severity(self) -> Severity:
        """What follows from this defect."""
        return SEVERITY[self.code]

    def __str__(self) -> str:
        """The place and the sentence, as one line."""
        place = str(self.part)
        if self.record is not None:
            place += f", record {self.record}"
        if self.offset is not None:
            place += f", offset {self.offset}"
        return f"{place}: {self.sentence}"


class ExportError(RemoteError):
    """An export file that must not be used; `defect` says which rule it breaks."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(str(defect))
        self.defect = defect
