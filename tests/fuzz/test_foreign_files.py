"""The fuzz target of recordings and foreign files, for some seconds each, from the files that the vectors hold."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recording.vectors.generate import FILE

SECONDS = 15
TARGET = Path(__file__).with_name("foreign_files.py")


def seeds(reader: str) -> list[bytes]:
    """Whole input to begin from."""
    said = json.loads(FILE.read_text(encoding="ascii"))
    if reader in said["captures"]:
        return [bytes.fromhex(said["captures"][reader])]
    contents = [case["content"].encode() for case in said["cases"] if len(case["content"]) < 20_000]
    return [line for content in contents for line in content.splitlines()] if reader == "row" else contents


@pytest.mark.heavy
@pytest.mark.parametrize("reader", ["row", "recording", "pcap", "btsnoop"])
def test_no_input_that_libfuzzer_invents_crashes_a_reader(tmp_path: Path, reader: str) -> None:
    """SPEC: RC-3, RC-18. For some seconds of mutated files there is a row or one of our own errors, and no hang."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("needs atheris (the extra fuzz), which is not installed")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(reader)):
        (corpus / str(number)).write_bytes(seed)
    options = [f"-max_total_time={SECONDS}", "-timeout=10", str(corpus)]
    command = [sys.executable, str(TARGET), reader, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "Done " in done.stderr
