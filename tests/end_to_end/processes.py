"""Our own programs as real processes: started, listened to line by line with a deadline, ended by their id."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Self

PATIENCE_SECONDS: Final = 60.0
"""How long a line may take on a machine that is busy with other things; it takes seconds at most on an idle one."""


class Program(AbstractContextManager["Program"]):
    """One process and what it prints. Leaving its block kills it if it still runs."""

    def __init__(self, module: str, *arguments: object, stdin: int = subprocess.PIPE) -> None:
        """Start `python -m module arguments`."""
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, wanted: Callable[[str], bool] | str, seconds: float = PATIENCE_SECONDS) -> str:
        """The next line that is wanted, or holds the wanted text; fails with all that was printed if none comes."""
        found = (lambda line: wanted in line) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._fresh.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"no line {wanted!r} within {seconds} s in:\n{self.output}") from None
            if line is None:
                raise AssertionError(f"the program ended without a line {wanted!r}:\n{self.output}")
            if found(line):
                return line

    def enter(self, line: str) -> None:
        """Type a line on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ends(self, seconds: float = PATIENCE_SECONDS) -> int:
        """The exit status, once it ends by itself."""
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    def __exit__(self, *error: object) -> None:
        """Kill it if it still runs, and close its pipes."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        """Nothing more to do: it runs."""
        return self

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._fresh.put(self.lines[-1])
        self._fresh.put(None)


def run(module: str, *arguments: object) -> tuple[int, str]:
    """Exit status and output of a program that ends by itself, with no standard input."""
    with Program(module, *arguments, stdin=subprocess.DEVNULL) as program:
        return program.ends(), program.output
