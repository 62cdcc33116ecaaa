"""Inputs that fuzzers found worth keeping: each still breaks no law."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parent / "corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_corpus_breaks_no_law(name: str) -> None:
    """Whatever bytes came, engines and readers agree and nothing else is raised (MT-2, MT-10)."""
    files = [path for path in FILES if path.parent.name == name]
    assert len(files) >= 10
    for path in files:
        TARGETS[name](path.read_bytes())


def test_the_kept_corpus_is_small() -> None:
    """The corpus stays a sample: few files, each short."""
    assert len(FILES) < 400
    assert max(path.stat().st_size for path in FILES) <= 1_024
