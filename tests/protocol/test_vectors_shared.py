"""The published vector files kept beside the checkout: they pass, and any change to any of them is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_protocol.cli import CLEAN, FAULTY, UNUSABLE, main
from anopticon_protocol.vectors import check_vectors

Shared = Callable[[str], Path]
Steps = tuple[str | int, ...]

CHECKED = {
    "dp3t_lowcost": 2_443,
    "dp3t_unlinkable": 412,
    "dp3t_hybrid_proposed": 258,
    "gaen": 587,
}
"""How many values of each file are compared."""


@cache
def document(path: Path) -> Any:
    """A file, parsed once; never changed."""
    return json.loads(path.read_text(encoding="utf-8"))


def places(value: Any, steps: Steps = ()) -> Iterator[Steps]:
    """The path of every value inside a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*steps, name)
        yield from places(inner, (*steps, name))


def changed(root: Any, steps: Steps, change: Callable[[Any, Any], None]) -> bytes:
    """The file with one change to the parent of a place."""
    whole = copy.deepcopy(root)
    parent = whole
    for step in steps[:-1]:
        parent = parent[step]
    change(parent, steps[-1])
    return json.dumps(whole).encode()


def other(value: Any) -> Any:
    """A value of the same type that is not the same."""
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    if isinstance(value, int):
        return value + 1
    return value[1:] if isinstance(value, list) else dict(list(value.items())[1:])


@pytest.mark.parametrize("name", CHECKED)
def test_published_vectors_pass(shared: Shared, name: str) -> None:
    """Every value of every published file is what the package computes."""
    report = check_vectors(shared(f"vectors/{name}.json").read_bytes())
    assert (report.verdict, report.schema, report.faults) == ("pass", name, ())
    assert report.checked == CHECKED[name]


def test_blind_signatures_are_not_passed_off_as_checked(shared: Shared) -> None:
    """The RFC 9474 file is recognised, and told to be unchecked."""
    report = check_vectors(shared("vectors/rfc9474.json").read_bytes())
    assert (report.verdict, report.schema, report.checked) == ("not checked", "rfc9474", 0)
    assert "not checked by this version" in report.sentence


@pytest.mark.parametrize("name", CHECKED)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_is_found(shared: Shared, name: str, data: st.DataObject) -> None:
    """One value changed, retyped, emptied or taken out, anywhere: the file fails and the fault has a path."""
    root = document(shared(f"vectors/{name}.json"))
    steps = data.draw(st.sampled_from(list(places(root))))

    def change(parent: Any, step: Any) -> None:
        kind = data.draw(st.sampled_from(["other", "none", "list", "object", "number", "out"]))
        if kind == "out":
            del parent[step]
        else:
            replacements: dict[str, Any] = {"none": None, "list": [], "object": {}, "number": 0.5}
            parent[step] = other(parent[step]) if kind == "other" else replacements[kind]

    report = check_vectors(changed(root, steps, change))
    assert report.verdict == "fail"
    assert report.faults[0].path.startswith("$")


