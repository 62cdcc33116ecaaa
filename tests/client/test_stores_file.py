"""What a phone's file gives away, to whom it belongs, and what happens when it is damaged, full or in use."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anopticon_client.errors import StoreError, StoreForeignError, StoreFullError
from anopticon_client.state import (
    Change,
    DropObservation,
    DropOwnKey,
    ObservationKey,
    OwnKeyId,
    PendingUpload,
    Progress,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    Snapshot,
)
from anopticon_client.storage import SqliteStore
from anopticon_protocol.designs.records import SETTLED, Match, Observation, OwnKey, Reading, SharedKey, Token
from tests.client.states import in_order

HEADER_BYTES = 100
"""SQLite's file header holds counters of commits, which differ; everything behind it must not."""
ROOM_FOR_TEN_PAGES = 40_960


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the phone's file will be."""
    return tmp_path / "phone.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A new store in a file."""
    made = SqliteStore(path, "lowcost")
    yield made
    made.close()


def secret(*parts: object) -> bytes:
    """16 bytes that occur nowhere else."""
    return hashlib.sha256(repr(parts).encode()).digest()[:16]


def row(number: int, *, received: int = SETTLED, readings: int = 1) -> Observation:
    """An observation with a value of its own and readings that can be recognised."""
    heard = tuple(Reading(n, -70, 300, secret("metadata", number)) for n in range(readings))
    return Observation(Token(number % 14, secret("value", number)), received, heard)


def drop(observation: Observation) -> DropObservation:
    """The change that deletes `observation`."""
    return DropObservation(ObservationKey(observation.token, observation.received))


def image(path: Path) -> bytes:
    """Every byte of the file and of whatever SQLite keeps beside it."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


# -- nothing stays behind -----------------------------------------------------------------------------------------


def test_deleted_rows_leave_no_byte(store: SqliteStore, path: Path) -> None:
    """After hundreds of rows came, grew and were deleted, no file holds a byte of those that are gone."""
    store._db.execute("PRAGMA synchronous = OFF")  # to wait for the disk shows nothing here
    luck = random.Random(7)
    kept: dict[int, Observation] = {}
    gone: set[int] = set()
    for number in range(600):
        kept[number] = row(number, readings=luck.randrange(1, 9))
        changes: list[Change] = [PutObservation(kept[number])]
        for other in luck.sample(sorted(kept), min(len(kept), 3)):
            kept[other] = row(other, readings=luck.randrange(1, 30))
            changes.append(PutObservation(kept[other]))
        store.apply(changes)
    for number in luck.sample(range(600), 300):
        gone.add(number)
    store.apply([drop(kept[number]) for number in gone])

    found = image(path)
    assert [n for n in gone if secret("value", n) in found or secret("metadata", n) in found] == []
    assert [n for n in kept.keys() - gone if found.count(secret("value", n)) != 1] == []


@pytest.mark.parametrize(
    ("put", "removal"),
    [
        (
            PutOwnKey(OwnKey(3, 1, secret("own"), secret("own order"))),
            DropOwnKey(OwnKeyId(3, secret("own"))),
        ),
        (
            PutOwnKey(OwnKey(3, 1, secret("own"), secret("own order"))),
            PutOwnKey(OwnKey(3, 1, secret("own"))),
        ),
        (
            SetUpload(PendingUpload("CODE", (SharedKey(secret("own order"), 1, 1),), 5)),
            SetUpload(None),
        ),
    ],
    ids=["own-key", "broadcast-order", "pending-report"],
)
def test_deleted_secrets_leave_no_byte(store: SqliteStore, path: Path, put: Change, removal: Change) -> None:
    """Own keys, the order they were broadcast in and the keys of an accepted report are gone once deleted."""
    store.apply([put])
    assert secret("own order") in image(path)
    store.apply([removal])
    assert secret("own order") not in image(path)


def test_a_wiped_file_holds_nothing(store: SqliteStore, path: Path) -> None:
    """After a wipe neither rows nor the pinned deployment can be found in any file."""
    store.apply([PutObservation(row(n)) for n in range(200)])
    store.pin(secret("deployment").hex())
    store.wipe()
    found = image(path)
    assert secret("deployment").hex().encode() not in found
    assert [n for n in range(200) if secret("value", n) in found] == []


def test_law_the_file_does_not_tell_what_came_first(tmp_path: Path) -> None:
    """Stores that came to hold the same rows in different orders are the same bytes, up to counters of commits."""
    rows = [row(n, readings=n % 5) for n in range(400)]
    images = []
    for order in range(3):
        path = tmp_path / f"{order}.sqlite3"
        made = SqliteStore(path, "lowcost")
        shuffled = random.Random(order).sample(rows, len(rows))
        for start in range(0, len(rows), 13):
            made.apply([PutObservation(one) for one in shuffled[start : start + 13]])
        # What settles at the end of each release period, in every design.
        made.apply([SetProgress(Progress(settled_until=7_200))])
        images.append(path.read_bytes()[HEADER_BYTES:])
        made.close()
    assert images[0] == images[1] == images[2]
    assert secret("value", 0) in images[0]


def test_rows_have_no_number(store: SqliteStore, path: Path) -> None:
    """No table keeps SQLite's hidden row number, which counts arrivals."""
    store.close()
    with sqlite3.connect(path) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert len(tables) > 5
        for table in tables:
            with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
                db.execute(f"SELECT rowid FROM {table}")
    db.close()


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are a matter of POSIX")
def test_only_the_owner_can_read_it(path: Path) -> None:
    """The file is made readable for its owner only, and an open one found otherwise is closed to others."""
    before = os.umask(0)
    try:
        store = SqliteStore(path, "lowcost")
        store.apply([PutObservation(row(1))])
        assert {file.stat().st_mode & 0o777 for file in path.parent.glob("phone*")} == {0o600}
        store.close()
        path.chmod(0o644)
        SqliteStore(path, "lowcost").close()
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


