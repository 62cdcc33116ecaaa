"""What an analysis finds in recordings of a known world is what the world was made with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anopticon_testbed.analysis.contacts import ScanPlan
from anopticon_testbed.analysis.summary import Analysis, Options, RunAnalysis, analyse
from anopticon_testbed.errors import RecordingError
from tests.testbed.made_runs import MadeNode, MadeRun

WORLD = MadeRun(
    nodes=[
        MadeNode("pi1", (0, 0, 0)),
        MadeNode("pi2", (1, 0, 0), mono_at_start=5_000, wall_ahead=0.120, drift=20e-6),
        MadeNode("pi3", (0, 3, 0), mono_at_start=77, wall_ahead=-0.05, drift=-30e-6, off=[(400, 460)]),
        MadeNode("pi4", (6, 6, 0), wall_ahead=4.0, walks_to=(600, (1, 1, 0))),
    ],
    seconds=900,
    fading_sd=3,
    loss=0.1,
    scans=True,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The analysis of the world above."""
    return analyse([WORLD.write(tmp_path_factory.mktemp("made"))])


@pytest.fixture(scope="module")
def only(made: Analysis) -> RunAnalysis:
    """Its one run."""
    (run,) = made.runs
    return run


def test_dead_time_is_what_the_radio_said(only: RunAnalysis) -> None:
    """A scanner that was off for 60 of 900 seconds was on for 840, and nothing else is called dead.

    SPEC: TB-22.
    """
    dead = {one.node: one for one in only.dead}
    assert np.array(dead["pi3"].off) == pytest.approx(np.array([[400, 460]]), abs=0.01)
    assert dead["pi3"].dead_fraction == pytest.approx(60 / 900, abs=0.001)
    assert [dead[name].dead_fraction for name in ("pi1", "pi2", "pi4")] == pytest.approx([0, 0, 0], abs=1e-4)
    assert all(one.known and one.duty == 1 and not one.silences for one in only.dead)


def test_reception_is_the_share_that_was_not_lost(made: Analysis) -> None:
    """Nine frames in ten are heard at every distance, and what a scanner missed while off counts against nobody.

    SPEC: TB-23, TB-24.
    """
    assert made.reception is not None
    assert made.reception.share == pytest.approx(0.9, abs=0.01)
    assert all(0.87 < share < 0.93 for share in made.reception.by_pair.values())
    assert all(one.interval[0] < 0.9 < one.interval[1] for one in made.reception.bins)
    assert len(made.reception.by_pair) == 12


def test_strength_is_the_channel(made: Analysis) -> None:
    """Level and slope of the channel come back within their intervals, and the spread of a frame with them.

    SPEC: TB-25.
    """
    fit = made.strength
    assert fit is not None
    assert fit.best.intercept.value == pytest.approx(-69, abs=0.3)
    assert fit.best.slope.value == pytest.approx(-12, abs=0.5)
    assert fit.within_pair_db == pytest.approx(3, abs=0.15)
    assert fit.between_pairs_db < 0.3


def test_clocks_are_aligned_from_common_events(only: RunAnalysis) -> None:
    """Offsets of the wall clocks come back within a millisecond, drifts within 1 ppm, and readings agree.

    SPEC: TB-27.
    """
    ahead = {"pi1": 0.0, "pi2": 0.120, "pi3": -0.05, "pi4": 4.0}
    drift = {"pi1": 0.0, "pi2": 20.0, "pi3": -30.0, "pi4": 0.0}
    assert len(only.alignments) == 6
    for pair in only.alignments:
        assert pair.wall_seconds == pytest.approx(ahead[pair.other] - ahead[pair.one], abs=1e-3)
        assert pair.drift_ppm == pytest.approx(drift[pair.other] - drift[pair.one], abs=1)
        assert pair.residual_seconds < 1e-4
        assert pair.told_seconds == pytest.approx(pair.wall_seconds, abs=1e-3)
        assert not pair.disagrees


