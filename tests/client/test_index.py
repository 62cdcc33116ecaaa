"""An index of batches that cannot be read, is of another deployment, or lies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anopticon_client.events import (
    BatchFetched,
    IndexFetched,
)
from anopticon_protocol.messages import BatchEntry
from anopticon_protocol.params import MAX_BATCH_BYTES, MAX_INDEX_BYTES
from tests.client.by_hand import (
    FOREIGN_DESIGN,
    PERIOD,
    asked_for,
    index_of,
    lone,
    only_replans,
    some_key,
    warned,
)
from tests.client.desk import entry_of
from tests.client.drive import DAY, START, Town, clock, each_design, each_dp3t
from tests.client.tables import frame_of


@each_design
@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "index of batches", id="empty"),
        pytest.param(b"<html>Sign in to the network</html>", "index of batches", id="a captive portal"),
        pytest.param(b"[]", "index of batches", id="a list"),
        pytest.param(b" " * (MAX_INDEX_BYTES + 1), "MAX_INDEX_BYTES", id="too long"),
    ],
)
def test_an_index_that_cannot_be_read_changes_nothing(spec: str, data: bytes, says: str) -> None:
    """What is no index is said, and what was wanted before is still wanted.

    SPEC: IX-3.
    """
    town, bob = lone(spec)
    release = clock("02:00")
    entry = entry_of(release, town.desk.put(release, some_key(town.design)))
    bob.handle(IndexFetched(index_of(town, entry, until=release)), clock("03:00"))
    outcome = bob.handle(IndexFetched(data), clock("03:00"))
    assert only_replans(outcome)
    assert len(warned(outcome.effects)) == 1
    assert says in warned(outcome.effects)[0]
    assert asked_for(bob.handle(IndexFetched(None), clock("03:01")).effects) == [release]


@each_design
@pytest.mark.parametrize("what", ["design", "period"])
def test_an_index_of_another_deployment_is_refused(spec: str, what: str) -> None:
    """An index of another design or another period is said to be so, and nothing of it is wanted or settled.

    SPEC: PH-21.
    """
    town, bob = lone(spec)
    bob.hear(frame_of(town.design, "somebody"), clock("00:30"))
    entry = BatchEntry(clock("02:00"), "0" * 64, 100)
    design = FOREIGN_DESIGN.get(spec, "gaen") if what == "design" else None
    period = 3_600 if what == "period" else PERIOD
    data = index_of(town, entry, until=clock("02:00"), design=design, period=period)
    before = bob.saved.snapshot()
    outcome = bob.handle(IndexFetched(data), clock("03:00"))
    assert asked_for(outcome.effects) == []
    assert len(warned(outcome.effects)) == 1
    assert f"this phone runs {town.design.spec}" in warned(outcome.effects)[0]
    assert bob.saved.snapshot() == before


@each_design
def test_what_a_phone_does_not_want_from_an_index(spec: str) -> None:
    """Of all that an index lists, a phone wants what is new, published, not too old and not too long.

    SPEC: PH-21.
    """
    town, bob = lone(spec)
    now = clock("13:00", day=20)
    oldest = now - now % PERIOD - 14 * DAY
    offers = {
        oldest - PERIOD: 100,
        oldest: 100,
        oldest + PERIOD: 100,
        clock("08:00", day=20): MAX_BATCH_BYTES + 1,
        clock("10:00", day=20): MAX_BATCH_BYTES,
        clock("12:00", day=20): 0,
        clock("14:00", day=20): 100,
        clock("14:00", day=40): 100,
    }
    entries = [BatchEntry(at, "0" * 64, length) for at, length in offers.items()]
    outcome = bob.handle(IndexFetched(index_of(town, *entries, until=max(offers))), now)
    assert asked_for(outcome.effects) == [oldest + PERIOD, clock("10:00", day=20), clock("12:00", day=20)]
    assert warned(outcome.effects) == []


@each_design
def test_fourteen_days_to_the_second(spec: str) -> None:
    """A batch is wanted a second before its release is fourteen days ago, and not at that second.

    SPEC: PH-21.
    """
    release = clock("10:00")
    for now, wanted in ((release + 14 * DAY - 1, [release]), (release + 14 * DAY, [])):
        town, bob = lone(spec)
        index = index_of(town, BatchEntry(release, "0" * 64, 9), until=release)
        assert asked_for(bob.handle(IndexFetched(index), now).effects) == wanted


@each_dp3t
def test_an_index_cannot_be_complete_for_the_future(spec: str) -> None:
    """A server that claims to be complete for days to come settles nothing that a coming batch must tell apart.

    SPEC: PH-26.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    bob.asleep = True
    town.run(clock("10:30"))
    bob.handle(IndexFetched(index_of(town, until=clock("00:00", day=9))), clock("10:30"))
    assert bob.saved.progress.settled_until == clock("10:00")
    town.run(clock("11:50"))
    frame = ann.frame
    bob.scan(clock("11:50"))
    bob.hear(frame, clock("11:55"))
    town.run(clock("11:58"))
    town.report(ann, START)
    bob.hear(frame, clock("12:00"))
    bob.hear(frame, clock("12:10"))
    bob.asleep = False
    town.run(clock("23:00"))
    assert bob.minutes == {0: 5}


@each_design
def test_settled_time_never_goes_back(spec: str) -> None:
    """An index that is complete for less than an earlier one takes nothing back.

    SPEC: PH-26.
    """
    town, bob = lone(spec)
    bob.handle(IndexFetched(index_of(town, until=clock("10:00"))), clock("11:00"))
    bob.handle(IndexFetched(index_of(town, until=clock("04:00"))), clock("11:30"))
    assert bob.saved.progress.settled_until == clock("10:00")


@each_design
def test_a_batch_that_turns_up_below_what_is_settled_is_not_wanted(spec: str) -> None:
    """What the server said it would never publish any more is not fetched: it could not be judged exactly.

    SPEC: PH-27.
    """
    town, bob = lone(spec)
    bob.handle(IndexFetched(index_of(town, until=clock("10:00"))), clock("11:00"))
    entries = [BatchEntry(clock(at), "0" * 64, 9) for at in ("08:00", "10:00", "12:00")]
    outcome = bob.handle(IndexFetched(index_of(town, *entries, until=clock("12:00"))), clock("13:00"))
    assert asked_for(outcome.effects) == [clock("12:00")]


@each_design
def test_a_processed_batch_that_changes_is_ignored_and_said(spec: str) -> None:
    """A batch that was processed is not fetched again under another hash; the person's log says that it changed.

    SPEC: PH-23.
    """
    town, bob = lone(spec)
    release = clock("02:00")
    entry = entry_of(release, town.desk.put(release, some_key(town.design)))
    bob.handle(IndexFetched(index_of(town, entry, until=release)), clock("03:00"))
    bob.handle(BatchFetched(release, town.desk.files[release]), clock("03:00"))
    changed = replace(entry, sha256="0" * 64)
    outcome = bob.handle(IndexFetched(index_of(town, changed, until=release)), clock("05:00"))
    assert asked_for(outcome.effects) == []
    assert warned(outcome.effects) == [f"the key server changed its batch of release {release}: ignored"]
    assert bob.saved.batches == {release: entry.sha256}
