"""A radio's sink with bounded queues, read as async iterators; and one that passes everything on to several others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Generic, TypeVar

from anopticon_client.radio.interfaces import RadioSink, Timestamps, machine_time
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind

MAX_WAITING_FRAMES: Final = 65_536
"""Three seconds of 20,000 frames a second, and 20 MB: a reader that is further behind does not catch up."""
MAX_WAITING_EVENTS: Final = 1_024
"""A radio has a few events a minute."""

Item = TypeVar("Item")


class RadioStream:
    """A sink that keeps what arrives until `sightings()` and `events()` are read.

    Whatever does not fit is dropped, counted in `dropped`, and told as one DROPPED event as soon as there is room
    again: in the stream of events, in its place.
    """

    def __init__(
        self,
        timestamps: Timestamps = machine_time,
        max_frames: int = MAX_WAITING_FRAMES,
        max_events: int = MAX_WAITING_EVENTS,
    ) -> None:
        """Room for `max_frames` frames and `max_events` events."""
        self.dropped = 0
        self._timestamps = timestamps
        self._frames: _Queue[HeardFrame] = _Queue(max_frames)
        self._events: _Queue[RadioEvent] = _Queue(max_events)
        self._untold = 0

    def heard(self, frame: HeardFrame) -> None:
        """Keep a frame for the reader."""
        if not self._frames.put(frame):
            self.dropped += 1
            self._untold += 1
        elif self._untold:
            self._tell_dropped()

    def happened(self, event: RadioEvent) -> None:
        """Keep an event for the reader."""
        if self._untold:
            self._tell_dropped()
        if not self._events.put(event):
            self.dropped += 1
            self._untold += 1

    def end(self) -> None:
        """Let both iterators end once everything that waits has been read."""
        if self._untold:
            self._tell_dropped()
        self._frames.end()
        self._events.end()

    def sightings(self) -> AsyncIterator[HeardFrame]:
        """Every frame, in order, until `end`."""
        return self._frames.read()

    def events(self) -> AsyncIterator[RadioEvent]:
        """Every event, in order, until `end`."""
        return self._events.read()

    def _tell_dropped(self) -> None:
        moment = self._timestamps()
        event = RadioEvent(*moment, RadioEventKind.DROPPED, {"count": self._untold})
        if self._events.put(event):
            self._untold = 0


class Tee:
    """A sink that passes everything on to several others, in order."""

    def __init__(self, *sinks: RadioSink) -> None:
        """Pass on to `sinks`."""
        self._sinks = sinks

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        for sink in self._sinks:
            sink.heard(frame)

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        for sink in self._sinks:
            sink.happened(event)


class _Queue(Generic[Item]):
    """A bounded queue for one loop: `asyncio.Queue` wakes a reader for every item, and cannot be ended in 3.11."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[Item] = deque()
        self._news = asyncio.Event()
        self._ended = False

    def put(self, item: Item) -> bool:
        if len(self._items) >= self._limit or self._ended:
            return False
        self._items.append(item)
        self._news.set()
        return True

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def read(self) -> AsyncIterator[Item]:
        while True:
            while self._items:
                yield self._items.popleft()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()