def test_nodes_that_began_at_different_times_are_aligned(tmp_path: Path) -> None:
    """Where one node began later and nobody rotated, the wall clocks lead to the events that both heard.

    SPEC: TB-27.
    """
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0), 55.0, 0.3), MadeNode("c", (0, 2, 0))]
    folder = MadeRun(nodes, seconds=400, epoch=1_000).write(tmp_path)
    late = folder / "b_made_000001.jsonl"
    begin, end = nodes[1].mono_ns(0), nodes[1].mono_ns(130)
    lines = late.read_text().splitlines(keepends=True)
    late.write_text("".join(line for line in lines if not _heard_between(line, begin, end)))
    (run,) = analyse([folder]).runs
    found = {(one.one, one.other): one.wall_seconds for one in run.alignments}
    assert found == pytest.approx({("a", "b"): 0.3, ("a", "c"): 0.0, ("b", "c"): -0.3}, abs=1e-3)


def test_a_clock_reading_that_is_wrong_is_found(tmp_path: Path) -> None:
    """A node whose readings say 0 while its clock is half a second ahead disagrees with what both heard.

    SPEC: TB-27.
    """
    nodes = [MadeNode(name, (x, 0, 0)) for x, name in enumerate(("a", "b", "c"))]
    folder = MadeRun(nodes, seconds=300).write(tmp_path)
    liar = folder / "c_made_000001.jsonl"
    rows = liar.read_text().splitlines(keepends=True)
    shifted = [_wall_later(line, 500_000_000) for line in rows]
    liar.write_text("".join(shifted))
    (run,) = analyse([folder]).runs
    found = {(one.one, one.other): (round(one.wall_seconds, 3), one.disagrees) for one in run.alignments}
    assert found == {("a", "b"): (0.0, False), ("a", "c"): (0.5, True), ("b", "c"): (0.5, True)}


def _wall_later(line: str, by_ns: int) -> str:
    head, mark, tail = line.partition('"w":')
    digits = "".join(iter_digits(tail))
    return f"{head}{mark}{int(digits) + by_ns}{tail[len(digits) :]}"


def iter_digits(text: str) -> list[str]:
    """The digits that a text begins with."""
    end = next(place for place, letter in enumerate(text) if not letter.isdigit())
    return list(text[:end])


def test_contact_recall_is_positions_against_scans(only: RunAnalysis) -> None:
    """Minutes within 2 m come from positions, minutes counted from the phone's scans, each to the second.

    SPEC: TB-28.
    """
    assert only.recall is not None
    found = {(one.sender, one.receiver): one for one in only.recall.contacts}
    assert found["pi2", "pi1"].true == pytest.approx(900, abs=1)
    assert found["pi4", "pi1"].true == pytest.approx(300, abs=1)
    assert found["pi3", "pi1"].true == 0
    # Three scans: the first stands for two minutes, since none is known before it.
    assert found["pi2", "pi1"].heard == pytest.approx(120 + 300 + 300, abs=1)
    assert found["pi2", "pi1"].right == found["pi2", "pi1"].counted == found["pi2", "pi1"].heard
    assert found["pi4", "pi1"].right == pytest.approx(300, abs=1)
    assert only.recall.scans == 12
    assert not only.recall.made_up
    assert 0 < only.recall.precision < only.recall.recall < 1


def test_a_plan_of_scans_stands_in_for_phones(only: RunAnalysis, tmp_path: Path) -> None:
    """Scans of four seconds every 35 find nearly all of the time near, and are said to be made up.

    SPEC: TB-28.
    """
    run = analyse([WORLD.write(tmp_path)], Options(plan=ScanPlan(35, 4))).runs[0]
    assert run.recall is not None
    assert run.recall.made_up
    assert run.recall.scans == 4 * 25
    assert run.recall.recall > 0.93
    assert only.recall is not None
    assert run.recall.recall > only.recall.recall


def test_clean_rotations_are_called_clean(only: RunAnalysis) -> None:
    """Four nodes with three epochs make twelve identifiers under twelve addresses, and no link.

    SPEC: TB-26, AD-4.
    """
    assert only.audit.clean
    assert (only.audit.identifiers, only.audit.addresses, only.audit.links) == (12, 12, ())
    assert only.audit.longest_seconds == pytest.approx(300, abs=1)


