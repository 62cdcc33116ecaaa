"""The database as the rest of the server sees it: one transaction at a time, all or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_server.errors import CodeExistsError, StorageBusyError
from anopticon_server.storage.dialect import (
    BUSY_SECONDS,
    insert_if_absent,
    open_engine,
    rebuild,
    storage_error,
)
from anopticon_server.storage.schema import CODES, DEPLOYMENT, KEYS, METADATA

JsonRow = dict[str, str | int | bool | None]
"""One row for people and reports: bytes as hex."""


class CodeRow(NamedTuple):
    """A one-time code as stored: until when it may be redeemed (Unix seconds) and whether it has been."""

    valid_until: int
    spent: bool


class Store:
    """The database. Safe to use from several threads, and beside other processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the database at `url` and make its tables if they are missing; raises StorageError."""
        store = cls(open_engine(url))
        try:
            METADATA.create_all(store._engine)
        except SQLAlchemyError as error:
            store.close()
            raise storage_error(error) from error
        return store

    @classmethod
    def in_memory(cls) -> Store:
        """A database that is gone with its object."""
        return cls.open("sqlite://")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Read and write; all is saved when the block ends, nothing if it raises. Raises StorageError."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise StorageBusyError("the database was in use for too long; nothing was changed")
        try:
            with self._engine.begin() as connection:
                yield Transaction(connection)
        except SQLAlchemyError as error:
            raise storage_error(error) from error
        finally:
            self._lock.release()

    def forget_order(self, *, always: bool = False) -> None:
        """Leave no trace of the order in which rows came; see `dialect.rebuild`. Waits for no other transaction."""
        if self._lock.acquire(timeout=BUSY_SECONDS):
            try:
                rebuild(self._engine, always=always)
            finally:
                self._lock.release()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


class Transaction:
    """One transaction, which holds the database alone from its first statement to its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- the deployment -----------------------------------------------------------------------------------
    def facts(self) -> dict[str, str]:
        """What this database was set up for."""
        rows = self._connection.execute(select(DEPLOYMENT.c.name, DEPLOYMENT.c.value))
        return {row.name: row.value for row in rows}

    def set_fact(self, name: str, value: str) -> None:
        """Remember one fact, in place of an older one of this name."""
        self.drop_fact(name)
        self._connection.execute(insert(DEPLOYMENT).values(name=name, value=value))

    def drop_fact(self, name: str) -> None:
        """Forget one fact."""
        self._connection.execute(delete(DEPLOYMENT).where(DEPLOYMENT.c.name == name))

    # -- codes --------------------------------------------------------------------------------------------
    def add_code(self, code_hash: bytes, valid_until: int) -> None:
        """Store a fresh code; raises CodeExistsError."""
        try:
            self._connection.execute(
                insert(CODES).values(code_hash=code_hash, valid_until=valid_until, spent=False)
            )
        except IntegrityError as error:
            raise CodeExistsError from error

    def code(self, code_hash: bytes) -> CodeRow | None:
        """The code with this hash."""
        query = select(CODES.c.valid_until, CODES.c.spent).where(CODES.c.code_hash == code_hash)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else CodeRow(row.valid_until, row.spent)

    def spend_code(self, code_hash: bytes) -> None:
        """Mark a code as used."""
        self._connection.execute(update(CODES).where(CODES.c.code_hash == code_hash).values(spent=True))

    def delete_codes(self, unspent_until: int, spent_until: int) -> int:
        """Delete codes whose validity ended by then; returns how many."""
        ended = (~CODES.c.spent & (CODES.c.valid_until <= unspent_until)) | (
            CODES.c.spent & (CODES.c.valid_until <= spent_until)
        )
        return self._connection.execute(delete(CODES).where(ended)).rowcount

    # -- keys ---------------------------------------------------------------------------------------------
    def add_keys(self, keys: Iterable[tuple[SharedKey, int]]) -> None:
        """Store keys, each with its release. One that is stored already stays as it is."""
        rows = [
            {
                "secret": key.secret,
                "idx": key.index,
                "span": key.span,
                "report_type": int(key.report_type),
                "days_since_onset": key.days_since_onset,
                "release": release,
            }
            for key, release in keys
        ]
        self._connection.execute(insert_if_absent(KEYS), rows)

    def holds(self, keys: Sequence[SharedKey]) -> bool:
        """Whether every one of `keys` is stored."""
        return all(self._holds(key) for key in keys)

    def _holds(self, key: SharedKey) -> bool:
        same = (KEYS.c.secret == key.secret) & (KEYS.c.idx == key.index) & (KEYS.c.span == key.span)
        return self._connection.execute(select(KEYS.c.release).where(same)).first() is not None

    def counts_by_release(self, first: int) -> dict[int, int]:
        """How many keys each release has, from `first` on."""
        columns = (KEYS.c.release, func.count().label("keys_there"))
        query = select(*columns).where(KEYS.c.release >= first).group_by(KEYS.c.release)
        return {row.release: row.keys_there for row in self._connection.execute(query)}

    def releases(self, after: int, until: int) -> list[int]:
        """The releases later than `after` and not later than `until` that have keys, oldest first."""
        query = select(KEYS.c.release).where(KEYS.c.release > after, KEYS.c.release <= until).distinct()
        return sorted(self._connection.scalars(query))

    def keys_of(self, release: int) -> list[SharedKey]:
        """The keys of one release."""
        columns = (KEYS.c.secret, KEYS.c.idx, KEYS.c.span, KEYS.c.report_type, KEYS.c.days_since_onset)
        rows = self._connection.execute(select(*columns).where(KEYS.c.release == release))
        return [
            SharedKey(secret, idx, span, ReportType(report), onset)
            for secret, idx, span, report, onset in rows
        ]

    def delete_keys(self, until: int) -> int:
        """Delete the keys of every release up to `until`; returns how many."""
        return self._connection.execute(delete(KEYS).where(KEYS.c.release <= until)).rowcount

    # -- everything ---------------------------------------------------------------------------------------
    def rows(self) -> dict[str, list[JsonRow]]:
        """Every row of every table, sorted."""
        return {
            table.name: sorted(
                (_json_row(row) for row in self._connection.execute(select(table)).mappings()), key=_sort_key
            )
            for table in METADATA.sorted_tables
        }

    def wipe(self) -> None:
        """Delete every code and every key."""
        for table in (CODES, KEYS):
            self._connection.execute(delete(table))


def _json_row(row: RowMapping) -> JsonRow:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def _sort_key(row: JsonRow) -> tuple[str, ...]:
    return tuple("" if value is None else f"{value:0>20}" for value in row.values())
