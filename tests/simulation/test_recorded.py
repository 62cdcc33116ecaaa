"""A recording as the air of a world: phones hear what was recorded, and the oracle agrees on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import Row, ScanMark, ScanPhase
from anopticon_simulation.cli import main
from anopticon_simulation.errors import ContactFileError, ScenarioError
from anopticon_simulation.plan import make_plan
from anopticon_simulation.result import result_bytes, result_of
from anopticon_simulation.scenario import Scenario, parse_scenario
from anopticon_testbed.cli import main as run_testbed
from tests.simulation.worlds import DESIGNS, run_plan
from tests.testbed.made_runs import NS, START_NS, MadeNode, MadeRun

NODES = [
    MadeNode("a", (0, 0, 0)),
    MadeNode("b", (1, 0, 0), wall_ahead=2.5),
    MadeNode("c", (0, 3, 0)),
    MadeNode("d", (9, 9, 0), walks_to=(900, (0.5, 0.5, 0))),
]
SECONDS = 2_100


def scenario(folder: Path, design: str = "lowcost", **sections: dict[str, object]) -> Scenario:
    """One of the nodes tests positive on the day of the recording."""
    fields: dict[str, object] = {
        "title": "recorded",
        "world": {"seed": 3},
        "contacts": {"kind": "recording", "file": str(folder)},
        "exposure": {"attenuation_bound_db": 63, "minutes_per_day": 15},
        "positives": {"scripted": [{"person": "a", "positive_day": 0, "positive_time": "18:00"}]},
    }
    return parse_scenario(fields | sections, "test").with_design(design)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of nodes on which phones scanned."""
    world = MadeRun(NODES, seconds=SECONDS, interval=0.5, epoch=900, fading_sd=4, pair_sd=3, scans=True)
    return world.write(tmp_path_factory.mktemp("scanned"))


def windows(
    folder: Path, node: str, frame_of: dict[bytes, str]
) -> list[tuple[int, Counter[tuple[str, int]]]]:
    """Each scan of a node, read row by row: second of its end, and who was heard in it how strongly how often."""
    found: list[tuple[int, Counter[tuple[str, int]]]] = []
    held: list[HeardFrame] | None = None
    rows: list[Row] = [*read_recording(folder / f"{node}_made_000001.jsonl")]
    for row in rows:
        if isinstance(row, ScanMark) and row.phase is ScanPhase.BEGUN:
            held = []
        elif isinstance(row, ScanMark) and held is not None:
            heard = Counter((frame_of[one.data], one.rssi_dbm or 0) for one in held)
            found.append((row.now, heard))
            held = None
        elif isinstance(row, HeardFrame) and held is not None:
            held.append(row)
    return found


