"""Phones that sleep for days, and clocks that are set back or were far ahead."""

from __future__ import annotations

import hashlib

import pytest

from anopticon_client.events import Advertise, FetchIndex, SendUpload, Started, Woken
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import MAX_UNIX_TIME
from tests.client.drive import CODE, DAY, START, Handset, Town, bytes_of, clock, each_design
from tests.client.tables import frame_of


@each_design
def test_a_phone_that_slept_three_days_reports_both_sides_of_its_sleep(spec: str) -> None:
    """Contacts before and after three days without power are in one report; the days between add nothing.

    SPEC: LC-3.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    ann.asleep = True
    town.run(clock("08:00", day=4))
    ann.asleep = False
    town.run(clock("08:01", day=4))
    town.meet(ann, bob, clock("09:00", day=4), 30)
    town.run(clock("13:00", day=4))
    town.report(ann, START)
    town.run(clock("13:00", day=6))
    assert bob.minutes == {0: 20, 4: 30}


@each_design
def test_a_phone_that_slept_three_days_is_warned_when_it_wakes(spec: str) -> None:
    """Batches published while a phone slept are fetched and judged when it wakes."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    bob.asleep = True
    town.run(clock("13:00", day=1))
    town.report(ann, START)
    town.run(clock("13:00", day=4))
    assert bob.told == []
    bob.asleep = False
    town.run(clock("13:01", day=4))
    assert bob.minutes == {0: 20}
    assert bob.told == [f"exposure-{START // DAY}"]


@each_design
def test_a_phone_that_slept_twenty_days_starts_anew(spec: str) -> None:
    """After twenty days nothing of before is left; new contacts are heard, reported and warned of.

    SPEC: LC-3, DS-5.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    old = {key.secret for key in ann.saved.own_keys.values()}
    ann.asleep = bob.asleep = True
    town.run(clock("12:00", day=20))
    ann.asleep = bob.asleep = False
    town.run(clock("12:01", day=20))
    assert bob.rows == []
    (key,) = ann.saved.own_keys.values()
    chain = {hashed for secret in old for hashed in chain_of(secret, 30)}
    assert key.secret not in chain
    town.meet(ann, bob, clock("13:00", day=20), 20)
    town.run(clock("15:00", day=20))
    town.report(ann, START)
    (upload,) = town.desk.accepted.values()
    assert not {key.secret for key in upload} & chain
    town.run(clock("15:00", day=22))
    assert bob.minutes == {20: 20}


def chain_of(secret: bytes, days: int) -> list[bytes]:
    """`secret` and what SHA-256 makes of it day by day."""
    chain = [secret]
    for _ in range(days):
        chain.append(hashlib.sha256(chain[-1]).digest())
    return chain


def test_the_chain_of_lowcost_goes_on_through_days_of_sleep() -> None:
    """After three days of sleep the day key is the third hash of the last one.

    SPEC: LC-3.
    """
    town = Town("lowcost", "ann")
    (ann,) = town.handsets
    (first,) = ann.saved.own_keys.values()
    ann.handle(Woken(), clock("10:00", day=3))
    (later,) = (key for key in ann.saved.own_keys.values() if key.index != first.index)
    assert (later.index, later.secret) == (first.index + 3, chain_of(first.secret, 3)[-1])


@each_design
@pytest.mark.parametrize("back", [3_600, DAY])
def test_a_clock_set_back_makes_no_new_keys(spec: str, back: int) -> None:
    """A phone sent back into a time it has keys for broadcasts under those keys, and goes on as before afterwards.

    SPEC: PH-5, PH-7.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    now = clock("12:07", day=2)
    town.run(now)
    frame, keys = ann.frame, {key_id: key.secret for key_id, key in ann.saved.own_keys.items()}
    ann.handle(Woken(), now - back)
    earlier = ann.frame
    assert earlier != frame
    then = (now - back) // town.design.epoch_seconds
    same_epoch = [old for at, old in ann.aired[:-1] if at // town.design.epoch_seconds == then]
    shuffled_anew = (
        town.design.shuffles and (now - back) // town.design.slot_seconds < now // town.design.slot_seconds
    )
    assert shuffled_anew or earlier in same_epoch
    ann.handle(Woken(), now + 1)
    assert ann.frame == frame
    assert {key_id: key.secret for key_id, key in ann.saved.own_keys.items()} == keys
    ended = [key for key in ann.saved.own_keys.values() if town.design.key_range(key)[1] <= now]
    assert ended
    assert all(key.order == b"" for key in ended)


@each_design
@pytest.mark.parametrize("back", [3_600, DAY])
def test_contacts_around_a_clock_set_back_are_reported(spec: str, back: int) -> None:
    """A town whose clocks all go back, and live that time once more, still warns of every contact."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("12:00", day=2), 20)
    town.run(clock("12:50", day=2))
    town.now -= back
    for handset in town.handsets:
        town.tell(handset, Woken())
    town.meet(ann, bob, town.now + 60, 10)
    town.run(clock("14:00", day=2))
    town.report(ann, START)
    town.run(clock("14:00", day=5))
    assert sum(bob.minutes.values()) == 30
    assert bob.minutes == ({2: 30} if back < DAY else {1: 10, 2: 20})


@each_design
def test_a_clock_set_back_behind_the_first_key_loses_only_that_time(spec: str) -> None:
    """Keys made for an hour before the first one do not stand in the way of reporting what came later."""
    town = Town(spec, "ann", "bob", now=clock("00:30", day=1))
    ann, bob = town.handsets
    ann.handle(Woken(), clock("23:45", day=0))
    ann.wake = town.now
    town.meet(ann, bob, clock("09:00", day=1), 20)
    town.meet(ann, bob, clock("09:00", day=3), 30)
    town.run(clock("14:00", day=3))
    town.report(ann, START)
    town.run(clock("14:00", day=5))
    assert bob.minutes == {1: 20, 3: 30}


def asked(handset: Handset, kind: type, since: int) -> list[int]:
    """When effects of a kind were asked for from entry `since` of the log on."""
    return [at for at, effect in handset.log[since:] if isinstance(effect, kind)]


@each_design
def test_a_clock_that_was_a_year_ahead_does_not_silence_the_phone(spec: str) -> None:
    """Polls, retries and deletions that a wrong clock put off by a year happen at their time once it is right.

    SPEC: PH-29.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("09:00"))
    ann.online = False
    town.now += 365 * DAY
    town.tell(ann, Woken())
    town.report(ann, town.now - DAY)
    town.now -= 365 * DAY
    before = len(ann.log)
    town.tell(ann, Woken())
    town.run(clock("11:50"))
    assert len(asked(ann, FetchIndex, before)) >= 2
    assert len(asked(ann, SendUpload, before)) >= 2
    assert len(asked(ann, Advertise, before)) >= 10
    ann.hear(frame_of(town.design, "somebody"), town.now)
    ann.asleep = True
    ann.handle(Woken(), clock("12:00"))
    ann.handle(Woken(), clock("00:00", day=15))
    assert [
        row for row in ann.rows if row.token.slot * town.design.observation_slot_seconds < START + DAY
    ] == []


