"""The collector on a socket, in its own process or beside other work in one loop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn

from anopticon_server.patience import IDLE_SECONDS, PatientWithRequests
from anopticon_server.sockets import listen, shown
from anopticon_testbed.errors import SetupError
from anopticon_testbed.live.app import create_app
from anopticon_testbed.live.board import MAX_WATCHERS, Board
from anopticon_testbed.status import MAX_NODES

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8790
MAX_CONNECTIONS: Final = 2 * MAX_NODES + 2 * MAX_WATCHERS
"""A node holds one, a page two; more are answered 503 at once."""
GRACE_SECONDS: Final = 2


class _Server(uvicorn.Server):
    """Ends the streams before it waits for connections to end: a page would keep one open for ever."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._board.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone: they belong to the program around this server."""
        yield


@asynccontextmanager
async def collecting(
    host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, token: str = ""
) -> AsyncIterator[tuple[str, Board]]:
    """A running collector: its address and its board. Raises SetupError if the port is not to be had."""
    listener = _listen(host, port)
    board = Board(time.monotonic, time.time_ns)
    config = uvicorn.Config(
        create_app(board, token),
        http=PatientWithRequests,
        access_log=False,
        log_config=None,
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, board)
    with contextlib.closing(listener):
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://{shown(listener)}", board
        finally:
            server.should_exit = True
            await serving


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port, MAX_CONNECTIONS)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(
            f"cannot listen on {host} port {port}: {reason}. Choose another --port (0 takes a free one)"
        ) from error
