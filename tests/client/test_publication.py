"""Only what was heard before its key was published counts, in whatever order and however late batches come."""

from __future__ import annotations

import pytest

from anopticon_client.events import BatchFetched, IndexFetched
from anopticon_protocol.designs.records import SETTLED
from anopticon_protocol.messages import BatchIndex
from tests.client.by_hand import listen
from tests.client.drive import NEAR, SECOND_CODE, START, Town, clock, each_design, each_dp3t
from tests.client.tables import ALL, GAEN

PUBLICATION = [
    pytest.param("09:45", "09:59:59", "09:59:30", ALL, id="heard 09:59, released 10:00"),
    pytest.param("09:50", "10:00:00", "09:59:30", {GAEN}, id="heard 10:00, released 10:00"),
    pytest.param("09:50", "11:00:00", "09:59:30", {GAEN}, id="heard 11:00, released 10:00"),
    pytest.param("11:00", "11:00:00", "11:30:00", ALL, id="heard 11:00, released 12:00"),
    pytest.param("11:50", "12:00:00", "11:59:59", {GAEN}, id="heard 12:00, released 12:00"),
    pytest.param("09:50", "11:59:59", "09:59:30", {GAEN}, id="the last second before GAEN publishes"),
    pytest.param("09:50", "12:00:00", "09:59:30", set(), id="the second at which GAEN publishes"),
    pytest.param("01:00", "21:00:00", "09:59:30", set(), id="the same evening, long published"),
]


@each_design
@pytest.mark.parametrize(("said", "heard", "report", "matching"), PUBLICATION)
def test_only_what_came_before_publication_counts(
    spec: str, said: str, heard: str, report: str, matching: set[str]
) -> None:
    """A batch ignores what was heard from its release on; GAEN withholds a key until nobody would accept it.

    SPEC: DS-4, GA-5.
    """
    bob = listen(spec, clock(said, 1), clock(heard, 1), clock(report, 1))
    assert bool(bob.minutes) == (spec in matching)


@each_design
def test_replay_of_published_identifiers_never_matches(spec: str) -> None:
    """Frames recorded on a whole day and replayed after their keys came out match on no phone, however often polled.

    SPEC: DS-4, PH-28.
    """
    town = Town(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    recorded = {frame for at, frame in ann.aired if at < clock("13:00")}
    town.run(clock("15:20"))
    assert any(key for key in town.desk.files) or spec == GAEN
    for at in [
        *range(clock("15:20"), clock("23:40"), 1_200),
        *range(clock("00:00", 1), clock("20:00", 1), 3_600),
    ]:
        town.run(at)
        for handset in (bob, cid):
            handset.scan(at, *((frame, NEAR) for frame in recorded))
    town.run(clock("12:00", day=4))
    assert cid.minutes == {}
    assert cid.told == []
    assert bob.minutes == {0: 20}


@each_dp3t
def test_replay_to_somebody_already_matched_adds_nothing(spec: str) -> None:
    """Who met the person for five minutes cannot be made to look exposed with the published keys.

    SPEC: PH-28.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:50"), 5)
    frame = ann.frame
    town.run(clock("09:59"))
    town.report(ann, START)
    town.run(clock("10:10"))
    assert bob.minutes == {0: 5}
    for at in range(clock("10:10"), clock("23:50"), 300):
        town.run(at)
        bob.hear(frame, at)
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 5}
    assert bob.told == []


@each_dp3t
@pytest.mark.parametrize("crash", [False, True], ids=["running", "restarted"])
def test_what_came_before_and_after_publication_stays_apart_until_both_are_judged(
    spec: str, crash: bool
) -> None:
    """A phone that was offline over the release counts the minutes before it, and none of the replay after it.

    SPEC: PH-28.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.run(clock("07:50"))
    bob.online = False
    town.meet(ann, bob, clock("09:50"), 5)
    frame = ann.frame
    town.run(clock("09:59"))
    town.report(ann, START)
    for at in range(clock("10:10"), clock("11:50"), 300):
        town.run(at)
        bob.hear(frame, at)
    assert {row.received for row in bob.rows} >= {clock("08:00"), clock("10:00")}
    bob.online = True
    if crash:
        bob.crash()
    town.run(clock("23:50"))
    assert bob.minutes == {0: 5}
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 5}


