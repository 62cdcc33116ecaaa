"""The collector's HTTP side: nodes post their state, pages read a stream of snapshots (ADR 0018).

    GET  /            the page; /live.js and /live.css belong to it
    GET  /v1/board    the latest snapshot as JSON
    GET  /v1/events   the same, once a second while there is news, as server-sent events
    POST /v1/state    a node's state; answers with the collector's time and whose beacon is whose

Whoever can reach the address can read. Only who knows the token, if there is one, can write.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from anopticon_testbed.live.board import Board, RefusedError
from anopticon_testbed.status import MAX_STATE_BYTES, Answer, NodeState, first_fault

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page asks nobody but its own collector for anything."""
_PAGES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
}
_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def create_app(board: Board, token: str = "") -> FastAPI:
    """The application on `board`; a node must know `token` unless that is empty."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, max_body_size=MAX_STATE_BYTES)
    app.add_exception_handler(RefusedError, _refuse)

    @app.post("/v1/state", dependencies=[Depends(_knows(token))])
    async def push(request: Request) -> Answer:
        """Take a node's state."""
        return board.push(await _state(request))

    @app.get("/v1/board")
    async def latest() -> dict[str, Any]:
        """Every node as it is now."""
        return board.snapshot()

    @app.get("/v1/events", response_class=EventSourceResponse, dependencies=[Depends(board.place)])
    async def events() -> AsyncIterator[ServerSentEvent]:
        """Every node, again and again."""
        async for snapshot in board.watch():
            yield ServerSentEvent(raw_data=snapshot, event="board", retry=1_000)

    for path, (name, kind) in _PAGES.items():
        app.add_api_route(path, _page(name, kind), methods=["GET"], include_in_schema=False)
    return app


def _knows(token: str) -> Callable[[str], Awaitable[None]]:
    """A check that the caller knows the token."""

    async def check(authorization: Annotated[str, Header()] = "") -> None:
        said = authorization.encode("utf-8", "replace")
        if token and not hmac.compare_digest(said, f"Bearer {token}".encode()):
            raise RefusedError(401, "this collector wants a token: give the node the same --token-file")

    return check


async def _state(request: Request) -> NodeState:
    """The state in the body. A web page that the experimenter happens to look at cannot send this content type."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "the content type must be application/json")
    try:
        return NodeState.model_validate_json(await request.body())
    except ClientDisconnect as error:  # nobody reads this answer, and it is nothing to trace
        raise RefusedError(400, "the state ended too early") from error
    except ValidationError as error:
        raise RefusedError(422, first_fault(error)) from error


def _page(name: str, kind: str) -> Any:  # noqa: ANN401 - FastAPI takes any callable
    data = files("anopticon_testbed.live").joinpath("static", name).read_bytes()

    async def page() -> Response:
        return Response(data, media_type=kind, headers=_HEADERS)

    return page


async def _refuse(request: Request, error: Exception) -> Response:
    del request
    status = error.status if isinstance(error, RefusedError) else 500
    return JSONResponse({"message": str(error)}, status_code=status)
