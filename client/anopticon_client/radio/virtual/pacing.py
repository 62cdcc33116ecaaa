"""When an advertiser sends: its interval, and 0 to 10 ms of luck before each event (Core Specification 6.B.4.4.2.2).

The luck of each antenna is a stream of its own, drawn in the same order by both media, so that they send at the same
nanoseconds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

SLOT_NS: Final = 625_000
"""HCI counts advertising and scan intervals in these."""
MAX_DELAY_NS: Final = 10_000_000
"""advDelay, drawn anew for each event: without it two advertisers in step would collide for ever."""
LATE_NS: Final = 1_000_000_000
"""A loop so much behind (a suspended machine) does not send what it missed."""
_BLOCK = 64


class Pacer:
    """The moments at which one antenna sends, in nanoseconds of its air."""

    def __init__(self, seed: int, antenna: int) -> None:
        """The stream of `antenna` on the air of `seed`."""
        self._luck = np.random.Generator(np.random.PCG64((seed, antenna)))
        self._drawn: list[float] = []
        self.interval_ns = 0
        self.next_ns = 0

    def start(self, now_ns: int, shortest_ns: int, longest_ns: int) -> int:
        """Choose an interval between the two, as a controller may; returns the moment of the first event."""
        self.interval_ns = shortest_ns + round(self._uniform() * (longest_ns - shortest_ns))
        self.next_ns = now_ns + self._delay()
        return self.next_ns

    def advance(self, now_ns: int) -> int:
        """The moment of the next event."""
        if now_ns - self.next_ns > LATE_NS:
            self.next_ns = now_ns
        self.next_ns += self.interval_ns + self._delay()
        return self.next_ns

    def _delay(self) -> int:
        return round(self._uniform() * MAX_DELAY_NS)

    def _uniform(self) -> float:
        if not self._drawn:
            self._drawn = self._luck.random(_BLOCK).tolist()[::-1]
        return self._drawn.pop()
