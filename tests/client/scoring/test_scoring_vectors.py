"""The scoring vectors: of the documented form, as the code computes them, and as a second implementation does."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from anopticon_client.scoring import WindowScoring, parse_scoring
from tests.client.scoring.slow import day_sums
from tests.vectors.scoring.evaluate import contacts_of, evaluate
from tests.vectors.scoring.generate import main, render

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "scoring"
FILE: dict[str, Any] = json.loads((FOLDER / "scoring.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = FILE["cases"]


def test_the_file_is_of_the_documented_form() -> None:
    """The schema is a JSON Schema and describes the file; ids count, flags are explained and used.

    SPEC: VE-1.
    """
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(FILE, schema, jsonschema.Draft202012Validator)
    assert [case["id"] for case in CASES] == list(range(1, FILE["count"] + 1))
    assert {flag for case in CASES for flag in case["flags"]} == set(FILE["flags"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_every_case_comes_out_as_the_file_says(case: dict[str, Any]) -> None:
    """Result and outcome of each case.

    SPEC: SC-10, SC-12, SC-24, SC-26, SC-36, SC-51.
    """
    assert evaluate(case["input"]) == (case["result"], case["expected"])


WINDOWS = [
    case
    for case in CASES
    if case["result"] == "valid" and case["input"]["configuration"].get("classes") == [{"day_sum": 900}]
]


@pytest.mark.parametrize("case", WINDOWS, ids=lambda case: str(case["id"]))
def test_windows_come_out_the_same_by_a_second_implementation(case: dict[str, Any]) -> None:
    """The day sums of v2 are those of code that shares nothing with the phone's.

    SPEC: SC-36.
    """
    rule = parse_scoring(json.dumps(case["input"]["configuration"]))
    assert isinstance(rule, WindowScoring)
    sums = day_sums(contacts_of(case["input"]), rule, case["input"]["now"])
    said = {day["day"]: Fraction(*day["value"]) for day in case["expected"]["days"]}
    assert {day: total for day, (total, _) in sums.items()} == said


def test_the_file_is_what_its_generator_writes(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in the file was changed by hand, and the generator says so.

    SPEC: VE-1.
    """
    assert render() == (FOLDER / "scoring.json").read_text(encoding="utf-8")
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""
