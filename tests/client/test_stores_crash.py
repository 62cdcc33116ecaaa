"""Phones and stores killed with SIGKILL: what their files hold afterwards, and what came of their lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows does not have")


def harness(what: str, folder: Path) -> list[Any]:
    """Everything that crash_harness.py says."""
    command = [sys.executable, "-m", "tests.client.crash_harness", what, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_write_killed_anywhere_is_whole_or_absent(tmp_path: Path) -> None:
    """Wherever inside a write a process dies, its file holds exactly the writes before, and takes up the rest."""
    *killed, last = harness("points", tmp_path)
    assert last == ["ended", [4, True], "ended", [4, True]]
    assert len(killed) > 50
    assert {how for how, _, _, _ in killed} == {"killed"}
    assert {step for _, (step, _), _, _ in killed} == {0, 1, 2, 3, 4}
    assert [one for one in killed if one[1][1] is not True or one[2:] != ["ended", [4, True]]] == []


def test_a_write_killed_from_outside_is_whole_or_absent(tmp_path: Path) -> None:
    """The same holds at moments that nobody chose, in the middle of system calls too."""
    killed = harness("moments", tmp_path)
    assert len(killed) == 20
    assert "killed" in {how for how, _, _, _ in killed}
    assert [one for one in killed if one[1][1] is not True or one[2:] != ["ended", [4, True]]] == []


@pytest.mark.parametrize(
    "spec",
    ["lowcost", *(pytest.param(spec, marks=pytest.mark.heavy) for spec in ("unlinkable", "hybrid", "gaen"))],
)
def test_a_phone_killed_between_any_two_steps_loses_nothing(spec: str, tmp_path: Path) -> None:
    """Killed before or after anything is saved, sent, fetched or shown, a phone reports once and is warned."""
    *killed, whole = harness(spec, tmp_path)
    assert len(killed) > 60
    assert whole["lives"] == 1
    assert whole["shown"] == ["report", "exposure-20514"]
    resent = shown_again = 0
    for life in killed:
        assert life["lives"] == 2
        assert sorted(set(life["shown"])) == ["exposure-20514", "report"]
        assert life["unshown"] == []
        assert [day for day, _ in life["exposures"]] == ["exposure-20514"]
        assert life["different_uploads"] == 1
        assert life["accepted"] == whole["accepted"]
        assert life["published"] == whole["published"]
        assert life["published_twice"] == 0
        assert life["pending"] is False
        assert life["kept_after_report"] == []
        resent += life["uploads"] == 2
        shown_again += len(life["shown"]) == 3
    # What may happen twice does so only where the kill came between doing it and saving that it was done.
    assert resent == 2
    assert shown_again == 4
