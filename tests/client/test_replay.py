"""When a heard identifier counts: skewed clocks, replays inside and outside the window of each design, publication.

Every table names the designs that match; all others must not. `said` is when the honest phone broadcast the frame,
`heard` when the receiver's clock says it came in.
"""

from __future__ import annotations

import pytest

from anopticon_protocol.batch import Batch
from anopticon_protocol.designs.records import SharedKey
from tests.client.by_hand import listen
from tests.client.desk import KEY_ID, SIGNER
from tests.client.drive import SPECS, START, Town, clock, each_design
from tests.client.tables import ALL, BY_DAY, BY_WINDOW, GAEN, H15, H240, HYBRID, LOWCOST, UNLINKABLE

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
    """An identifier counts in the epoch, window, day or tolerance of its design, and not a second outside.

    SPEC: LC-7, UL-2, HY-4, GA-6.
    """
    bob = listen(spec, clock(said, 1), clock(heard, day), clock("23:59:30", 2))
    assert bool(bob.minutes) == (spec in matching)


# said, heard, reported, the designs that match


@each_design
def test_an_identifier_heard_in_two_epochs_counts_in_each_where_it_is_valid_once(spec: str) -> None:
    """Heard in its own epoch and in the next, an identifier counts twice, but once where the epoch binds it.

    SPEC: UL-2, HY-4.
    """
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
    """A key that is published again adds no minutes and no notice.

    SPEC: DS-6, PH-25.
    """
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
    """A batch has one form for a set of keys: listing a key twice changes no byte.

    SPEC: DS-6.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("13:00"))
    town.report(ann, START)
    (keys,) = town.desk.accepted.values()
    once = town.desk.put(clock("16:00"), *keys)
    assert town.desk.put(clock("16:00"), *keys, *keys) == once


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec != UNLINKABLE])
def test_a_batch_that_lists_a_key_twice_is_refused(spec: str) -> None:
    """Signed bytes that repeat an entry are not a batch: the phone warns and goes on wanting it.

    SPEC: DS-6, PH-22.
    """
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


@pytest.mark.parametrize("spec", [LOWCOST, HYBRID, GAEN])
def test_a_key_dated_1970_matches_nothing(spec: str) -> None:
    """A signed batch with a key of the year 1970 is read in no time and matches nothing that was heard since.

    SPEC: LC-6.
    """
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
