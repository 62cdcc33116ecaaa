"""Running the application on a socket until a signal ends it."""

from __future__ import annotations

import logging
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from anopticon_protocol.timebase import release_bucket
from anopticon_server.app import create_app
from anopticon_server.clock import Clock, RehearsalClock, open_clock
from anopticon_server.errors import SettingsError
from anopticon_server.logs import Event, configure, emit
from anopticon_server.patience import PatientWithHeads
from anopticon_server.settings import Settings
from anopticon_server.sockets import listen, shown

GRACE_SECONDS: Final = 5
"""How long requests under way may take once the server is told to stop."""
MAX_CONNECTIONS: Final = 1_000
"""More are answered 503 at once: each costs memory whether it speaks or not."""
BACKLOG: Final = 512


def serve(settings: Settings) -> int:
    """Serve until interrupted; returns the exit status. Raises ServerError if it cannot start."""
    clock: Clock = RehearsalClock() if settings.rehearsal else open_clock(settings.clock)
    configure(settings.log_level, lambda: release_bucket(clock(), settings.release_period_seconds))
    app = create_app(settings, clock)
    with _listen(settings.host, settings.port) as listener:
        # This handler lies under uvicorn's own, which ends gracefully and then hands the signal on to it.
        signal.signal(signal.SIGTERM, _interrupt)
        emit(logging.INFO, Event.STARTED)
        print(f"listening on http://{shown(listener)}", flush=True)  # noqa: T201 - for whoever chose port 0
        try:
            uvicorn.Server(config_of(app)).run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            app.state.server.close()
        emit(logging.INFO, Event.STOPPED)
    return 0


def config_of(app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        http=PatientWithHeads,
        access_log=False,
        log_config=None,
        lifespan="on",
        limit_concurrency=MAX_CONNECTIONS,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises SettingsError, so that a port in use is one sentence and not a traceback."""
    try:
        return listen(host, port, BACKLOG)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
