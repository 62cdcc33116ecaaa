"""The project's own vector files in tests/vectors: their form, their values, and what checking them finds."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from anopticon_protocol.vectors import check_vectors
from anopticon_protocol.vectors.document import Node
from anopticon_protocol.vectors.own import KINDS, evaluate
from tests.vectors import generate
from tests.vectors.made import Case, VectorFile

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
NAMES = sorted(path.name for path in FOLDER.glob("*.json") if path.name != "schema.json")
Steps = tuple[str | int, ...]


@cache
def document(name: str) -> Any:
    """A file of the folder, parsed once; never changed."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def cases(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Input and expectation of every valid case of a file."""
    for case in document(name)["cases"]:
        if case["result"] == "valid":
            yield case["input"], case["expected"]


def test_there_is_a_file_of_every_kind() -> None:
    """The folder holds what the generator makes, one file of each kind."""
    assert set(generate.FILES) == set(NAMES)
    assert sorted(document(name)["kind"] for name in NAMES) == sorted(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_files_fit_their_schema(name: str) -> None:
    """SPEC: VE-1. schema.json is a JSON Schema, and describes the file."""
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document(name))] == []


@pytest.mark.parametrize("name", NAMES)
def test_files_pass_their_check(name: str) -> None:
    """Every value of every file is what the package computes."""
    report = check_vectors((FOLDER / name).read_bytes())
    assert (report.verdict, report.schema, report.faults) == ("pass", "anopticon-vectors", ())


@pytest.mark.parametrize("name", NAMES)
def test_files_hold_valid_and_where_they_can_invalid_cases(name: str) -> None:
    """Kinds that can fail have cases that do; the three that cannot are known."""
    results = {case["result"] for case in document(name)["cases"]}
    always = {"lowcost.json", "unlinkable.json", "gaen.json", "filter_build.json"}
    assert results == ({"valid"} if name in always else {"valid", "invalid"})