@pytest.mark.parametrize(
    ("name", "steps", "path"),
    [
        ("dp3t_lowcost", ("chains", 0, "sk0"), "$.chains[0].days[0].sk"),
        ("dp3t_lowcost", ("chains", 1, "days", 3, "ephids", 7), "$.chains[1].days[3].ephids[7]"),
        ("dp3t_lowcost", ("chains", 2, "days", 4, "stream_key"), "$.chains[2].days[4].stream_key"),
        ("dp3t_lowcost", ("chains", 2, "days", 0, "t_offset"), "$.chains[2].days[0].t_offset"),
        (
            "dp3t_lowcost",
            ("chains", 0, "days", 0, "sha256_of_concat_ephids"),
            "$.chains[0].days[0].sha256_of_concat_ephids",
        ),
        ("dp3t_lowcost", ("chains", 0, "sk_after_last_day"), "$.chains[0].sk_after_last_day"),
        ("dp3t_lowcost", ("long_chain_zero_seed", "365"), "$.long_chain_zero_seed.365"),
        ("dp3t_lowcost", ("times", 3, "batch_start_2h"), "$.times[3].batch_start_2h"),
        ("dp3t_lowcost", ("times", 0, "unix"), "$.times[0].unix"),
        ("dp3t_lowcost", ("times", 4, "day_start"), "$.times[4].day_start"),
        ("dp3t_lowcost", ("times", 6, "epoch_in_day"), "$.times[6].epoch_in_day"),
        ("dp3t_lowcost", ("config", "NUM_EPOCHS_PER_DAY"), "$.config.NUM_EPOCHS_PER_DAY"),
        ("dp3t_lowcost", ("generator",), "$.generator"),
        ("dp3t_unlinkable", ("vectors", 17, "hashed_observation"), "$.vectors[17].hashed_observation"),
        ("dp3t_unlinkable", ("vectors", 199, "ephid"), "$.vectors[199].ephid"),
        ("dp3t_unlinkable", ("epoch_times", 2, "epoch"), "$.epoch_times[2].epoch"),
        ("dp3t_unlinkable", ("vectors", 3, "name"), "$.vectors"),
        ("dp3t_hybrid_proposed", ("vectors", 2, "n"), "$.vectors[2].n"),
        ("dp3t_hybrid_proposed", ("vectors", 7, "ephids", 95), "$.vectors[7].ephids[95]"),
        ("dp3t_hybrid_proposed", ("_explanation", "STATUS"), "$._explanation.STATUS"),
        ("gaen", ("rpik",), "$.rpik"),
        ("gaen", ("aemk",), "$.aemk"),
        ("gaen", ("info_rpik",), "$.info_rpik"),
        ("gaen", ("padded_prefix",), "$.padded_prefix"),
        ("gaen", ("first_interval",), "$.first_interval"),
        ("gaen", ("day", 143, "aem"), "$.day[143].aem"),
        ("gaen", ("day", 9, "interval"), "$.day[9].interval"),
        ("gaen", ("tekmac", 0, "mac_b64"), "$.tekmac[0].mac_b64"),
        ("gaen", ("tekmac", 1, "keys", 0, 1), "$.tekmac[1].mac_b64"),
    ],
)
def test_the_row_at_fault_is_named(shared: Shared, name: str, steps: Steps, path: str) -> None:
    """SPEC: VE-2. The first fault has the path of the value that was changed, or of the first one computed from it."""
    root = document(shared(f"vectors/{name}.json"))

    def change(parent: Any, step: Any) -> None:
        parent[step] = other(parent[step])

    report = check_vectors(changed(root, steps, change))
    assert report.verdict == "fail"
    assert report.faults[0].path == path
    assert report.faults[0].expected != report.faults[0].found


@pytest.mark.parametrize(
    ("name", "steps", "path", "expected"),
    [
        ("dp3t_unlinkable", ("vectors", 50), "$.vectors", "200 rows, as the file of this origin has"),
        ("dp3t_lowcost", ("times", 2), "$.times", "7 rows, as the file of this origin has"),
        ("dp3t_lowcost", ("long_chain_zero_seed", "14"), "$.long_chain_zero_seed", "8 rows"),
        ("dp3t_lowcost", ("chains", 1), "$.chains", "3 rows"),
        ("dp3t_lowcost", ("chains", 0, "days", 13), "$.chains[0].sk_after_last_day", '"'),
        ("dp3t_lowcost", ("chains", 0, "days", 2, "ephids", 0), "$.chains[0].days[2].ephids", "96 EphIDs"),
        ("gaen", ("day", 0), "$.day", "144 rows"),
        ("gaen", ("tekmac", 1), "$.tekmac", "2 rows"),
        ("gaen", ("tekmac", 0, "keys", 0, 3), "$.tekmac[0].keys[0]", "key, start, period and risk"),
        ("dp3t_hybrid_proposed", ("vectors", 4), "$.vectors", "8 rows"),
    ],
)
def test_a_missing_row_is_found(shared: Shared, name: str, steps: Steps, path: str, expected: str) -> None:
    """A row taken out fails the file even where the others do not depend on it."""

    def change(parent: Any, step: Any) -> None:
        del parent[step]

    report = check_vectors(changed(document(shared(f"vectors/{name}.json")), steps, change))
    assert report.verdict == "fail"
    assert report.faults[0].path == path
    assert report.faults[0].expected.startswith(expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", [*CHECKED, "rfc9474"])
@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_in_any_place_breaks_a_check_or_passes(
    shared: Shared, name: str, data: st.DataObject
) -> None:
    """Any JSON value in the place of any other gives a report, and passes only if it is equal."""
    root = document(shared(f"vectors/{name}.json"))
    top = st.sampled_from([(field,) for field in root])
    within = st.sampled_from([(), *places(root)])
    steps = data.draw(top | within)
    value = data.draw(JSON)

    def change(parent: Any, step: Any) -> None:
        parent[step] = value

    changed_file = changed(root, steps, change) if steps else json.dumps(value).encode()
    report = check_vectors(changed_file)
    if json.dumps(json.loads(changed_file)) != json.dumps(root):
        assert report.verdict != "pass"


@pytest.mark.parametrize("value", [7, True, None, "text", 0.5, [], {}])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("gaen", "day"),
        ("gaen", "tekmac"),
        ("dp3t_hybrid_proposed", "vectors"),
        ("dp3t_hybrid_proposed", "_explanation"),
        ("dp3t_unlinkable", "vectors"),
        ("dp3t_unlinkable", "epoch_times"),
        ("dp3t_lowcost", "chains"),
        ("dp3t_lowcost", "times"),
        ("dp3t_lowcost", "long_chain_zero_seed"),
        ("dp3t_lowcost", "_explanation"),
    ],
)
def test_a_field_of_another_type_is_one_fault(shared: Shared, name: str, field: str, value: object) -> None:
    """Rows that are no rows, and an explanation that is none, are told once, by the path of the field."""
    root = document(shared(f"vectors/{name}.json")) | {field: value}
    (fault,) = check_vectors(json.dumps(root).encode()).faults
    assert fault.path == f"$.{field}"


