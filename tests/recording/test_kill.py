"""A recorder killed at any moment, again and again, in one folder."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import Manifest
from tests.recording.kit import frame, read

ROOT = Path(__file__).resolve().parents[2]


def record_and_kill(folder: Path, first: int, lines: int, mode: str) -> int:
    """Start a recorder, kill it -9 once it has flushed so often, and return what it promised last."""
    command = [sys.executable, "-m", "tests.recording.victim", str(folder), str(first), mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        promised = first
        for _ in range(lines):
            promised = int(process.stdout.readline())
        process.kill()
        # What was still in the pipe was promised as well; its last line may be cut.
        rest = process.stdout.read().rpartition("\n")[0].split()
        return int(rest[-1]) if rest else promised


def kill_rounds(folder: Path, rounds: int, luck: random.Random) -> None:
    """Kill recorders, each of which goes on where the one before was stopped, and look after each kill."""
    first, parts = 0, 0
    for number in range(rounds):
        promised = record_and_kill(folder, first, luck.randrange(1, 60), ("thread", "inline")[number % 2])
        rows, torn = read(folder)
        assert len(rows) >= promised
        assert rows == [frame(index) for index in range(len(rows))]
        assert len(torn) <= number + 1
        manifests = [row.part for row in read_recording(folder) if isinstance(row, Manifest)]
        assert manifests == sorted(set(manifests))
        assert len(manifests) > parts
        first, parts = len(rows), len(manifests)


def test_a_killed_recorder_loses_nothing_it_had_flushed(tmp_path: Path) -> None:
    """SPEC: RC-5, RC-6. Killed at any moment, a recording opens and holds every row flushed, in order, none twice."""
    kill_rounds(tmp_path, 4, random.Random())


@pytest.mark.heavy
def test_a_recorder_killed_a_hundred_times_loses_nothing_it_had_flushed(tmp_path: Path) -> None:
    """The same over a hundred kills, in ten folders (RC-5, RC-6)."""
    luck = random.Random()
    for number in range(10):
        kill_rounds(tmp_path / str(number), 10, luck)
