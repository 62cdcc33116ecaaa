"""Routes of a rehearsal, whose caller owns time. They do not exist unless the server was started as one.

Moving the clock publishes and purges whatever has become due. It makes no difference whether it is moved in
one step or in many: publishing is by release, and a release holds the same keys whenever it is written.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anopticon_protocol.export.model import MAX_TIMESTAMP
from anopticon_server.clock import RehearsalClock
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings
from anopticon_server.web import JSON, NO_STORE, read_json, whole_field


def rehearsal_routes(server: KeyServer, clock: RehearsalClock, settings: Settings) -> APIRouter:
    """Move the clock, see every row, begin again."""
    router = APIRouter(prefix="/rehearsal")

    @router.post("/clock", operation_id="move_clock")
    async def post_clock(request: Request) -> Response:
        fields = await read_json(request, settings.upload_timeout_seconds)
        now = whole_field(fields, "now", MAX_TIMESTAMP)
        published = await run_in_threadpool(move, server, clock, now)
        return _json({"now": now, "published": published})

    @router.get("/rows", operation_id="rows")
    def get_rows() -> Response:
        return _json(server.rows())

    @router.post("/reset", operation_id="reset")
    async def post_reset(request: Request) -> Response:
        await read_json(request, settings.upload_timeout_seconds)
        await run_in_threadpool(server.reset)
        clock.reset()
        return _json({"now": 0})

    return router


def move(server: KeyServer, clock: RehearsalClock, now: int) -> list[int]:
    """Show `now` and do what is due by then; returns the releases published. Raises RequestRefusedError."""
    clock.move(now)
    return server.tick()


def _json(whole: object) -> Response:
    body = json.dumps(whole, separators=(",", ":")).encode("ascii")
    return Response(body, media_type=JSON, headers={"cache-control": NO_STORE})
