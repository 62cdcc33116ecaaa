"""A real server in a process of its own, on a free port of the loopback address."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

LISTENING: Final = re.compile(r"listening on (http://127\.0\.0\.1:\d+)\n")
STOP_SECONDS: Final = 20
SERVER: Final = [sys.executable, "-m", "anopticon_server"]


@dataclass
class Running:
    """A server that answers at `url`."""

    process: subprocess.Popen[str]
    url: str
    folder: Path
    errors: Path

    def get(self, path: str) -> httpx.Response:
        """One download over a connection of its own."""
        return httpx.get(self.url + path, trust_env=False)

    def upload(self, body: bytes) -> httpx.Response:
        """One upload over a connection of its own."""
        return httpx.post(f"{self.url}/v1/uploads", content=body, trust_env=False)

    def post(self, path: str, fields: object) -> httpx.Response:
        """One JSON request over a connection of its own."""
        return httpx.post(self.url + path, json=fields, trust_env=False)

    def command(self, *arguments: str) -> str:
        """What an operator's command beside the server prints."""
        return run(*arguments, "--data-dir", str(self.folder)).stdout

    def stop(self) -> int:
        """Ask it to end, and give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def environment(**given: str) -> dict[str, str]:
    """The environment of this process without settings of servers, and with the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANOPTICON_")}
    return kept | {f"ANOPTICON_{name.upper()}": value for name, value in given.items()}


def run(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*SERVER, *arguments],
        capture_output=True,
        text=True,
        env=environment(**given),
        timeout=60,
        check=False,
    )


@contextmanager
def serving(
    folder: Path, *arguments: str, prelude: str = "", keep: bool = True, **given: str
) -> Iterator[Running]:
    """Run `serve` in `folder`; it is killed at the end of the block if it still runs.

    Its data are in `folder`/data if it is to `keep` any, else it is not told where to put them. `prelude` is
    Python that runs in the server's process before anything else.
    """
    data, errors = folder / "data", folder / "errors.log"
    program = f"{prelude}\nimport sys\nfrom anopticon_server.cli import main\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "serve", "--port", "0", *arguments]
    if keep:
        command += ["--data-dir", str(data)]
    with (
        errors.open("a") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(**given), cwd=folder
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = LISTENING.fullmatch(line)
            assert found is not None, line + errors.read_text()
            yield Running(process, found[1], data, errors)
        finally:
            if process.poll() is None:
                process.kill()
