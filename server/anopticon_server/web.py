"""The small HTTP rules that every route shares: bodies with a bound, ETags, caching, error answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS
from anopticon_protocol.timebase import next_release
from anopticon_server.clock import Clock
from anopticon_server.errors import (
    IssuerRefusedError,
    MethodRefusedError,
    NotFoundError,
    RequestRefusedError,
    ServerError,
    SlowBodyError,
    StorageError,
    TooLargeError,
    UnavailableError,
)
from anopticon_server.logs import Event, emit, emit_unexpected
from anopticon_server.service import KeyServer, PublishedFile

JSON: Final = "application/json"
NO_STORE: Final = "no-store"
FOREVER: Final = f"public, max-age={RETENTION_DAYS * DAY_SECONDS}, immutable"
"""A published file never changes, and is gone after retention."""
MAX_LIST_AGE_SECONDS: Final = 300
"""A list of files may be this stale at most, so that a phone that asks after a release finds it."""
RETRY_AFTER_SECONDS: Final = 30
MAX_SMALL_BODY_BYTES: Final = 1_024
"""Issuing and rehearsal requests hold one number or one hex string."""
_MAX_LENGTH_DIGITS: Final = 10


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """The body; raises TooLargeError beyond `most` bytes, SlowBodyError after `seconds`."""
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise RequestRefusedError("must be a whole number of bytes", "content-length")
    if len(announced) > _MAX_LENGTH_DIGITS or int(announced) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > most:
                    raise _too_large(most)
                body += chunk
    except TimeoutError:
        raise SlowBodyError(f"the body did not arrive within {seconds} s") from None
    return bytes(body)


async def read_json(request: Request, seconds: float) -> Mapping[str, Any]:
    """A small JSON object; an empty body is an empty one. Raises RefusedError.

    The content type must say so: a web page that the operator happens to look at cannot send it unasked.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RequestRefusedError(f"the content type must be {JSON}", "content-type")
    body = await read_body(request, MAX_SMALL_BODY_BYTES, seconds)
    try:
        whole = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict):
        raise RequestRefusedError("the body must be a JSON object", "body")
    return whole


def whole_field(fields: Mapping[str, Any], name: str, most: int) -> int:
    """A field that must be a whole number in 0..`most`; raises RequestRefusedError."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise RequestRefusedError(f"{name} must be a whole number in 0..{most}", name)
    return value


def answer_bytes(request: Request, data: bytes, media_type: str, cache: str) -> Response:
    """`data` with its ETag, or 304 if the caller has it already."""
    digest = hashlib.sha256(data).hexdigest()
    fresh = Response(data, media_type=media_type, headers=_headers(digest, cache))
    return _conditional(request, digest, cache) or fresh


def answer_file(request: Request, server: KeyServer, file: PublishedFile, media_type: str) -> Response:
    """A published file, or 304 if the caller has it already. From disk it is streamed, by ranges if asked."""
    known = _conditional(request, file.entry.sha256, FOREVER)
    if known is not None:
        return known
    headers = _headers(file.entry.sha256, FOREVER)
    if file.path is None:
        return Response(server.read(file), media_type=media_type, headers=headers)
    try:
        found = file.path.stat()
    except FileNotFoundError:
        raise NotFoundError from None
    return FileResponse(file.path, media_type=media_type, headers=headers, stat_result=found)


def list_cache(clock: Clock, period: int) -> str:
    """How long a list may be kept: until the next release, at most MAX_LIST_AGE_SECONDS of the wall."""
    wait = clock.wait_seconds(next_release(clock(), period))
    if math.isinf(wait):  # the caller moves the clock: the next release may be now
        return "no-cache"
    return f"public, max-age={max(0, min(int(wait), MAX_LIST_AGE_SECONDS))}"


def answer_error(error: ServerError) -> Response:
    """The answer to an error of ours."""
    headers = {"cache-control": NO_STORE}
    if isinstance(error, UnavailableError):
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, IssuerRefusedError):
        headers["www-authenticate"] = "Bearer"
    return Response(error.to_json(), error.status, headers, JSON)


async def on_server_error(request: Request, error: ServerError) -> Response:
    """Answer an error of ours; what has to do with the server itself is logged as well, by its class."""
    del request
    if isinstance(error, StorageError):
        emit(logging.ERROR, Event.STORAGE_FAILED, error=type(error).__name__)
    return answer_error(error)


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """Answer an unknown address or method in the form of all other errors."""
    del request
    if error.status_code == MethodRefusedError.status:
        answer = answer_error(MethodRefusedError())
        answer.headers.update(error.headers or {})
        return answer
    return answer_error(NotFoundError())


class Shield:
    """The outermost layer: an error that nobody foresaw is answered, and logged without its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach a log
            emit_unexpected(error)
            if not started:
                answer = answer_error(
                    ServerError("the server failed in a way that nobody foresaw; it is logged")
                )
                await answer(scope, receive, send)


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"the body is longer than {most} bytes", "body")


def _headers(digest: str, cache: str) -> dict[str, str]:
    return {"etag": f'"{digest}"', "cache-control": cache}


def _conditional(request: Request, digest: str, cache: str) -> Response | None:
    """304 if one of the ETags of If-None-Match is ours (weak comparison, RFC 9110 section 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if tags & {"*", f'"{digest}"'}:
        return Response(status_code=304, headers=_headers(digest, cache))
    return None
