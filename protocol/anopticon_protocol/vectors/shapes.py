"""The shape that the input of a case must have, whether the case is valid or not.

An invalid case is one whose values are refused. If a field is missing or of another type, the row is broken:
nothing that the package raises for it says anything about the row. The shapes are those of schema.json in
tests/vectors; here they are bound to the kinds, so that a check needs no schema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from anopticon_protocol.advert import SERVICE_DATA_BYTES
from anopticon_protocol.designs.gaen import ROLLING_PERIOD
from anopticon_protocol.designs.gaen import SECRET_BYTES as TEK_BYTES
from anopticon_protocol.designs.hybrid import SECRET_BYTES as WINDOW_SEED_BYTES
from anopticon_protocol.designs.lowcost import SECRET_BYTES
from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.fingerprints import MAX_REMAINDER_BYTES, MIN_REMAINDER_BYTES, VALUE_BYTES
from anopticon_protocol.params import DAY_SECONDS, METADATA_BYTES
from anopticon_protocol.vectors.document import MAX_SHOWN_CHARS, Node, RowError, shown

Shape = Callable[[Node], object]
"""Raises RowError for a node of another shape."""
MAX_UINT32: Final = 2**32 - 1
MIN_PERIOD_SECONDS: Final = 60
"""The shortest release period that a batch may have."""


def _fields(**shapes: Shape) -> Shape:
    """An object with these fields and no others."""

    def check(node: Node) -> None:
        unknown = sorted(node.object().keys() - shapes.keys())
        if unknown:
            path = f"{node.path}.{unknown[0][:MAX_SHOWN_CHARS]}"
            raise RowError(path, "no such field", "one that is unknown")
        for name, shape in shapes.items():
            shape(node.get(name))

    return check


def _hex(length: int | None = None) -> Shape:
    return lambda node: node.hex(length)


def _whole(least: int, most: int) -> Shape:
    return lambda node: node.whole(least, most)


def _list(shape: Shape) -> Shape:
    return lambda node: [shape(row) for row in node.rows(least=0)]


def _string(node: Node) -> None:
    """Any text, an empty one too: what people type may be anything."""
    if not isinstance(node.value, str):
        raise RowError(node.path, "a text", shown(node.value))


def _onset(node: Node) -> None:
    if node.value is not None and type(node.value) is not int:
        raise RowError(node.path, "a whole number or null", shown(node.value))


def _service_data(node: Node) -> None:
    if len(node.hex()) not in SERVICE_DATA_BYTES.values():
        lengths = " or ".join(str(length) for length in sorted(set(SERVICE_DATA_BYTES.values())))
        raise RowError(node.path, f"{lengths} bytes in lower-case hex", shown(node.value))


def _export(node: Node) -> None:
    if node.has("archive"):
        _fields(archive=_hex(), public_key=Node.base64)(node)
    else:
        _fields(export_bin=_hex())(node)


_KEY: Final = _fields(
    secret=_hex(),
    index=Node.whole,
    span=Node.whole,
    report_type=_whole(0, max(ReportType)),
    days_since_onset=_onset,
)
_REMAINDER: Final = _whole(MIN_REMAINDER_BYTES, MAX_REMAINDER_BYTES)
INPUTS: Final[dict[str, Shape]] = {
    "lowcost": _fields(sk=_hex(SECRET_BYTES)),
    "unlinkable": _fields(seed=_hex(SECRET_BYTES), epoch=_whole(0, MAX_UINT32)),
    "hybrid": _fields(window_minutes=Node.whole, seed=_hex(WINDOW_SEED_BYTES)),
    "gaen": _fields(
        tek=_hex(TEK_BYTES),
        rolling_start=_whole(0, MAX_UINT32),
        rolling_period=_whole(1, ROLLING_PERIOD),
        metadata=_hex(METADATA_BYTES),
    ),
    "match": _fields(
        design=Node.text,
        key=_KEY,
        service_data=_service_data,
        heard_at=Node.whole,
        release=Node.whole,
        period_seconds=_whole(MIN_PERIOD_SECONDS, DAY_SECONDS),
    ),
    "advertisement": _fields(frame=_hex()),
    "code": _fields(typed=_string),
    "filter-build": _fields(remainder_bytes=_REMAINDER, values=_list(_hex(VALUE_BYTES))),
    "filter-ask": _fields(
        remainder_bytes=_REMAINDER, count=Node.whole, body=_hex(), queries=_list(_hex(VALUE_BYTES))
    ),
    "batch": _fields(batch=_hex(), design=Node.text, key_id=Node.text, public_key=Node.base64),
    "export": _export,
    "upload": _fields(upload=Node.text, now=Node.whole),
}
