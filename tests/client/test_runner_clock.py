"""A phone's clocks: the wall's, and those that run faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.clock import MAX_NAP_SECONDS, PacedClock, open_clock
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.pace import MAX_FACTOR, Pace
from tests.client.drive import DAY, START


class Wall:
    """A wall clock that moves only while somebody naps, and on whose hands somebody may turn."""

    def __init__(self, now: float) -> None:
        """Show `now`."""
        self.now = now
        self.naps: list[float] = []
        self.turn = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    async def nap(self, seconds: float) -> None:
        """Let `seconds` pass; somebody turns the hands meanwhile."""
        self.naps.append(seconds)
        self.now += seconds + self.turn
        self.turn = 0.0


@given(st.integers(1, MAX_FACTOR), st.floats(0, 1_000), st.integers(-100, 30 * 60))
async def test_law_a_sleep_ends_at_its_second(factor: int, into: float, ahead: int) -> None:
    """A clock of any pace wakes a sleeper in the second it asked for, or in the present one if that is over."""
    wall = Wall(START + into)
    clock = PacedClock(Pace(START, factor), wall, wall.nap)
    wanted = clock.now() + ahead
    before = clock.now()
    await clock.sleep_until(wanted)
    assert clock.now() >= wanted
    # One nap of the shortest kind may be a second or two on the fastest clocks.
    assert clock.now() <= max(wanted, before) + 2
    assert max(wall.naps, default=0) <= MAX_NAP_SECONDS


async def test_a_clock_that_is_set_is_noticed() -> None:
    """If the wall clock is set forward during a sleep, the sleeper wakes within one nap; set back, it sleeps on."""
    wall = Wall(START)
    clock = PacedClock(wall=wall, nap=wall.nap)
    wall.turn = 3_600
    await clock.sleep_until(START + 600)
    assert len(wall.naps) == 1
    wall.turn = -3_600
    await clock.sleep_until(clock.now() + 60)
    assert wall.now >= START + 3_600 + MAX_NAP_SECONDS + 60


def test_clocks_are_opened_by_text() -> None:
    """Without a text the clock is the wall's; with one, processes given the same text agree."""
    assert open_clock(None, lambda: START + 5.9).now() == START + 5
    fast = open_clock("60x@2026-03-02T00:00:00Z", lambda: START + 10.0)
    assert fast.now() == START + 600
    assert fast.wall_seconds(300) == 5
    assert open_clock("60x", lambda: START + 3 * DAY + 10.0).now() == START + 3 * DAY + 600


def test_the_system_clock_runs() -> None:
    """The clock of a real phone shows a time that this test was written after."""
    assert open_clock(None).now() > 1_750_000_000


@pytest.mark.parametrize(
    "text", ["", "x", "0x", "60", "60x@", "60x@noon", "60x@2026-03-02T00:00:00", "99999x"]
)
def test_a_clock_that_makes_no_sense_is_refused(text: str) -> None:
    """Every other text is refused with a sentence."""
    with pytest.raises(InvalidParameterError, match="clock"):
        open_clock(text, lambda: START)
