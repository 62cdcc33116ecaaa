"""A recording through the phone core again shows what the live phone showed, in every design."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_client.events import ReportRequested
from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.reader import find_recordings
from anopticon_testbed.cli import main
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.replaying.replay import Replay, replay
from tests.client.drive import DAY, START, Fate, clock, each_design
from tests.testbed.recorded_phones import RecordedTown


def story(spec: str) -> RecordedTown:
    """Bob and Cid meet Ann; she reports; the server is away for a day; Cid's phone crashes now and then."""
    town = RecordedTown(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    town.meet(ann, bob, clock("10:00"), 40)
    town.meet(ann, cid, clock("12:00"), 40)
    town.tell(ann, ReportRequested("typo", clock("00:00")))
    town.run(clock("14:00"))
    town.report(ann, clock("00:00"))
    bob.online = False
    town.run(clock("15:00", 1))
    bob.online = True
    town.fate = lambda handset: (
        Fate.DIES_BEFORE_ANSWERS if handset is cid and handset.events % 5 == 0 else Fate.LIVES
    )
    town.run(START + 3 * DAY)
    return town


def replays(town: RecordedTown, folder: Path, seed: bytes = b"") -> dict[str, Replay]:
    """The replay of each handset."""
    return {one.manifest.node: replay(one, seed) for one in find_recordings(town.write(folder))}


@each_design
def test_a_replay_shows_what_the_phone_showed(spec: str, tmp_path: Path) -> None:
    """Exposure, report and server-down notices of three phones come again, whatever entropy the replay has.

    SPEC: TB-29.
    """
    town = story(spec)
    told = {handset.name: handset.told for handset in town.handsets}
    assert told["ann"] == ["report"]
    assert told["bob"] == ["server-down", "exposure-20514"]
    assert "exposure-20514" in told["cid"]
    for seed in (b"", b"other"):
        for name, result in replays(town, tmp_path, seed).items():
            assert result.exact, result.differences
            assert (result.live, result.replayed) == (len(told[name]), len(told[name]))
            assert result.drawn_by_lot == 0
            assert result.scans > 0


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["meet", "wait", "report", "offline", "crash"]), st.integers(1, 20)),
        max_size=8,
    ),
    spec=st.sampled_from(["lowcost", "unlinkable", "hybrid", "gaen"]),
    store=st.sampled_from(["kept", "memory"]),
)
def test_law_a_replay_is_exact(steps: list[tuple[str, int]], spec: str, store: str, tmp_path: Path) -> None:
    """Whatever two phones live through, their replays show the same.

    SPEC: TB-29, TB-30.
    """
    town = RecordedTown(spec, "ann", "bob", store=store)
    ann, bob = town.handsets
    for what, amount in steps:
        match what:
            case "meet":
                town.meet(ann, bob, town.now + 60, 5 * amount)
            case "wait":
                town.run(town.now + 3_600 * amount)
            case "report":
                town.report(ann, town.now - DAY)
            case "offline":
                bob.online = not bob.online
            case "crash":
                town.restart(bob)
    town.run(town.now + DAY)
    for result in replays(town, tmp_path).values():
        assert result.exact, result.differences


@pytest.mark.parametrize(("store", "told"), [("kept", ["exposure-20514"]), ("memory", [])])
def test_a_replay_forgets_what_the_live_phone_forgot(tmp_path: Path, store: str, told: list[str]) -> None:
    """A phone whose store ended with its process begins empty in the replay as well.

    SPEC: TB-3, TB-29.
    """
    town = RecordedTown("lowcost", "ann", "bob", store=store)
    ann, bob = town.handsets
    town.meet(ann, bob, clock("10:00"), 40)
    town.restart(bob)
    town.report(ann, clock("00:00"))
    town.run(START + DAY)
    assert bob.told == told
    result = replays(town, tmp_path)["bob"]
    assert result.exact, result.differences
    assert result.replayed == len(told)


