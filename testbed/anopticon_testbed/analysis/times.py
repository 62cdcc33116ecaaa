"""One time for all nodes: seconds of a run, from each node's monotonic clock and its clock readings (SPEC.md TB-20).

A monotonic clock never jumps, so it carries the time; clock readings say where it stands. Between two readings time
goes straight, before the first and after the last at the monotonic clock's own pace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anopticon_protocol.params import DAY_SECONDS
from anopticon_testbed.analysis.survey import NodeLog, Survey
from anopticon_testbed.errors import RecordingError

NS = 1_000_000_000
MAX_RUN_DAYS: Final = 100
"""Ten times the longest experiment; distances are looked at second by second, so that one wild time would cost all
memory: an import whose clock was set from 1970 to today has one clock for both."""
_MAX_TIME_NS: Final = 2**62
Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NodeTime:
    """Turns a node's monotonic nanoseconds into seconds since the beginning of the run."""

    mono_ns: NDArray[np.int64]
    """Anchors, ascending; at least one."""
    true_ns: NDArray[np.int64]
    """True time of each anchor, in Unix nanoseconds."""
    origin_ns: int = 0

    def seconds(self, mono_ns: ArrayLike) -> Seconds:
        """Seconds of the run for monotonic times of this node."""
        given = np.asarray(mono_ns, np.int64)
        # In whole nanoseconds up to the last step: a float holds Unix nanoseconds only to 256.
        lead = self.true_ns - self.origin_ns - (self.mono_ns - self.mono_ns[0])
        correction = np.interp(given - self.mono_ns[0], self.mono_ns - self.mono_ns[0], lead)
        result: Seconds = (correction + (given - self.mono_ns[0])) / NS
        return result

    def second(self, mono_ns: int) -> float:
        """One of them."""
        return float(self.seconds([mono_ns])[0])


def node_time(node: NodeLog) -> NodeTime:
    """The time of one node, from its clock readings or, without any, from its wall clock as it stands.

    Raises RecordingError for one whose rows lie further apart than a run can last.
    """
    _refuse_wild(node, node.begun_ns, node.ended_ns)
    readings = sorted((row.mono_ns, row.wall_ns - row.offset_ns) for row in node.clock)
    if not readings:
        lead = [node.manifest.wall_ns - node.manifest.mono_ns]
        if len(node.frames):
            sample = slice(None, None, max(1, len(node.frames) // 1_000))
            lead = (node.frames.wall_ns[sample] - node.frames.mono_ns[sample]).tolist()
        # A wall clock that was set once does not drag the rest of the run along.
        readings = [(node.begun_ns, node.begun_ns + int(np.median(np.array(lead, np.int64))))]
    _refuse_wild(node, *(true for _, true in readings))
    mono, true = np.array(readings, np.int64).T
    keep = np.concatenate([[True], np.diff(mono) > 0])
    return NodeTime(mono[keep], true[keep])


def _refuse_wild(node: NodeLog, *times_ns: int) -> None:
    """Refuse times that no run has."""
    apart = (max(times_ns) - min(times_ns)) // (DAY_SECONDS * NS)
    if apart >= MAX_RUN_DAYS or max(map(abs, times_ns)) > _MAX_TIME_NS:
        raise RecordingError(
            f"node {node.name}, run {node.manifest.run}: its times lie {apart} days apart, or before or after all "
            f"others, where a run has at most {MAX_RUN_DAYS} days (MAX_RUN_DAYS): a clock was set in the middle, or "
            "a row is wrong; analyse the parts before and after apart"
        )


def run_times(survey: Survey) -> dict[str, NodeTime]:
    """The time of every node, with 0 where the first of them began."""
    times = {node.name: node_time(node) for node in survey.nodes}
    starts = [
        int(times[node.name].true_ns[0]) + node.begun_ns - int(times[node.name].mono_ns[0])
        for node in survey.nodes
    ]
    origin = min(starts, default=0)
    return {name: NodeTime(time.mono_ns, time.true_ns, origin) for name, time in times.items()}
