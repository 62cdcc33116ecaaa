"""Connections that never say what they want, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from anopticon_server import patience
from anopticon_server.serving import MAX_CONNECTIONS, config_of
from anopticon_server.sockets import listen, shown
from tests.server.test_api import site

HELD = MAX_CONNECTIONS // 4
"""As many as a test may hold open without asking for more files than a process usually may have."""


class Quiet(uvicorn.Server):
    """Leaves signals alone: they belong to pytest."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing."""
        yield


@asynccontextmanager
async def listening(folder: Path, connections: int) -> AsyncIterator[str]:
    """A key server on a port, which takes so many connections."""
    async with site(folder) as opened:
        config = config_of(opened.app)
        config.limit_concurrency = connections
        config.lifespan = "off"
        server = Quiet(config)
        with contextlib.closing(listen("127.0.0.1", 0, connections)) as listener:
            serving = asyncio.create_task(server.serve([listener]))
            try:
                yield f"http://{shown(listener)}"
            finally:
                server.should_exit = True
                await serving


@pytest.mark.parametrize(
    "begun", [b"", b"GET /v1/index HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half a head"]
)
async def test_who_never_says_what_it_wants_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """SPEC: SV-18. As many connections as there may be, none with a whole head, are closed; then others are served."""
    monkeypatch.setattr(patience, "IDLE_SECONDS", 0.2)
    async with listening(tmp_path, HELD) as url, httpx.AsyncClient(base_url=url) as client:
        where = httpx.URL(url)
        held = [await asyncio.open_connection(where.host, where.port) for _ in range(HELD)]
        for _, writer in held:
            writer.write(begun)
        for reader, writer in held:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert (await client.get("/v1/index")).status_code == 200


async def test_a_slow_upload_has_the_time_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that is still on its way when heads are out of patience is read to its end and answered (SV-15, SV-18)."""
    monkeypatch.setattr(patience, "IDLE_SECONDS", 0.05)
    looked = asyncio.Event()
    real = patience.PatientWithHeads._look_again
    looks: list[object] = []

    def look(self: patience.PatientWithHeads) -> None:
        real(self)
        looks.append(self)
        if len(looks) == 3:
            looked.set()

    monkeypatch.setattr(patience.PatientWithHeads, "_look_again", look)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await looked.wait()
        yield b"}"

    async with listening(tmp_path, HELD) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/uploads", content=slowly())
        assert answer.status_code == 422
