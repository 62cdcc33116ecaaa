"""The channel: what is heard, how strongly, and that an observer changes nothing for the rest."""

import hashlib
import statistics
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation.channel import Channel, Scan, ScanTimes
from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Trace, TraceBuilder
from anopticon_simulation.sections import ChannelSection, PhonesSection, TownSection
from anopticon_simulation.streams import Streams
from anopticon_simulation.town import build_town

START = 20_000 * SECONDS_PER_DAY
HOUR = 3_600
PHONES = PhonesSection()

MEETINGS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda step: START + step * 100),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([0, 1_000, 4_000]),
    ).filter(lambda meeting: meeting[1] != meeting[2]),
    max_size=30,
)


def section(preset: str = "perfect", **changes: Any) -> ChannelSection:
    """Make a channel section from a preset and what differs from it."""
    return ChannelSection.model_validate({"preset": preset} | changes)


def trace_of(meetings: list[tuple[int, int, int, int]], people: int = 4) -> Trace:
    """Make a trace of meetings (start, first, second, millimetres) of 100 seconds each."""
    builder = TraceBuilder(100)
    for person in range(people):
        builder.add_person(str(person), None)
    for start, first, second, millimetres in meetings:
        builder.add(start, str(first), str(second), millimetres)
    return builder.build()


def together(hours: int, metres: float = 1.0, start: int = START) -> Trace:
    """Make a trace of two people who stay together for some hours."""
    return trace_of(
        [(start + at, 0, 1, round(metres * 1_000)) for at in range(0, hours * HOUR, 100)], people=2
    )


def heard(scans: tuple[Scan, ...], keep: set[int] | None = None) -> list[tuple[int, int, int, int, int]]:
    """Give (time, receiver, sender, rssi, gap) of every hearing between people in `keep`."""
    return [
        (scan.time, scan.receiver, one.sender, one.rssi_dbm, scan.seconds_since_previous_scan)
        for scan in scans
        for one in scan.heard
        if keep is None or {scan.receiver, one.sender} <= keep
    ]


@given(MEETINGS, st.integers(0, 2**64 - 1), st.sets(st.integers(0, 3)))
def test_law_a_perfect_channel_hears_if_and_only_if_a_contact_covers_the_scan(
    meetings: list[tuple[int, int, int, int]], seed: int, adopters: set[int]
) -> None:
    """Of every scan of every phone, exactly those within a contact with another phone hear it, at its level."""
    trace = trace_of(meetings)
    times = ScanTimes(PHONES, seed, START)
    wanted = [
        (time, receiver, sender, {0.0: -70, 1.0: -82, 4.0: -89}[contact.distance_metres], time - before)
        for receiver in adopters
        for number in range(20)
        for time in [times.time(receiver, number)]
        for before in [times.time(receiver, number - 1) if number else time]
        for contact in trace.contacts
        if contact.start <= time < contact.end and receiver in (contact.first, contact.second)
        for sender in [contact.first + contact.second - receiver]
        if sender in adopters
    ]
    assert heard(Channel(section(), PHONES, seed, START).scans(trace, adopters)) == sorted(wanted)


@given(
    MEETINGS,
    st.integers(0, 2**64 - 1),
    st.sets(st.integers(0, 3), max_size=3),
    st.sampled_from(["perfect", "lossy"]),
)
def test_law_an_extra_phone_changes_nothing_for_the_rest(
    meetings: list[tuple[int, int, int, int]], seed: int, adopters: set[int], preset: str
) -> None:
    """With one more phone in the world, everything between the others is heard as before, noise and all."""
    phones = PhonesSection(off_days_fraction=0.5)
    channel = Channel(section(preset), phones, seed, START)
    trace = trace_of(meetings)
    alone = heard(channel.scans(trace, adopters))
    assert heard(channel.scans(trace, {0, 1, 2, 3}), keep=adopters) == alone


