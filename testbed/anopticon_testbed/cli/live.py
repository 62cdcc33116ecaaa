"""`anopticon-testbed live`: the collector and its page."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from anopticon_testbed.errors import InputError
from anopticon_testbed.live.collector import DEFAULT_HOST, DEFAULT_PORT, collecting, is_loopback

SUMMARY: Final = "run the collector that nodes push to, and its web page"
TOKEN_VARIABLE: Final = "ANOPTICON_COLLECTOR_TOKEN"  # noqa: S105 - the name of a variable
MAX_TOKEN_BYTES: Final = 256
MIN_TOKEN_CHARS: Final = 8
"""Shorter ones are guessed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("--host", default=DEFAULT_HOST, help=f"address to listen on ({DEFAULT_HOST})")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"port to listen on ({DEFAULT_PORT}); 0 takes a free one",
    )
    add_token_argument(parser)


def add_token_argument(parser: argparse.ArgumentParser) -> None:
    """The option that names the file of the token."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"nodes must know the token in this file (or in the variable {TOKEN_VARIABLE})",
    )


def read_token(path: Path | None) -> str:
    """The token of a file, or of the environment, or none; raises InputError."""
    if path is None:
        text = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            with path.open("rb") as file:
                text = file.read(MAX_TOKEN_BYTES + 1).decode("ascii", "replace")
        except OSError as error:
            raise InputError(f"token file {path}: {error.strerror or error}") from error
    token = text.strip()
    if (path or token) and not (
        MIN_TOKEN_CHARS <= len(token) <= MAX_TOKEN_BYTES and token.isascii() and token.isprintable()
    ):
        raise InputError(
            f"the token must be {MIN_TOKEN_CHARS}..{MAX_TOKEN_BYTES} printable characters; make one with: "
            "openssl rand -hex 16"
        )
    return token


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    asyncio.run(_serve(options.host, options.port, read_token(options.token_file)))
    return 0


async def _serve(host: str, port: int, token: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with collecting(host, port, token) as (url, _):
        if not is_loopback(host):
            who = "whoever knows the token" if token else "everybody (give a --token-file)"
            print(
                f"note: everybody on this network can read this page, and {who} can write to it", flush=True
            )
        print(f"listening on {url}", flush=True)
        await stop.wait()
    print("stopped", flush=True)
