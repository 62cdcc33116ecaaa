"""Who sent what was heard, and how far away: from the senders' own schedules, positions and truth rows (SPEC.md TB-21).

Nothing is guessed. A payload belongs to the node whose Sent rows name it; an address to the sender that a Truth row
names. A payload that two nodes say they sent belongs to neither.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from anopticon_client.recording.rows import Truth
from anopticon_testbed.analysis.survey import NodeLog, Survey, identifier_of
from anopticon_testbed.analysis.times import NodeTime, Seconds

MOVE_HOLD_SECONDS: Final = 5.0
"""Between two positions not further apart in time than this a walker went straight; else he stood where he was."""
TRUTH_HOLD_SECONDS: Final = 60.0
"""A distance that truth rows change holds for so long after the last of them, or the last frame of that sender."""


class Senders:
    """Sender of each frame of a survey, and distances of pairs over time."""

    def __init__(self, survey: Survey, times: dict[str, NodeTime]) -> None:
        """Read schedules, positions and truth rows once."""
        self.survey, self.times = survey, times
        self.names: list[str] = []
        self._number: dict[str, int] = {}
        self._tracks = {node.name: _track(node, times[node.name]) for node in survey.nodes}
        owners: dict[bytes, set[str]] = {}
        for node in survey.nodes:
            for sent in node.sent:
                if sent.frame:
                    owners.setdefault(sent.frame, set()).add(node.name)
        # What is sent may differ from what is heard by the flags, which a daemon may leave out: identifiers decide.
        self._by_identifier: dict[bytes, set[str]] = {}
        for frame, who in owners.items():
            self._by_identifier.setdefault(_identity(frame), set()).update(who)
        self._truth: dict[tuple[str, str], list[Truth]] = {}
        for node in survey.nodes:
            for row in node.truth:
                self._truth.setdefault((node.name, row.sender or row.address.hex()), []).append(row)
        self._by_payload = np.array([self._owner(payload) for payload in survey.payloads] or [-1], np.int32)

    def of_frames(self, node: NodeLog) -> NDArray[np.int32]:
        """Number in `names` of who sent each frame of `node`; -1 where nobody says."""
        by_address = {row.address: row.sender or row.address.hex() for row in node.truth}
        told = [self._name(by_address[one]) if one in by_address else -1 for one in self.survey.addresses]
        from_truth = np.array(told or [-1], np.int32)
        if not len(node.frames):
            return np.zeros(0, np.int32)
        sender = self._by_payload[node.frames.payload]
        result: NDArray[np.int32] = np.where(sender >= 0, sender, from_truth[node.frames.address])
        return result

    def distance(self, receiver: NodeLog, sender: str, at: Seconds, heard: Seconds | None = None) -> Seconds:
        """Metres between two at ascending seconds of the run; NaN where nobody knows.

        `heard` are the seconds of the sender's frames, ascending; None if `at` are these.
        """
        told = self._told(receiver, sender, at, heard)
        one, other = self._tracks[receiver.name], self._tracks.get(sender)
        if one is None or other is None:
            return told
        apart = _positions(one, at) - _positions(other, at)
        result: Seconds = np.where(np.isfinite(told), told, np.sqrt((apart**2).sum(axis=1)))
        return result

    def number(self, name: str) -> int:
        """Number of a sender, -1 if none of its frames can be told."""
        return self._number.get(name, -1)

    def tx_power_dbm(self, receiver: NodeLog, sender: str) -> int:
        """Power of a sender: its own manifest's, else what a truth row says, else what the receiver's manifest does."""
        node = self.survey.node(sender)
        if node is not None and node.sent:
            return node.manifest.tx_power_dbm
        told = (row.tx_power_dbm for row in self._truth.get((receiver.name, sender), ()))
        return next((power for power in told if power is not None), receiver.manifest.tx_power_dbm)

    def _told(self, receiver: NodeLog, sender: str, at: Seconds, heard: Seconds | None) -> Seconds:
        rows = self._truth.get((receiver.name, sender), [])
        if not rows:
            return np.full(len(at), np.nan)
        distances = np.array([np.nan if row.distance_m is None else row.distance_m for row in rows])
        since = self.times[receiver.name].seconds([row.mono_ns for row in rows])
        order = np.argsort(since, kind="stable")
        since, distances = since[order], distances[order]
        place = np.searchsorted(since, at, side="right") - 1
        known = place >= 0
        if heard is not None and len(rows) > 1:
            # A distance that changes was looked up when a frame came: without frames it grows stale.
            knots = np.sort(np.concatenate([since, heard]))
            last = np.searchsorted(knots, at, side="right") - 1
            known &= at - knots[np.maximum(last, 0)] <= TRUTH_HOLD_SECONDS
        # Distances below 0 are how some sets say that a wall was between: no distance.
        value = distances[np.maximum(place, 0)]
        return np.where(known & (value >= 0), value, np.nan)

    def _owner(self, payload: bytes) -> int:
        who = self._by_identifier.get(_identity(payload), set())
        return self._name(next(iter(who))) if len(who) == 1 else -1

    def _name(self, name: str) -> int:
        if name not in self._number:
            self._number[name] = len(self.names)
            self.names.append(name)
        return self._number[name]


def _identity(payload: bytes) -> bytes:
    return identifier_of(payload) or payload


Track = tuple[Seconds, NDArray[np.float64]]
"""Seconds of the run, ascending, and the position in metres at each."""


def _track(node: NodeLog, time: NodeTime) -> Track | None:
    points = [(row.mono_ns, row.position) for row in sorted(node.moved, key=lambda row: row.mono_ns)]
    if node.manifest.position is not None:
        points.insert(0, (min([node.begun_ns, *(at for at, _ in points)]) - 1, node.manifest.position))
    if not points:
        return None
    return time.seconds([at for at, _ in points]), np.array([position for _, position in points], np.float64)


def _positions(track: Track, at: Seconds) -> NDArray[np.float64]:
    when, where = track
    place = np.clip(np.searchsorted(when, at, side="right") - 1, 0, len(when) - 1)
    after = np.minimum(place + 1, len(when) - 1)
    span = when[after] - when[place]
    goes = (span > 0) & (span <= MOVE_HOLD_SECONDS)
    part = np.where(goes, (at - when[place]) / np.where(span > 0, span, 1), 0.0)
    result: NDArray[np.float64] = where[place] + np.clip(part, 0, 1)[:, None] * (where[after] - where[place])
    return result
