"""A phone that matches a long batch turn by turn, between which it lives on."""

from __future__ import annotations

from typing import Final

import pytest

from anopticon_client.events import (
    BatchFetched,
    FetchBatch,
    IndexFetched,
    KeepMatching,
    Outcome,
    Scanned,
    Started,
    TurnGranted,
)
from anopticon_client.matching import job
from anopticon_protocol.advert import encode
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from tests.client.desk import SIGNER, KeyDesk
from tests.client.drive import START, Handset, Town, clock, each_design
from tests.client.shells import VirtualClock
from tests.client.test_runner import Handset as Shell
from tests.client.test_runner import World, running
from tests.protocol.strategies import key_at, on_air, schedule

RELEASE: Final = clock("02:00")
HEARD: Final = clock("01:00")
DECOYS: Final = 30


def positive(design: Design) -> tuple[bytes, list[SharedKey]]:
    """The frame of a person heard at HEARD, and a batch with that person's key among others."""
    own = schedule(design, START, HEARD)
    key = key_at(design, own, HEARD)
    frame = encode(design.service_uuid, on_air(design, own, HEARD))
    others = [
        SharedKey(bytes([255, number]) + bytes(design.secret_bytes - 2), key.index, key.span)
        for number in range(DECOYS)
    ]
    return frame, [SharedKey(key.secret, key.index, key.span), *others]


class Scene:
    """Bob, who heard a person, and the batch that says so, of whose index he knows."""

    def __init__(self, spec: str) -> None:
        """Everything up to the arrival of the batch."""
        self.town = Town(spec, "bob")
        (self.bob,) = self.town.handsets
        self.now = clock("02:30")
        frame, keys = positive(self.town.design)
        self.bob.hear(frame, HEARD)
        self.event = BatchFetched(RELEASE, self.town.desk.put(RELEASE, *keys))
        self.list_batches()

    def list_batches(self) -> Outcome:
        """Bob gets the index."""
        return self.bob.handle(IndexFetched(self.town.desk.index(self.now)), self.now)

    def finish(self, outcome: Outcome) -> list[KeepMatching]:
        """Give turns as long as Bob wants any; returns what he said at each."""
        told: list[KeepMatching] = []
        while said := [effect for effect in outcome.effects if isinstance(effect, KeepMatching)]:
            told += said
            outcome = self.bob.handle(TurnGranted(), self.now)
        return told

    @property
    def matched(self) -> set[object]:
        """The tokens of the saved rows that a key matched."""
        return matched(self.bob)


def matched(handset: Handset) -> set[object]:
    """The tokens of the saved rows that a key matched."""
    return {row.token for row in handset.rows if row.match}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of one key."""
    monkeypatch.setattr(job, "SLICE_IDENTIFIERS", 1)


@each_design
def test_turns_change_nothing_but_the_time_it_takes(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matched in one turn or in many, with scans between them, a phone ends with the same matches (MT-5, MT-6)."""
    whole = Scene(spec)
    assert whole.finish(whole.bob.handle(whole.event, whole.now)) == []
    assert len(whole.matched) == 1
    monkeypatch.setattr(job, "SLICE_IDENTIFIERS", 1)
    pieces = Scene(spec)
    outcome, turns = pieces.bob.handle(pieces.event, pieces.now), 0
    while any(isinstance(effect, KeepMatching) for effect in outcome.effects):
        assert pieces.matched == set()
        pieces.bob.scan(pieces.now + turns)
        outcome = pieces.bob.handle(TurnGranted(), pieces.now + turns)
        turns += 1
    assert pieces.matched == whole.matched
    assert turns == (0 if spec == "unlinkable" else DECOYS)
    assert pieces.bob.handle(TurnGranted(), pieces.now).effects == ()


@pytest.mark.usefixtures("small")
def test_a_phone_stopped_between_turns_has_done_nothing() -> None:
    """Until the last turn nothing of a batch is saved; after a restart it is fetched and matched again (MT-6)."""
    scene = Scene("hybrid")
    before = scene.bob.saved.snapshot()
    scene.bob.handle(scene.event, scene.now)
    scene.bob.handle(TurnGranted(), scene.now)
    assert scene.bob.saved.snapshot() == before
    scene.bob.crash()
    scene.bob.handle(Started(), scene.now)
    scene.list_batches()
    scene.finish(scene.bob.handle(scene.event, scene.now))
    assert len(scene.matched) == 1


@pytest.mark.usefixtures("small")
def test_progress_is_told_and_a_batch_at_hand_is_not_fetched_again() -> None:
    """Each turn tells how far the phone is; what it matches it neither asks for nor takes twice (MT-3, MT-5)."""
    scene = Scene("hybrid")
    outcome = scene.bob.handle(scene.event, scene.now)
    assert outcome.effects == (KeepMatching(RELEASE, 1, DECOYS + 1),)
    again = scene.bob.handle(scene.event, scene.now)
    assert "not asked for" in str(again.effects)
    assert not any(isinstance(effect, FetchBatch) for effect in scene.list_batches().effects)
    told = scene.finish(scene.bob.handle(TurnGranted(), scene.now))
    assert [one.done for one in told] == list(range(2, DECOYS + 1))