def test_phones_hear_exactly_what_was_recorded(scanned: Path) -> None:
    """Every scan of every phone brings the frames of the recorded scan: who, how strongly, how many, at its second.

    SPEC: SI-7.
    """
    plan = make_plan(scenario(scanned))
    world = MadeRun(NODES, seconds=SECONDS, epoch=900)
    frame_of = {world.frame(node, epoch)[1]: node.name for node in NODES for epoch in range(10)}
    shift = START_NS // NS // 86_400 * 86_400 - plan.start
    people = plan.trace.people
    for node in NODES:
        recorded = [(now - shift, heard) for now, heard in windows(scanned, node.name, frame_of) if heard]
        played = [
            (scan.time, Counter((people[one.sender], one.rssi_dbm) for one in scan.heard))
            for scan in plan.scans
            if people[scan.receiver] == node.name
        ]
        assert played == recorded
        assert len(played) == SECONDS // 300
    gaps = [scan.seconds_since_previous_scan for scan in plan.scans if people[scan.receiver] == "a"]
    assert gaps == [0] + [300] * (SECONDS // 300 - 1)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_oracle_agrees_on_a_recording(scanned: Path, design: str) -> None:
    """In every design real phones on recorded air warn exactly whom the oracle demands, to the second.

    SPEC: SI-1, SI-7.
    """
    judged = run_plan(make_plan(scenario(scanned, design)))
    assert judged.agrees
    people = judged.plan.trace.people
    assert {people[one] for one in judged.warned} >= {"b"}
    assert judged.by_truth.counts()


@pytest.mark.parametrize("design", ["lowcost", "gaen"])
def test_the_oracle_agrees_on_two_frames_at_the_bound(tmp_path: Path, design: str) -> None:
    """Two frames of a scan whose mean ends in a half are rounded as each design says, and the bound lies right there.

    SPEC: SI-1, SI-7, DS-9.
    """
    nodes = [MadeNode(name, (x, 0, 0)) for name, x in (("a", 0), ("b", 1), ("c", -1))]
    nodes += [MadeNode("d", (0, 1, 0)), MadeNode("e", (0, -1, 0))]
    folder = MadeRun(nodes, seconds=6_000, interval=2.0, epoch=900, fading_sd=2, scans=True).write(tmp_path)
    rule: dict[str, object] = {"attenuation_bound_db": 54, "minutes_per_day": 1}
    judged = run_plan(make_plan(scenario(folder, design, exposure=rule)))
    halves = [one for one in judged.log if len(one.more_dbm) == 1 and (one.rssi_dbm + one.more_dbm[0]) % 2]
    assert sum(one.sender == 0 and sum((one.rssi_dbm, *one.more_dbm)) == -139 for one in halves) > 3
    assert judged.agrees
    assert judged.warned


@pytest.mark.parametrize("design", ["hybrid", "gaen"])
def test_the_same_recording_gives_the_same_result(scanned: Path, tmp_path: Path, design: str) -> None:
    """Two runs on a recording, and on a copy of it elsewhere, have the same result to the byte.

    SPEC: SI-4, SI-7.
    """
    for path in scanned.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    one, other = (
        result_bytes(result_of(run_plan(make_plan(scenario(at, design))))) for at in (scanned, tmp_path)
    )
    assert one == other


def test_who_was_near_comes_from_positions(scanned: Path) -> None:
    """Contact truth is the distance of the nodes: b a metre from a all the time, d only after it walked there."""
    plan = make_plan(scenario(scanned))
    people = plan.trace.people
    near = {
        tuple(people[one] for one in (contact.first, contact.second)): 0 for contact in plan.trace.contacts
    }
    for contact in plan.trace.contacts:
        if contact.distance_metres <= 2:
            near[people[contact.first], people[contact.second]] += contact.end - contact.start
    assert near["a", "b"] == pytest.approx(SECONDS, abs=20)
    assert near["a", "d"] == pytest.approx(SECONDS - 900, abs=20)
    assert near["a", "c"] == 0


def test_where_no_phone_ran_the_scenario_scans(tmp_path: Path) -> None:
    """Without scans in the recording phones listen when the scenario says, for four seconds of what was heard.

    SPEC: SI-7.
    """
    folder = MadeRun(NODES[:2], seconds=900, epoch=900).write(tmp_path)
    plan = make_plan(scenario(folder, phones={"scan_interval_seconds": 60, "scan_jitter_seconds": 5}))
    counts = [len(scan.heard) for scan in plan.scans]
    assert 2 * 13 <= len(counts) <= 2 * 16
    assert {15, 16, 17} >= set(counts)


def test_strengths_are_moved_where_senders_radiate_differently(tmp_path: Path) -> None:
    """A sender that radiates 5 dB less than the others is heard 5 dB stronger, so that its attenuation stays.

    SPEC: SI-7.
    """
    folder = MadeRun(NODES[:3], seconds=400, scans=True).write(tmp_path)
    quiet = folder / "c_made_000001.jsonl"
    manifest, rest = quiet.read_text().split("\n", 1)
    quiet.write_text(manifest.replace('"tx":-15', '"tx":-20') + "\n" + rest)
    plan = make_plan(scenario(folder))
    assert plan.scenario.channel.tx_power_dbm == -15
    assert plan.notes == ("strengths moved to -15 dBm of transmit power: c (+5 dB)",)
    a, _, c = range(3)
    heard = {
        one.rssi_dbm for scan in plan.scans for one in scan.heard if (scan.receiver, one.sender) == (a, c)
    }
    assert heard == {round(-69 - 12 * 0.4771) + 5}


def test_what_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, a recording that names no sender, and two airs at once are refused by one sentence."""
    with pytest.raises(ContactFileError, match="holds no recording"):
        make_plan(scenario(tmp_path))
    folder = MadeRun(NODES[:2], seconds=20).write(tmp_path)
    for path in folder.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if '"k":"sent"' not in line))
    with pytest.raises(ScenarioError, match="no recording says what anybody sent"):
        make_plan(scenario(folder))
    assert main(["run", "town", "--contacts", "x", "--recording", "y", "--out", str(tmp_path / "out")]) == 2
    assert "a world has one air" in capsys.readouterr().err


def test_real_measurements_are_an_air(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """DP-3T's measurements of twenty soldiers in a train, imported, run through phones and server as a scenario.

    SPEC: SI-1, SI-7.
    """
    source = shared("data/ble/dp3t-exp05/scenario02-train.sqlite")
    assert run_testbed(["import", str(source), str(tmp_path / "train")]) == 0
    fields = {
        "title": "a train",
        "contacts": {"kind": "recording", "file": str(tmp_path / "train")},
        "phones": {"scan_interval_seconds": 60, "scan_jitter_seconds": 0},
        "exposure": {"attenuation_bound_db": 63, "minutes_per_day": 5},
        "positives": {"scripted": [{"person": "5-SM-A405FN", "positive_day": 0, "positive_time": "18:00"}]},
    }
    for design in ("lowcost", "gaen"):
        judged = run_plan(make_plan(parse_scenario(fields, "test").with_design(design)))
        assert judged.agrees
        assert len(judged.plan.trace.people) == 20
        assert judged.plan.scenario.channel.tx_power_dbm == -21
        assert len(judged.log) > 1_000
        assert 0 < len(judged.warned) < 19
