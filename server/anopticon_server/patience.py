"""Closes connections that do not say what they want: uvicorn itself waits for ever for the first byte and the last."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_SECONDS: Final = 15
"""The head of a request takes less on any network that phones are on, and a node of a testbed speaks every second."""


class PatientWithHeads(H11Protocol):
    """A connection on which no head of a request is whole within one to two times IDLE_SECONDS is closed.

    How long a body may take is the application's to say, and whoever waits for an answer may wait as it likes.
    """

    unfinished: ClassVar[tuple[object, ...]] = (h11.IDLE,)
    """What a client is at, by h11, when it keeps us waiting."""
    _look: asyncio.TimerHandle | None = None
    _seen: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there; it has said nothing yet."""
        super().connection_made(transport)
        self._look = self.loop.call_later(IDLE_SECONDS, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        """Close it if it is in the middle of the same request as the last time, or before its first."""
        if self.conn.their_state in self.unfinished and self.cycle is self._seen:
            self.transport.abort()
            return
        self._seen = self.cycle
        self._look = self.loop.call_later(IDLE_SECONDS, self._look_again)


class PatientWithRequests(PatientWithHeads):
    """The same for the whole request, body and all: for applications that set no time of their own."""

    unfinished = (h11.IDLE, h11.SEND_BODY)