@pytest.mark.parametrize("grace", [0.0, 1.0])
def test_one_frame_that_mixes_old_and_new_is_found(tmp_path: Path, grace: float) -> None:
    """A single frame with the old address and the new identifier links both, and a grace calls it brief.

    SPEC: TB-26, AD-4.
    """
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0))]
    run = analyse([MadeRun(nodes, leaks=True).write(tmp_path)], Options(grace_seconds=grace)).runs[0]
    kinds = sorted(link.kind for link in run.audit.links)
    assert kinds == ["address", "address", "identifier", "identifier"]
    assert {link.brief for link in run.audit.links} == {grace > 0}
    assert run.audit.clean == (grace > 0)
    assert all(min(one.frames for one in link.pairings) == 1 for link in run.audit.links)


def test_an_address_that_never_changes_is_found(tmp_path: Path) -> None:
    """A node that rotates its identifier alone has one address over all of them, whatever the grace.

    SPEC: TB-26.
    """
    nodes = [MadeNode("a", (0, 0, 0), rotates=False), MadeNode("b", (1, 0, 0))]
    run = analyse([MadeRun(nodes, seconds=900).write(tmp_path)], Options(grace_seconds=5)).runs[0]
    (link,) = run.audit.links
    assert (link.kind, len(link.pairings), link.brief) == ("address", 3, False)
    assert not run.audit.clean


def test_an_identifier_that_outstays_its_time_is_found(tmp_path: Path) -> None:
    """An identifier heard for 30 minutes is named.

    SPEC: TB-26.
    """
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0))]
    run = analyse([MadeRun(nodes, seconds=1_800, epoch=3_600, interval=1.0).write(tmp_path)]).runs[0]
    assert [round(one.seconds) for one in run.audit.overlong] == [1_800, 1_800] or len(
        run.audit.overlong
    ) == 2
    assert not run.audit.clean


def test_a_silence_while_the_scanner_is_on_is_found(tmp_path: Path) -> None:
    """A minute in which a scanner that says it is on hears nothing is dead time.

    SPEC: TB-22.
    """
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0))]
    folder = MadeRun(nodes, seconds=300).write(tmp_path)
    deaf = folder / "a_made_000001.jsonl"
    start = MadeNode("a", (0, 0, 0)).mono_ns(100)
    kept = [
        line
        for line in deaf.read_text().splitlines(keepends=True)
        if not _heard_between(line, start, start + 60 * 10**9)
    ]
    deaf.write_text("".join(kept))
    dead = analyse([folder]).runs[0].dead[0]
    assert np.array(dead.silences) == pytest.approx(np.array([[100, 160]]), abs=0.5)
    assert dead.dead_fraction == pytest.approx(0.2, abs=0.01)


def _heard_between(line: str, start: int, end: int) -> bool:
    if not line.startswith('{"k":"heard"'):
        return False
    digits = iter_digits(line.partition('"m":')[2])
    return start <= int("".join(digits)) < end


def test_nothing_is_guessed_about_senders_nobody_names(tmp_path: Path) -> None:
    """Without the senders' recordings there is no reception and no distance, and the rest still works.

    SPEC: TB-21, TB-24.
    """
    folder = MadeRun([MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0))], seconds=60).write(tmp_path)
    (folder / "b_made_000001.jsonl").unlink()
    found = analyse([folder])
    assert found.reception is None
    assert found.strength is None
    assert found.runs[0].recall is None
    assert found.runs[0].audit.identifiers == 1


def test_a_node_may_not_come_twice_in_a_run(tmp_path: Path) -> None:
    """The same recording in two folders is refused, by name of run and node."""
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0))]
    folders = [MadeRun(nodes, seconds=10).write(tmp_path / name) for name in ("x", "y")]
    with pytest.raises(RecordingError, match="run made: a recorded twice"):
        analyse(folders)
    with pytest.raises(RecordingError, match="run made: a recorded twice"):
        analyse([folders[0], folders[0]])


def test_runs_are_kept_apart_and_their_channel_is_one(tmp_path: Path) -> None:
    """Two runs have their own audits and clocks, and one fit over both."""
    nodes = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0)), MadeNode("c", (4, 0, 0))]
    for seed, name in ((1, "first"), (2, "second")):
        MadeRun(nodes, seconds=60, seed=seed).write(tmp_path, name)
    found = analyse([tmp_path])
    assert [run.survey.run for run in found.runs] == ["first", "second"]
    assert found.strength is not None
    assert found.strength.pairs == 12
    assert found.strength.frames == sum(len(node.frames) for run in found.runs for node in run.survey.nodes)
    assert np.isfinite([run.audit.longest_seconds for run in found.runs]).all()
