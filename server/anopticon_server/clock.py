"""The server's clocks: the wall, a faster one (protocol `pace`), and one that a rehearsal's caller moves.

A clock is called for the time in whole Unix seconds, and asked how long to wait for a later one. Nothing else
in this package looks at the time.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.export.model import MAX_TIMESTAMP
from anopticon_protocol.pace import Pace, parse_pace
from anopticon_server.errors import RequestRefusedError, SettingsError


class Clock(Protocol):
    """Where the server's time comes from."""

    def __call__(self) -> int:
        """Unix seconds."""

    def wait_seconds(self, moment: int) -> float:
        """Seconds of the wall until this clock shows `moment`: negative if over, infinite if nobody knows."""


@dataclass(frozen=True, slots=True)
class PacedClock:
    """The wall's time, or a faster one that follows the wall."""

    pace: Pace = field(default_factory=lambda: Pace(0, 1))
    wall: Callable[[], float] = time.time

    def __call__(self) -> int:
        """Unix seconds."""
        return self.pace.at(self.wall())

    @property
    def text(self) -> str:
        """What `open_clock` opens this clock again with, whatever the day."""
        return f"{self.pace.factor}x@{datetime.fromtimestamp(self.pace.anchor, UTC).isoformat()}"

    def wait_seconds(self, moment: int) -> float:
        """Seconds of the wall until this clock shows `moment`."""
        pace = self.pace
        return pace.anchor + pace.wall_seconds(moment - pace.anchor) - self.wall()


class RehearsalClock:
    """A clock that stands still until it is moved, never backwards."""

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Unix seconds."""
        return self._now

    def wait_seconds(self, moment: int) -> float:
        """Nobody knows when it is moved next."""
        del moment
        return math.inf

    def move(self, now: int) -> None:
        """Show `now` from here on; raises RequestRefusedError if that lies before the present."""
        with self._lock:
            if now < self._now:
                raise RequestRefusedError(
                    f"{now} lies before the present, {self._now}: time never goes back", "now"
                )
            self._now = now

    def reset(self) -> None:
        """Begin again at 0."""
        with self._lock:
            self._now = 0


def open_clock(text: str | None, wall: Callable[[], float] = time.time) -> PacedClock:
    """The clock of a setting such as `60x` or `60x@2026-11-22T00:00:00Z`; the wall's without one."""
    if text is None:
        return PacedClock(wall=wall)
    try:
        clock = PacedClock(parse_pace(text, wall()), wall)
        now = clock()
    except InvalidParameterError as error:
        raise SettingsError(str(error)) from error
    if not 0 <= now <= MAX_TIMESTAMP:
        raise SettingsError(f"clock {text!r}: shows {now} s now, must be 0..{MAX_TIMESTAMP} (the year 9999)")
    return clock
