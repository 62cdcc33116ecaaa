"""The event heap: one total order, a clock that never goes back, and bounds that are named."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation import engine as engine_module
from anopticon_simulation.engine import COMPACT_ABOVE, Engine, VirtualClock
from anopticon_simulation.errors import EngineError

T = TypeVar("T")

REQUESTS = st.lists(st.tuples(st.integers(0, 20), st.integers(-2, 2)), max_size=60)


def note(log: list[T], item: T) -> Callable[[int], None]:
    """Make an action that writes one thing down."""
    return lambda _: log.append(item)


@given(REQUESTS)
def test_law_events_happen_in_total_order(requests: list[tuple[int, int]]) -> None:
    """Events come by time, then priority, then the order in which they were asked for."""
    engine = Engine(0)
    done: list[tuple[int, int, int]] = []
    for number, (time, priority) in enumerate(requests):
        engine.at(time, note(done, (time, priority, number)), priority=priority)
    assert engine.run_until(100) == len(requests)
    assert done == sorted((time, priority, n) for n, (time, priority) in enumerate(requests))


@given(REQUESTS, st.lists(st.integers(0, 25), max_size=5))
def test_law_stopping_between_changes_nothing(requests: list[tuple[int, int]], stops: list[int]) -> None:
    """A run in pieces does each event once, in the order of one long run."""
    whole, pieces = Engine(0), Engine(0)
    of_whole: list[int] = []
    of_pieces: list[int] = []
    for number, (time, priority) in enumerate(requests):
        whole.at(time, note(of_whole, number), priority=priority)
        pieces.at(time, note(of_pieces, number), priority=priority)
    whole.run_until(100)
    for stop in sorted(stops):
        pieces.run_until(stop)
        assert pieces.clock.now() == stop
    pieces.run_until(100)
    assert of_pieces == of_whole


@given(REQUESTS, st.sets(st.integers(0, 59)))
def test_law_cancelled_events_never_happen(requests: list[tuple[int, int]], cancelled: set[int]) -> None:
    """What was cancelled is left out, and everything else happens."""
    engine = Engine(0)
    done: list[int] = []
    events = [
        engine.at(time, note(done, number), priority=priority)
        for number, (time, priority) in enumerate(requests)
    ]
    gone = {number for number in cancelled if number < len(events)}
    assert all(engine.cancel(events[number]) for number in gone)
    assert engine.pending == len(events) - len(gone)
    engine.run_until(100)
    assert sorted(done) == [number for number in range(len(events)) if number not in gone]
    assert not any(engine.cancel(event) for event in events)


def test_compaction_keeps_order_and_drops_what_was_cancelled() -> None:
    """Cancelling most of a long queue shrinks it at once, and the rest still comes in order."""
    engine = Engine(0)
    done: list[int] = []
    # 4 * COMPACT_ABOVE is a power of two, so an odd factor visits every time once, in a scrambled order.
    times = [number * 2_741 % (4 * COMPACT_ABOVE) for number in range(4 * COMPACT_ABOVE)]
    events = {time: engine.at(time, done.append) for time in times}
    for time, event in events.items():
        if time % 4:
            engine.cancel(event)
    assert len(engine._heap) < 3 * COMPACT_ABOVE
    engine.run_until(4 * COMPACT_ABOVE)
    assert done == list(range(0, 4 * COMPACT_ABOVE, 4))


def test_events_may_plan_and_cancel_events() -> None:
    """An action plans one for this very second and takes back one that was to come."""
    engine = Engine(100)
    done: list[str] = []
    later = engine.at(110, lambda _: done.append("never"))

    def act(_: int) -> None:
        engine.after(0, lambda now: done.append(f"at {now}"))
        engine.cancel(later)

    engine.at(105, act)
    engine.run_until(200)
    assert done == ["at 105"]


def test_the_end_of_a_run_is_excluded() -> None:
    """An event at the very end waits for the next run."""
    engine = Engine(0)
    event = engine.at(10, lambda _: None)
    assert engine.run_until(10) == 0
    assert event.pending
    assert engine.run_until(11) == 1
    assert not event.pending


def test_the_past_is_refused() -> None:
    """No event before now, no run to before now, no clock that goes back."""
    engine = Engine(50)
    with pytest.raises(EngineError, match="in the past"):
        engine.at(49, print)
    with pytest.raises(EngineError, match="already 50"):
        engine.run_until(49)
    with pytest.raises(EngineError, match="cannot go back"):
        VirtualClock(5).advance(4)


def test_waiting_events_are_bounded() -> None:
    """The bound counts what is still to happen: a cancelled event makes room."""
    engine = Engine(0, max_pending=3)
    events = [engine.at(1, print) for _ in range(3)]
    with pytest.raises(EngineError, match="max_pending"):
        engine.at(1, print)
    engine.cancel(events[0])
    engine.at(1, print)


def test_events_of_a_run_are_bounded_and_none_is_lost() -> None:
    """Beyond max_events the run stops with an error, and the next event still waits."""
    engine = Engine(0)
    done: list[int] = []
    for time in range(5):
        engine.at(time, done.append)
    with pytest.raises(EngineError, match="max_events"):
        engine.run_until(10, max_events=3)
    engine.run_until(10)
    assert done == [0, 1, 2, 3, 4]


def test_an_event_that_asks_for_itself_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second that never ends raises and names the second."""
    monkeypatch.setattr(engine_module, "MAX_EVENTS_PER_SECOND", 100)
    engine = Engine(7)

    def again(_: int) -> None:
        engine.after(0, again)

    engine.at(9, again)
    with pytest.raises(EngineError, match="more than 100 events at 9"):
        engine.run_until(10)
    assert engine.executed == 100