@each_design
def test_a_restart_in_the_same_epoch_keeps_the_identifier(spec: str) -> None:
    """A phone that is started anew within an epoch broadcasts what it broadcast before."""
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("09:07"))
    frame, keys = ann.frame, dict(ann.saved.own_keys)
    ann.crash()
    ann.handle(Started(), clock("09:08"))
    assert ann.frame == frame
    assert ann.saved.own_keys == keys


@each_design
def test_an_identifier_changes_at_every_epoch_and_never_within(spec: str) -> None:
    """Over two days each epoch has exactly one identifier, and no identifier is used in two epochs.

    SPEC: PH-5, DS-3.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    for at in range(START, START + 2 * DAY, 200):
        ann.handle(Woken(), at)
    epochs = [at // town.design.epoch_seconds for at, _ in ann.aired]
    assert epochs == list(
        range(START // town.design.epoch_seconds, (START + 2 * DAY - 1) // town.design.epoch_seconds + 1)
    )
    assert len({frame for _, frame in ann.aired}) == len(ann.aired)


@each_design
@pytest.mark.parametrize("now", [-1, MAX_UNIX_TIME + 1])
def test_a_time_that_does_not_fit_is_refused(spec: str, now: int) -> None:
    """A time before 1970 or beyond 32-bit epochs is the caller's fault, and changes nothing.

    SPEC: TI-1.
    """
    (ann,) = Town(spec, "ann").handsets
    before = ann.saved.snapshot()
    with pytest.raises(InvalidParameterError, match="MAX_UNIX_TIME"):
        ann.handle(Woken(), now)
    assert ann.handle(Started(), START).changes == ()
    assert ann.saved.snapshot() == before


@pytest.mark.parametrize("length", [0, 31, 33])
def test_entropy_of_another_length_is_refused(length: int) -> None:
    """Every event brings exactly 32 fresh bytes.

    SPEC: CR-8.
    """
    (ann,) = Town("gaen", "ann").handsets
    with pytest.raises(InvalidParameterError, match="ENTROPY_BYTES"):
        ann.phone.handle(Woken(), now=START, entropy=bytes_of("x", CODE)[:length].ljust(length, b"x"))
