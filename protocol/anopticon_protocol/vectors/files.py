"""What comes of the inputs of our own vectors: filters, batches, exports, uploads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from anopticon_protocol.batch import Batch
from anopticon_protocol.export.defects import Defect, Severity
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.loading import load_export
from anopticon_protocol.export.model import ExportHeader, ExportSummary, KeyRecord
from anopticon_protocol.export.reader import read_export
from anopticon_protocol.fingerprints import (
    MAX_REMAINDER_BYTES,
    MIN_REMAINDER_BYTES,
    VALUE_BYTES,
    FingerprintFilter,
)
from anopticon_protocol.messages import Upload
from anopticon_protocol.params import MAX_UNIX_TIME
from anopticon_protocol.signing import VerifyingKey
from anopticon_protocol.vectors.cases import Evaluate, design_of, key_json
from anopticon_protocol.vectors.document import Node


def filter_build(given: Node) -> dict[str, Any]:
    """Values to publish: the count and the body of their filter."""
    size = given.get("remainder_bytes").whole(MIN_REMAINDER_BYTES, MAX_REMAINDER_BYTES)
    values = [value.hex(VALUE_BYTES) for value in given.get("values").rows(least=0)]
    built = FingerprintFilter.build(values, remainder_bytes=size)
    return {"count": len(built), "body": built.encode().hex()}


def filter_ask(given: Node) -> dict[str, Any]:
    """A filter as published, and values to look for: which of them it holds."""
    size = given.get("remainder_bytes").whole(MIN_REMAINDER_BYTES, MAX_REMAINDER_BYTES)
    found = FingerprintFilter.decode(
        given.get("count").whole(), given.get("body").hex(), remainder_bytes=size
    )
    return {"found": [value.hex(VALUE_BYTES) in found for value in given.get("queries").rows(least=0)]}


def batch(given: Node) -> dict[str, Any]:
    """A batch as downloaded, the trusted key and the design of the phone: what the batch says."""
    trusted = {given.get("key_id").text(): VerifyingKey.from_der(given.get("public_key").base64())}
    read = Batch.decode(given.get("batch").hex(), trusted, design_of(given.get("design")))
    published = read.published()
    told: dict[str, Any] = {
        "release": read.release,
        "period_seconds": read.period,
        "count": read.count,
    }
    if isinstance(published, tuple):
        return told | {"keys": [key_json(key) for key in published]}
    return told | {"filter": read.body.hex()}


def export(given: Node) -> dict[str, Any]:
    """An archive and the trusted key, or an export.bin: header, keys, and what was dropped."""
    if given.has("archive"):
        key = VerifyingKey.from_der(given.get("public_key").base64())
        loaded = load_export(given.get("archive").hex(), [key])
        return _export_json(loaded.header, loaded.key_records())
    events = list(drop_duplicates(read_export([given.get("export_bin").hex()])))
    (summary,) = (event for event in events if isinstance(event, ExportSummary))
    dropped = [
        {"record": event.record, "code": event.code.value}
        for event in events
        if isinstance(event, Defect) and event.severity is Severity.DROP
    ]
    records = (event for event in events if isinstance(event, KeyRecord))
    return _export_json(summary.header, records) | {"dropped": dropped}


def upload(given: Node) -> dict[str, Any]:
    """An upload as received, and the time: what the server takes from it."""
    read = Upload.decode(given.get("upload").text().encode())
    design = design_of(Node(read.design, f"{given.path}.upload.design"))
    design.check_upload(read.keys, given.get("now").whole(0, MAX_UNIX_TIME))
    return {"design": read.design, "code": read.code, "keys": [key_json(key) for key in read.keys]}


def _export_json(header: ExportHeader, records: Iterable[KeyRecord]) -> dict[str, Any]:
    keys = [
        key_json(one.key.to_shared())
        | {"transmission_risk": one.key.transmission_risk, "revised": one.revised}
        for one in records
    ]
    return {
        "start": header.start_timestamp,
        "end": header.end_timestamp,
        "region": header.region,
        "keys": keys,
    }


KINDS: Final[dict[str, Evaluate]] = {
    "filter-build": filter_build,
    "filter-ask": filter_ask,
    "batch": batch,
    "export": export,
    "upload": upload,
}
