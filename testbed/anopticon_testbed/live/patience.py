"""Closes connections that do not say what they want: uvicorn itself waits for ever for the first byte and the last."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_SECONDS: Final = 15
"""A node speaks once a second; a connection that is silent for longer is closed."""
_UNFINISHED: Final = (h11.IDLE, h11.SEND_BODY)


class PatientProtocol(H11Protocol):
    """A connection whose request is not there whole within one to two times IDLE_SECONDS is closed.

    Whoever waits for an answer, as a page does for its stream, may wait as long as it likes.
    """

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
        if self.conn.their_state in _UNFINISHED and self.cycle is self._seen:
            self.transport.abort()
            return
        self._seen = self.cycle
        self._look = self.loop.call_later(IDLE_SECONDS, self._look_again)
