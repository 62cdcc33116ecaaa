"""Files of a node put in place: whole or not at all, and never over what somebody has edited."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from anopticon_testbed.checks.unit import MARK
from anopticon_testbed.errors import SetupError


class Change(Enum):
    """What became of a file."""

    WRITTEN = "written"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    KEPT = "kept: it was edited by hand; --force overwrites it"


@dataclass(frozen=True, slots=True)
class Plan:
    """One file to be: its path below the root, its text, its mode."""

    path: str
    text: str
    mode: int

    @property
    def content(self) -> str:
        """The text under a line that tells later whether somebody edited it."""
        return f"{MARK} {_check(self.text)}\n{self.text}"


def install(plan: Plan, root: Path, *, force: bool = False) -> Change:
    """Put one file in place; raises SetupError with what to do next."""
    path = root / plan.path
    try:
        found = path.read_text(encoding="utf-8") if path.exists() else None
        if found == plan.content:
            return Change.UNCHANGED
        if found is not None and not force and not _ours(found):
            return Change.KEPT
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, plan)
    except PermissionError as error:
        raise SetupError(
            f"{path}: not allowed ({error.strerror}): run with sudo, or see --dry-run"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: {error}: look at it, or write elsewhere with --root") from error
    return Change.WRITTEN if found is None else Change.RENEWED


def _write(path: Path, plan: Plan) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, plan.mode), "w", encoding="utf-8"
        ) as file:
            file.write(plan.content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(plan.mode)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _ours(content: str) -> bool:
    """Whether the file is as it was written: its first line carries the check of the rest."""
    first, _, rest = content.partition("\n")
    return first == f"{MARK} {_check(rest)}"


def _check(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
