"""The one place that knows which database this is. PostgreSQL would be a second branch of each function."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, Insert, StaticPool, Table, create_engine, event, make_url
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from anopticon_server.durable import OWNER_ONLY
from anopticon_server.errors import StorageBusyError, StorageError, StorageFullError

BUSY_SECONDS: Final = 10
"""How long a transaction waits for another process, such as a command beside the running server."""
_PRAGMAS: Final = (
    # Deleted rows are overwritten with zeros, not only unlinked.
    "secure_delete = ON",
    # In WAL mode deleted rows stay readable in the log until a truncating checkpoint; a rollback journal is
    # gone with the end of its transaction. EXTRA makes that end durable, so that an accepted upload survives
    # a power cut.
    "journal_mode = DELETE",
    "synchronous = EXTRA",
    # No copies of rows in temporary files.
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)
REBUILD_EACH_TIME_BYTES: Final = 8 * 1024 * 1024
"""A database of this size is rebuilt in some tens of milliseconds; a longer one only with each release."""
_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})
_BUSY: Final = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})


def open_engine(url: str) -> Engine:
    """An engine whose transactions are serialised from their first statement on; raises StorageError."""
    database = make_url(url).database
    in_memory = not database
    if database:
        _create_private(Path(database))
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 1, "max_overflow": 0}
    engine = create_engine(
        url,
        hide_parameters=True,  # error messages must not hold keys
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "isolation_level": None},
        **options,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def rebuild(engine: Engine, *, always: bool) -> None:
    """Write every page anew in the order of the keys: pages as they grow show in which order rows came.

    Best effort, since everything is saved already: it needs room for a second copy, and nobody else at work. Unless
    `always`, a database longer than REBUILD_EACH_TIME_BYTES is left for the next release.
    """
    try:
        raw = engine.raw_connection()
    except (sqlite3.Error, SQLAlchemyError):
        return
    try:
        cursor = raw.cursor()
        pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if always or pages * size <= REBUILD_EACH_TIME_BYTES:
            cursor.execute("VACUUM")
        cursor.close()
    except sqlite3.Error:
        return
    finally:
        raw.close()


def insert_if_absent(table: Table) -> Insert:
    """An INSERT that leaves alone what has the same primary key already."""
    return insert(table).on_conflict_do_nothing()


def storage_error(error: Exception) -> StorageError:
    """What a failed statement means for whoever asked. Its own text stays out of the answer."""
    original = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(original, "sqlite_errorname", "") or type(error).__name__
    if name in _FULL:
        return StorageFullError("the server has no room left to store anything; nothing was changed")
    if name in _BUSY:
        return StorageBusyError(
            f"the database was in use for more than {BUSY_SECONDS} s; nothing was changed"
        )
    return StorageError(f"the database cannot be used ({name}); nothing was changed")


def _create_private(path: Path) -> None:
    """Create the database file for its owner alone; SQLite would let the umask decide."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY))
    except OSError as error:
        raise StorageError(f"database {path}: {error.strerror or error}") from error


def _configure(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    if not isinstance(connection, sqlite3.Connection):
        raise TypeError(f"{type(connection).__name__} is no SQLite connection")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()
