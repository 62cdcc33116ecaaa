"""Inspecting Exposure Notification exports: a zip archive, or an export.bin on its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from anopticon_protocol.export.archive import EXPORT_BIN, EXPORT_SIG, Archive, open_archive
from anopticon_protocol.export.defects import Defect, DefectCode, ExportError
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.loading import slices
from anopticon_protocol.export.model import (
    ExportHeader,
    ExportSummary,
    KeyRecord,
    batch_text,
)
from anopticon_protocol.export.reader import Event, scan_export
from anopticon_protocol.export.signatures import (
    compare_signatures,
    key_name,
    read_signatures,
    signature_form,
    verify_signature,
)
from anopticon_protocol.inspection.report import (
    FAILED,
    NOT_CHECKED,
    VERIFIED,
    Draft,
    Finding,
    Inspection,
    SignatureReport,
    moment,
)
from anopticon_protocol.params import DAY_SECONDS, INTERVAL_SECONDS

_INTERVALS_PER_DAY = DAY_SECONDS // INTERVAL_SECONDS


def inspect_archive(draft: Draft, data: bytes) -> Inspection:
    """Inspect a zip archive; reads on behind every defect that leaves something to read."""
    try:
        opened = open_archive(data)
    except ExportError as error:
        draft.add(Finding.of(error.defect))
        return draft.finish()
    for defect in opened.defects:
        draft.add(Finding.of(defect))
    draft.facts["entries"] = {entry.name: entry.size for entry in opened.entries}
    export_bin = _extract(opened, EXPORT_BIN, draft)
    export_sig = _extract(opened, EXPORT_SIG, draft)
    if export_bin is not None:
        header = _tell(export_bin, draft)
        if export_sig is not None:
            _check_signatures(export_bin, export_sig, header, draft)
    return draft.finish()


def inspect_export(draft: Draft, data: bytes) -> Inspection:
    """Inspect an export.bin without its archive: there is no signature to check."""
    _tell(data, draft)
    return draft.finish()


def _extract(opened: Archive, name: str, draft: Draft) -> bytes | None:
    """An entry as far as it can be had, or None if nothing can."""
    entry = opened.find(name)
    if entry is None:
        return None
    pieces: list[bytes] = []
    try:
        pieces.extend(opened.chunks(entry))
    except ExportError as error:
        if error.defect not in opened.defects:
            draft.add(Finding.of(error.defect))
        return b"".join(pieces) or None
    return b"".join(pieces)


def _tell(export_bin: bytes, draft: Draft) -> ExportHeader:
    tally = _Tally()
    summary = tally.run(drop_duplicates(scan_export(slices(export_bin))), draft)
    draft.facts |= _header_facts(summary.header) | tally.facts(summary)
    return summary.header


def _header_facts(header: ExportHeader) -> dict[str, Any]:
    start, end = header.start_timestamp, header.end_timestamp
    return {
        "start": None if start is None else moment(start),
        "end": None if end is None else moment(end),
        "region": header.region,
        "batch": batch_text(header.batch_num, header.batch_size)
        if header.batch_num or header.batch_size
        else None,
        "signature_infos": [
            {"key_id": info.key_id, "key_version": info.key_version, "algorithm": info.algorithm}
            for info in header.signature_infos
        ],
    }


class _Tally:
    """Counts what the keys of a file say, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self.lists: Counter[str] = Counter(keys=0, revised_keys=0)
        self.periods: Counter[int] = Counter()
        self.risks: Counter[int] = Counter()
        self.reports: Counter[str] = Counter()
        self.onsets: Counter[int | None] = Counter()
        self.starts: list[int] = []
        self.unaligned = 0
        self.usable = 0

    def run(self, events: Iterable[Event], draft: Draft) -> ExportSummary:
        summary = ExportSummary(ExportHeader(), 0, 0, 0, complete=False)
        for event in events:
            if isinstance(event, KeyRecord):
                self._add(event)
            elif isinstance(event, Defect):
                draft.add(Finding.of(event))
            else:
                summary = event
        return summary

    def _add(self, record: KeyRecord) -> None:
        key = record.key
        self.usable += 1
        self.lists["revised_keys" if record.revised else "keys"] += 1
        self.periods[key.rolling_period] += 1
        self.risks[key.transmission_risk] += 1
        self.reports[key.report_type.name.lower()] += 1
        self.onsets[key.days_since_onset] += 1
        self.unaligned += key.rolling_start % _INTERVALS_PER_DAY != 0
        end = key.rolling_start + key.rolling_period
        first, last = self.starts or (key.rolling_start, end)
        self.starts = [min(first, key.rolling_start), max(last, end)]

    def facts(self, summary: ExportSummary) -> dict[str, Any]:
        known = [onset for onset in self.onsets if onset is not None]
        return {
            "records": summary.records,
            "usable": self.usable,
            "dropped": summary.records - self.usable,
            "complete": summary.complete,
            "lists": dict(self.lists),
            "valid": [moment(at * INTERVAL_SECONDS) for at in self.starts] or None,
            "not_starting_at_midnight": self.unaligned,
            "rolling_periods": {str(value): count for value, count in sorted(self.periods.items())},
            "transmission_risks": {str(value): count for value, count in sorted(self.risks.items())},
            "report_types": dict(sorted(self.reports.items())),
            "onset_days": [min(known), max(known)] if known else None,
            "without_onset": self.onsets[None],
        }


def _check_signatures(export_bin: bytes, export_sig: bytes, header: ExportHeader, draft: Draft) -> None:
    entries, defects = read_signatures(export_sig)
    for defect in [*defects, *compare_signatures(header, entries)]:
        draft.add(Finding.of(defect))
    failed: list[Defect] = []
    for entry in entries:
        verdict, sentence = NOT_CHECKED
        if draft.keys:
            try:
                signed_by = verify_signature(export_bin, entry, list(draft.keys.values()))
            except ExportError as error:
                verdict, sentence = FAILED, error.defect.sentence
                failed.append(error.defect)
            else:
                label = next(label for label, key in draft.keys.items() if key == signed_by)
                verdict, sentence = VERIFIED, f"with {label}"
        form = signature_form(entry.signature)
        name, length = key_name(entry.info), len(entry.signature)
        draft.signatures.append(SignatureReport(name, entry.info.algorithm, form, length, verdict, sentence))
    if len(failed) == len(entries):
        for defect in failed:
            if defect.code is DefectCode.SIGNATURE_WRONG:
                draft.add(Finding.of(defect))
