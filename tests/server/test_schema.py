"""Every column of the database, with the reason why it is there. A new one fails until it has a reason."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import BigInteger, Column, Engine, create_engine, inspect, text
from sqlalchemy.exc import OperationalError

from anopticon_server.storage import Store
from tests.server.kit import each_design, open_desk

REASONS: Final = {
    "codes": {
        "code_hash": "to know a code again; keyed, so that it cannot be guessed from a stolen file",
        "valid_until": "to refuse it after its end; a full hour",
        "spent": "to open one upload only, and to answer a repeated one; not which upload it was",
    },
    "keys": {
        "secret": "what is published, or what it is made from",
        "idx": "the slot that the secret is for",
        "span": "for how many slots",
        "report_type": "published with a Temporary Exposure Key",
        "days_since_onset": "published with a Temporary Exposure Key",
        "release": "which batch it is part of, and so when it goes; a release, not the time of the upload",
    },
    "deployment": {
        "name": "facts of the deployment, about nobody",
        "value": "design, period, clock, schema, how far releases are closed",
    },
}
INDEXES: Final = {"keys": {"keys_by_release": ["release"]}}


def check(engine: Engine) -> None:
    """Compare what is really in a database file with the list above."""
    found = inspect(engine)
    tables = {
        name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()
    }
    assert tables == {name: set(columns) for name, columns in REASONS.items()}
    assert found.get_view_names() == []
    for name in tables:
        indexes = {index["name"]: index["column_names"] for index in found.get_indexes(name)}
        assert indexes == INDEXES.get(name, {})


def made_by_server(folder: Path) -> Engine:
    """The database file of a server that has done its work, opened by a stranger."""
    desk = open_desk("gaen", folder)
    desk.report()
    desk.clock.now += 86_400
    desk.server.tick()
    return create_engine(f"sqlite:///{folder / 'server.sqlite3'}")


def test_every_column_has_a_reason(tmp_path: Path) -> None:
    """The file holds the tables, columns and indexes of the list and nothing else (SV-1)."""
    check(made_by_server(tmp_path))


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER TABLE keys ADD COLUMN uploaded_at INTEGER",
        "ALTER TABLE codes ADD COLUMN address TEXT",
        "CREATE TABLE uploads (code_hash BLOB, secret BLOB)",
        "CREATE INDEX order_of_arrival ON codes (spent)",
        "CREATE VIEW who AS SELECT * FROM keys",
        "ALTER TABLE keys DROP COLUMN days_since_onset",
    ],
)
def test_what_is_planted_is_found(tmp_path: Path, planted: str) -> None:
    """The check above fails for a column, table, index or view that has no reason, or one that is missing."""
    engine = made_by_server(tmp_path)
    with engine.begin() as connection:
        connection.execute(text(planted))
    with pytest.raises(AssertionError):
        check(engine)


def test_every_column_that_the_code_declares_is_in_the_file(tmp_path: Path) -> None:
    """A column added to the code alone would show in the file: tables are made from the code."""
    from anopticon_server.storage.schema import METADATA  # noqa: PLC0415 - only looked at here

    made_by_server(tmp_path)
    for table in METADATA.sorted_tables:
        assert {column.name for column in table.columns} == set(REASONS[table.name])
        assert all(column.name not in {"id", "created_at"} for column in table.columns)


@pytest.mark.parametrize("table", sorted(REASONS))
def test_no_table_keeps_the_order_of_arrival(tmp_path: Path, table: str) -> None:
    """SQLite's hidden row number would tell who came first: no table has one (SV-2)."""
    with made_by_server(tmp_path).connect() as connection, pytest.raises(OperationalError, match="rowid"):
        connection.execute(text(f"SELECT rowid FROM {table}"))


@each_design
def test_rows_read_in_stored_order_do_not_keep_uploads_together(tmp_path: Path, spec: str) -> None:
    """Neighbours in the file come from one upload no more often than chance has it (SV-2)."""
    desk = open_desk(spec, tmp_path)
    owner: dict[str, int] = {}
    uploads = 120 if spec == "lowcost" else 12
    for person in range(uploads):
        for key in desk.report():
            owner[key.secret.hex()] = person if spec != "lowcost" else person // 10
    with create_engine(f"sqlite:///{tmp_path / 'server.sqlite3'}").connect() as connection:
        stored = [owner[secret.hex()] for (secret,) in connection.execute(text("SELECT secret FROM keys"))]
    together = sum(one == after for one, after in pairwise(stored))
    chance = sum(stored.count(person) * (stored.count(person) - 1) for person in set(stored)) / len(stored)
    assert len(stored) == len(owner)
    assert together <= chance + 4 * chance**0.5


def test_numbers_fit_any_database() -> None:
    """Times and slots are 64 bits wide also where integers are not by nature."""
    from anopticon_server.storage.schema import CODES, KEYS  # noqa: PLC0415 - only looked at here

    wide: list[Column[int]] = [CODES.c.valid_until, KEYS.c.idx, KEYS.c.release]
    assert all(isinstance(column.type, BigInteger) for column in wide)


def test_an_opened_store_can_be_opened_again(tmp_path: Path) -> None:
    """Opening makes tables only if they are missing."""
    url = f"sqlite:///{tmp_path / 'x.sqlite3'}"
    for _ in range(2):
        store = Store.open(url)
        with store.transaction() as transaction:
            assert transaction.rows() == {"codes": [], "deployment": [], "keys": []}
        store.close()
