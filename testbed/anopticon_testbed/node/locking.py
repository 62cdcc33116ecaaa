"""One node of a name in a folder: two would write into one recording."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anopticon_testbed.errors import SetupError


@contextmanager
def only_node(folder: Path, name: str) -> Iterator[None]:
    """Hold the name in this folder; raises SetupError if another process does. After a kill it is free again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f".{name}.lock").open("a")
    except OSError as error:
        raise SetupError(
            f"cannot write into {folder}: {error.strerror or error}. Name another folder with --out"
        ) from error
    with file:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - there is none on Windows

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SetupError(
                    f"a node called {name!r} is recording into {folder} already: "
                    "give this one another --name, or stop that one"
                ) from None
        yield
