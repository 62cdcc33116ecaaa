"""What every store does, whichever it is: one suite over all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    Notice,
    NoticeKind,
    ObservationKey,
    OwnKeyId,
    PendingUpload,
    Progress,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    Snapshot,
    UploadState,
)
from anopticon_client.storage import MemoryStore, PhoneStore, SqliteStore, open_store
from anopticon_protocol.designs.records import SETTLED, Match, Observation, OwnKey, Reading, SharedKey, Token
from tests.client.drive import Town, clock
from tests.client.saved import Saved
from tests.client.states import change_lists, in_order, replay

Reopen = Callable[[PhoneStore], PhoneStore]
"""Closes a store and opens what it left behind; a store that leaves nothing behind stays as it is."""

ROW = Observation(
    Token(5, b"v" * 16), 7_200, (Reading(0, -70, 300), Reading(3, -61, 20, b"meta")), Match(-15)
)
EVERYTHING: tuple[Change, ...] = (
    PutOwnKey(OwnKey(20_514, 1, b"s" * 32, b"o" * 32)),
    PutObservation(ROW),
    PutObservation(Observation(ROW.token, SETTLED, ())),
    PutBatch(7_200, "a" * 64),
    PutNotice(Notice("report", NoticeKind.REPORT_DONE, 20_514, "Your report was accepted.", 0, shown=True)),
    SetUpload(PendingUpload("0" * 16, (SharedKey(b"k" * 16, 3, 144),), 99, UploadState.NEEDS_CODE)),
    SetProgress(Progress(1, 2, 3, 4, 5, 6)),
)


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[PhoneStore, Reopen]]:
    """An empty store of each kind, and the way to leave it and come back."""
    name = "memory" if request.param == "memory" else str(tmp_path / "phone.sqlite3")
    stores = [open_store(name, "lowcost")]

    def reopen(store: PhoneStore) -> PhoneStore:
        if name == "memory":
            return store
        store.close()
        stores.append(open_store(name, "lowcost"))
        return stores[-1]

    yield stores[0], reopen
    stores[-1].close()


def test_a_new_store_is_empty(opened: tuple[PhoneStore, Reopen]) -> None:
    """A store that was never written to loads as the empty snapshot and knows no deployment."""
    store, _ = opened
    assert store.load() == Snapshot()
    assert store.deployment() is None


def test_everything_comes_back(opened: tuple[PhoneStore, Reopen]) -> None:
    """Each kind of record survives with all its fields."""
    store, reopen = opened
    store.apply(EVERYTHING)
    assert in_order(reopen(store).load()) == in_order(replay(EVERYTHING))


def test_the_same_key_is_replaced(opened: tuple[PhoneStore, Reopen]) -> None:
    """A record saved again under its key takes the place of the one before."""
    store, reopen = opened
    store.apply(EVERYTHING)
    later = Observation(ROW.token, ROW.received, (Reading(0, -50, 600),))
    store.apply([PutObservation(later), PutBatch(7_200, "b" * 64)])
    found = reopen(store).load()
    assert later in found.observations
    assert ROW not in found.observations
    assert found.batches == ((7_200, "b" * 64),)


def test_what_is_dropped_is_gone(opened: tuple[PhoneStore, Reopen]) -> None:
    """Each kind of record can be deleted, and to delete what is not there does no harm."""
    store, reopen = opened
    store.apply(EVERYTHING)
    drops: list[Change] = [
        DropOwnKey(OwnKeyId(20_514, b"s" * 32)),
        DropObservation(ObservationKey(ROW.token, ROW.received)),
        DropObservation(ObservationKey(ROW.token, SETTLED)),
        DropBatch(7_200),
        DropNotice("report"),
        SetUpload(None),
        SetProgress(Progress()),
    ]
    store.apply([*drops, *drops])
    assert reopen(store).load() == Snapshot()


def test_a_wiped_store_is_empty_and_usable(opened: tuple[PhoneStore, Reopen]) -> None:
    """A wipe deletes everything, the deployment too, and the store goes on working."""
    store, reopen = opened
    store.apply(EVERYTHING)
    store.pin("a deployment")
    store.wipe()
    store = reopen(store)
    assert store.load() == Snapshot()
    assert store.deployment() is None
    store.apply(EVERYTHING)
    assert in_order(store.load()) == in_order(replay(EVERYTHING))


def test_the_pinned_deployment_stays(opened: tuple[PhoneStore, Reopen]) -> None:
    """A deployment stays pinned until another takes its place."""
    store, reopen = opened
    store.pin('{"design":"lowcost"}')
    store.pin('{"design":"lowcost","more":"é"}')
    assert reopen(store).deployment() == '{"design":"lowcost","more":"é"}'


def test_nothing_to_save_is_nothing_to_do(opened: tuple[PhoneStore, Reopen]) -> None:
    """An empty list of changes leaves what was there."""
    store, reopen = opened
    store.apply(EVERYTHING)
    store.apply([])
    assert in_order(reopen(store).load()) == in_order(replay(EVERYTHING))


def test_a_closed_store_can_be_closed_again(opened: tuple[PhoneStore, Reopen]) -> None:
    """Closing twice does no harm, so that a shell may close on every way out."""
    store, _ = opened
    store.close()
    store.close()


@given(changes=change_lists(), cuts=st.lists(st.integers(0, 50), max_size=4))
def test_law_stores_agree_with_memory(changes: list[Change], cuts: list[int]) -> None:
    """However changes are cut into transactions, both stores load what the phone's own memory holds."""
    bounds = [0, *sorted(min(cut, len(changes)) for cut in cuts), len(changes)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "phone.sqlite3"
        memory, file = MemoryStore(), SqliteStore(path, "gaen")
        file._db.execute("PRAGMA synchronous = OFF")  # to wait for the disk shows nothing here
        for start, end in pairwise(bounds):
            memory.apply(changes[start:end])
            file.apply(changes[start:end])
        expected = in_order(replay(changes))
        assert in_order(memory.load()) == expected
        assert in_order(file.load()) == expected
        file.close()
        file = SqliteStore(path)
        assert in_order(file.load()) == expected
        file.close()


@pytest.mark.parametrize("spec", ["lowcost", "unlinkable", "hybrid", "gaen"])
def test_a_real_day_comes_back(spec: str, tmp_path: Path) -> None:
    """What a phone of each design makes of a meeting, a report and a warning comes back as a perfect store has it."""
    town = Town(spec, "anna", "ben")
    anna, ben = town.handsets
    town.meet(anna, ben, clock("10:00"), 40)
    town.report(anna, clock("00:00"))
    town.run(clock("06:00", day=2))
    assert ben.minutes

    for handset in town.handsets:
        store = SqliteStore(tmp_path / f"{handset.name}.sqlite3", spec)
        store._db.execute("PRAGMA synchronous = OFF")  # as above
        perfect = Saved()
        for start in range(0, len(handset.changes), 7):
            store.apply(handset.changes[start : start + 7])
            perfect.apply(handset.changes[start : start + 7])
        assert in_order(store.load()) == in_order(perfect.snapshot())
        store.close()
