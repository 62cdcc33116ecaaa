"""The vectors of recordings are those that the package makes, and come out as they say."""

from __future__ import annotations

import json

import pytest

from tests.recording.vectors.generate import FILE, outcome, render

CASES = json.loads(FILE.read_text(encoding="ascii"))["cases"]


def test_vectors_are_those_of_the_code() -> None:
    """The committed file is what the generator writes: run it if a change is meant (RC-1, RC-6)."""
    assert FILE.read_text(encoding="ascii") == render()


@pytest.mark.parametrize("case", CASES, ids=[case["comment"] for case in CASES])
def test_a_vector_comes_out_as_it_says(case: dict[str, object]) -> None:
    """SPEC: RC-6, RC-7. Rows given out, the line at which a file is torn, and refusal are as the vector says."""
    content = str(case["content"]).encode("ascii")
    assert outcome(content) == (case["rows"], case["torn_line"], case["refused"])
