"""Fourteen days and not a second more: observations, own keys, notices, batches and pending reports really go."""

from __future__ import annotations

from anopticon_client.events import BatchFetched, IndexFetched, Woken
from anopticon_client.phone import Phone
from anopticon_client.state import (
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    PendingUpload,
    PutObservation,
)
from anopticon_protocol.designs.records import SharedKey
from tests.client.by_hand import index_of, lone, some_key
from tests.client.desk import entry_of
from tests.client.drive import CODE, DAY, SECOND_CODE, START, Town, clock, each_design
from tests.client.tables import KEPT, SLOT_SECONDS, frame_of, key_end, too_old


@each_design
def test_an_observation_goes_at_its_last_second(spec: str) -> None:
    """An observation is there a second before its slot is fourteen days old, and gone at that second.

    SPEC: DS-5, PH-6, PH-14.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    heard = clock("09:07")
    slot = SLOT_SECONDS[spec]
    gone = heard - heard % slot + slot + KEPT
    bob.hear(frame_of(town.design, "somebody"), heard)
    bob.handle(Woken(), gone - 1)
    assert len(bob.rows) == 1
    assert bob.wake <= gone, "the phone plans to wake when it is time"
    outcome = bob.handle(Woken(), gone)
    assert bob.rows == []
    assert sum(isinstance(change, DropObservation) for change in outcome.changes) == 1
    assert bob.phone.observation_count == 0
    assert Phone(bob.config, bob.saved.snapshot()).observation_count == 0


@each_design
def test_an_own_key_goes_at_its_last_second(spec: str) -> None:
    """An own key is there a second before its end is fourteen days ago, and gone at that second.

    SPEC: DS-5, PH-6.
    """
    town = Town(spec, "ann", now=clock("09:07"))
    (ann,) = town.handsets
    (key,) = ann.saved.own_keys.values()
    gone = key_end(town.design, key) + KEPT
    ann.handle(Woken(), gone - 1)
    assert key.secret in {own.secret for own in ann.saved.own_keys.values()}
    assert ann.wake <= gone
    outcome = ann.handle(Woken(), gone)
    assert key.secret not in {own.secret for own in ann.saved.own_keys.values()}
    assert sum(isinstance(change, DropOwnKey) for change in outcome.changes) == 1


@each_design
def test_matched_observations_notices_and_batches_go_as_well(spec: str) -> None:
    """A warning, what led to it and the batches behind it leave the phone when their fourteen days are over.

    SPEC: PH-6, PH-14, PH-42.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("06:00", day=1))
    releases = sorted(bob.saved.batches)
    assert bob.told
    assert releases
    town.desk.files.clear()
    bob.handle(Woken(), clock("23:59:59", day=14))
    assert bob.phone.exposure_notices
    assert sum(row.match is not None for row in bob.rows) == (
        0 if SLOT_SECONDS[spec] < DAY else len(bob.rows)
    )
    outcome = bob.handle(Woken(), clock("00:00", day=15))
    assert bob.rows == []
    assert bob.phone.exposure_notices == ()
    assert bob.phone.exposure_seconds() == {}
    assert sum(isinstance(change, DropNotice) for change in outcome.changes) == 1
    bob.handle(Woken(), clock("06:00", day=15))
    assert bob.saved.batches == {}
    assert {change.release for change in bob.changes if isinstance(change, DropBatch)} == set(releases)


@each_design
def test_a_batch_is_remembered_for_fourteen_days(spec: str) -> None:
    """The memory of a processed batch lasts until its release is fourteen days ago.

    SPEC: PH-6.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    release = clock("10:00")
    town.desk.put(release, SharedKey(bytes(town.design.secret_bytes), START // town.design.slot_seconds, 1))
    town.run(clock("11:00"))
    assert set(bob.saved.batches) == {release}
    bob.handle(Woken(), release + KEPT - 1)
    assert set(bob.saved.batches) == {release}
    bob.handle(Woken(), release + KEPT)
    assert bob.saved.batches == {}


@each_design
def test_a_batch_that_comes_nearly_too_late_is_forgotten_in_time(spec: str) -> None:
    """A batch fetched a second before its fourteen days are over is forgotten at the next waking, not a day later.

    SPEC: PH-6.
    """
    town, bob = lone(spec)
    release = clock("10:00")
    data = town.desk.put(release, some_key(town.design))
    now = release + KEPT - 1
    bob.handle(Woken(), now)
    bob.handle(IndexFetched(index_of(town, entry_of(release, data), until=release)), now)
    bob.handle(BatchFetched(release, data), now)
    assert set(bob.saved.batches) == {release}
    bob.handle(Woken(), release + KEPT)
    assert bob.saved.batches == {}


@each_design
def test_a_report_that_cannot_be_sent_loses_its_keys_as_they_turn_too_old(spec: str) -> None:
    """A pending report never holds a key that is too old, and is given up with its last one.

    SPEC: PH-54.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("03:00", day=1))
    ann.online = False
    town.report(ann, START)
    assert ann.saved.upload is not None
    counts = [len(ann.saved.upload.keys)]
    ann.asleep = True
    for at in range(clock("00:00", day=14), clock("01:00", day=16), 450):
        ann.handle(Woken(), at)
        assert too_old(ann, at) == []
        pending: PendingUpload | None = ann.saved.upload
        counts.append(0 if pending is None else len(pending.keys))
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0
    assert pending is None


@each_design
def test_law_nothing_is_deleted_early_and_nothing_survives(spec: str) -> None:
    """Over five weeks, whenever the phone woke, it holds exactly what is less than fourteen days old.

    SPEC: DS-5, PH-6, PH-14, PH-42.
    """
    town = Town(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    slot = SLOT_SECONDS[spec]
    heard: list[int] = []
    reports = [(clock("13:00", day=3), CODE), (clock("13:00", day=18), SECOND_CODE)]
    for now in range(START, START + 36 * DAY, 9_000):
        town.now = now
        for handset in town.handsets:
            town.tell(handset, Woken())
        assert [too_old(handset, now) for handset in town.handsets] == [[], [], []]
        bob.hear(frame_of(town.design, now), now)
        cid.scan(now - 300)
        cid.hear(ann.frame, now)
        heard.append(now)
        if reports and reports[0][0] <= now:
            town.report(ann, now - 2 * DAY, code=reports.pop(0)[1])
        young = [then for then in heard if (then // slot + 1) * slot + KEPT > now]
        assert bob.phone.observation_count == len(bob.rows) == len(young)
    assert reports == []
    assert any(
        row.match
        for change in cid.changes
        if isinstance(change, PutObservation)
        for row in [change.observation]
    )
    dropped = {type(change) for handset in town.handsets for change in handset.changes}
    assert {DropObservation, DropOwnKey, DropBatch, DropNotice} <= dropped
