"""The clock and the event queue of a simulated world.

Events happen in the total order (time, priority, sequence): at one second the lower priority
comes first, and equals come in the order they were asked for. Nothing here is random and
nothing reads the wall clock, so the same requests give the same order everywhere.

Example: ``engine = Engine(start=0); engine.at(10, print); engine.run_until(60)`` prints 10.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from anopticon_simulation.errors import EngineError

MAX_PENDING_EVENTS = 5_000_000
"""Most events waiting at once: about 1 GiB of memory; a world that needs more has lost its loop."""

MAX_EVENTS_PER_SECOND = 1_000_000
"""Most events within one virtual second: beyond it an event is asking for itself for ever."""

COMPACT_ABOVE = 1_024
"""Fewer waiting events than this are never compacted: sweeping them would cost more than keeping them."""

Action = Callable[[int], object]
"""What an event does: called with the virtual time in Unix seconds; its answer is dropped."""


class VirtualClock:
    """The time of a world in Unix seconds; only its engine moves it, and never back."""

    __slots__ = ("_now",)

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Virtual time in Unix seconds."""
        return self._now

    def advance(self, to: int) -> None:
        """Move to a time that is not earlier; raises EngineError otherwise."""
        if to < self._now:
            raise EngineError(f"the virtual clock cannot go back from {self._now} to {to}")
        self._now = to


class Event:
    """One planned action, as `Engine.at` gives it; hold it only to cancel it."""

    __slots__ = ("action", "time")

    def __init__(self, time: int, action: Action) -> None:
        self.time = time
        self.action: Action | None = action

    @property
    def pending(self) -> bool:
        """Whether it is still to happen: neither done nor cancelled."""
        return self.action is not None


class Engine:
    """A heap of events and the clock they move; sequence numbers belong to the engine, not the process."""

    __slots__ = ("_cancelled", "_heap", "_max_pending", "_sequence", "clock", "executed")

    def __init__(self, start: int, *, max_pending: int = MAX_PENDING_EVENTS) -> None:
        self.clock = VirtualClock(start)
        self.executed = 0
        self._heap: list[tuple[int, int, int, Event]] = []
        self._sequence = 0
        self._cancelled = 0
        self._max_pending = max_pending

    @property
    def pending(self) -> int:
        """Number of events still to happen."""
        return len(self._heap) - self._cancelled

    def at(self, time: int, action: Action, *, priority: int = 0) -> Event:
        """Plan an action for a Unix second, now included; lower priority comes first within a second.

        Raises EngineError for a time in the past and above the bound of waiting events.
        """
        if time < self.clock.now():
            raise EngineError(f"an event at {time} is in the past: it is {self.clock.now()}")
        if len(self._heap) >= self._max_pending and self.pending >= self._max_pending:
            raise EngineError(f"more than {self._max_pending} events are waiting (bound: max_pending)")
        event = Event(time, action)
        heappush(self._heap, (time, priority, self._sequence, event))
        self._sequence += 1
        return event

    def after(self, seconds: int, action: Action, *, priority: int = 0) -> Event:
        """Plan an action a number of seconds from now; 0 is later within this second."""
        return self.at(self.clock.now() + seconds, action, priority=priority)

    def cancel(self, event: Event) -> bool:
        """Take an event back; False where it already happened or was cancelled."""
        if event.action is None:
            return False
        event.action = None
        self._cancelled += 1
        if len(self._heap) > COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            self._compact()
        return True

    def run_until(self, end: int, *, max_events: int | None = None) -> int:
        """Do every event before the second `end`, move the clock to `end`, say how many were done.

        The end is excluded, so that two runs one after the other do each event once. An action
        may plan and cancel events. Raises EngineError where `end` is past, where `max_events`
        are done and one more waits, and above MAX_EVENTS_PER_SECOND.
        """
        if end < self.clock.now():
            raise EngineError(f"cannot run until {end}: it is already {self.clock.now()}")
        before = self.executed
        second, in_second = self.clock.now(), 0
        while self._heap and self._heap[0][0] < end:
            time, _, _, event = self._heap[0]
            action = event.action
            if action is None:
                heappop(self._heap)
                self._cancelled -= 1
                continue
            if max_events is not None and self.executed - before >= max_events:
                raise EngineError(f"more than {max_events} events before {end} (bound: max_events)")
            heappop(self._heap)
            if time != second:
                second, in_second = time, 0
                self.clock.advance(time)
            in_second += 1
            if in_second > MAX_EVENTS_PER_SECOND:
                raise EngineError(f"more than {MAX_EVENTS_PER_SECOND} events at {time}: one asks for itself")
            event.action = None
            self.executed += 1
            action(time)
        self.clock.advance(end)
        return self.executed - before

    def _compact(self) -> None:
        """Drop cancelled entries, in place: `run_until` may be looking at the same list."""
        self._heap[:] = [entry for entry in self._heap if entry[3].pending]
        heapify(self._heap)
        self._cancelled = 0
