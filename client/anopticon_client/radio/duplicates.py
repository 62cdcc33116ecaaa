"""Does this controller drop what it has reported already? Some chips do so whatever they are told, and nobody says it.

A phone within reach sends about four times a second. If each of several advertisements is heard once, and once only,
while the scan goes on for seconds, then something on the way filters.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

SETTLE_NS: Final = 2_000_000_000
"""Eight times the usual interval: who is near has sent again by then."""
ENOUGH: Final = 3
"""Advertisements that came only once; one or two may just have passed at the edge of reach."""
MAX_REMEMBERED: Final = 64
"""More would only cost memory: the question is settled by the first that comes twice."""

Advertisement = tuple[bytes, bytes]


class DuplicateWatch:
    """Watches one scanner. Feed it everything heard, and each beginning and end of a scan."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.settled = False
        """Nothing more to find out: a repeat was heard, or the flag was raised."""
        self._waiting: OrderedDict[Advertisement, int] = OrderedDict()
        self._lonely: OrderedDict[Advertisement, None] = OrderedDict()
        self._count = 0

    def heard(self, address: bytes, data: bytes, mono_ns: int) -> bool:
        """Take note; True once, when it has become clear that repeats are filtered."""
        if self.settled:
            return False
        key = (address, data)
        if key in self._waiting or key in self._lonely:
            self._settle()
            return False
        self._waiting[key] = mono_ns
        return self._judge(mono_ns)

    def scan_changed(self, mono_ns: int) -> bool:
        """A scan begins or ends: filters start anew. True as for `heard`."""
        if self.settled:
            return False
        flagged = self._judge(mono_ns)
        self._waiting.clear()
        self._lonely.clear()
        return flagged

    def _judge(self, now_ns: int) -> bool:
        while self._waiting:
            key, since = next(iter(self._waiting.items()))
            if now_ns - since < SETTLE_NS and len(self._waiting) <= MAX_REMEMBERED:
                break
            del self._waiting[key]
            if now_ns - since >= SETTLE_NS:
                self._lonely[key] = None
                self._count += 1
        while len(self._lonely) > MAX_REMEMBERED:
            self._lonely.popitem(last=False)
        if self._count < ENOUGH:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        self.settled = True
        self._waiting.clear()
        self._lonely.clear()
