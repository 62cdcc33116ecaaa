"""Secrets that the server makes for itself at its first start: one file each, readable by its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from anopticon_server.durable import create_once
from anopticon_server.errors import SettingsError
from anopticon_server.settings import SECRET_BYTES, read_secret

MAX_FILE_BYTES: Final = 1_024
"""A secret is 65 bytes with its line end; anything much longer is another file."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load_or_create(path: Path, entropy: Callable[[int], bytes]) -> bytes:
    """The secret in `path`; a fresh one from `entropy` if there is no such file. Raises SettingsError."""
    try:
        create_once(path, lambda: entropy(SECRET_BYTES).hex().encode("ascii") + b"\n")
        return _read(path)
    except OSError as error:
        raise SettingsError(f"secret file {path}: {error.strerror or error}") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if os.name == "posix" and mode & _OTHERS:
            raise SettingsError(
                f"secret file {path}: others may read it; take that back with: chmod 600 {path}"
            )
        text = file.read(MAX_FILE_BYTES)
    try:
        return read_secret(text.decode("ascii"))
    except ValueError:
        raise SettingsError(f"secret file {path}: {2 * SECRET_BYTES} hex digits expected") from None
