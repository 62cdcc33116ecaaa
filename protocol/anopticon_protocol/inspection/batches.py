"""Inspecting our own published batches."""

from __future__ import annotations

from collections import Counter
from typing import Any

from anopticon_protocol.batch import Batch
from anopticon_protocol.designs.base import Published
from anopticon_protocol.errors import BatchError
from anopticon_protocol.export.defects import Severity
from anopticon_protocol.fingerprints import false_positive_rate
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


def inspect_batch(draft: Draft, data: bytes) -> Inspection:
    """Inspect a batch of any design; what is told ends at the first defect, as reading does."""
    try:
        batch = Batch.decode_unverified(data)
        draft.facts |= _facts(batch)
        _check_signature(batch, draft)
        draft.facts |= _contents(batch, batch.published())
    except BatchError as error:
        draft.add(_finding(error))
    return draft.finish()


def _facts(batch: Batch) -> dict[str, Any]:
    return {
        "design": batch.design.spec,
        "release": moment(batch.release),
        "period_seconds": batch.period,
        "key_id": batch.key_id,
        "count": batch.count,
        "body_bytes": len(batch.body),
    }


def _contents(batch: Batch, published: Published) -> dict[str, Any]:
    if not isinstance(published, tuple):
        return {"entries": "filter", "false_positive_rate": false_positive_rate(batch.count)}
    ranges = [batch.design.key_range(key) for key in published]
    first, last = (
        min((start for start, _ in ranges), default=None),
        max((end for _, end in ranges), default=None),
    )
    return {
        "entries": "keys",
        "valid": None if first is None or last is None else [moment(first), moment(last)],
        "report_types": dict(Counter(key.report_type.name.lower() for key in published)),
    }


def _check_signature(batch: Batch, draft: Draft) -> None:
    verdict, sentence = NOT_CHECKED
    for label, key in draft.keys.items():
        try:
            batch.verify({batch.key_id: key})
        except BatchError as error:
            verdict, sentence = FAILED, str(error)
            failure = error
        else:
            verdict, sentence = VERIFIED, f"with {label}"
            break
    if verdict == FAILED:
        draft.add(_finding(failure))
    name, length = f'"{batch.key_id}"', len(batch.signature)
    draft.signatures.append(
        SignatureReport(name, "ECDSA P-256, SHA-256", "raw r||s", length, verdict, sentence)
    )


def _finding(error: BatchError) -> Finding:
    return Finding(f"batch-{error.reason}", Severity.REFUSE, "batch", None, None, str(error))
