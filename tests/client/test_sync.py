"""Keeping up with a key server that is slow, down, damaged or lying."""

from __future__ import annotations

from anopticon_client.events import (
    BatchFetched,
    FetchBatch,
    FetchFailed,
    FetchIndex,
    IndexFetched,
    ShowNotice,
    Warn,
    Woken,
)
from anopticon_client.state import NoticeKind
from tests.client.by_hand import PERIOD, asked_for, index_of, lone, some_key
from tests.client.desk import entry_of
from tests.client.drive import START, Fate, Handset, Town, clock, each_design

# -- polls and backoff


@each_design
def test_polls_come_after_each_release_at_a_random_time(spec: str) -> None:
    """A phone asks once for each release, 1 to 300 seconds after it, and two phones do not ask together.

    SPEC: PH-20.
    """
    town = Town(spec, "ann", "bob")
    town.run(clock("23:59", day=2))
    polls = [
        [at for at, effect in handset.log if isinstance(effect, FetchIndex)] for handset in town.handsets
    ]
    for times in polls:
        assert times[0] == START
        assert [at // PERIOD * PERIOD for at in times[1:]] == list(
            range(clock("02:00"), clock("23:59", 2), PERIOD)
        )
        assert all(1 <= at % PERIOD <= 300 for at in times[1:])
        assert len({at % PERIOD for at in times[1:]}) > 10
    assert polls[0][1:] != polls[1][1:]


@each_design
def test_failures_are_retried_later_and_later_up_to_six_hours(spec: str) -> None:
    """After n failures in a row the next try comes after half to all of 60 s doubled n - 1 times, at most 6 hours.

    SPEC: PH-29.
    """
    _, bob = lone(spec)
    now = clock("03:00")
    waits = []
    for failure in range(1, 41):
        bob.handle(FetchFailed("no route", of_index=True), now)
        wait = bob.saved.progress.next_poll - now
        longest = min(60 * 2 ** (failure - 1), 21_600)
        assert longest // 2 <= wait <= longest
        assert FetchIndex() not in bob.handle(Woken(), now + wait - 1).effects
        now += wait
        assert FetchIndex() in bob.handle(Woken(), now).effects
        waits.append(wait)
    assert len(set(waits[10:])) > 20, "the wait is random"
    assert bob.saved.progress.failed_polls == 40


@each_design
def test_a_server_that_is_down_is_told_of_once_and_anew_after_it_was_up(spec: str) -> None:
    """Two failures warn, the third tells the person, the rest warn; once the server has answered it starts anew.

    SPEC: PH-29.
    """
    town, bob = lone(spec)
    now = clock("03:00")
    for _ in range(2):
        kinds = []
        for _ in range(6):
            outcome = bob.handle(FetchFailed("no route", of_index=True), now)
            kinds.append(next(type(effect) for effect in outcome.effects))
            now = bob.saved.progress.next_poll
            bob.handle(Woken(), now)
        assert kinds == [Warn, Warn, ShowNotice, Warn, Warn, Warn]
        assert [notice.kind for notice in bob.saved.notices.values()] == [NoticeKind.SERVER_DOWN]
        outcome = bob.handle(IndexFetched(index_of(town, until=now - now % PERIOD)), now)
        assert outcome.effects == ()
        assert bob.saved.notices == {}
        assert bob.saved.progress.failed_polls == 0
    assert bob.told == ["server-down"] * 2


@each_design
def test_an_index_without_its_batches_is_no_recovery(spec: str) -> None:
    """Where the index can be had but a batch cannot, the phone backs off and tells, as for a server that is down.

    SPEC: PH-29.
    """
    town, bob = lone(spec)
    release = clock("02:00")
    entry = entry_of(release, town.desk.put(release, some_key(town.design)))
    now = clock("03:00")
    waits = []
    for _ in range(12):
        bob.handle(Woken(), now)
        outcome = bob.handle(IndexFetched(index_of(town, entry, until=release)), now)
        assert asked_for(outcome.effects) == [release]
        bob.handle(FetchFailed("gone"), now)
        waits.append(bob.saved.progress.next_poll - now)
        now = bob.saved.progress.next_poll
    assert waits[-1] >= 10_800
    assert bob.told == ["server-down"]
    bob.handle(Woken(), now)
    bob.handle(IndexFetched(index_of(town, entry, until=release)), now)
    bob.handle(BatchFetched(release, town.desk.files[release]), now)
    assert (bob.saved.notices, bob.saved.progress.failed_polls) == ({}, 0)


@each_design
def test_batches_that_fail_after_one_index_count_once(spec: str) -> None:
    """Forty batches that cannot be had are one failure, said once; after the next index they are another.

    SPEC: PH-29.
    """
    town, bob = lone(spec)
    bob.handle(Woken(), clock("03:00"))
    for _ in range(40):
        bob.handle(FetchFailed("no route"), clock("03:01"))
    assert bob.saved.progress.failed_polls == 1
    assert bob.warnings == ["no route"]
    assert bob.saved.progress.next_poll <= clock("03:02")
    entry = entry_of(clock("02:00"), town.desk.put(clock("02:00"), some_key(town.design)))
    bob.handle(IndexFetched(index_of(town, entry, until=clock("02:00"))), clock("03:03"))
    for _ in range(40):
        bob.handle(FetchFailed("no route"), clock("03:04"))
    assert bob.saved.progress.failed_polls == 2


@each_design
def test_an_index_that_has_not_changed_asks_again_for_what_is_missing(spec: str) -> None:
    """After 'not changed' the phone still wants what it did not get, and nothing once it has it.

    SPEC: PH-22.
    """
    town, bob = lone(spec)
    first, second = clock("02:00"), clock("04:00")
    entries = [entry_of(at, town.desk.put(at, some_key(town.design, at))) for at in (first, second)]
    now = clock("05:00")
    outcome = bob.handle(IndexFetched(index_of(town, *entries, until=second)), now)
    assert asked_for(outcome.effects) == [first, second]
    bob.handle(BatchFetched(second, town.desk.files[second]), now)
    assert asked_for(bob.handle(IndexFetched(None), now).effects) == [first]
    again = bob.handle(IndexFetched(index_of(town, *entries, until=second)), now)
    assert asked_for(again.effects) == [first]
    bob.handle(BatchFetched(first, town.desk.files[first]), now)
    assert bob.handle(IndexFetched(None), now).effects == ()


@each_design
def test_a_restart_between_index_and_batches_loses_no_batch(spec: str) -> None:
    """A phone that stopped before its batches came asks for them at the next poll.

    SPEC: PH-3.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    died: list[int] = []

    def fate(handset: Handset) -> Fate:
        if handset is not bob or died or not isinstance(bob.effects[-1], FetchBatch):
            return Fate.LIVES
        died.append(town.now)
        return Fate.DIES_BEFORE_EFFECTS

    town.fate = fate
    town.run(clock("18:30"))
    assert len(died) == 1
    town.run(clock("03:00", day=1))
    assert bob.saved.batches
    assert bob.minutes == {0: 20}


# -- an index that must not be believed


# -- a batch that must not be used
