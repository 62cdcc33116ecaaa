"""When a heard identifier counts: skewed clocks, replays inside and outside the window of each design, publication.

Every table names the designs that match; all others must not. `said` is when the honest phone broadcast the frame,
`heard` when the receiver's clock says it came in.
"""

from __future__ import annotations

from typing import Final

import pytest

from anopticon_client.events import BatchFetched, IndexFetched
from anopticon_protocol.batch import Batch
from anopticon_protocol.designs.records import SETTLED, SharedKey
from anopticon_protocol.messages import BatchIndex
from tests.client.desk import KEY_ID, SIGNER
from tests.client.drive import NEAR, SECOND_CODE, SPECS, START, Handset, Town, clock, each_design, each_dp3t

LOWCOST: Final = "lowcost"
UNLINKABLE: Final = "unlinkable"
HYBRID: Final = "hybrid"
H15: Final = "hybrid:window_minutes=15"
H240: Final = "hybrid:window_minutes=240"
H1440: Final = "hybrid:window_minutes=1440"
GAEN: Final = "gaen"
BY_DAY: Final = {LOWCOST, H1440}
BY_WINDOW: Final = BY_DAY | {HYBRID, H240}
ALL: Final = {*SPECS}


def listen(spec: str, said: int, heard: int, report: int) -> Handset:
    """Bob hears at `heard` what Ann broadcast at `said`; Ann reports at `report`; two days later Bob has it all."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    bob.asleep = True
    town.run(said)
    frame = ann.frame
    town.run(report)
    town.report(ann, START)
    bob.hear(frame, heard)
    bob.asleep = False
    bob.wake = max(report, heard)
    town.run(max(report, heard) + 2 * 86_400)
    assert town.desk.files
    return bob


# said, heard, day of heard (1 is the day of said), the designs that match
SKEW = [
    pytest.param("08:00:00", "08:09:59", 1, ALL, id="end of the interval"),
    pytest.param("08:00:00", "08:10:00", 1, ALL, id="next interval"),
    pytest.param("08:00:00", "08:14:59", 1, ALL, id="end of the epoch"),
    pytest.param("08:00:00", "08:15:00", 1, BY_WINDOW | {GAEN}, id="next epoch"),
    pytest.param("08:00:00", "07:59:59", 1, BY_DAY | {GAEN}, id="a second before the epoch and every window"),
    pytest.param(
        "08:15:00", "08:14:59", 1, BY_WINDOW | {GAEN}, id="a second before an epoch inside a window"
    ),
    pytest.param("08:00:00", "09:59:59", 1, BY_WINDOW | {GAEN}, id="end of the two-hour window"),
    pytest.param("08:00:00", "10:00:00", 1, BY_DAY | {H240, GAEN}, id="next two-hour window"),
    pytest.param("08:00:00", "10:09:59", 1, BY_DAY | {H240, GAEN}, id="end of the tolerance"),
    pytest.param("08:00:00", "10:10:00", 1, BY_DAY | {H240}, id="after the tolerance"),
    pytest.param("08:09:59", "10:09:59", 1, BY_DAY | {H240, GAEN}, id="end of the tolerance, same interval"),
    pytest.param("08:09:59", "10:10:00", 1, BY_DAY | {H240}, id="two hours and a second are too many"),
    pytest.param("08:00:00", "11:59:59", 1, BY_DAY | {H240}, id="end of the four-hour window"),
    pytest.param("08:00:00", "12:00:00", 1, BY_DAY, id="next four-hour window"),
    pytest.param("08:00:00", "06:00:00", 1, BY_DAY | {GAEN}, id="start of the tolerance"),
    pytest.param("08:00:00", "05:59:59", 1, BY_DAY, id="before the tolerance"),
    pytest.param("08:00:00", "23:59:59", 1, BY_DAY, id="end of the day"),
    pytest.param("08:00:00", "00:00:00", 1, BY_DAY, id="start of the day"),
    pytest.param("01:00:00", "21:00:00", 1, BY_DAY, id="twenty hours later on the same day"),
    pytest.param("23:45:00", "00:00:00", 2, {GAEN}, id="a second after midnight"),
    pytest.param("00:00:00", "23:59:59", 0, {GAEN}, id="a second before midnight"),
    pytest.param("21:00:00", "21:00:00", 2, set(), id="a day later"),
    pytest.param("21:00:00", "21:00:00", 0, set(), id="a day earlier"),
]


@each_design
@pytest.mark.parametrize(("said", "heard", "day", "matching"), SKEW)
def test_clock_skew_and_replay_window(spec: str, said: str, heard: str, day: int, matching: set[str]) -> None:
    """An identifier counts in the epoch, window, day or tolerance of its design, and not a second outside."""
    bob = listen(spec, clock(said, 1), clock(heard, day), clock("23:59:30", 2))
    assert bool(bob.minutes) == (spec in matching)


# said, heard, reported, the designs that match
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
    """A batch ignores what was heard from its release on; GAEN withholds a key until nobody would accept it."""
    bob = listen(spec, clock(said, 1), clock(heard, 1), clock(report, 1))
    assert bool(bob.minutes) == (spec in matching)


@each_design
def test_replay_of_published_identifiers_never_matches(spec: str) -> None:
    """Frames recorded on a whole day and replayed after their keys came out match on no phone, however often polled."""
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
    """Who met the person for five minutes cannot be made to look exposed with the published keys."""
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
def test_what_came_before_and_after_publication_stays_apart_until_both_are_judged(spec: str) -> None:
    """A phone that was offline over the release counts the minutes before it, and none of the replay after it."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:50"), 5)
    frame = ann.frame
    bob.online = False
    town.run(clock("09:59"))
    town.report(ann, START)
    for at in range(clock("10:10"), clock("11:50"), 300):
        town.run(at)
        bob.hear(frame, at)
    bob.online = True
    town.run(clock("23:50"))
    assert bob.minutes == {0: 5}
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 5}


