"""The published files: written once, never changed, deleted after retention. Downloads touch nothing else.

There is one file of each kind for a release. That a release has its file is the record of its having been
published; `complete_until` says up to which release nothing is missing, releases without keys included.
"""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from anopticon_server.durable import PUBLIC, create_once, remove_unfinished, sync_folder
from anopticon_server.errors import NotFoundError, StorageError, StorageFullError

NO_SUCH_FILE: Final = "no published file has this name; it may have been deleted after retention"

_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Kind(StrEnum):
    """What is published for a release; the value is the folder it lies in."""

    BATCH = "batches"
    EXPORT = "exports"


class Entry(NamedTuple):
    """One published file: its release in Unix seconds, the hex SHA-256 of its bytes, their number."""

    release: int
    sha256: str
    length: int


class Archive(Protocol):
    """Where published files are kept. All methods may be called from several threads."""

    def entries(self, kind: Kind) -> tuple[Entry, ...]:
        """The files of one kind, oldest first."""

    def put(self, kind: Kind, release: int, data: bytes) -> bool:
        """Publish a file, durably; False, and nothing done, if the release has one. Raises StorageError."""

    def read(self, kind: Kind, release: int) -> bytes:
        """The bytes of a file; raises NotFoundError."""

    def path(self, kind: Kind, release: int) -> Path | None:
        """Where the file lies on disk; None if it does not."""

    def delete(self, kind: Kind, release: int) -> None:
        """Delete a file, if it is there."""

    def complete_until(self) -> int:
        """The release up to which everything has been published; 0 before the first."""

    def complete(self, release: int) -> None:
        """Say that all up to `release` has been published. A smaller one than before changes nothing."""

    def wipe(self) -> None:
        """Delete everything. Only a rehearsal that begins again does this."""


class MemoryArchive:
    """An archive that is gone with its object."""

    def __init__(self) -> None:
        self._files: dict[tuple[Kind, int], tuple[Entry, bytes]] = {}
        self._complete_until = 0
        self._lock = threading.Lock()

    def entries(self, kind: Kind) -> tuple[Entry, ...]:
        """The files of one kind, oldest first."""
        with self._lock:
            return tuple(sorted(entry for (one, _), (entry, _) in self._files.items() if one is kind))

    def put(self, kind: Kind, release: int, data: bytes) -> bool:
        """Publish a file; False, and nothing is done, if the release has one."""
        with self._lock:
            if (kind, release) in self._files:
                return False
            self._files[kind, release] = (_entry(release, data), data)
            return True

    def read(self, kind: Kind, release: int) -> bytes:
        """The bytes of a file; raises NotFoundError."""
        with self._lock:
            if (kind, release) not in self._files:
                raise NotFoundError(NO_SUCH_FILE)
            return self._files[kind, release][1]

    def path(self, kind: Kind, release: int) -> Path | None:
        """Nothing lies on disk."""
        del kind, release
        return None

    def delete(self, kind: Kind, release: int) -> None:
        """Delete a file, if it is there."""
        with self._lock:
            self._files.pop((kind, release), None)

    def complete_until(self) -> int:
        """The release up to which everything has been published; 0 before the first."""
        return self._complete_until

    def complete(self, release: int) -> None:
        """Say that everything up to `release` has been published."""
        with self._lock:
            self._complete_until = max(self._complete_until, release)

    def wipe(self) -> None:
        """Delete everything."""
        with self._lock:
            self._files.clear()
            self._complete_until = 0


class DirectoryArchive:
    """An archive in a folder: `batches/<release>`, `exports/<release>`, and a mark `complete/<release>`.

    Nothing is remembered that another process could change: each question looks at the folder. Only the hash
    of a file is kept, since files never change.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made if it is missing; raises StorageError."""
        self._folders = {kind: folder / kind.value for kind in Kind}
        self._marks = folder / "complete"
        self._known: dict[tuple[Kind, int], Entry] = {}
        with _failures("made"):
            for one in (*self._folders.values(), self._marks):
                one.mkdir(parents=True, exist_ok=True)

    def remove_unfinished(self) -> None:
        """Delete what a crash left half written."""
        with _failures("cleaned"):
            for one in (*self._folders.values(), self._marks):
                remove_unfinished(one)

    def entries(self, kind: Kind) -> tuple[Entry, ...]:
        """The files of one kind, oldest first."""
        found = (self._entry(kind, release) for release in _releases(self._folders[kind]))
        return tuple(entry for entry in found if entry is not None)

    def put(self, kind: Kind, release: int, data: bytes) -> bool:
        """Publish a file, durably; False, and nothing done, if the release has one. Raises StorageError."""
        with _failures("written"):
            return create_once(self._file(kind, release), lambda: data, mode=PUBLIC, modified=release)

    def read(self, kind: Kind, release: int) -> bytes:
        """The bytes of a file; raises NotFoundError."""
        with _failures("read"):
            try:
                return self._file(kind, release).read_bytes()
            except FileNotFoundError:
                raise NotFoundError(NO_SUCH_FILE) from None

    def path(self, kind: Kind, release: int) -> Path | None:
        """Where the file lies on disk; None if there is none."""
        path = self._file(kind, release)
        return path if path.exists() else None

    def delete(self, kind: Kind, release: int) -> None:
        """Delete a file, if it is there."""
        with _failures("deleted"):
            self._file(kind, release).unlink(missing_ok=True)
            sync_folder(self._folders[kind])
        self._known.pop((kind, release), None)

    def complete_until(self) -> int:
        """The release up to which everything has been published; 0 before the first."""
        return max(_releases(self._marks), default=0)

    def complete(self, release: int) -> None:
        """Say that everything up to `release` has been published.

        Marks are only ever added above and removed below, so that two publishers cannot undo each other's.
        """
        with _failures("written"):
            earlier = _releases(self._marks)
            if release > max(earlier, default=0):
                create_once(self._marks / str(release), bytes, mode=PUBLIC, modified=release)
                for one in earlier:
                    (self._marks / str(one)).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Delete everything."""
        with _failures("deleted"):
            for folder in (self._marks, *self._folders.values()):
                for release in _releases(folder):
                    (folder / str(release)).unlink(missing_ok=True)
        self._known.clear()

    def _file(self, kind: Kind, release: int) -> Path:
        return self._folders[kind] / str(release)

    def _entry(self, kind: Kind, release: int) -> Entry | None:
        known = self._known.get((kind, release))
        if known is None:
            try:
                known = _entry(release, self.read(kind, release))
            except NotFoundError:  # deleted since the folder was listed
                return None
            self._known[kind, release] = known
        return known


def _releases(folder: Path) -> list[int]:
    """The releases that name files in `folder`, ascending; other names are none of ours."""
    with _failures("read"):
        return sorted(
            int(path.name) for path in folder.iterdir() if path.name.isascii() and path.name.isdigit()
        )


def _entry(release: int, data: bytes) -> Entry:
    return Entry(release, hashlib.sha256(data).hexdigest(), len(data))


@contextmanager
def _failures(deed: str) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError("the archive has no room left; nothing was changed") from error
        raise StorageError(f"the archive cannot be {deed}: {error.strerror or error}") from error
