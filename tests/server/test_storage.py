"""The database: deleted rows really go, failures change nothing, and each failure is said in a sentence."""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import event

from anopticon_server.errors import StorageBusyError, StorageError, StorageFullError
from anopticon_server.reception import ACCEPTED
from anopticon_server.storage import Store, dialect
from tests.server.kit import DAY, START, Desk, each_design, keys_of, open_desk


def bytes_on_disk(folder: Path) -> bytes:
    """Everything in the data directory: database, journals, logs, archive, leftovers."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def used_desk(spec: str, folder: Path, uploads: int = 12) -> tuple[Desk, set[bytes]]:
    """A server with some uploads, and the canaries that they left: key secrets and code hashes."""
    desk = open_desk(spec, folder)
    for _ in range(uploads):
        desk.report()
    rows = desk.server.rows()
    canaries = {bytes.fromhex(str(row["secret"])) for row in rows["keys"]}
    canaries |= {bytes.fromhex(str(row["code_hash"])) for row in rows["codes"]}
    return desk, canaries


@each_design
def test_purged_rows_cannot_be_found_in_any_file(spec: str, tmp_path: Path) -> None:
    """Canaries stand in the files before the purge, and in none of their bytes after it (SV-12)."""
    desk, canaries = used_desk(spec, tmp_path)
    before = bytes_on_disk(tmp_path)
    assert all(canary in before for canary in canaries)
    desk.clock.now += 17 * DAY
    desk.server.purge()
    after = bytes_on_disk(tmp_path)
    assert [canary.hex() for canary in canaries if canary in after] == []


@pytest.mark.parametrize("weak", ["secure_delete = OFF", "journal_mode = WAL"])
def test_the_canaries_would_be_found_if_deletion_were_not_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weak: str
) -> None:
    """The same scan finds them without secure deletion, and in the log of WAL mode."""
    monkeypatch.setattr(dialect, "_PRAGMAS", (*dialect._PRAGMAS, weak))
    desk, canaries = used_desk("unlinkable", tmp_path)
    desk.clock.now += 17 * DAY
    desk.server.purge()
    after = bytes_on_disk(tmp_path)
    assert any(canary in after for canary in canaries)


def test_rows_that_stay_survive_a_purge_of_others(tmp_path: Path) -> None:
    """A purge of the older half leaves the younger half whole, also when the file is read anew."""
    desk = open_desk("unlinkable", tmp_path)
    desk.report()
    desk.clock.now += 10 * DAY
    young = desk.report()
    desk.clock.now = START + 15 * DAY
    desk.server.tick()
    desk.server.close()
    reopened = Store.open(f"sqlite:///{tmp_path / 'server.sqlite3'}")
    with reopened.transaction() as transaction:
        assert transaction.holds(young)
        assert len(transaction.rows()["keys"]) == len(young)
    reopened.close()


@each_design
def test_a_full_database_refuses_and_keeps_the_code(spec: str, tmp_path: Path) -> None:
    """With no page left the answer is 507; once there is room the same upload goes through (SV-7)."""
    desk = open_desk(spec, tmp_path)
    body = desk.body(desk.server.issue_code().code, keys_of(spec, 1, START))
    limit = set_page_limit(desk, None)
    with pytest.raises(StorageFullError, match="no room") as refusal:
        fill(desk)
    assert (refusal.value.status, refusal.value.word) == (507, "storage-full")
    before = desk.server.rows()
    set_page_limit(desk, limit + 1_000)
    assert desk.server.rows() == before
    assert desk.server.upload(body) == ACCEPTED


def fill(desk: Desk) -> None:
    """Report until there is no room for a report, then issue codes until there is none for a code."""
    try:
        for person in range(2, 10_000):
            desk.report(keys_of(desk.design.spec, person % 500, START - person // 500 * DAY))
    except StorageFullError:
        while True:
            desk.server.issue_code()


def set_page_limit(desk: Desk, pages: int | None) -> int:
    """Let the database have this many pages, or no more than now; returns the limit."""
    with desk.store.transaction() as transaction:
        connection = transaction._connection
        limit = pages or connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 4
        return int(connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}").scalar_one())


def test_a_database_in_use_elsewhere_is_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program that holds the file makes uploads fail for now, and nothing is lost."""
    desk = open_desk("lowcost", tmp_path)
    body = desk.body(desk.server.issue_code().code, keys_of("lowcost", 1, START))
    with desk.store.transaction() as transaction:
        transaction._connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "server.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusyError) as refusal:
        desk.server.upload(body)
    assert (refusal.value.status, refusal.value.word) == (503, "busy")
    other.execute("ROLLBACK")
    other.close()
    assert desk.server.upload(body) == ACCEPTED


