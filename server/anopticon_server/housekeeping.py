"""The task that publishes and purges at each release, by the server's clock, as long as the server runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool

from anopticon_protocol.timebase import next_release
from anopticon_server.clock import Clock
from anopticon_server.errors import ServerError
from anopticon_server.logs import Event, emit, emit_unexpected
from anopticon_server.service import KeyServer

SHORTEST_WAIT_SECONDS: Final = 0.05
"""However fast the clock runs, the task never spins."""
LONGEST_WAIT_SECONDS: Final = 60.0
"""A wall clock may be set, or the machine put to sleep: look again after this long."""
RETRY_WAIT_SECONDS: Final = 5.0
"""After a failure, such as a full disk."""


async def keep_house(server: KeyServer, clock: Clock, stop: asyncio.Event) -> None:
    """Run until `stop` is set, which ends a wait but nothing that is being written.

    A failure is logged and tried again: nothing is lost by being published late.
    """
    while not stop.is_set():
        try:
            await run_in_threadpool(server.tick)
            due = next_release(clock(), server.deployment.period)
            wait = min(max(clock.wait_seconds(due), SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
        except ServerError as error:
            emit(logging.ERROR, Event.HOUSEKEEPING_FAILED, error=type(error).__name__)
            wait = RETRY_WAIT_SECONDS
        except Exception as error:  # noqa: BLE001 - one bad release must not end all later ones
            emit_unexpected(error)
            wait = RETRY_WAIT_SECONDS
        await wait_or_stop(stop, wait)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Return after so many seconds, or when `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
