"""Files that are whole or absent, whatever happens, and that nobody overwrites."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

TEMPORARY_PREFIX: Final = ".unfinished-"
_ATTEMPTS: Final = 3
OWNER_ONLY: Final = 0o600
PUBLIC: Final = 0o644
"""What is published anyway, so that a web server may serve it from disk."""


def create_once(
    path: Path, content: Callable[[], bytes], *, mode: int = OWNER_ONLY, modified: int | None = None
) -> bool:
    """Write a new file in one step and durably; False, and nothing is done, if `path` exists. Raises OSError.

    Of several processes that try at once exactly one succeeds. `modified` (Unix seconds) is what the file
    will say about its age, so that it does not tell when it was really made.
    """
    if path.exists():
        return False
    data = content()
    for attempt in range(_ATTEMPTS):
        try:
            return _create(path, data, mode, modified)
        except FileNotFoundError:
            # Another process that started just now took our unfinished file for a leftover.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def remove_unfinished(folder: Path) -> None:
    """Delete what a crash left half written."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make names that came or went in `folder` durable, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, data: bytes, mode: int, modified: int | None) -> bool:
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        _write(temporary, data, mode)
        if modified is not None:
            os.utime(temporary, (modified, modified))
        if not _give_name(temporary, path):
            return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _give_name(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless it is taken: a hard link refuses then, a rename does not."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without hard links. There a race of two publishers ends with the same bytes twice.
        with contextlib.suppress(FileExistsError):
            if not path.exists():
                temporary.rename(path)
                return True
        return False
    return True