# -- whose file it is ---------------------------------------------------------------------------------------------


def test_a_file_of_another_design_is_refused(store: SqliteStore, path: Path) -> None:
    """A phone of one design does not open the file of another; without a design any phone's file opens."""
    store.close()
    with pytest.raises(StoreForeignError, match="belongs to a phone of design lowcost, not gaen"):
        SqliteStore(path, "gaen")
    again = SqliteStore(path)
    assert again.design == "lowcost"
    again.close()


def test_a_file_of_another_version_is_refused(store: SqliteStore, path: Path) -> None:
    """Tables of a version to come are not touched."""
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    with pytest.raises(StoreForeignError, match="tables of version 3, this program knows version 2"):
        SqliteStore(path, "lowcost")


def test_a_file_of_the_version_before_is_taken_over(path: Path) -> None:
    """A file with a match as version 1 wrote it is read, says version 2 from then on, and keeps what it held."""
    store = SqliteStore(path, "gaen")
    old = dataclasses.replace(row(1), match=Match(-20))
    store.apply([PutObservation(old)])
    store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT hex(match) FROM observation").fetchone() == ("01EC0100",)
        db.execute("PRAGMA user_version = 1")
    db.close()
    again = SqliteStore(path, "gaen")
    assert again.load().observations == (old,)
    again.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()


def test_a_database_of_another_program_is_refused_and_untouched(path: Path) -> None:
    """Another program's database is refused with a sentence and stays byte for byte what it was."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreForeignError, match="belongs to another program"):
        SqliteStore(path, "lowcost")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "added", ["CREATE TABLE more (x)", "CREATE VIEW v AS SELECT 1"], ids=["table", "view"]
)
def test_a_file_with_foreign_tables_is_refused(store: SqliteStore, path: Path, added: str) -> None:
    """A file that has our mark but holds more than our tables was made by somebody else."""
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(added)
    db.close()
    with pytest.raises(StoreForeignError, match="tables that this program did not make"):
        SqliteStore(path, "lowcost")


def test_a_file_that_is_no_database_is_refused_and_untouched(path: Path) -> None:
    """A letter is not a phone, and is not overwritten."""
    text = b"Dear Ben, this is a letter and no database at all. " * 40
    path.write_bytes(text)
    with pytest.raises(StoreForeignError, match="is not an SQLite file"):
        SqliteStore(path, "lowcost")
    assert path.read_bytes() == text


def test_an_empty_file_becomes_a_phone(path: Path) -> None:
    """A file that a crash left empty before its tables were made is taken up; where a phone is wanted it is refused."""
    path.touch()
    with pytest.raises(StoreForeignError, match="holds no phone"):
        SqliteStore(path)
    store = SqliteStore(path, "lowcost")
    assert store.load() == Snapshot()
    store.close()


def test_a_missing_file_is_named(path: Path) -> None:
    """Where a phone is wanted, a missing file is not made."""
    with pytest.raises(StoreError, match="there is no such file"):
        SqliteStore(path)
    assert not path.exists()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in the place of the file is named as the problem."""
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        SqliteStore(tmp_path, "lowcost")


# -- damage -------------------------------------------------------------------------------------------------------


def damage_root_page(path: Path) -> None:
    """Overwrite a page in the middle of the file."""
    data = bytearray(path.read_bytes())
    data[5 * 4096 : 6 * 4096] = b"\xa5" * 4096
    path.write_bytes(data)