@given(st.integers(0, 2**64 - 1), st.integers(30, 3_600), st.data())
def test_law_scans_keep_their_distance(seed: int, interval: int, data: st.DataObject) -> None:
    """Scan times grow, and their gaps stay within twice the jitter of the interval."""
    jitter = data.draw(st.integers(0, (interval - 2) // 2))
    phones = PhonesSection(scan_interval_seconds=interval, scan_jitter_seconds=jitter)
    times = ScanTimes(phones, seed, START)
    drawn = [times.time(5, number) for number in range(50)]
    assert START <= drawn[0] < START + interval + 2 * jitter
    gaps = [later - earlier for earlier, later in pairwise(drawn)]
    assert all(0 < interval - 2 * jitter <= gap <= interval + 2 * jitter for gap in gaps)
    begin, end = drawn[7] - 1, drawn[30]
    assert list(times.within(5, begin, end)) == [(number, drawn[number]) for number in range(7, 30)]


@pytest.mark.parametrize(
    ("metres", "rssi"),
    [(0.0, -70), (0.1, -70), (1.0, -82), (2.0, -86), (10.0, -94), (1_000.0, -118)],
)
def test_the_level_falls_by_twelve_decibels_a_decade(metres: float, rssi: int) -> None:
    """The perfect channel gives 54 dB at a metre and 12 dB more for ten times the distance."""
    scans = Channel(section(), PHONES, 1, START).scans(together(1, metres), {0, 1})
    assert {hearing[3] for hearing in heard(scans)} == {rssi}


def test_the_offset_of_a_pair_is_the_same_both_ways_for_a_day() -> None:
    """Without fading a pair hears each other at one level all day, and at another the next day."""
    trace = together(12, start=START + 20 * HOUR)
    found = heard(Channel(section("lossy", fading_sd_db=0.0), PHONES, 3, START).scans(trace, {0, 1}))
    by_day = {
        day: {hearing[3] for hearing in found if hearing[0] // SECONDS_PER_DAY == day}
        for day in {hearing[0] // SECONDS_PER_DAY for hearing in found}
    }
    assert [len(levels) for levels in by_day.values()] == [1, 1]
    assert len(set.union(*by_day.values())) == 2


def test_noise_has_the_spread_that_the_scenario_asks_for() -> None:
    """Over many pairs and scans the levels spread by the square root of the two variances, round the mean."""
    builder = TraceBuilder(4 * HOUR)
    for pair in range(400):
        builder.add(START, str(2 * pair), str(2 * pair + 1), 1_000)
    trace = builder.build()
    channel = Channel(section("lossy", receiver_floor_dbm=-127, loss_fraction=0.0), PHONES, 5, START)
    levels = [hearing[3] for hearing in heard(channel.scans(trace, range(800)))]
    assert len(levels) == pytest.approx(800 * 48, rel=0.01)
    assert statistics.mean(levels) == pytest.approx(-82, abs=1.0)
    assert statistics.pstdev(levels) == pytest.approx((6.8**2 + 5.3**2) ** 0.5, abs=0.5)


def test_losses_and_the_floor_take_their_share() -> None:
    """One scan in ten is lost, and nothing weaker than the floor is reported."""
    trace = together(24, 4.0)
    every = heard(Channel(section(), PHONES, 5, START).scans(trace, {0, 1}))
    lossy = heard(Channel(section(loss_fraction=0.1), PHONES, 5, START).scans(trace, {0, 1}))
    assert set(lossy) < set(every)
    assert len(lossy) == pytest.approx(0.9 * len(every), rel=0.06)
    censored = heard(Channel(section("lossy", loss_fraction=0.0), PHONES, 5, START).scans(trace, {0, 1}))
    assert min(hearing[3] for hearing in censored) >= -100


def test_where_phones_are_carried_costs_at_both_ends() -> None:
    """Two phones in rear pockets lose the offset twice; a share of 0 loses nothing."""
    pocket = {"place": "rear pocket", "fraction": 1.0, "offset_db": 15.0}
    for fraction, rssi in ((1.0, -112), (0.0, -82)):
        carried = section(carriage=[pocket | {"fraction": fraction}])
        found = heard(Channel(carried, PHONES, 1, START).scans(together(2), {0, 1}))
        assert {hearing[3] for hearing in found} == {rssi}


def test_a_phone_that_is_off_neither_hears_nor_is_heard() -> None:
    """Scans of a phone that is off, or of one that is, hear nothing, and gaps run from the last scan made."""
    phones = PhonesSection(off_days_fraction=0.7, off_hours=5)
    channel = Channel(section(), phones, 2, START)
    times = ScanTimes(phones, 2, START)
    wanted = []
    for receiver in (0, 1):
        before = None
        for number in range(4 * 288):
            time = times.time(receiver, number)
            if time >= START + 3 * SECONDS_PER_DAY or channel._off(receiver, time):
                continue
            if not channel._off(1 - receiver, time):
                wanted.append((time, receiver, 1 - receiver, -82, time - before if before else 0))
            before = time
    assert max(gap for *_, gap in wanted) > 5 * HOUR - 660
    assert heard(channel.scans(together(72), {0, 1})) == sorted(wanted)


def test_a_day_off_is_one_stretch_of_the_asked_length() -> None:
    """On its share of days a phone is off for the given hours in one piece, and on all other days never."""
    phones = PhonesSection(off_days_fraction=0.25, off_hours=6)
    channel = Channel(section(), phones, 9, START)
    days_off = 0
    for person in range(400):
        hours = "".join("x" if channel._off(person, START + hour * HOUR) else "." for hour in range(24))
        assert hours.strip(".") in {"", "x" * 6}
        days_off += "x" in hours
    assert days_off == pytest.approx(100, abs=20)


def test_phones_off_all_day_hear_nothing() -> None:
    """With every day off for 24 hours the air is silent."""
    phones = PhonesSection(off_days_fraction=1.0, off_hours=24)
    assert Channel(section(), phones, 2, START).scans(together(24), {0, 1}) == ()


def test_the_air_is_the_same_on_every_machine() -> None:
    """One hash over everything heard in a noisy town is pinned: it changes where figures would."""
    town = TownSection.model_validate({"people": 60, "days": 2})
    trace = build_town(town, START, Streams(11))
    scans = Channel(section("lossy"), PHONES, 11, START).scans(trace, range(60))
    assert hashlib.sha256(repr(heard(scans)).encode()).hexdigest() == GOLDEN


GOLDEN = "9bec66a6641c50fb9381cc5a46c32e95fcae2560ad46996e2d76844d53469d77"
