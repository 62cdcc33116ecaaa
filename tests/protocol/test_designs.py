"""The contract of all designs: each law is written once and holds for every design of the registry."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.advert import encode, parse
from anopticon_protocol.designs import DESIGNS, MAX_SPEC_CHARS, open_design
from anopticon_protocol.designs.base import Design, credited_seconds, mean_rounded_half_up
from anopticon_protocol.designs.records import NO_TIME, SETTLED, Match, Packet, Reading, SharedKey
from anopticon_protocol.errors import InvalidParameterError, UploadError
from tests.protocol.strategies import (
    DAY,
    DP3T_SPECS,
    NOON,
    PERIOD,
    SPECS,
    first_release,
    fresh,
    heard,
    key_at,
    matches,
    on_air,
    published,
    schedule,
)

START = NOON - 2 * DAY
readings = st.builds(
    Reading, st.integers(0, 599), st.integers(-100, -30), st.integers(0, 300), st.binary(max_size=4)
)


@pytest.fixture(params=SPECS)
def design(request: pytest.FixtureRequest) -> Design:
    """Each design in turn."""
    return open_design(request.param)


@pytest.fixture(params=DP3T_SPECS)
def dp3t(request: pytest.FixtureRequest) -> Design:
    """Each DP-3T design in turn."""
    return open_design(request.param)


def test_the_text_form_opens_the_same_design(design: Design) -> None:
    """SPEC: DS-1. Name and parameters survive the text, which is short."""
    again = open_design(design.spec)
    assert (type(again), again.spec, again.slot_seconds) == (type(design), design.spec, design.slot_seconds)
    assert design.spec.partition(":")[0] == design.name in DESIGNS
    assert len(design.spec) <= MAX_SPEC_CHARS


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("", "must be one of lowcost, unlinkable, hybrid, gaen"),
        ("robert", "must be one of"),
        ("Gaen", "must be one of"),
        ("lowcost:days=3", "does not take days"),
        ("hybrid:minutes=120", "does not take minutes"),
        ("hybrid:window_minutes", "not of the form"),
        ("hybrid:window_minutes=", "not of the form"),
        ("hybrid:window_minutes=-15", "not of the form"),
        ("hybrid:window_minutes=2h", "not of the form"),
        ("hybrid:window_minutes=\N{ARABIC-INDIC DIGIT ONE}5", "not of the form"),
        ("gaen" + " " * 61, "MAX_SPEC_CHARS"),
    ],
)
def test_texts_that_open_no_design_are_refused(spec: str, sentence: str) -> None:
    """SPEC: DS-1. The sentence says what there is, or what is wrong with a parameter."""
    with pytest.raises(InvalidParameterError, match=sentence):
        open_design(spec)


def test_a_key_is_for_the_time_it_is_made_at(design: Design) -> None:
    """SPEC: DS-3. The range of a key holds the time it is made for, and its successor begins after it."""
    keys = schedule(design, START, NOON)
    assert design.key_range(keys[0])[0] <= START
    for one, other in pairwise(keys):
        assert design.key_range(one)[1] == design.key_range(other)[0]
    assert len({key.secret for key in keys}) == len(keys)
    assert {len(key.secret) for key in keys} == {design.secret_bytes}


def test_two_phones_share_no_secret_and_no_identifier(design: Design) -> None:
    """SPEC: DS-3. What two phones broadcast in a day has nothing in common."""
    one, other = (schedule(design, START, NOON, seed) for seed in (1, 2))
    moments = range(START, START + DAY, design.epoch_seconds)
    assert not {key.secret for key in one} & {key.secret for key in other}
    assert not {on_air(design, one, at)[:16] for at in moments} & {
        on_air(design, other, at)[:16] for at in moments
    }


def test_each_epoch_has_one_identifier_and_no_two_epochs_share_one(design: Design) -> None:
    """SPEC: DS-3, LC-2, HY-3, UL-1, GA-2. It changes at borders of an epoch and never comes back."""
    keys = schedule(design, START, NOON)
    borders = range(START, NOON, design.epoch_seconds)
    first = [on_air(design, keys, at) for at in borders]
    last = [on_air(design, keys, at + design.epoch_seconds - 1) for at in borders]
    assert first == last
    assert len({data[:16] for data in first}) == len(first) == (NOON - START) // design.epoch_seconds


def test_what_is_broadcast_fits_the_frame(design: Design) -> None:
    """SPEC: AD-1, AD-2. A frame made of the service data is read back by a receiver."""
    data = on_air(design, schedule(design, START, START), START)
    assert parse(encode(design.service_uuid, data)).service_data == data


def test_who_was_heard_before_the_release_is_matched_and_nobody_else(design: Design) -> None:
    """SPEC: DS-2, DS-4. Upload, check, publish, read, match: exactly the rows of the reporter, of every epoch heard."""
    reporter, stranger = (schedule(design, START, NOON, seed) for seed in (1, 2))
    moments = range(START + 60, NOON, 1_260)
    near = [heard(design, on_air(design, reporter, at), at) for at in moments]
    rows = near + [heard(design, on_air(design, stranger, at), at) for at in moments]
    shared = design.uploadable(reporter, START, NOON, ())
    design.check_upload(shared, NOON)
    found = matches(design, published(design, shared), first_release(design, shared, NOON), *rows)
    assert {row.token for row in found} == {row.token for row in near}
    assert all(row.match is not None and row.match.tx_power_dbm == -15 for row in found)


def test_keys_of_the_contagious_period_are_uploaded_and_no_others(design: Design) -> None:
    """SPEC: UP-7, LC-5. What was heard before it is not matched, except for the rest of the key in use as it began."""
    keys = schedule(design, START, NOON)
    since = NOON - DAY
    shared = design.uploadable(keys, since, NOON, ())
    begins = min(design.key_range(key)[0] for key in shared)
    assert key_at(design, keys, since).index == begins // design.slot_seconds
    before = heard(design, on_air(design, keys, begins - 1), begins - 1)
    after = heard(design, on_air(design, keys, since), since)
    release = first_release(design, shared, NOON)
    assert [row.token for row in matches(design, published(design, shared), release, before, after)] == [
        after.token
    ]
    assert list(shared) == sorted(shared)


def test_a_period_that_begins_now_holds_the_key_in_use(design: Design) -> None:
    """SPEC: UP-7, HY-5, GA-4. The key that is on the air is uploaded, and its successor is not."""
    keys = schedule(design, NOON - 1, NOON + DAY)
    shared = design.uploadable(keys, NOON, NOON, ())
    assert [key.secret for key in shared] == [key_at(design, keys, NOON).secret]
    assert design.uploadable(keys, NOON + 40 * DAY, NOON, ()) == ()


def test_withheld_ranges_are_left_out_or_refused(design: Design) -> None:
    """SPEC: UP-7, LC-5. No uploaded key touches a withheld range; a chain cannot withhold and says so."""
    keys = schedule(design, START, NOON)
    withheld = (NOON - DAY, NOON - DAY + 1)
    if design.shares_every_later_key:
        with pytest.raises(InvalidParameterError, match="cannot leave out"):
            design.uploadable(keys, START, NOON, (withheld,))
        return
    everything = design.uploadable(keys, START, NOON, ())
    rest = design.uploadable(keys, START, NOON, (withheld,))
    (missing,) = set(everything) - set(rest)
    start, end = design.key_range(missing)
    assert start <= withheld[0] < end
    assert design.uploadable(keys, START, NOON, ((0, NOON + 1),)) == ()


def test_two_weeks_of_keys_fit_one_upload(design: Design) -> None:
    """SPEC: UP-1, UP-7. Everything that a phone keeps can be uploaded at once."""
    keys = schedule(design, NOON - 14 * DAY - 1, NOON)
    shared = design.uploadable(keys, NOON - 14 * DAY, NOON, ())
    design.check_upload(shared, NOON)
    assert len(shared) <= design.max_upload_keys


def test_nothing_is_published_that_could_still_be_replayed(design: Design) -> None:
    """SPEC: UL-5, GA-5, DS-4. At the first release of a key no frame heard from then on can match."""
    keys = schedule(design, START, NOON)
    shared = design.uploadable(keys, START, NOON, ())
    body = published(design, shared)
    release = first_release(design, shared, NOON)
    replays = [
        heard(design, on_air(design, keys, at), release + later)
        for at in range(START, NOON, design.epoch_seconds)
        for later in (0, 1, 599, 7_200, DAY)
    ]
    assert matches(design, body, release, *replays) == []


def test_a_key_listed_twice_or_published_again_counts_once(design: Design) -> None:
    """SPEC: DS-6. A second batch with the same keys gives the same rows, not more."""
    keys = schedule(design, START, NOON)
    row = heard(design, on_air(design, keys, NOON - DAY), NOON - DAY)
    shared = design.uploadable(keys, START, NOON, ())
    release = first_release(design, shared, NOON)
    once = matches(design, published(design, shared), release, row)
    assert matches(design, published(design, [*shared, *shared]), release, row) == once
    assert matches(design, published(design, shared), release + PERIOD, *once) == once
    assert len(once) == 1


def test_observed_time_is_kept_as_coarse_as_stated(design: Design) -> None:
    """SPEC: LC-4, HY-4, UL-2, GA-3. The token names the observation slot; the release period is kept unless gaen."""
    data = on_air(design, schedule(design, NOON, NOON), NOON)
    token = design.observe(data, NOON)
    assert token.slot == NOON // design.observation_slot_seconds
    assert design.received(NOON + 1, PERIOD) == (SETTLED if design.name == "gaen" else NOON)


def test_keys_and_observations_expire_14_days_after_their_end(design: Design) -> None:
    """SPEC: DS-5. A second before they are kept, at end + 14 days they are gone."""
    (key,) = schedule(design, NOON, NOON)
    end = design.key_range(key)[1] + 14 * DAY
    assert [design.key_expired(key, now) for now in (NOON, end - 1, end)] == [False, False, True]
    slot = NOON // design.observation_slot_seconds
    end = (slot + 1) * design.observation_slot_seconds + 14 * DAY
    assert [design.observation_expired(slot, now) for now in (NOON, end - 1, end)] == [False, False, True]


@given(
    st.sampled_from(SPECS),
    st.lists(readings, max_size=12),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_folding_is_order_free(spec: str, rows: list[Reading], cut: int, luck: random.Random) -> None:
    """SPEC: DS-11, PH-13. In any order, all at once or piece by piece, the same is stored and no second is lost."""
    design = open_design(spec)
    shuffled = luck.sample(rows, len(rows))
    whole = design.fold((), rows)
    assert design.fold(design.fold((), shuffled[:cut]), shuffled[cut:]) == whole == tuple(sorted(whole))
    assert sum(row.seconds for row in whole) == sum(row.seconds for row in rows)


def test_dp3t_adds_up_readings_of_equal_strength(dp3t: Design) -> None:
    """SPEC: DS-8, DS-11. Two scans of equal RSSI are one reading of both their seconds, a third RSSI another one."""
    data = bytes(16)
    scans = [
        dp3t.read_scan(data, NOON, rssi, gap) for rssi, gap in (([-60, -61], 300), ([-60], 0), ([-70], 900))
    ]
    folded: tuple[Reading, ...] = ()
    for scan in scans:
        folded = dp3t.fold(folded, scan)
    assert folded == (Reading(0, -70, 300), Reading(0, -60, 420))


def test_dp3t_exposure_is_on_the_day_of_the_slot(dp3t: Design) -> None:
    """SPEC: PH-30, DS-10. One packet for each reading, with the attenuation against the reference power."""
    row = heard(dp3t, bytes(16), NOON, rssi_dbm=-60)
    (packet,) = dp3t.packets(row, Match(-15))
    assert (packet.day, packet.attenuation_db, packet.seconds, packet.time) == (NOON // DAY, 45, 300, NO_TIME)


@pytest.mark.parametrize(
    ("gap", "seconds"), [(0, 120), (1, 1), (299, 299), (300, 300), (301, 300), (10**9, 300), (-5, 120)]
)
def test_a_scan_stands_for_the_time_since_the_last_one(gap: int, seconds: int) -> None:
    """SPEC: DS-7. At most five minutes, and two if no earlier scan is known."""
    assert credited_seconds(gap) == seconds


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([-70], -70),
        ([-70, -71], -70),
        ([-70, -71, -71], -71),
        ([1, 2], 2),
        ([1, 1, 2], 1),
        ([-1, 0], 0),
        ([-3, -2, -2, -2], -2),
    ],
)
def test_means_are_rounded_half_up(values: list[int], mean: int) -> None:
    """SPEC: DS-9. Halves go up, towards the stronger signal, on every machine alike."""
    assert mean_rounded_half_up(values) == mean


@given(st.lists(st.integers(-127, 255), min_size=1, max_size=40))
def test_a_rounded_mean_is_within_half_a_unit(values: list[int]) -> None:
    """SPEC: DS-9. The rounded mean is the one whole number in (mean - 1/2, mean + 1/2]."""
    difference = 2 * (mean_rounded_half_up(values) * len(values) - sum(values))
    assert -len(values) < difference <= len(values)


@pytest.mark.parametrize(
    ("power", "rssi", "attenuation"), [(-15, -60, 45), (-15, -15, 0), (-15, 0, 0), (20, -127, 147)]
)
def test_attenuation_is_never_negative(power: int, rssi: int, attenuation: int) -> None:
    """SPEC: DS-10. Transmit power less RSSI, and 0 where a phone claims to have heard more than was sent."""
    assert Packet(0, rssi, power, 0).attenuation_db == attenuation


@given(st.sampled_from(SPECS), st.integers(0, 2**31), st.binary(min_size=32, max_size=32))
def test_a_fresh_key_of_any_time_may_be_uploaded(spec: str, now: int, root: bytes) -> None:
    """SPEC: UP-1, UP-2. Whenever it is made, the key in use passes the rules of an upload at that moment."""
    design = open_design(spec)
    key = design.first_key(now, fresh(int.from_bytes(root, "big")))
    shared = design.uploadable([key], now, now, ())
    design.check_upload(shared, now)
    assert len(shared) == 1


def test_candidates_are_for_lists_only() -> None:
    """A design that publishes a filter has no identifiers to expand."""
    with pytest.raises(NotImplementedError):
        open_design("unlinkable").candidates(SharedKey(bytes(32), 1, 1), NOON)


def test_an_empty_upload_is_refused(design: Design) -> None:
    """SPEC: UP-1. At least one key."""
    with pytest.raises(UploadError, match="keys: 0 keys"):
        design.check_upload((), NOON)
