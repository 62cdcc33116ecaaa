"""An inspection as text for a person: what the file says, then what is wrong with it, then the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from anopticon_protocol.export.defects import Severity
from anopticon_protocol.inspection.report import Finding, Inspection

SHOWN_PER_CODE: Final = 5
"""Defects of one kind that are shown; the JSON form lists more."""
SHOWN_VALUES: Final = 12
"""Different values of a field that are shown: risk levels and report types have fewer, periods up to 144."""
_WIDTH: Final = 11
_SEVERITY: Final = {Severity.REFUSE: "refused", Severity.DROP: "dropped", Severity.REMARK: "remark"}


def render(inspection: Inspection) -> str:
    """The text, without a line break at its end. Nothing in it can steer a terminal."""
    lines = [printable(inspection.file)]
    lines += [f"  {printable(name):{_WIDTH}} {printable(value)}" for name, value in _lines(inspection)]
    return "\n".join(lines)


def printable(text: str) -> str:
    """The text with everything that does not print, such as control and bidirectional marks, as an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def _lines(inspection: Inspection) -> Iterator[tuple[str, str]]:
    yield "holds", f"{inspection.kind}, {inspection.bytes:,} bytes"
    tell = _batch_lines if inspection.kind == "batch" else _export_lines
    yield from tell(inspection.facts)
    yield from _signature_lines(inspection)
    yield from _defect_lines(inspection)
    yield "verdict", _verdict(inspection)


def _export_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "entries" in facts:
        yield (
            "entries",
            ", ".join(f"{name} ({size:,} bytes)" for name, size in facts["entries"].items()) or "none",
        )
    if "records" not in facts:
        return
    yield "window", f"{_time(facts['start'])} to {_time(facts['end'])}"
    yield "region", facts["region"] or "not stated"
    yield "batch", facts["batch"] or "not stated"
    for info in facts["signature_infos"]:
        name = (
            f"{info['key_id']}-{info['key_version']}"
            if info["key_id"] or info["key_version"]
            else "(no name)"
        )
        yield "signer", f"{name}, algorithm {info['algorithm'] or '(not stated)'}"
    lists = facts["lists"]
    counts = f"{lists['keys']:,} first published, {lists['revised_keys']:,} revised"
    yield "keys", counts + (f", {facts['dropped']:,} dropped" if facts["dropped"] else "")
    if facts["usable"]:
        yield from _key_lines(facts)


def _key_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    first, last = facts["valid"]
    unaligned = facts["not_starting_at_midnight"]
    note = f" ({unaligned:,} not starting at UTC midnight)" if unaligned else ""
    yield "valid", f"{_time(first)} to {_time(last)}{note}"
    yield "periods", _counted(facts["rolling_periods"])
    yield "risk", _counted(facts["transmission_risks"])
    yield "reports", _counted(facts["report_types"])
    onset = facts["onset_days"]
    spread = f"{onset[0]} to {onset[1]} days" if onset else "not stated"
    unknown = facts["without_onset"]
    yield "onset", spread + (f" ({unknown:,} not stated)" if onset and unknown else "")


def _batch_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "design" not in facts:
        return
    yield "design", facts["design"]
    yield "release", f"{_time(facts['release'])}, every {facts['period_seconds']:,} s"
    yield "signer", facts["key_id"]
    yield "count", f"{facts['count']:,} in {facts['body_bytes']:,} bytes"
    if facts.get("entries") == "filter":
        yield "filter", f"false positives {facts['false_positive_rate']:.2e} a lookup"
    if facts.get("valid"):
        first, last = facts["valid"]
        yield "valid", f"{_time(first)} to {_time(last)}"
        yield "reports", _counted(facts["report_types"])


def _signature_lines(inspection: Inspection) -> Iterator[tuple[str, str]]:
    for one in inspection.signatures:
        yield "signature", f"by {one.key}, {one.bytes} bytes, {one.form}: {one.verdict}, {one.sentence}"
    if inspection.kind == "export.bin":
        yield "signature", "none in this file: it stands in export.sig, beside export.bin in the archive"


def _defect_lines(inspection: Inspection) -> Iterator[tuple[str, str]]:
    shown: dict[str, int] = {}
    for finding in sorted(inspection.defects, key=lambda one: list(_SEVERITY).index(one.severity)):
        shown[finding.code] = shown.get(finding.code, 0) + 1
        if shown[finding.code] <= SHOWN_PER_CODE:
            yield _SEVERITY[finding.severity], f"{_place(finding)}: {finding.sentence} [{finding.code}]"
    for code, count in inspection.defect_counts.items():
        if count > SHOWN_PER_CODE:
            yield "", f"and {count - SHOWN_PER_CODE:,} more of [{code}]"


def _place(finding: Finding) -> str:
    place = finding.part
    if finding.record is not None:
        place += f", record {finding.record:,}"
    return place if finding.offset is None else f"{place}, offset {finding.offset:,}"


def _verdict(inspection: Inspection) -> str:
    unchecked = any(one.verdict == "not checked" for one in inspection.signatures)
    return {
        "clean": "clean" + (", signature not checked (give --key)" if unchecked else ""),
        "usable": "usable, without the records that were dropped",
        "unverified": "not verified with the given key",
        "refused": "refused: this file must not be used",
    }[inspection.verdict]


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{value.replace('_', ' ')} ({count:,})" for value, count in counts.items()]
    more = len(shown) - SHOWN_VALUES
    return ", ".join(shown[:SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")


def _time(value: Mapping[str, Any] | None) -> str:
    return "(not stated)" if value is None else str(value["utc"])
