"""Clocks for a phone's shell: the wall's, and one that runs faster (protocol `pace`, SPEC.md 3.4).

>>> open_clock("60x@2026-01-01T00:00:00Z", wall=lambda: 1_767_225_610.0).now()
1767226200
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from anopticon_protocol.pace import Pace, parse_pace

REAL_TIME: Final = Pace(0, 1)
MAX_NAP_SECONDS: Final = 30.0
"""A sleep looks at the wall clock this often: it may be set, and a machine may have been asleep."""
MIN_NAP_SECONDS: Final = 0.0001
"""Rounding can leave less than nothing to sleep while the second has not come."""


class PacedClock:
    """The wall's time, or a faster one that follows it."""

    def __init__(
        self,
        pace: Pace = REAL_TIME,
        wall: Callable[[], float] = time.time,
        nap: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Follow `pace`. `wall` gives the wall's Unix seconds, `nap` lets some seconds of it pass."""
        self.pace = pace
        self._wall = wall
        self._nap = nap

    def now(self) -> int:
        """Unix seconds."""
        return self.pace.at(self._wall())

    async def sleep_until(self, time: int) -> None:
        """Return when `now()` has reached `time`; at once if that is past."""
        while self.now() < time:
            moment = self.pace.anchor + self.pace.wall_seconds(time - self.pace.anchor)
            await self._nap(min(max(moment - self._wall(), MIN_NAP_SECONDS), MAX_NAP_SECONDS))

    def wall_seconds(self, seconds: float) -> float:
        """How long `seconds` of this clock take on the wall."""
        return self.pace.wall_seconds(seconds)


def open_clock(text: str | None, wall: Callable[[], float] = time.time) -> PacedClock:
    """The clock that `text` asks for, as `60x` or `60x@2026-11-22T00:00:00Z`; the wall's for None.

    Raises InvalidParameterError.
    """
    return PacedClock(REAL_TIME if text is None else parse_pace(text, wall()), wall)