@pytest.mark.parametrize("name", CHECKED)
def test_a_field_that_is_missing_is_told_once(shared: Shared, name: str) -> None:
    """A field taken out, at the top or from the explanation, is named by its path, and only once."""
    root = document(shared(f"vectors/{name}.json"))
    for field in root:
        report = check_vectors(json.dumps({one: root[one] for one in root if one != field}).encode())
        assert [fault.path for fault in report.faults].count(f"$.{field}") == 1
        assert all(fault.path == f"$.{field}" for fault in report.faults if "missing" in fault.found)
    for entry in root.get("_explanation", {}):
        rest = {one: text for one, text in root["_explanation"].items() if one != entry}
        (fault,) = check_vectors(json.dumps(root | {"_explanation": rest}).encode()).faults
        assert fault.path == f"$._explanation.{entry}"


@pytest.mark.parametrize("name", CHECKED)
def test_a_label_at_fault_is_named(shared: Shared, name: str) -> None:
    """Each text and number at the top, and each explanation, is named first if it was edited or added."""
    root = document(shared(f"vectors/{name}.json"))
    for field, value in root.items():
        if isinstance(value, str | int):
            report = check_vectors(json.dumps(root | {field: other(value)}).encode())
            assert report.faults[0].path == f"$.{field}"
    for entry in [*root.get("_explanation", {}), "one more"] if "_explanation" in root else []:
        told = root["_explanation"] | {entry: "edited"}
        (fault,) = check_vectors(json.dumps(root | {"_explanation": told}).encode()).faults
        assert fault.path == f"$._explanation.{entry}"
        assert fault.found == '"edited"'


def test_the_other_files_of_a_call_are_still_checked(
    shared: Shared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the wrong type fails the call, is named, and does not end it; a schema changes nothing."""
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(document(shared("vectors/gaen.json")) | {"day": 7}))
    schema = Path(__file__).resolve().parents[1] / "vectors" / "schema.json"
    good, unchecked = (str(shared(f"vectors/{name}.json")) for name in ("gaen", "rfc9474"))
    assert main(["check-vectors", str(bad), unchecked, good]) == FAULTY
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  $.day: expected a list of at least 1 rows, found 7"
    assert lines[2].endswith("not checked by this version, which has no blind signatures yet")
    assert lines[3].endswith("587 values, all as computed")
    assert main(["check-vectors", str(schema), good]) == CLEAN
    assert "schema.json: a schema, nothing to check" in capsys.readouterr().out
    assert main(["check-vectors", unchecked, good]) == UNUSABLE


def test_files_of_other_origin_may_have_other_rows(shared: Shared) -> None:
    """A file in a published schema with rows and labels of its own passes if its values are right."""
    root = copy.deepcopy(document(shared("vectors/dp3t_unlinkable.json")))
    root["generator"] = "a phone written in Kotlin"
    root["vectors"] = root["vectors"][:5]
    root["vectors"][0]["name"] = "first"
    assert check_vectors(json.dumps(root).encode()).verdict == "pass"


def test_a_mac_without_risk_needs_risks_of_0(shared: Shared) -> None:
    """The form of the MAC without risk is no row of a file whose keys have a risk."""
    root = copy.deepcopy(document(shared("vectors/gaen.json")))
    root["tekmac"][0]["mac_without_risk_b64"] = root["tekmac"][0]["mac_b64"]
    (fault,) = check_vectors(json.dumps(root).encode()).faults
    assert (
        str(fault) == "$.tekmac[0].mac_without_risk_b64: expected nothing: not all risks are 0, found a MAC"
    )
