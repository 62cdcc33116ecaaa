"""create_app and build_app: wiring only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from anopticon_protocol.params import SPEC_VERSION
from anopticon_server.api import download_routes, issuing_route, upload_route
from anopticon_server.clock import Clock, RehearsalClock, open_clock
from anopticon_server.errors import ServerError, SettingsError
from anopticon_server.housekeeping import keep_house
from anopticon_server.opening import open_key_server
from anopticon_server.rehearsal import rehearsal_routes
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings
from anopticon_server.web import Shield, on_http_error, on_server_error


def create_app(
    settings: Settings, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
) -> FastAPI:
    """The key server of a data directory as an ASGI application. Raises ServerError.

    Everything due is published before this returns. Without `clock` it is the one that the settings ask for.
    """
    clock = clock or (RehearsalClock() if settings.rehearsal else open_clock(settings.clock))
    server = open_key_server(settings, clock, entropy, recover=True)
    if not settings.rehearsal:
        server.tick()
    return build_app(server, clock, settings)


def build_app(server: KeyServer, clock: Clock, settings: Settings) -> FastAPI:
    """The application around any key server, which stays in reach as `app.state.server`.

    A task that runs with the application's lifespan publishes and purges, and closes the server at its end.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        stop = asyncio.Event()
        task = None if settings.rehearsal else asyncio.create_task(keep_house(server, clock, stop))
        try:
            yield
        finally:
            stop.set()
            if task is not None:
                await task
            server.close()

    app = FastAPI(
        title="Anopticon key server",
        version=SPEC_VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat whatever Host the caller claimed
        lifespan=lifespan,
    )
    app.state.server = server
    app.add_middleware(Shield)
    app.exception_handler(ServerError)(on_server_error)
    app.exception_handler(HTTPException)(on_http_error)
    app.include_router(download_routes(server, clock))
    app.include_router(upload_route(server, settings))
    if settings.issuer_key is not None or settings.rehearsal:
        app.include_router(issuing_route(server, settings))
    if settings.rehearsal:
        if not isinstance(clock, RehearsalClock):
            raise SettingsError("rehearsal: the clock must be one that its caller moves")
        app.include_router(rehearsal_routes(server, clock, settings))
    return app