def test_the_generator_gives_these_files(capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC: VE-1. --check finds no difference between what is generated and what is there."""
    assert generate.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_the_generator_runs_as_a_script() -> None:
    """It finds the package and its neighbours from anywhere."""
    command = [sys.executable, str(FOLDER / "generate.py"), "--check"]
    done = subprocess.run(command, cwd=FOLDER.anchor, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_generator_finds_and_mends_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed file fails the comparison by name, and is written anew without --check."""
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main([]) == 0
    (tmp_path / "code.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "code.json: differs from what the code gives\n"
    assert generate.main([]) == 0
    assert (tmp_path / "code.json").read_bytes() == (FOLDER / "code.json").read_bytes()


@pytest.mark.parametrize(
    "case",
    [
        Case("said valid, is not", {"frame": ""}),
        Case("said invalid, is valid", {"frame": "03036ffd1716" + "6ffd" + "00" * 20}, (), {"error": "X"}),
        Case("said another error", {"frame": ""}, (), {"error": "BatchError"}),
    ],
)
def test_the_generator_refuses_a_case_that_comes_out_otherwise(case: Case) -> None:
    """A fault of the code cannot become a vector: the outcome must be the one that was said."""
    with pytest.raises(SystemExit, match="came out"):
        generate.render(VectorFile("advertisement", (), {}, [case]))


def aes_ctr(key: bytes, length: int, start: bytes = bytes(16)) -> bytes:
    """AES-CTR keystream, straight from the library."""
    return Cipher(AES(key), CTR(start)).encryptor().update(bytes(length))


def hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without salt, 16 bytes, written out from RFC 5869."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\1", hashlib.sha256).digest()[:16]


def cut(stream: bytes) -> list[str]:
    """A stream as 16-byte identifiers."""
    return [stream[start : start + 16].hex() for start in range(0, len(stream), 16)]


def test_lowcost_identifiers_a_second_time() -> None:
    """Stream keys, EphIDs and next keys follow from hashlib, hmac and AES alone."""
    for given_input, expected in cases("lowcost.json"):
        secret = bytes.fromhex(given_input["sk"])
        stream_key = hmac.new(secret, b"broadcast key", hashlib.sha256).digest()
        assert expected["stream_key"] == stream_key.hex()
        assert expected["ephids"] == cut(aes_ctr(stream_key, 96 * 16))
        assert expected["next_sk"] == hashlib.sha256(secret).hexdigest()


def test_unlinkable_identifiers_a_second_time() -> None:
    """EphIDs and hashed observations follow from hashlib alone."""
    for given_input, expected in cases("unlinkable.json"):
        ephid = hashlib.sha256(bytes.fromhex(given_input["seed"])).digest()[:16]
        hashed = hashlib.sha256(ephid + given_input["epoch"].to_bytes(4, "big")).hexdigest()
        assert expected == {"ephid": ephid.hex(), "hashed_observation": hashed}


def test_hybrid_identifiers_a_second_time() -> None:
    """Stream keys and EphIDs follow from hmac and AES alone."""
    for given_input, expected in cases("hybrid.json"):
        stream_key = hmac.new(bytes.fromhex(given_input["seed"]), b"DP3T-HYBRID", hashlib.sha256).digest()
        count = given_input["window_minutes"] // 15
        assert expected["n"] == count
        assert expected["stream_key"] == stream_key.hex()
        assert expected["ephids"] == cut(aes_ctr(stream_key, 16 * count))


def test_gaen_identifiers_a_second_time() -> None:
    """Derived keys, identifiers and encrypted metadata follow from hmac and AES alone."""
    for given_input, expected in cases("gaen.json"):
        tek, metadata = bytes.fromhex(given_input["tek"]), bytes.fromhex(given_input["metadata"])
        rpik, aemk = hkdf(tek, b"EN-RPIK"), hkdf(tek, b"EN-AEMK")
        assert (expected["rpik"], expected["aemk"]) == (rpik.hex(), aemk.hex())
        assert len(expected["identifiers"]) == given_input["rolling_period"]
        for number, row in enumerate(expected["identifiers"], start=given_input["rolling_start"]):
            block = b"EN-RPI" + bytes(6) + number.to_bytes(4, "little")
            rpi = Cipher(AES(rpik), ECB()).encryptor().update(block)  # noqa: S305 - as specified
            aem = bytes(one ^ two for one, two in zip(metadata, aes_ctr(aemk, 4, rpi), strict=True))
            assert row == {"interval": number, "rpi": rpi.hex(), "aem": aem.hex()}


def places(value: Any, steps: Steps = ()) -> Iterator[Steps]:
    """The path of every value inside a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*steps, name)
        yield from places(inner, (*steps, name))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=40)
def test_any_change_to_what_is_expected_is_found(name: str, data: st.DataObject) -> None:
    """A value under `expected` changed, retyped or taken out fails the file and is named by its path."""
    whole = copy.deepcopy(document(name))
    number = data.draw(st.integers(0, len(whole["cases"]) - 1))
    expected = whole["cases"][number]["expected"]
    *steps, last = data.draw(st.sampled_from(list(places(expected))))
    parent = expected
    for step in steps:
        parent = parent[step]
    kind = data.draw(st.sampled_from(["other", "none", "number", "out"]))
    if kind == "out":
        del parent[last]
    elif kind == "other" and isinstance(parent[last], str | int) and not isinstance(parent[last], bool):
        parent[last] = parent[last] + ("0" if isinstance(parent[last], str) else 1)
    else:
        parent[last] = {"none": 0.25, "number": -1, "other": "nothing like it"}[kind]
    report = check_vectors(json.dumps(whole).encode())
    assert report.verdict == "fail"
    assert report.faults[0].path.startswith(f"$.cases[{number}].expected")


@pytest.mark.parametrize(
    ("steps", "value", "path"),
    [
        (("count",), 8, "$.count"),
        (("schema_version",), 2, "$.schema_version"),
        (("schema",), "other", "$.schema"),
        (("kind",), "other", "$.kind"),
        (("provenance",), "", "$.provenance"),
        (("notes",), [""], "$.notes[0]"),
        (("flags", "WindowLength"), "", "$.flags.WindowLength"),
        (("flags", "Unused"), "Nobody has it.", "$.flags.Unused"),
        (("cases",), [], "$.cases"),
        (("cases", 1, "id"), 1, "$.cases[1].id"),
        (("cases", 1, "comment"), "", "$.cases[1].comment"),
        (("cases", 1, "flags"), ["NotExplained"], "$.cases[1].flags[0]"),
        (("cases", 1, "result"), "invalid", "$.cases[1].result"),
        (("cases", 1, "extra"), 1, "$.cases[1].extra"),
        (("cases", 1, "input", "seed"), "00" * 16, "$.cases[1].expected.stream_key"),
        (("cases", 1, "input", "seed"), "00" * 15, "$.cases[1].input.seed"),
        (("cases", 1, "input", "window_minutes"), "15", "$.cases[1].input.window_minutes"),
        (("cases", 1, "expected", "ephids"), [], "$.cases[1].expected.ephids"),
        (("cases", 1, "expected", "more"), 1, "$.cases[1].expected.more"),
        (("cases", 1, "expected"), {}, "$.cases[1].expected.ephids"),
        (("cases", 1), None, "$.cases[1]"),
        (("cases", 7, "input", "seed"), [], "$.cases[7].input.seed"),
        (("cases", 7, "input", "seed"), None, "$.cases[7].input.seed"),
        (("cases", 7, "input", "more"), 1, "$.cases[7].input.more"),
        (("cases", 7, "input"), {"window_minutes": 100}, "$.cases[7].input.seed"),
        (("cases", 7, "flags"), [], "$.cases[7].flags"),
        (("cases", 7, "flags"), ["WindowLength", "WindowLength"], "$.cases[7].flags[1]"),
        (("cases", 7, "flags"), "WindowLength", "$.cases[7].flags"),
    ],
)
def test_any_part_of_a_file_may_be_at_fault(steps: Steps, value: object, path: str) -> None:
    """The envelope, the cases and their inputs are checked too, each fault under its own path."""
    whole = copy.deepcopy(document("hybrid.json"))
    parent = whole
    for step in steps[:-1]:
        parent = parent[step]
    parent[steps[-1]] = value
    report = check_vectors(json.dumps(whole).encode())
    assert report.verdict == "fail"
    assert report.faults[0].path == path


@cache
def input_schema(name: str) -> Draft202012Validator:
    """What schema.json says of the inputs of one file."""
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    kind = document(name)["kind"]
    (rules,) = (rule["then"] for rule in schema["allOf"] if rule["if"]["properties"]["kind"]["const"] == kind)
    shape = rules["properties"]["cases"]["items"]["properties"]["input"]
    return Draft202012Validator({"$defs": schema["$defs"], **shape})


@pytest.mark.parametrize("name", NAMES)
def test_what_the_schema_refuses_of_an_input_is_a_fault_of_it(name: str) -> None:
    """Each value inside each input, valid or not, retyped or taken out: the path of the input is named first."""
    wrong: tuple[Any, ...] = (None, True, 0.5, -1, 2**70, "\u2603", "\ud800", "00", [], {}, [None])
    for number, case in enumerate(document(name)["cases"]):
        for *steps, last in places(case["input"]):
            for value in (*wrong, "out"):
                given_input = copy.deepcopy(case["input"])
                parent = given_input
                for step in steps:
                    parent = parent[step]
                if value == "out":
                    del parent[last]
                else:
                    parent[last] = value
                if input_schema(name).is_valid(given_input):
                    continue
                broken = case | {"id": 1, "input": given_input}
                whole = document(name) | {"count": 1, "cases": [broken]}
                report = check_vectors(json.dumps(whole).encode())
                assert report.verdict == "fail", (number, steps, last, value)
                assert report.faults[0].path.startswith("$.cases[0].input"), (number, steps, last, value)


@pytest.mark.parametrize(
    ("flags", "wanted"), [(["order"], '"duplicate"'), (["design", "order"], '"duplicate"')]
)
def test_the_flag_of_a_refusal_is_its_reason(flags: list[str], wanted: str) -> None:
    """Where the flags are the reasons, a case that is refused for another than its flag says is a fault."""
    whole = copy.deepcopy(document("batch.json"))
    assert whole["cases"][23]["flags"] == ["duplicate"]
    whole["cases"][23]["flags"] = flags
    first = check_vectors(json.dumps(whole).encode()).faults[0]
    assert first.path == "$.cases[23].flags"
    assert first.expected.startswith(wanted)


def test_a_case_taken_out_is_found() -> None:
    """Ids count from 1 and the file says how many cases it has, so that none can be lost."""
    for number in (0, 3, -1):
        whole = copy.deepcopy(document("match.json"))
        del whole["cases"][number]
        assert check_vectors(json.dumps(whole).encode()).verdict == "fail"


@pytest.mark.parametrize("name", NAMES)
def test_inputs_of_the_wrong_shape_are_faults(name: str) -> None:
    """An input with a field of another type is a fault of that field and never a traceback."""
    for field in document(name)["cases"][0]["input"]:
        wrong: tuple[Any, ...] = (None, [], {}, -1, "\u2603", True, 2**70)
        for value in wrong:
            whole = copy.deepcopy(document(name))
            if whole["cases"][0]["input"][field] == value:
                continue
            whole["cases"][0]["input"][field] = value
            report = check_vectors(json.dumps(whole).encode())
            assert report.verdict == "fail"
            assert report.faults[0].path.startswith("$.cases[0]")


@given(st.sampled_from(sorted(KINDS)), st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_every_kind_takes_any_input(kind: str, value: object) -> None:
    """No input breaks a kind: it has an outcome, or a fault of shape."""
    whole = {
        "schema": "anopticon-vectors",
        "schema_version": 1,
        "kind": kind,
        "provenance": "a test",
        "notes": [],
        "flags": {},
        "count": 1,
        "cases": [{"id": 1, "comment": "x", "result": "valid", "flags": [], "input": value, "expected": {}}],
    }
    assert check_vectors(json.dumps(whole).encode()).verdict == "fail"


def test_outcomes_name_the_stable_reason() -> None:
    """Errors are told by class and reason, and a case without a match by that."""
    frame = evaluate("advertisement", Node({"frame": "00"}))
    assert frame == ("invalid", {"error": "AdvertisementError"})
    missed = next(case for case in document("match.json")["cases"] if case["result"] == "invalid")
    assert evaluate("match", Node(missed["input"])) == ("invalid", {"match": False})
