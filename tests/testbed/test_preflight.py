"""Rates of pairs against nominal: each trouble is known by its mark, and named with its node."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_testbed.calibration.pairs import board_pairs, read_pairs
from anopticon_testbed.calibration.rates import Cause, NodeRate, PairRate, judge, nominal_per_minute
from anopticon_testbed.cli import main
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.live.board import Board
from tests.testbed.nodes import cluster, state
from tests.testbed.runs import Hear, write_run


def near(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Everybody hears nearly everything."""
    return -70 if (number * 7 + len(sender + receiver)) % 20 else None


def filtered(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Node c hears each sender once in ten seconds."""
    return -70 if receiver != "c" or number % 42 == 0 else None


def part_time(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Node c listens one second of three."""
    return -70 if receiver != "c" or at % 3 < 1 else None


def bursts(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Node c listens for a second and a half of each minute: as few PDUs as with a filter, but close together."""
    return -70 if receiver != "c" or at % 60 < 1.5 else None


def deaf(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Node c hears nothing."""
    return None if receiver == "c" else -70


def unheard(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Nobody hears c."""
    return None if sender == "c" else -70


def walled(sender: str, receiver: str, number: int, at: float) -> int | None:
    """Between a and c stands a wall."""
    return (
        -96
        if {sender, receiver} == {"a", "c"} and number % 10 == 0
        else None
        if {sender, receiver} == {"a", "c"}
        else -70
    )


@pytest.mark.parametrize(
    ("hear", "found"),
    [
        (near, []),
        (filtered, [(Cause.FILTERED, "c")]),
        (part_time, [(Cause.PART_TIME, "c")]),
        (bursts, [(Cause.PART_TIME, "c")]),
        (deaf, [(Cause.DEAF, "c")]),
        (unheard, [(Cause.MUTE, "c")]),
        (walled, [(Cause.WEAK_PAIR, "c to a"), (Cause.WEAK_PAIR, "a to c")]),
    ],
    ids=["all well", "duplicate filter", "scan duty", "bursts", "deaf", "unheard", "wall"],
)
def test_each_trouble_is_named(tmp_path: Path, hear: Hear, found: list[tuple[Cause, str]]) -> None:
    """SPEC: TB-8, TB-9. From recordings alone, each trouble is told by its cause and its node."""
    run = read_pairs(write_run(tmp_path, "abcde", hear))
    faults = judge(run.nodes, run.pairs)
    assert [(fault.cause, fault.subject) for fault in faults] == found
    assert all(fault.sentence[-1] != "." and len(fault.sentence) > 40 for fault in faults)


def test_rates_are_those_of_the_recording(tmp_path: Path) -> None:
    """SPEC: TB-8. A full receiver has the nominal rate: 250 PDUs a minute at 200 to 270 ms."""
    run = read_pairs(write_run(tmp_path, "ab", lambda *_: -61))
    assert nominal_per_minute((200, 270)) == 250
    assert {pair.sender for pair in run.pairs} == {"a", "b"}
    for pair in run.pairs:
        assert pair.per_minute == pytest.approx(250, rel=0.01)
        assert pair.rssi_dbm == -61
        assert pair.gap_seconds == pytest.approx(0.24)


def test_a_silent_node_is_not_expected_to_be_heard(tmp_path: Path) -> None:
    """SPEC: TB-9. A node whose schedule says that it sends nothing is no mute one."""
    run = read_pairs(write_run(tmp_path, "abcd", near, mute="d"))
    assert judge(run.nodes, run.pairs) == []


@given(st.floats(0.76, 1), st.integers(3, 8))
def test_full_rates_are_no_fault(share: float, count: int) -> None:
    """SPEC: TB-9. Whatever share above three quarters every pair gets, nothing is wrong."""
    names = [f"n{number}" for number in range(count)]
    nodes = dict.fromkeys(names, NodeRate(250, 1.0))
    pairs = [PairRate(a, b, round(250 * share), 60) for a in names for b in names if a != b]
    assert judge(nodes, pairs) == []


def test_a_short_run_is_told_to_be_too_short() -> None:
    """SPEC: TB-9. Ten seconds tell nothing, and nothing else is claimed about them."""
    nodes = {"a": NodeRate(250, 1.0), "b": NodeRate(250, 1.0)}
    faults = judge(nodes, [PairRate("a", "b", 1, 10)])
    assert [fault.cause for fault in faults] == [Cause.TOO_SHORT]


def test_a_board_is_judged_like_a_recording() -> None:
    """SPEC: TB-8. From running nodes: the one that hears nobody is named, a silent one is left out."""
    seconds = [0.0]
    board = Board(lambda: seconds[0], lambda: 1)
    board.push(state(9))
    seconds[0] = 60
    for told in cluster(4):
        board.push(told)
    board.push(state(5))
    found = board_pairs(board.snapshot())
    assert sorted(found.nodes) == ["pi-01", "pi-02", "pi-03", "pi-04", "pi-05"]
    faults = judge(found.nodes, found.pairs)
    assert {(fault.cause, fault.subject) for fault in faults} == {
        (Cause.DEAF, "pi-05"),
        (Cause.MUTE, "pi-05"),
    }


def test_the_verb_prints_the_matrix_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC: TB-8. `preflight` prints every pair's rate, each fault with what to do next, and exits with 1."""
    assert main(["preflight", str(write_run(tmp_path, "abcd", filtered))]) == 1
    out = capsys.readouterr().out
    assert "a             250   250   250" in out
    assert "duplicate filter: c hears each sender only 6 times a minute" in out
    assert main(["preflight", str(write_run(tmp_path / "good", "abcd", near))]) == 0
    assert "all 4 nodes hear each other as they should" in capsys.readouterr().out


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    """SPEC: TB-8. A node that recorded two runs into the folder is named."""
    write_run(tmp_path, "ab", near, seconds=1)
    part = next(tmp_path.glob("a_*.jsonl"))
    text = part.read_text().splitlines(keepends=True)
    (tmp_path / "a_other_000001.jsonl").write_text(text[0].replace('"run":"run"', '"run":"other"'))
    with pytest.raises(RecordingError, match="two runs of a"):
        read_pairs(tmp_path)


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--collector", "http://127.0.0.1:1"]], ids=["neither", "both"]
)
def test_preflight_wants_one_source(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither or both sources are refused."""
    assert main(["preflight", *arguments]) == 2
    assert "either a folder of recordings or --collector" in capsys.readouterr().err


def test_a_collector_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """No collector: one sentence with what to start."""
    assert main(["preflight", "--collector", "http://127.0.0.1:1"]) == 2
    assert "Start one with: anopticon-testbed live" in capsys.readouterr().err