def test_a_transaction_holds_the_database_from_its_first_moment(tmp_path: Path) -> None:
    """Of two processes one waits before it has read anything: what it then reads is what it changes (SV-9)."""
    one, other = open_desk("lowcost", tmp_path), open_desk("lowcost", tmp_path)
    with other.store.transaction() as transaction:
        transaction._connection.exec_driver_sql("PRAGMA busy_timeout = 10")
    with one.store.transaction(), pytest.raises(StorageBusyError):
        other.server.rows()
    assert other.server.rows() == one.server.rows()


def test_threads_of_one_server_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty uploads at once are all accepted; a thread that waits too long is told so."""
    desk = open_desk("gaen", tmp_path)
    bodies = [desk.body(desk.server.issue_code().code, keys_of("gaen", n, START)) for n in range(20)]
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda b=body: answers.append(desk.server.upload(b))) for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [ACCEPTED] * 20
    monkeypatch.setattr("anopticon_server.storage.store.BUSY_SECONDS", 0.01)
    with desk.store.transaction(), pytest.raises(StorageBusyError):
        desk.server.rows()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """Whatever goes wrong inside, rows are as they were and the database can be used on."""
    desk = open_desk("gaen", tmp_path)
    code = desk.server.issue_code().code
    body = desk.body(code, keys_of("gaen", 1, START))
    before = desk.server.rows()
    engine = desk.store._engine

    def fail(*arguments: object) -> None:
        if str(arguments[2]).startswith("UPDATE codes"):
            raise sqlite3.OperationalError("disk I/O error")

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(StorageError, match="cannot be used"):
        desk.server.upload(body)
    event.remove(engine, "before_cursor_execute", fail)
    assert desk.server.rows() == before
    assert desk.server.upload(body) == ACCEPTED


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\0" + bytes(4_000)])
def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Rubbish in place of the database raises our error, without a word of SQLite's."""
    (tmp_path / "x.sqlite3").write_bytes(content)
    with pytest.raises(StorageError, match="cannot be used"):
        Store.open(f"sqlite:///{tmp_path / 'x.sqlite3'}")


def test_a_folder_that_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A database that cannot be created names its path."""
    with pytest.raises(StorageError, match=r"missing.x\.sqlite3: No such file"):
        Store.open(f"sqlite:///{tmp_path / 'missing' / 'x.sqlite3'}")


def test_errors_do_not_repeat_what_was_written(tmp_path: Path) -> None:
    """Neither the error nor what it came from shows a key: messages end up in logs."""
    desk = open_desk("lowcost", tmp_path)
    keys = keys_of("lowcost", 1, START)
    body = desk.body(desk.server.issue_code().code, keys)
    with desk.store.transaction() as transaction:
        refuse = "CREATE TRIGGER refuse BEFORE INSERT ON keys BEGIN SELECT RAISE(ABORT, 'refused'); END"
        transaction._connection.exec_driver_sql(refuse)
    with pytest.raises(StorageError) as failure:
        desk.server.upload(body)
    chain: BaseException | None = failure.value
    assert "refused" in str(failure.value.__cause__)
    while chain is not None:
        assert keys[0].secret.hex() not in str(chain)
        assert repr(keys[0].secret)[2:12] not in str(chain)
        assert str(keys[0].index) not in str(chain)
        chain = chain.__cause__ or chain.__context__


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_the_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file is made with mode 600 whatever the umask."""
    open_desk("lowcost", tmp_path)
    assert (tmp_path / "server.sqlite3").stat().st_mode & 0o777 == 0o600
