"""The server's clocks, and the task that works by them."""

from __future__ import annotations

import asyncio
import logging
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.pace import MAX_FACTOR, Pace
from anopticon_server import housekeeping
from anopticon_server.clock import PacedClock, RehearsalClock, open_clock
from anopticon_server.errors import RequestRefusedError, SettingsError, StorageFullError
from anopticon_server.housekeeping import (
    LONGEST_WAIT_SECONDS,
    SHORTEST_WAIT_SECONDS,
    keep_house,
    wait_or_stop,
)
from anopticon_server.service import KeyServer
from tests.server.kit import PERIOD, START, open_desk

factors = st.integers(1, MAX_FACTOR)


def test_without_a_pace_it_is_the_walls_time() -> None:
    """Whole seconds, and as long to wait as the wall says."""
    clock = open_clock(None, lambda: START + 0.75)
    assert clock() == START
    assert clock.wait_seconds(START + 10) == 9.25


@given(factors, st.integers(-100_000, 100_000), st.integers(0, 10**6))
def test_law_waiting_as_long_as_told_is_long_enough(factor: int, lead: int, ahead: int) -> None:
    """After `wait_seconds` of the wall the clock shows the moment, give or take its last second."""
    wall = [float(START)]
    clock = PacedClock(Pace(START - lead, factor), lambda: wall[0])
    moment = clock() + ahead
    wall[0] += clock.wait_seconds(moment)
    assert moment - 1 <= clock() <= moment


@given(factors, st.integers(-(10**6), 10**6))
def test_law_a_clock_is_opened_again_by_its_text(factor: int, lead: int) -> None:
    """What is noted down beside the data opens the same clock on any other day."""
    clock = PacedClock(Pace(START + lead, factor), lambda: START)
    later = open_clock(clock.text, lambda: START + 10**6)
    assert later.pace == clock.pace


def test_a_clock_far_from_any_real_time_is_refused() -> None:
    """A pace that shows a time before 1970 or after 9999 is a setting to be corrected."""
    for text in ("10000x@2999-01-01T00:00:00Z", "10000x@1000-01-01T00:00:00Z"):
        with pytest.raises(SettingsError, match=r"must be 0\.\.253402300799 \(the year 9999\)"):
            open_clock(text, lambda: START)


def test_a_rehearsals_clock_never_goes_back() -> None:
    """It stands still, moves on when told, also by nothing, and refuses an earlier time."""
    clock = RehearsalClock()
    assert clock() == 0
    for moment in (START, START, START + 1):
        clock.move(moment)
        assert clock() == moment
    with pytest.raises(RequestRefusedError, match="time never goes back"):
        clock.move(START)
    assert clock() == START + 1
    assert clock.wait_seconds(START + 2) == math.inf
    clock.reset()
    assert clock() == 0


async def test_a_wait_ends_with_its_time_or_with_the_server() -> None:
    """Whoever stops the server need not wait until the next release, and nobody waits for ever."""
    stop = asyncio.Event()
    await wait_or_stop(stop, 0.001)
    assert not stop.is_set()
    waiting = asyncio.create_task(wait_or_stop(stop, 10**6))
    stop.set()
    await waiting


async def test_stopping_lets_what_is_being_written_be_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task ends after the publication under way, not in the middle of it."""
    desk = open_desk("lowcost")
    stop, done = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def tick() -> list[int]:
        loop.call_soon_threadsafe(stop.set)
        done.append(KeyServer.tick(desk.server))
        return []

    monkeypatch.setattr(desk.server, "tick", tick)
    await keep_house(desk.server, PacedClock(wall=lambda: START), stop)
    assert len(done) == 1
    assert desk.index().complete_until == START - START % PERIOD


async def test_the_task_works_at_each_release_and_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It waits until the next release, never longer than a minute, never shorter than its floor."""
    desk = open_desk("lowcost", tmp_path)
    wall = [float(START)]
    clock = PacedClock(wall=lambda: wall[0])
    desk.server.clock = clock
    desk.report()
    waits: list[float] = []

    async def wait(stop: asyncio.Event, seconds: float) -> None:
        waits.append(seconds)
        wall[0] += seconds
        if len(waits) == 62:
            wall[0] = START - START % PERIOD + PERIOD - 0.001
        if len(waits) == 64:
            stop.set()

    monkeypatch.setattr(housekeeping, "wait_or_stop", wait)
    await keep_house(desk.server, clock, asyncio.Event())
    assert set(waits[:60]) == {LONGEST_WAIT_SECONDS}
    assert waits[62] == SHORTEST_WAIT_SECONDS
    assert [entry.release for entry in desk.index().batches] == [START - START % PERIOD + PERIOD]


async def test_the_task_survives_failures(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk and a bug are logged by class and tried again; then it goes on as before."""
    desk = open_desk("lowcost")
    failures: list[Exception] = [StorageFullError("secret 4711"), KeyError("secret 4712")]
    real, waits = desk.server.tick, []

    def tick() -> list[int]:
        if failures:
            raise failures.pop(0)
        return real()

    async def wait(stop: asyncio.Event, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            stop.set()

    monkeypatch.setattr(desk.server, "tick", tick)
    monkeypatch.setattr(housekeeping, "wait_or_stop", wait)
    with caplog.at_level(logging.INFO):
        await keep_house(desk.server, PacedClock(wall=lambda: START), asyncio.Event())
    assert waits == [housekeeping.RETRY_WAIT_SECONDS] * 2 + [LONGEST_WAIT_SECONDS]
    assert [record.getMessage() for record in caplog.records] == ["housekeeping-failed", "unexpected-error"]
    told = [
        (record.getMessage(), record.exc_info, vars(record).get("anopticon_fields"))
        for record in caplog.records
    ]
    assert "secret" not in caplog.text + str(told), "a time may hold any digits, so the word is looked for"
    assert desk.index().complete_until == START - START % PERIOD