@pytest.mark.usefixtures("small")
def test_two_batches_are_matched_one_after_the_other() -> None:
    """A batch that comes during the match of another waits for its turn, and both count (MT-5)."""
    scene = Scene("hybrid")
    second = clock("04:00")
    frame, keys = positive(scene.town.design)
    del frame
    scene.now = clock("04:30")
    later = scene.town.desk.put(second, *keys[1:3])
    scene.list_batches()
    scene.bob.handle(scene.event, scene.now)
    scene.finish(scene.bob.handle(BatchFetched(second, later), scene.now))
    assert set(scene.bob.saved.batches) == {RELEASE, second}
    assert len(scene.matched) == 1


@pytest.mark.usefixtures("small")
def test_a_batch_found_bad_in_a_late_turn_is_refused_whole() -> None:
    """An entry out of order behind the one that matches: nothing counts, and the next batch is not held up (MT-6)."""
    scene = Scene("hybrid")
    design = scene.town.design
    good = scene.town.desk.files[RELEASE]
    count, body = design.publish(positive(design)[1])
    at = good.index(body)
    size = len(body) // count
    swapped = body[: -2 * size] + body[-size:] + body[-2 * size : -size]
    signed = good[:at] + swapped + good[at + len(body) : -64]

    bad = signed + SIGNER.sign_raw(signed)
    scene.town.desk.files[RELEASE] = bad
    scene.list_batches()
    outcome = scene.bob.handle(BatchFetched(RELEASE, bad), scene.now)
    scene.finish(outcome)
    assert scene.matched == set()
    assert any("entry 30 is smaller than the one before it" in warning for warning in scene.bob.warnings)


@pytest.mark.usefixtures("small")
def test_a_batch_that_is_no_longer_listed_counts_for_nothing() -> None:
    """If an index that comes during a match does not list the batch any more, its end changes nothing (MT-6)."""
    scene = Scene("hybrid")
    outcome = scene.bob.handle(scene.event, scene.now)
    scene.town.desk.files.clear()
    scene.list_batches()
    scene.finish(outcome)
    assert scene.matched == set()
    assert scene.bob.saved.batches == {}


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
async def test_a_runner_lives_on_while_its_phone_matches() -> None:
    """Scans are heard between the turns of one match, and the batch counts at its end (MT-5)."""
    world = World("hybrid")
    bob = await _long_match(world, hours=3)
    kinds = [type(what) for _, what in bob.seen]
    first = kinds.index(KeepMatching)
    last = len(kinds) - 1 - kinds[::-1].index(TurnGranted)
    assert kinds[first:last].count(Scanned) > 0
    assert bob.screen.ids == []
    assert RELEASE in dict(bob.store.load().batches)


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
async def test_a_stop_ends_a_match_at_once() -> None:
    """A runner that is stopped during a match does not finish it, and saves nothing of it (MT-5, MT-6)."""
    world = World("hybrid")
    bob = Shell("bob", world)
    _publish(world.desk, 2_000)
    async with running(bob):
        await world.clock.run_until(clock("02:05") + 60)
    turns = sum(isinstance(what, TurnGranted) for _, what in bob.seen)
    assert 0 < turns < 2_000
    assert dict(bob.store.load().batches) == {}


async def _long_match(world: World, hours: int) -> Shell:
    bob = Shell("bob", world)
    _publish(world.desk, 400)
    async with running(bob):
        await world.clock.run_for(hours * 3_600)
    return bob


def _publish(desk: KeyDesk, keys: int) -> None:
    design = open_design("hybrid")
    desk.put(
        RELEASE,
        *(
            SharedKey(number.to_bytes(16, "big"), RELEASE // design.slot_seconds - 1, 1)
            for number in range(keys)
        ),
    )


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
async def test_the_next_batch_is_fetched_when_the_one_at_hand_is_done() -> None:
    """A runner holds one batch at a time: the second comes after the last turn of the first (MT-5)."""
    world = World("hybrid")
    _publish(world.desk, 50)
    second = clock("04:00")
    world.desk.put(second, SharedKey(bytes([7]) * 16, second // 7_200 - 1, 1))
    world.clock = VirtualClock(clock("04:30"))
    bob = Shell("bob", world)
    async with running(bob):
        await world.clock.run_for(7_200)
    kinds = [what for _, what in bob.seen if isinstance(what, BatchFetched | TurnGranted)]
    fetched = [place for place, what in enumerate(kinds) if isinstance(what, BatchFetched)]
    assert fetched == [0, 50]
    assert set(dict(bob.store.load().batches)) == {RELEASE, second}


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
async def test_batches_do_not_pile_up_behind_a_full_disk() -> None:
    """A disk that fills up as a batch comes does not stop its match, so the next waits its turn (MT-5, PH-61)."""
    world = World("hybrid")
    _publish(world.desk, 50)
    second = clock("04:00")
    world.desk.put(second, SharedKey(bytes([7]) * 16, second // 7_200 - 1, 1))
    world.clock = VirtualClock(clock("04:30"))
    bob = Shell("bob", world)
    fetch = bob.server.fetch_batch

    async def fills_the_disk(sha256: str, length: int) -> bytes:
        bob.store.fill()
        return await fetch(sha256, length)

    bob.server.fetch_batch = fills_the_disk  # type: ignore[method-assign]
    async with running(bob):
        await world.clock.run_for(600)
        kinds = [what for _, what in bob.seen if isinstance(what, BatchFetched | TurnGranted)]
        fetched = [place for place, what in enumerate(kinds) if isinstance(what, BatchFetched)]
        assert fetched == [0, 50]
        assert dict(bob.store.load().batches) == {}
        bob.store.error = None
        await world.clock.run_for(600)
    assert set(dict(bob.store.load().batches)) == {RELEASE, second}
