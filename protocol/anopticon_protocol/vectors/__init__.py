"""Checking vector files against this package: which values are not what the code under test computes.

`check_vectors` recognises the schema of a file by its content, computes every value that can be computed, and
names each one that differs by its path. document.py walks the JSON, dp3t.py and gaen.py know the published
schemas, published.py their files; own.py, shapes.py, cases.py and files.py our own schema (tests/vectors).

>>> check_vectors(b"{}").verdict
'unknown'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anopticon_protocol.vectors.document import MAX_VECTOR_BYTES, Checker, Fault, Node, VectorFileError, parse
from anopticon_protocol.vectors.dp3t import check_hybrid, check_lowcost, check_unlinkable
from anopticon_protocol.vectors.gaen import check_gaen
from anopticon_protocol.vectors.own import SCHEMA as OWN_SCHEMA
from anopticon_protocol.vectors.own import check_own
from anopticon_protocol.vectors.published import check_published

__all__ = ["MAX_VECTOR_BYTES", "VectorReport", "check_vectors"]


@dataclass(frozen=True, slots=True)
class VectorReport:
    """What came of one file.

    `verdict` is "pass", "fail", "not checked" (known, but for a later version of this package), "schema" (a JSON
    Schema and no vectors), "unknown" or "unreadable"; `sentence` explains the last four. `faults` are the first
    of `fault_count`.
    """

    verdict: str
    schema: str
    checked: int
    faults: tuple[Fault, ...]
    fault_count: int
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class _Schema:
    """How a file of one schema looks: its fields, those of its first vector, and what checks it."""

    fields: frozenset[str]
    row_fields: frozenset[str]
    check: Callable[[Checker, Node], None] | None


def _schema(fields: str, row_fields: str, check: Callable[[Checker, Node], None] | None) -> _Schema:
    return _Schema(frozenset(fields.split()), frozenset(row_fields.split()), check)


_SCHEMAS: Final = {
    "dp3t_lowcost": _schema(
        "_explanation generator config chains long_chain_zero_seed times", "", check_lowcost
    ),
    "dp3t_unlinkable": _schema(
        "_explanation generator config CUCKOO_FPR epoch_times vectors",
        "name epoch seed ephid hashed_observation",
        check_unlinkable,
    ),
    "dp3t_hybrid_proposed": _schema(
        "_explanation vectors", "window_minutes n seed stream_key ephids", check_hybrid
    ),
    "gaen": _schema(
        "source generation_unix_seconds first_interval rolling_period interval_minutes info_rpik info_aemk"
        " padded_prefix tek rpik aemk metadata day tekmac",
        "",
        check_gaen,
    ),
    "rfc9474": _schema(
        "source vectors",
        "variant p q n e d msg msg_prefix prepared_msg salt encoded_msg inv blinded_msg blind_sig sig",
        None,
    ),
    OWN_SCHEMA: _schema("schema schema_version kind provenance notes flags count cases", "", check_own),
}
_LIKE_ENOUGH: Final = 0.5
"""How much of a schema's fields a file must have in common with it to be taken for one of its kind."""


def check_vectors(data: bytes) -> VectorReport:
    """Check one vector file, given as bytes. Never raises for what the file holds."""
    try:
        root = parse(data)
    except VectorFileError as error:
        return VectorReport("unreadable", "", 0, (), 0, str(error))
    if _is_json_schema(root):
        return VectorReport(
            "schema", "", 0, (), 0, "nothing to check: it describes vector files and holds none"
        )
    name = _recognise(root)
    if name is None:
        known = ", ".join(_SCHEMAS)
        return VectorReport("unknown", "", 0, (), 0, f"of no known schema; known are {known}")
    schema, checker = _SCHEMAS[name], Checker()
    if schema.check is None:
        sentence = "recognised but not checked by this version, which has no blind signatures yet"
        return VectorReport("not checked", name, 0, (), 0, sentence)
    with checker.row():
        checker.fields(root, schema.fields)
        schema.check(checker, root)
        check_published(checker, name, root)
    verdict = "fail" if checker.fault_count else "pass"
    return VectorReport(verdict, name, checker.checked, tuple(checker.faults), checker.fault_count)


def _is_json_schema(root: Node) -> bool:
    return isinstance(root.value, dict) and root.value.keys() >= {"$schema", "type", "properties"}


def _recognise(root: Node) -> str | None:
    """The schema that a file is most like by its fields; those of its first vector decide between equals."""
    if not isinstance(root.value, dict):
        return None
    vectors = root.value.get("vectors")
    first = vectors[0] if isinstance(vectors, list) and vectors else None
    row_fields = frozenset(first) if isinstance(first, dict) else frozenset()

    def likeness(name: str) -> tuple[float, float]:
        schema = _SCHEMAS[name]
        return _overlap(schema.fields, frozenset(root.value)), _overlap(schema.row_fields, row_fields)

    best = max(_SCHEMAS, key=likeness)
    return best if likeness(best)[0] >= _LIKE_ENOUGH else None


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
