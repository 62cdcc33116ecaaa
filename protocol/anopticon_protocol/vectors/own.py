"""The project's own vector files: tests/vectors, described by schema.json beside them.

A file has a kind, and cases with an input and what must come of it: for a valid case the values that every
implementation computes, for an invalid one the error and its stable reason. cases.py and files.py say what
each kind computes; the same functions fill in the files when they are generated, and judge them here.
"""

from __future__ import annotations

from typing import Any, Final

from anopticon_protocol.errors import BatchError, ProtocolError, UploadError
from anopticon_protocol.export.defects import ExportError
from anopticon_protocol.vectors import cases, files, shapes
from anopticon_protocol.vectors.document import Checker, Fault, Node, RowError, shown

SCHEMA: Final = "anopticon-vectors"
SCHEMA_VERSION: Final = 1
VALID: Final = "valid"
INVALID: Final = "invalid"
KINDS: Final[dict[str, cases.Evaluate]] = cases.KINDS | files.KINDS


def evaluate(kind: str, given: Node) -> tuple[str, dict[str, Any]]:
    """Return the result of a case and what comes of its input; raises RowError for a wrong shape."""
    shapes.INPUTS[kind](given)
    try:
        return VALID, KINDS[kind](given)
    except cases.NoMatchError:
        return INVALID, {"match": False}
    except ProtocolError as error:
        return INVALID, _described(error)


def check_own(checker: Checker, root: Node) -> None:
    """Compute every case."""
    with checker.row():
        checker.same(root.get("schema"), SCHEMA)
    with checker.row():
        checker.same(root.get("schema_version"), SCHEMA_VERSION)
    with checker.row():
        root.get("provenance").text()
    with checker.row():
        for note in root.get("notes").rows(least=0):
            note.text()
    kind = root.get("kind").text()
    if kind not in KINDS:
        raise RowError("$.kind", f"one of {', '.join(KINDS)}", shown(kind))
    flags = root.get("flags")
    for flag in flags.object():
        with checker.row():
            flags.get(flag).text()
    rows = root.get("cases").rows()
    with checker.row():
        checker.same(root.get("count"), len(rows))
    used: set[str] = set()
    for number, row in enumerate(rows, start=1):
        with checker.row():
            checker.fields(row, {"id", "comment", "result", "flags", "input", "expected"})
            named = _check_flags(checker, row.get("flags"), flags)
            used |= named
            _check_case(checker, kind, number, row)
            _check_reason(checker, row, named, flags)
    for flag in sorted(flags.object().keys() - used):
        checker.add(Fault(f"$.flags.{flag}", "a flag that some case has", "one that none has"))


def _check_flags(checker: Checker, node: Node, flags: Node) -> set[str]:
    """The flags of a case; each must be explained and stand once."""
    named: set[str] = set()
    for flag in node.rows(least=0):
        if not flags.has(flag.text()):
            checker.add(Fault(flag.path, "a flag that the file explains", shown(flag.value)))
        if flag.value in named:
            checker.add(Fault(flag.path, "each flag once", shown(flag.value)))
        named.add(flag.value)
    return named


def _check_case(checker: Checker, kind: str, number: int, row: Node) -> None:
    with checker.row():
        checker.same(row.get("id"), number)
    with checker.row():
        row.get("comment").text()
    result, outcome = evaluate(kind, row.get("input"))
    checker.same(row.get("result"), result)
    _compare(checker, row.get("expected"), outcome)


def _check_reason(checker: Checker, row: Node, named: set[str], flags: Node) -> None:
    """An invalid case has a flag; if the file explains the very reason of its refusal, it is that one."""
    if row.get("result").value != INVALID:
        return
    path = row.get("flags").path
    if not named:
        checker.add(Fault(path, "a flag that says why the case is invalid", "none"))
    for reason in row.get("expected").object().values():
        if isinstance(reason, str) and flags.has(reason) and reason not in named:
            checker.add(Fault(path, f"{shown(reason)}, the reason of the refusal", shown(sorted(named))))


def _compare(checker: Checker, node: Node, outcome: Any) -> None:  # noqa: ANN401 - any JSON value
    """Compare element by element, so that a fault names the one at fault."""
    if isinstance(outcome, dict):
        checker.fields(node, outcome.keys())
        for name, value in outcome.items():
            if node.has(name):
                _compare(checker, node.get(name), value)
    elif isinstance(outcome, list):
        rows = node.rows(least=0)
        if len(rows) != len(outcome):
            raise RowError(node.path, f"{len(outcome)} rows", f"{len(rows)}")
        for row, value in zip(rows, outcome, strict=True):
            _compare(checker, row, value)
    else:
        checker.same(node, outcome)


def _described(error: ProtocolError) -> dict[str, Any]:
    """An error as its class and the word that is stable between versions; sentences may change."""
    found: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, BatchError):
        found["reason"] = error.reason
    if isinstance(error, UploadError):
        found["field"] = error.field
    if isinstance(error, ExportError):
        found["code"] = error.defect.code.value
    return found