def test_a_difference_is_named_and_is_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recording whose scan was weakened shows no exposure any more, and the verb says which phone and notice.

    SPEC: TB-29.
    """
    folder = story("lowcost").write(tmp_path)
    assert main(["replay", str(folder)]) == 0
    assert "3 of 3 phones show what they showed then" in capsys.readouterr().out
    bob = folder / "bob_run_000001.jsonl"
    bob.write_text(bob.read_text().replace('"r":-60', '"r":-95'))
    assert main(["replay", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "bob (run)" in told
    assert "DIFFERENT" in told
    assert "process 1: live showed 'exposure-20514'" in told
    assert "replayed showed nothing more" in told
    assert "2 of 3 phones" in told


def test_what_the_last_moment_led_to_may_not_have_been_shown(tmp_path: Path) -> None:
    """A process killed between handling and showing is no difference; one that showed less for no reason is.

    SPEC: TB-29.
    """
    town = story("lowcost")
    rows = town.rows["bob"]
    last = max(place for place, row in enumerate(rows) if type(row).__name__ == "NoticeRow")
    town.rows["bob"] = rows[:last]
    result = replays(town, tmp_path)["bob"]
    assert (result.exact, result.unseen, result.live, result.replayed) == (True, 1, 1, 1)
    town.rows["bob"] = [*rows[:last], *rows[last + 1 :]]
    result = replays(town, tmp_path)["bob"]
    assert not result.exact


@pytest.mark.parametrize(
    ("find", "put", "sentence"),
    [
        ('"kind":"Woken"', '"kind":"Slept"', "an input of kind 'Slept', which this version does not know"),
        ('"key_id":"', '"key":"', "does not say key_id"),
        ('"design":"lowcost"', '"design":"lowcoast"', "cannot be set up again"),
        ('"design":"lowcost"', '"design":"beacon"', "no phone ran on it"),
        ('"kind":"Started"', '"kind":"Woken"', "had begun before the recording"),
        ('"release_period":7200', '"release_period":7201', "cannot be set up again"),
    ],
)
def test_what_cannot_be_replayed_is_said(tmp_path: Path, find: str, put: str, sentence: str) -> None:
    """A recording without its beginning, its phone or its keys, or from another version, names what is wrong."""
    town = RecordedTown("lowcost", "ann")
    town.run(clock("06:00"))
    path = town.write(tmp_path) / "ann_run_000001.jsonl"
    path.write_text(path.read_text().replace(find, put))
    (recording,) = find_recordings(tmp_path)
    with pytest.raises(RecordingError, match=sentence):
        replay(recording)


def test_dropped_frames_make_a_replay_impossible(tmp_path: Path) -> None:
    """A scan of which a frame is missing is not replayed as if it had been shorter."""
    town = RecordedTown("lowcost", "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("10:00"), 10)
    path = town.write(tmp_path) / "ann_run_000001.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if '"r":-60' in line)
    path.write_text("".join([*lines[:first], *lines[first + 2 :]]))
    recording, _ = find_recordings(tmp_path)
    with pytest.raises(RecordingError, match=r"a scan of 1 frames ends at \d+ and only 0 are recorded"):
        replay(recording)


def test_rows_that_the_recorder_lost_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recording that says it lost rows is replayed, with the warning that it may differ."""
    town = RecordedTown("lowcost", "ann")
    lost = RadioEvent(
        0, 0, RadioEventKind.DROPPED, {"where": "recorder", "count": 3, "reason": "memory full"}
    )
    town.rows["ann"].append(lost)
    assert main(["replay", str(town.write(tmp_path))]) == 0
    assert "3 rows were lost when it was recorded, so a replay may differ" in capsys.readouterr().out


def test_recordings_without_phones_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody ran a phone the verb says so and ends with 2."""
    town = RecordedTown("lowcost", "ann")
    path = town.write(tmp_path) / "ann_run_000001.jsonl"
    path.write_text(path.read_text().replace('"design":"lowcost"', '"design":"beacon"'))
    assert main(["replay", str(tmp_path)]) == 2
    assert "no phone ran on any of the 1 recordings" in capsys.readouterr().err