@each_dp3t
def test_a_key_that_is_published_again_opens_no_new_time_for_replay(spec: str) -> None:
    """Who was matched by the first batch with a key counts nothing that came between it and a second batch with it.

    SPEC: PH-25, PH-28.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:50"), 5)
    frame = ann.frame
    town.run(clock("09:59"))
    town.report(ann, START)
    town.run(clock("10:30"))
    bob.hear(frame, clock("10:30"))
    (keys,) = town.desk.accepted.values()
    town.desk.put(clock("12:00"), *keys)
    town.run(clock("14:00"))
    assert clock("12:00") in bob.saved.batches
    assert bob.minutes == {0: 5}


@each_dp3t
@pytest.mark.parametrize("crash", [False, True], ids=["running", "restarted"])
def test_a_replay_does_not_join_what_was_settled_long_before(spec: str, crash: bool) -> None:
    """Heard and settled in the morning, replayed after publication, judged after that: the morning counts.

    SPEC: PH-28.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("07:00"), 5)
    frame = ann.frame
    town.run(clock("08:10"))
    assert {row.received for row in bob.rows} == {SETTLED}
    bob.asleep = True
    town.run(clock("09:59"))
    town.report(ann, START)
    bob.hear(frame, clock("10:10"))
    if crash:
        bob.crash()
    bob.asleep = False
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 5}
    assert {row.received for row in bob.rows} == {SETTLED}


@each_dp3t
@pytest.mark.parametrize("late_first", [False, True], ids=["in order", "out of order"])
@pytest.mark.parametrize("crash", [False, True], ids=["running", "restarted"])
def test_batches_handed_over_out_of_order_are_judged_exactly(
    spec: str, late_first: bool, crash: bool
) -> None:
    """The batch of 10:00 handed over after that of 12:00 still ignores what was heard at 10:00 and 11:00.

    SPEC: PH-24, PH-26.
    """
    town = Town(spec, "ann", "cid", "bob")
    ann, cid, bob = town.handsets
    bob.asleep = True
    town.run(clock("09:50"))
    frame = ann.frame
    bob.scan(clock("09:50"))
    bob.hear(frame, clock("09:55"))
    town.run(clock("09:59"))
    town.report(ann, START)
    for at in ("10:00", "10:05", "11:00"):
        bob.hear(frame, clock(at))
    town.run(clock("11:05"))
    later = cid.frame
    bob.hear(later, clock("11:05"))
    town.run(clock("11:30"))
    town.report(cid, START, code=SECOND_CODE)
    bob.hear(later, clock("12:00:30"))
    if crash:
        bob.crash()
    index = town.desk.index(clock("12:01"))
    releases = [entry.release for entry in BatchIndex.decode(index).batches]
    assert releases == [clock("10:00"), clock("12:00")]
    bob.handle(IndexFetched(index), clock("12:01"))
    for release in sorted(releases, reverse=late_first):
        needed = clock("10:00") not in bob.saved.batches
        assert needed == (clock("10:00") in {row.received for row in bob.rows})
        bob.handle(BatchFetched(release, town.desk.files[release]), clock("12:02"))
    assert bob.minutes == {0: 10}
    assert {row.received for row in bob.rows} == {SETTLED}


@each_dp3t
def test_a_batch_missing_at_first_is_exact_when_it_comes_late(spec: str) -> None:
    """While a batch cannot be had, fine times stay; when it comes at last it is judged by them, and they go.

    SPEC: PH-22, PH-26.
    """
    town = Town(spec, "ann", "cid", "bob")
    ann, cid, bob = town.handsets
    town.meet(ann, bob, clock("09:50"), 5)
    frame = ann.frame
    town.run(clock("09:59"))
    town.report(ann, START)
    release = clock("10:00")
    town.desk.publish(release)
    town.desk.spoilt[release] = town.desk.files[release][:-1]
    for at in ("10:30", "11:30", "13:30"):
        town.run(clock(at))
        bob.hear(frame, clock(at))
    town.meet(cid, bob, clock("14:00"), 20)
    town.run(clock("15:00"))
    town.report(cid, START, code=SECOND_CODE)
    town.run(clock("22:00"))
    assert bob.minutes == {0: 20}, "a later batch is used meanwhile"
    assert {row.received for row in bob.rows} >= {clock("10:00"), clock("12:00")}, "its fine times are kept"
    town.desk.spoilt.clear()
    town.run(clock("02:30", day=1))
    assert bob.minutes == {0: 25}
    assert {row.received for row in bob.rows} == {SETTLED}