@each_dp3t
def test_a_replay_does_not_join_what_was_settled_long_before(spec: str) -> None:
    """Heard in the morning, settled, and replayed after publication before the batch was fetched: the morning counts."""
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
    bob.asleep = False
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 5}
    assert {row.received for row in bob.rows} == {SETTLED}


@each_design
def test_an_identifier_heard_in_two_epochs_counts_in_each_where_it_is_valid_once(spec: str) -> None:
    """Heard in its own epoch and in the next, an identifier counts twice, but once where the epoch binds it."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    bob.asleep = True
    town.run(clock("08:00"))
    frame = ann.frame
    bob.scan(clock("08:05"))
    bob.hear(frame, clock("08:10"))
    bob.hear(frame, clock("08:15"))
    town.run(clock("13:00"))
    town.report(ann, START)
    bob.asleep = False
    bob.wake = town.now
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 5 if spec in (UNLINKABLE, H15) else 10}


@each_design
def test_the_same_key_in_two_batches_counts_once(spec: str) -> None:
    """A key that is published again adds no minutes and no notice."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("04:00", day=1))
    (keys,) = town.desk.accepted.values()
    town.desk.put(clock("06:00", day=1), *keys)
    town.run(clock("12:00", day=1))
    assert clock("06:00", day=1) in bob.saved.batches
    assert bob.minutes == {0: 20}
    assert bob.told == [f"exposure-{START // 86_400}"]


@each_design
def test_the_same_key_twice_in_one_batch_is_one_entry(spec: str) -> None:
    """A batch has one form for a set of keys: listing a key twice changes no byte."""
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("13:00"))
    town.report(ann, START)
    (keys,) = town.desk.accepted.values()
    once = town.desk.put(clock("16:00"), *keys)
    assert town.desk.put(clock("16:00"), *keys, *keys) == once


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec != UNLINKABLE])
def test_a_batch_that_lists_a_key_twice_is_refused(spec: str) -> None:
    """Signed bytes that repeat an entry are not a batch: the phone warns and goes on wanting it."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    ann.asleep = bob.asleep = True
    town.report(ann, START)
    (keys,) = town.desk.accepted.values()
    town.desk.waiting = []
    release = clock("16:00")
    good = town.desk.put(release, keys[0])
    batch = Batch.decode(good, {KEY_ID: SIGNER.public}, town.design)
    # Header of one entry: count and length are the eight bytes before the body.
    at = good.index(batch.body) - 8
    twice = (2).to_bytes(4, "big") + (2 * len(batch.body)).to_bytes(4, "big") + batch.body * 2
    signed = good[:at] + twice + bytes([len(KEY_ID)]) + KEY_ID.encode()
    town.desk.files[release] = signed + SIGNER.sign_raw(signed)
    bob.asleep = False
    town.run(clock("19:00"))
    assert any("entry 1 is the same as the one before it" in sentence for sentence in bob.warnings)
    assert bob.minutes == {}
    assert release not in bob.saved.batches


@each_dp3t
@pytest.mark.parametrize("late_first", [False, True], ids=["in order", "out of order"])
def test_batches_handed_over_out_of_order_are_judged_exactly(spec: str, late_first: bool) -> None:
    """The batch of 10:00 handed over after that of 12:00 still ignores what was heard at 10:00 and 11:00."""
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
    bob.hear(cid.frame, clock("11:05"))
    town.run(clock("11:30"))
    town.report(cid, START, code=SECOND_CODE)
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
    """While a batch cannot be had, fine times stay; when it comes at last it is judged by them, and they go."""
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


@pytest.mark.parametrize("spec", [LOWCOST, HYBRID, GAEN])
def test_a_key_dated_1970_matches_nothing(spec: str) -> None:
    """A signed batch with a key of the year 1970 is read in no time and matches nothing that was heard since."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("11:00"))
    secret = next(key.secret for key in ann.saved.own_keys.values())
    town.desk.put(clock("12:00"), SharedKey(secret, 0, 1))
    town.run(clock("12:00", day=1))
    assert clock("12:00") in bob.saved.batches
    assert bob.minutes == {}


@pytest.mark.parametrize("spec", [LOWCOST, HYBRID, GAEN])
@pytest.mark.parametrize("index", [2**32 - 144, 2**32 - 1])
def test_a_key_of_the_far_future_matches_nothing(spec: str, index: int) -> None:
    """The last slots that an entry can name are read without harm: the batch is taken or refused as a whole."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    span = 144 if spec == GAEN else 1
    town.desk.put(clock("12:00"), SharedKey(bytes(town.design.secret_bytes), index, span))
    town.run(clock("15:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: 20}