def cut_in_half(path: Path) -> None:
    """Lose the second half of the file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 8192 * 4096])


def garble_readings(path: Path) -> None:
    """Leave the database whole, with readings that no version of ours wrote."""
    with sqlite3.connect(path) as db:
        db.execute("UPDATE observation SET readings = x'09ff' WHERE slot = 3")
    db.close()


def garble_type(path: Path) -> None:
    """Leave the database whole, with text where a number belongs."""
    with sqlite3.connect(path) as db:
        db.execute("UPDATE progress SET last_scan = 'yesterday'")
    db.close()


@pytest.mark.parametrize("harm", [damage_root_page, cut_in_half, garble_readings, garble_type])
def test_a_damaged_file_is_said_to_be_damaged(
    store: SqliteStore, path: Path, harm: Callable[[Path], None]
) -> None:
    """Whatever was damaged, the phone says which file it is and does not go on with half of it."""
    store.apply([*(PutObservation(row(n, readings=5)) for n in range(500)), SetProgress(Progress(1))])
    store.close()
    harm(path)
    with pytest.raises(StoreError, match=r"phone\.sqlite3 is damaged"):
        SqliteStore(path, "lowcost").load()


# -- in use and full ----------------------------------------------------------------------------------------------

OPEN_IT = """
import sys
from pathlib import Path
from anopticon_client.errors import StoreError
from anopticon_client.storage import SqliteStore
try:
    SqliteStore(Path(sys.argv[1]), "lowcost")
except StoreError as error:
    print(error)
"""

FILL_IT = """
import resource, sys
from pathlib import Path
from anopticon_client.errors import StoreFullError
from anopticon_client.state import Progress, PutObservation, SetProgress
from anopticon_client.storage import SqliteStore
from anopticon_protocol.designs.records import Match, Observation, Reading, Token
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
store = SqliteStore(Path(sys.argv[1]), "lowcost")
for step in range(1, 1000):
    rows = [Observation(Token(step, bytes([n]) * 16), -1, (Reading(0, -1, step),) * 20) for n in range(9)]
    try:
        store.apply([*map(PutObservation, rows), SetProgress(Progress(last_scan=step))])
    except StoreFullError as error:
        print(step, error)
        print(store.load().progress.last_scan)
        break
"""


def run(script: str, *arguments: object) -> str:
    """What a Python process of its own prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_phone_on_one_file_is_refused(store: SqliteStore, path: Path) -> None:
    """While one process has the file, a second one is told so, even if the first is not writing."""
    store.apply([PutObservation(row(1))])
    assert "in use by another phone" in run(OPEN_IT, path)
    store.close()
    assert run(OPEN_IT, path) == ""


def test_a_full_store_keeps_what_it_had_and_nothing_of_the_failed_write(store: SqliteStore) -> None:
    """SPEC: PH-60. When there is no room the write fails as a whole, and succeeds once there is room again."""
    store.apply([PutObservation(row(0)), SetProgress(Progress(last_scan=1))])
    store._db.execute("PRAGMA max_page_count = 12")
    many: list[Change] = [SetProgress(Progress(last_scan=2)), drop(row(0))]
    many += [PutObservation(row(n, readings=9)) for n in range(1, 500)]
    with pytest.raises(StoreFullError, match="no room left on the disk"):
        store.apply(many)
    assert store.load() == Snapshot(observations=(row(0),), progress=Progress(last_scan=1))

    store._db.execute("PRAGMA max_page_count = 100000")
    store.apply(many)
    found = in_order(store.load())
    assert len(found.observations) == 499
    assert found.progress.last_scan == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_full_disk_is_named_and_loses_nothing(path: Path) -> None:
    """A disk that takes no more bytes gives the same error, and the last whole write is what a next process finds."""
    first, last = run(FILL_IT, path, ROOM_FOR_TEN_PAGES).splitlines()
    step = int(first.split()[0])
    assert step > 1
    assert "the disk is full" in first
    assert int(last) == step - 1
    again = SqliteStore(path, "lowcost")
    assert again.load().progress.last_scan == step - 1
    assert len(again.load().observations) == 9 * (step - 1)
    again.close()


def test_a_rebuild_that_fails_does_not_fail_the_write(store: SqliteStore, path: Path) -> None:
    """If rebuilding the file fails its changes are saved all the same, and it is made up for at the next write."""
    store.apply([PutObservation(row(n)) for n in range(300)])
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    reading = store._db.execute("SELECT * FROM observation")  # SQLite rebuilds no file that is being read
    reading.fetchone()
    store.apply([drop(row(n)) for n in range(0, 300, 2)])
    reading.close()
    assert store._db.execute("PRAGMA page_count").fetchone()[0] == pages

    store.apply([SetProgress(Progress(last_scan=1))])
    assert store._db.execute("PRAGMA page_count").fetchone()[0] < pages
    assert len(store.load().observations) == 150
    assert secret("value", 0) not in image(path)
