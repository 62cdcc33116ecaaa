"""One time for all nodes, out of monotonic clocks and clock readings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.recording.rows import ClockReading, Manifest
from anopticon_testbed.analysis.survey import Frames, NodeLog, Survey
from anopticon_testbed.analysis.times import MAX_RUN_DAYS, NS, node_time, run_times
from anopticon_testbed.errors import RecordingError

UNIX_NS = 1_772_452_800 * NS


def log(
    name: str, mono_ns: int, wall_ns: int, frames: list[tuple[int, int]], clock: list[ClockReading]
) -> NodeLog:
    """A node that heard frames at these (monotonic, wall) times."""
    manifest = Manifest(name, "r", mono_ns, wall_ns, "beacon", 0xFD68, "made", -15, None, None, "test")
    mono, wall = np.array(frames, np.int64).reshape(-1, 2).T
    none = np.zeros(len(mono), np.int32)
    columns = Frames(mono, wall, none, none, none.astype(np.int16))
    return NodeLog(manifest, columns, mono_ns, mono_ns + 600 * NS, clock=clock)


@given(
    start=st.integers(0, 10**15),
    offsets=st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=6),
    drift=st.integers(-100, 100),
)
def test_law_true_time_comes_back(start: int, offsets: list[int], drift: int) -> None:
    """Whatever offset each reading has and however the crystal drifts, true seconds come back within a microsecond.

    SPEC: TB-20.
    """

    def mono(second: int) -> int:
        return start + second * NS + second * drift * 1_000

    readings = [
        ClockReading(mono(60 * n), UNIX_NS + 60 * n * NS + offset, offset, 0, "test")
        for n, offset in enumerate(offsets)
    ]
    node = log("a", start, UNIX_NS + offsets[0], [], readings)
    time = run_times(Survey("r", [node], [], [], []))["a"]
    last = 60 * (len(offsets) - 1)
    for second in range(0, last + 1, 20):
        assert time.second(mono(second)) == pytest.approx(second, abs=1e-6)


def test_a_wall_clock_that_is_set_does_not_tear_the_run() -> None:
    """Without readings one lead holds for the whole run, the one that most frames have.

    SPEC: TB-20.
    """
    frames = [(n * NS, UNIX_NS + n * NS + (0 if n < 400 else 3_600 * NS)) for n in range(600)]
    time = node_time(log("a", 0, UNIX_NS, frames, []))
    assert np.diff(time.seconds([mono for mono, _ in frames])) == pytest.approx(np.ones(599))
    assert int(time.true_ns[0]) == UNIX_NS


def test_the_first_recording_begins_the_run() -> None:
    """Of two nodes the one that began first has second 0, and the other is as much later as it was.

    SPEC: TB-20.
    """
    early = log("early", 7 * NS, UNIX_NS, [], [])
    late = log("late", 99 * NS, UNIX_NS + 30 * NS, [], [])
    times = run_times(Survey("r", [late, early], [], [], []))
    assert (times["early"].second(7 * NS), times["late"].second(99 * NS)) == (0.0, 30.0)


@pytest.mark.parametrize(
    ("ended_ns", "offset_ns"),
    [(MAX_RUN_DAYS * 86_400 * NS, 0), (-(2**62), 0), (600 * NS, 2**62), (600 * NS, -(2**63))],
)
def test_a_wild_time_is_refused_before_a_grid_is_laid_over_it(ended_ns: int, offset_ns: int) -> None:
    """A row or a clock reading months away from the others is named, with what to do next.

    SPEC: TB-20.
    """
    readings = [ClockReading(0, UNIX_NS, 0, 0, "test"), ClockReading(NS, UNIX_NS + NS, offset_ns, 0, "test")]
    node = log("pi-7", 0, UNIX_NS, [], readings)
    node.begun_ns, node.ended_ns = min(0, ended_ns), max(0, ended_ns)
    with pytest.raises(RecordingError, match=r"node pi-7, run r: .*MAX_RUN_DAYS.*analyse the parts"):
        run_times(Survey("r", [node], [], [], []))
