"""The public routes: parse, call, answer. Nothing is decided here, and downloads never touch the database."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anopticon_protocol.codes import ENTROPY_BYTES as CODE_ENTROPY_BYTES
from anopticon_protocol.messages import MAX_UPLOAD_BYTES
from anopticon_server.archive import Kind
from anopticon_server.clock import Clock
from anopticon_server.errors import BusyError, IssuerRefusedError, RequestRefusedError
from anopticon_server.exports import INDEX_NAME
from anopticon_server.publisher import kinds_of
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings
from anopticon_server.web import (
    JSON,
    NO_STORE,
    answer_bytes,
    answer_file,
    list_cache,
    read_body,
    read_json,
)

Endpoint = Callable[..., Response]
_BATCH_TYPE = "application/octet-stream"


def download_routes(server: KeyServer, clock: Clock) -> APIRouter:
    """What phones fetch: lists, files, parameters."""
    router = APIRouter()
    period = server.deployment.period
    parameters = server.parameters()

    @_read(router, "/health", "health")
    def health() -> Response:
        return Response(b'{"status":"ok"}', media_type=JSON, headers={"cache-control": NO_STORE})

    @_read(router, "/v1/parameters", "parameters")
    def get_parameters(request: Request) -> Response:
        return answer_bytes(request, parameters, JSON, list_cache(clock, period))

    @_read(router, "/v1/index", "index")
    def get_index(request: Request) -> Response:
        return answer_bytes(request, server.index(), JSON, list_cache(clock, period))

    @_read(router, "/v1/batches/{name}", "batch")
    def get_batch(request: Request, name: str) -> Response:
        return answer_file(request, server, server.find_batch(name), _BATCH_TYPE)

    if Kind.EXPORT in kinds_of(server.deployment):

        @_read(router, f"/v1/exports/{INDEX_NAME}", "exports")
        def get_export_index(request: Request) -> Response:
            return answer_bytes(request, server.export_index(), "text/plain", list_cache(clock, period))

        @_read(router, "/v1/exports/{name}", "export")
        def get_export(request: Request, name: str) -> Response:
            return answer_file(request, server, server.find_export(name), "application/zip")

    return router


def upload_route(server: KeyServer, settings: Settings) -> APIRouter:
    """Where uploads go. Beyond `max_waiting_uploads` at once they are turned away before they are read."""
    router = APIRouter()
    waiting = asyncio.BoundedSemaphore(settings.max_waiting_uploads)

    @router.post("/v1/uploads", operation_id="upload")
    async def post_upload(request: Request) -> Response:
        if waiting.locked():
            raise BusyError("too many uploads at once; try again in a while")
        async with waiting:
            body = await read_body(request, MAX_UPLOAD_BYTES, settings.upload_timeout_seconds)
            answer = await run_in_threadpool(server.upload, body)
        return Response(answer, media_type=JSON, headers={"cache-control": NO_STORE})

    return router


def issuing_route(server: KeyServer, settings: Settings) -> APIRouter:
    """Where codes are issued. Only a rehearsal may choose their entropy, or go without an issuer key."""
    router = APIRouter()
    key = settings.issuer_key
    wanted = None if key is None else f"Bearer {key.get_secret_value()}".encode()

    @router.post("/v1/codes", operation_id="issue")
    async def post_code(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if wanted is not None and not hmac.compare_digest(given, wanted):
            raise IssuerRefusedError
        fields = await read_json(request, settings.upload_timeout_seconds)
        entropy = _entropy(fields.get("entropy")) if settings.rehearsal and "entropy" in fields else None
        for name in fields.keys() - ({"entropy"} if settings.rehearsal else set()):
            raise RequestRefusedError("unknown field", name[:40])
        issued = await run_in_threadpool(server.issue_code, entropy)
        body = f'{{"code":"{issued.code}","valid_until":{issued.valid_until}}}'
        return Response(body, media_type=JSON, headers={"cache-control": NO_STORE})

    return router


def _read(router: APIRouter, path: str, name: str) -> Callable[[Endpoint], Endpoint]:
    """Register a route for GET, and for HEAD, which FastAPI leaves out."""

    def register(endpoint: Endpoint) -> Endpoint:
        router.get(path, operation_id=name)(endpoint)
        router.head(path, include_in_schema=False)(endpoint)
        return endpoint

    return register


def _entropy(given: object) -> bytes:
    try:
        entropy = bytes.fromhex(given) if isinstance(given, str) else b""
    except ValueError:
        entropy = b""
    if len(entropy) != CODE_ENTROPY_BYTES:
        raise RequestRefusedError(f"entropy must be {2 * CODE_ENTROPY_BYTES} hex digits", "entropy")
    return entropy
