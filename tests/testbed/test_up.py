"""A whole virtual testbed in one command: in virtual time from plan to warning, in real time with its live page."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.rows import ClockReading, Manifest, Moved, NoticeRow, PhoneInput, Row
from anopticon_testbed.cli import main
from tests.end_to_end.processes import Program
from tests.testbed.world import rows_of

PLAN = """
title = "Two rooms"
scatter_db = 3
[[walls]]
points = [[4, -4], [4, 4]]
loss_db = 40
[[nodes]]
name = "here"
at = [0, 0, 1]
[[nodes]]
name = "there"
at = [8, 0, 1]
[[walkers]]
name = "guest"
waypoints = [[0.5, 0.5], [1, 0.5]]
speed = 0.1
pause_s = 300
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of two rooms, and a guest in the first."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_who_met_the_guest_is_warned_and_nobody_else(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SPEC: TB-13. The node beside the guest who reports is warned, the one behind the wall is not."""
    arguments = [
        "up",
        str(plan),
        "--fast",
        "--out",
        str(tmp_path / "o"),
        "--minutes",
        "68",
        "--design",
        "unlinkable",
    ]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err.split("\n")[:2] == ["  10 of 68 minutes", "  20 of 68 minutes"]
    assert "guest: tested positive, and reports" in out
    assert "anopticon-testbed analyse" in out
    found = rows_of(tmp_path / "o" / "recordings")
    inputs = [row for rows in found.values() for row in rows if isinstance(row, PhoneInput)]
    assert inputs
    assert all(-0.001 < row.wall_ns / 1e9 - row.now < 1 for row in inputs), "a phone's clock is its node's"
    exposed = {
        name: {row.day for row in rows if isinstance(row, NoticeRow) and row.kind == "exposure"}
        for name, rows in found.items()
    }
    assert {name for name, days in exposed.items() if days} == {"here"}
    table = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "minutes" in table["here"]
    assert table["there"].endswith("-")
    assert main(["replay", str(tmp_path / "o" / "recordings")]) == 0


def test_recordings_say_where_and_how_late_everybody_is(plan: Path, tmp_path: Path) -> None:
    """SPEC: TB-13. Manifests have the positions, walkers move as planned, clocks are off by what their rows say."""
    arguments = [
        "up",
        str(plan),
        "--fast",
        "--out",
        str(tmp_path / "o"),
        "--minutes",
        "10.9",
        "--design",
        "beacon",
    ]
    assert main(arguments) == 0
    found = rows_of(tmp_path / "o" / "recordings")
    manifests = {name: rows[0] for name, rows in found.items()}
    assert {name: one.position for name, one in manifests.items() if isinstance(one, Manifest)} == {
        "here": (0, 0, 1),
        "there": (8, 0, 1),
        "guest": (0.5, 0.5, 1.1),
    }
    moves = [row for row in found["guest"] if isinstance(row, Moved)]
    assert len({row.position for row in moves}) > 3
    assert len(moves) > 8
    assert all(row.position[1] == 0.5 for row in moves)
    offsets = set()
    for rows in found.values():
        clocks = [row for row in rows if isinstance(row, ClockReading)]
        assert len(clocks) == 11
        assert all(row.wall_ns - row.mono_ns - row.offset_ns == 1_772_445_600 * 10**9 for row in clocks)
        offsets.add(clocks[0].offset_ns)
    assert len(offsets) == 3


def test_the_same_seed_gives_the_same_frames(plan: Path, tmp_path: Path) -> None:
    """SPEC: TB-13. Two runs of one seed hear the same frames at the same moments, another seed does not."""
    heard: dict[str, list[Row]] = {}
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        out = tmp_path / name
        arguments = ["up", str(plan), "--fast", "--minutes", "2", "--seed", seed, "--design", "beacon"]
        assert main([*arguments, "--out", str(out)]) == 0
        heard[name] = [row for row in rows_of(out / "recordings")["here"] if isinstance(row, HeardFrame)]
    assert len(heard["a"]) > 300
    assert heard["a"] == heard["b"] != heard["c"]


def test_in_real_time_there_is_a_page(plan: Path, tmp_path: Path) -> None:
    """SPEC: TB-13. Without --fast the collector serves the nodes of the plan, and Ctrl-C ends with the summary."""
    with Program("anopticon_testbed", "up", plan, "--port", "0", "--out", tmp_path / "o") as program:
        url = program.wait_for("live page").split()[2]
        with httpx.stream("GET", f"{url}/v1/events", trust_env=False, timeout=60) as events:
            for line in events.iter_lines():
                if '"guest"' in line and '"here"' in line and '"rssi_dbm"' in line:
                    break
        program.process.terminate()
        assert program.ends() == 0
        assert "recordings:" in program.output
    assert set(rows_of(tmp_path / "o" / "recordings")) == {"here", "there", "guest"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["castle"], "floor plan castle"),
        (["--nodes", "0"], "--nodes 0"),
        (["--nodes", "99"], "--nodes 99: must be 1..10"),
        (["--design", "none"], "gaen; or beacon"),
        (["--positive", "nobody"], "--positive"),
        (["--minutes", "-1"], "--minutes"),
        (["--seed", "-1"], "--seed"),
    ],
    ids=["plan", "none", "too many", "design", "positive", "minutes", "seed"],
)
def test_bad_options_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    """Each bad option is one sentence with exit status 2."""
    assert main(["up", "--fast", *arguments]) == 2
    assert told in capsys.readouterr().err
