"""What a node knows about itself: who was heard in the last minute, scan duty, own identifiers, what is wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from anopticon_client.radio_records import Capabilities, HeardFrame, RadioEvent, RadioEventKind
from anopticon_testbed.calibration.rates import ADVERTISING_DELAY_MS
from anopticon_testbed.status import (
    MAX_NODES,
    MAX_SENTENCE_CHARS,
    MAX_TAGS,
    WINDOW_SECONDS,
    HeardNode,
    beacon_tag,
)

BUCKET_SECONDS: Final = 5
MAX_FRAMES: Final = 4_096
"""Different frames of one bucket; those of a flood on top of it are counted and not looked at."""
MAX_SPANS: Final = 256
"""Spans of scanning in one window: a scan that restarts four times a second."""
PROBLEM_SECONDS: Final = 60
"""A trouble that does not come back is over."""
SECOND_NS: Final = 1_000_000_000


class _Bucket:
    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: dict[bytes, list[int]] = {}
        self.more = 0


class Ledger:
    """Counts for the live view, bounded whatever the air brings. Times are monotonic nanoseconds."""

    def __init__(self, capabilities: Capabilities, started_ns: int) -> None:
        """A node that started at `started_ns`."""
        self._can = capabilities
        self._started_ns = started_ns
        self._buckets: deque[_Bucket] = deque(maxlen=WINDOW_SECONDS // BUCKET_SECONDS + 1)
        self._spans: deque[tuple[int, int]] = deque(maxlen=MAX_SPANS)
        self._scanning_since: int | None = None
        self._tags: deque[tuple[str, int | None]] = deque(maxlen=MAX_TAGS)
        self._problems: dict[str, tuple[str, int]] = {}
        self.frames = 0
        self.rotations = 0
        self.rotated_ns: int | None = None

    # -- what happens -----------------------------------------------------------------------------------------------

    def heard(self, frame: HeardFrame) -> None:
        """Count a frame."""
        self.frames += 1
        number = frame.mono_ns // (BUCKET_SECONDS * SECOND_NS)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        bucket = self._buckets[-1]
        entry = bucket.frames.get(frame.data)
        if entry is None:
            if len(bucket.frames) >= MAX_FRAMES:
                bucket.more += 1
                return
            entry = bucket.frames[frame.data] = [0, 0, 0]
        entry[0] += 1
        if frame.rssi_dbm is not None:
            entry[1] += 1
            entry[2] += frame.rssi_dbm

    def happened(self, event: RadioEvent) -> None:
        """Take note of what happened to the radio."""
        match event.kind:
            case RadioEventKind.SCAN_ON if self._scanning_since is None:
                self._scanning_since = event.mono_ns
            case RadioEventKind.SCAN_OFF if self._scanning_since is not None:
                self._spans.append((self._scanning_since, event.mono_ns))
                self._scanning_since = None
            case RadioEventKind.FAILED:
                self.trouble("radio", str(event.details.get("reason", "the radio failed")), event.mono_ns)
            case _:
                pass

    def sent(self, frame: bytes, mono_ns: int) -> None:
        """From now on `frame` is on the air; an empty one is silence."""
        if self._tags and self._tags[-1][1] is None:
            tag, _ = self._tags.pop()
            self._tags.append((tag, mono_ns))
        if frame:
            if self._tags and self._tags[-1][0] == beacon_tag(frame):
                self._tags.pop()  # the same one again, after a reset
            elif self.rotated_ns is not None:
                self.rotations += 1
            self._tags.append((beacon_tag(frame), None))
            self.rotated_ns = mono_ns

    def trouble(self, source: str, sentence: str, now_ns: int) -> None:
        """Something is wrong; it is shown for a minute unless it is told again. An empty sentence: it is over."""
        if sentence:
            self._problems[source] = (sentence[:MAX_SENTENCE_CHARS], now_ns)
        else:
            self._problems.pop(source, None)

    # -- what is told -----------------------------------------------------------------------------------------------

    def problem(self, now_ns: int) -> str:
        """What is wrong now, empty if nothing is."""
        fresh = [text for text, at in self._problems.values() if now_ns - at <= PROBLEM_SECONDS * SECOND_NS]
        return "; ".join(fresh)[:MAX_SENTENCE_CHARS]

    def tags(self, now_ns: int) -> tuple[str, ...]:
        """Own tags, newest first; one that went off the air more than a window ago is nobody's business."""
        oldest = now_ns - WINDOW_SECONDS * SECOND_NS
        return tuple(tag for tag, ended in reversed(self._tags) if ended is None or ended >= oldest)

    def window_seconds(self, now_ns: int) -> float:
        """How long the window is: whole buckets and the one being filled, 55 to 60 s, less at the beginning."""
        begin = max(self._started_ns, (_oldest_bucket(now_ns) * BUCKET_SECONDS) * SECOND_NS)
        return max(0.0, (now_ns - begin) / SECOND_NS)

    def duty(self, now_ns: int) -> float | None:
        """Share of the window in which the receiver listened, None if it cannot."""
        if self._can.duty == 0:
            return None
        window_ns = round(self.window_seconds(now_ns) * SECOND_NS)
        if window_ns == 0:
            return 0.0
        begin = now_ns - window_ns
        spans = list(self._spans)
        if self._scanning_since is not None:
            spans.append((self._scanning_since, now_ns))
        on_ns = sum(max(0, end - max(start, begin)) for start, end in spans)
        return min(on_ns / window_ns, 1.0) * self._can.duty

    def interval_ms(self) -> float | None:
        """Mean time between two PDUs sent, None if nothing is on the air or the radio does not say."""
        if self._can.interval_ms is None or not self._tags or self._tags[-1][1] is not None:
            return None
        return sum(self._can.interval_ms) / 2 + ADVERTISING_DELAY_MS

    def heard_nodes(
        self, names: Mapping[str, str], own: str, now_ns: int
    ) -> tuple[tuple[HeardNode, ...], int]:
        """Nodes heard in the window by name, and how many PDUs came from anybody else."""
        oldest = _oldest_bucket(now_ns)
        sums: dict[str, list[int]] = {}
        others = 0
        tags: dict[bytes, str] = {}
        for bucket in self._buckets:
            if bucket.number < oldest:
                continue
            others += bucket.more
            for data, (count, known, total) in bucket.frames.items():
                if data not in tags:
                    tags[data] = beacon_tag(data)
                name = names.get(tags[data])
                if name is None or name == own:
                    others += count if name is None else 0
                    continue
                entry = sums.setdefault(name, [0, 0, 0])
                entry[0] += count
                entry[1] += known
                entry[2] += total
        told = tuple(
            HeardNode(node=name, rssi_dbm=round(min(max(total / known, -127), 20), 1), count=count)
            for name, (count, known, total) in sorted(sums.items())
            if known
        )
        return told[:MAX_NODES], others


def _oldest_bucket(now_ns: int) -> int:
    """The first bucket of the window."""
    return now_ns // (BUCKET_SECONDS * SECOND_NS) - WINDOW_SECONDS // BUCKET_SECONDS + 1
