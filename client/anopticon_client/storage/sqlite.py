"""A store in one SQLite file: exclusive to one process, all or nothing, and what is deleted is gone from the disk.

    store = SqliteStore(Path("phone.sqlite3"), "gaen")
    phone = Phone(config, store.load())

Which settings make that true, and how it was measured: docs/adr/0007-phone-store.md.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from anopticon_client.errors import StoreError, StoreForeignError, StoreFullError
from anopticon_client.state import Change, Progress, PutObservation, Snapshot
from anopticon_client.storage import rows
from anopticon_client.storage.schema import (
    APPLICATION_ID,
    OLDEST_SCHEMA_VERSION,
    SCHEMA_VERSION,
    STATE_TABLES,
    TABLES,
)

_OWNER_ONLY = 0o600
_SETTINGS: tuple[str, ...] = (
    "PRAGMA locking_mode = EXCLUSIVE",  # one phone for each file, from here until it is closed
    "PRAGMA journal_mode = TRUNCATE",  # DELETE keeps old pages in the journal of an exclusive file; WAL keeps them too
    "PRAGMA secure_delete = ON",  # deleted content is overwritten with zeros
    "PRAGMA synchronous = FULL",  # a commit has reached the disk when it returns
    "PRAGMA temp_store = MEMORY",  # rebuilding the file leaves no copy of it elsewhere
    "PRAGMA trusted_schema = OFF",  # the file may have been in other hands
)
REBUILD_AFTER_SAVES: Final = 24
"""Saves with observations between two rebuilds: two hours of scans, when no batch settles anything in the meantime."""
_T = TypeVar("_T")


class SqliteStore:
    """A phone's state in a file. Every method raises StoreError."""

    def __init__(self, path: Path, design: str | None = None) -> None:
        """Open the file at `path`, made if it is missing, for the design with this text form.

        Without `design` the file must hold a phone already, of whichever design. Raises StoreForeignError if the file
        is not ours or of another design, StoreError if it cannot be opened, is damaged or is in use.
        """
        self.path = path
        self._rebuild_due = False
        self._saves = 0
        self._settled_until = 0
        self._create_file(make=design is not None)
        with self._named_errors():
            # The path is made absolute, since SQLite gives names such as ":memory:" a meaning of their own.
            self._db = sqlite3.connect(os.path.abspath(path), timeout=0, isolation_level=None)  # noqa: PTH100
        try:
            self._lock()
            with self._transaction():
                self.design = self._check_or_found(design)
            self._settled_until = self._progress().settled_until
        except BaseException:
            self._db.close()
            raise

    def load(self) -> Snapshot:
        """Everything that is stored."""
        upload = self._read("upload", rows.read_upload)
        return Snapshot(
            self._read("own_key", rows.read_own_key),
            self._read("observation", rows.read_observation),
            self._read("batch", rows.read_batch),
            self._read("notice", rows.read_notice),
            upload[0] if upload else None,
            self._progress(),
        )

    def apply(self, changes: Sequence[Change]) -> None:
        """Save `changes` in one transaction. If something was deleted the file is then rebuilt.

        The rebuild puts the rows of every page in the order of their keys and drops the copies that SQLite leaves
        behind when it moves rows between pages: neither deleted rows nor the order in which rows came can be read out
        of the file. It is a second transaction: if it fails the changes are saved all the same, and it is due again.
        """
        if not changes:
            return
        with self._transaction():
            for change in changes:
                self._db.execute(*rows.statement(change))
        self._saves += any(isinstance(change, PutObservation) for change in changes)
        late = self._saves >= REBUILD_AFTER_SAVES
        self._rebuild_due = self._rebuild_due or late or rows.deletes(changes, self._settled_until)
        if self._rebuild_due:
            self._settled_until = self._progress().settled_until
            self._rebuild()

    def wipe(self) -> None:
        """Delete everything, the pinned deployment too. The file stays, empty, and stays one of its design."""
        with self._transaction():
            for table in STATE_TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from our own list
            self._db.execute("UPDATE phone SET deployment = NULL")
        with self._named_errors():
            self._db.execute("VACUUM")

    def close(self) -> None:
        """Rebuild the file a last time and let go of it. Safe to call twice."""
        with contextlib.suppress(sqlite3.Error):
            self._rebuild()
            self._db.execute("PRAGMA journal_mode = DELETE")  # leaves no empty journal behind
        self._db.close()

    def deployment(self) -> str | None:
        """The deployment this phone joined, as `pin` was given it."""
        with self._named_errors():
            found = self._db.execute("SELECT deployment FROM phone").fetchone()[0]
        if found is not None and not isinstance(found, str):
            raise StoreError(f"{self.path} is damaged: its deployment is not text")
        return found

    def pin(self, deployment: str) -> None:
        """Remember the deployment this phone joined."""
        with self._transaction():
            self._db.execute("UPDATE phone SET deployment = ?", (deployment,))

    def _create_file(self, *, make: bool) -> None:
        """SQLite would create the file readable for all; its journal takes over the permissions made here."""
        flags = os.O_RDWR | (os.O_CREAT if make else 0)
        try:
            os.close(os.open(self.path, flags, _OWNER_ONLY))
            if os.name == "posix":
                self.path.chmod(_OWNER_ONLY)
        except FileNotFoundError as error:
            raise StoreError(f"{self.path}: there is no such file") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened for writing: {error.strerror}") from error

    def _lock(self) -> None:
        with self._named_errors():
            for setting in _SETTINGS:
                self._db.execute(setting)
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")
            try:
                found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            except UnicodeDecodeError:
                found = "its tables have names that are no text"
        if found != "ok":
            raise StoreError(f"{self.path} is damaged: {str(found).splitlines()[-1]}")

    def _check_or_found(self, design: str | None) -> str:
        """Check that the file is of this program and design, or make it so if it is empty; gives its design."""
        application, version = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        tables = [sql for (sql,) in self._db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        if not tables and design is not None and application in (0, APPLICATION_ID):
            for table in TABLES:
                self._db.execute(table)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._db.execute("INSERT INTO phone VALUES (1, ?, NULL)", (design,))
            return design
        if application != APPLICATION_ID:
            raise StoreForeignError(f"{self.path} holds no phone: it belongs to another program")
        if not OLDEST_SCHEMA_VERSION <= version <= SCHEMA_VERSION:
            known = f"this program knows version {SCHEMA_VERSION}"
            raise StoreForeignError(f"{self.path} has tables of version {version}, {known}")
        if sorted(tables) != sorted(TABLES):
            raise StoreForeignError(f"{self.path} has tables that this program did not make")
        row = self._db.execute("SELECT design FROM phone").fetchone()
        if row is None or not isinstance(row[0], str):
            raise StoreError(f"{self.path} is damaged: it does not say which design it is of")
        if design is not None and row[0] != design:
            raise StoreForeignError(f"{self.path} belongs to a phone of design {row[0]}, not {design}")
        if version != SCHEMA_VERSION:  # older programs must not open what this one will write into it
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return row[0]

    def _progress(self) -> Progress:
        found = self._read("progress", rows.read_progress)
        return found[0] if found else Progress()

    def _read(self, table: str, read: Callable[[rows.Row], _T]) -> tuple[_T, ...]:
        try:
            with self._named_errors():
                return tuple(read(row) for row in self._db.execute(f"SELECT * FROM {table}"))  # noqa: S608 - our names
        except (ValueError, TypeError, OverflowError) as error:
            raise StoreError(f"{self.path} is damaged: table {table}: {error}") from error

    def _rebuild(self) -> None:
        """Best effort: it needs room for a second copy, and a phone without room goes on without it."""
        try:
            self._db.execute("VACUUM")
            self._rebuild_due = False
            self._saves = 0
        except sqlite3.OperationalError:
            self._rebuild_due = True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._named_errors():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _named(error, self.path) from error


def _named(error: sqlite3.Error, path: Path) -> StoreError:
    """The error of this package that says what `error` means for a person."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"{path} is in use by another phone: each needs a file of its own")
    if name == "SQLITE_FULL":
        return StoreFullError(f"{path} cannot grow: there is no room left on the disk")
    if name == "SQLITE_IOERR_WRITE":
        return StoreFullError(f"{path} cannot be written: the disk is full, over quota or failing")
    if name == "SQLITE_NOTADB":
        return StoreForeignError(f"{path} holds no phone: it is not an SQLite file")
    if name.startswith("SQLITE_CORRUPT"):
        return StoreError(f"{path} is damaged: {error}")
    return StoreError(f"{path} cannot be used: {error}")
