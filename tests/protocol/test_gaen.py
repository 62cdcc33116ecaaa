"""Exposure Notification: keys and identifiers, metadata, spans, embargo."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.gaen import (
    encrypt_metadata,
    metadata_key,
    padded_data,
    rpi_key,
    rpis,
    transmit_power,
)
from anopticon_protocol.designs.gaen_keys import decode_entry, encode_entry, key_id
from anopticon_protocol.designs.records import (
    Confidence,
    Match,
    Observation,
    OwnKey,
    Packet,
    Reading,
    ReportType,
    SharedKey,
    Token,
)
from anopticon_protocol.errors import UploadError
from anopticon_protocol.primitives import aes_ecb
from tests.protocol.strategies import DAY, NOON, heard, matches, on_air, published, schedule, shared_keys

DESIGN = open_design("gaen")
TEK = bytes.fromhex("75c734c6dd1a782de7a965da5eb93125")
INTERVAL = NOON // 600
MIDNIGHT = INTERVAL - 72


def key(start: int = MIDNIGHT, span: int = 144, secret: int = 1, **fields: int | None) -> SharedKey:
    """An uploaded key."""
    return SharedKey(bytes([secret]) * 16, start, span, **fields)  # type: ignore[arg-type]


def metadata(rpi: bytes, power: int, secret: bytes = TEK) -> bytes:
    """Encrypted metadata with this power byte."""
    return encrypt_metadata(secret, rpi, bytes([0x40, power % 256, 0, 0]))


def test_a_key_starts_at_midnight_whenever_it_is_made() -> None:
    """SPEC: GA-1. The rolling start is aligned down to 144 intervals, and the key lasts the day."""
    for now in (NOON - NOON % DAY, NOON, NOON - NOON % DAY + DAY - 1):
        (made,) = schedule(DESIGN, now, now)
        assert (made.index, made.span, made.index % 144) == (MIDNIGHT, 144, 0)


def test_the_identifier_holds_its_interval() -> None:
    """SPEC: GA-2. Decrypting an RPI gives back "EN-RPI", six zeros and the interval, which is unique in the day."""
    (own,) = schedule(DESIGN, NOON, NOON)
    rpi = on_air(DESIGN, [own], NOON)[:16]
    assert rpi == aes_ecb(rpi_key(own.secret), padded_data(INTERVAL))
    assert padded_data(INTERVAL) == b"EN-RPI" + bytes(6) + INTERVAL.to_bytes(4, "little")


@given(st.integers(-128, 127), st.integers(0, 143))
def test_metadata_opens_with_the_key_and_carries_the_power(power: int, step: int) -> None:
    """SPEC: GA-2, GA-8. Version 1.0, the power as sent, two zeros; another key does not open it."""
    own = OwnKey(MIDNIGHT, 144, TEK)
    data = DESIGN.service_data(own, (MIDNIGHT + step) * 600, power)
    rpi, sealed = data[:16], data[16:]
    plain = encrypt_metadata(TEK, rpi, sealed)
    assert plain == bytes([0x40, power % 256, 0, 0])
    assert encrypt_metadata(bytes(16), rpi, sealed) != plain
    assert transmit_power(plain) == (power if -50 <= power <= 20 else None)


@pytest.mark.parametrize("length", [0, 3, 5])
def test_metadata_of_another_length_says_nothing(length: int) -> None:
    """SPEC: GA-8. Only four bytes are metadata."""
    assert transmit_power(bytes(length)) is None


def test_keys_for_identifiers_and_metadata_differ() -> None:
    """SPEC: CR-3. RPIK and AEMK of the official vector."""
    assert rpi_key(TEK).hex() == "185ad91db69ec7dd048960f1f3ba6175"
    assert metadata_key(TEK).hex() == "d57c46af7a1d83965b9bed8bd152936a"


def test_todays_key_is_cut_at_the_current_interval() -> None:
    """SPEC: GA-4, GA-9. It ends with the interval of the report, and expands to no later identifier."""
    keys = schedule(DESIGN, NOON - DAY, NOON)
    shared = {one.index: one for one in DESIGN.uploadable(keys, NOON - DAY, NOON + 599, ())}
    assert (shared[MIDNIGHT - 144].span, shared[MIDNIGHT].span) == (144, 73)
    last = list(DESIGN.candidates(shared[MIDNIGHT], NOON))[-1]
    assert last.value == on_air(DESIGN, keys, NOON)[:16] != on_air(DESIGN, keys, NOON + 600)[:16]
    assert DESIGN.uploadable(keys, NOON - DAY, NOON + 600, ())[0].span in (144, 74)


def test_a_key_of_the_future_is_not_uploaded() -> None:
    """SPEC: GA-4, UP-7. A clock that was set back leaves keys that have not begun."""
    (own,) = schedule(DESIGN, NOON + DAY, NOON + DAY)
    assert DESIGN.uploadable([own], NOON - DAY, NOON, ()) == ()


def test_the_last_accepted_second_comes_just_before_the_release() -> None:
    """SPEC: GA-5, GA-6. A key may be published in the very second in which its last identifier stops being accepted."""
    cut = key(span=73)
    last = list(DESIGN.candidates(cut, NOON))[-1]
    accepted_until = (last.last_slot + 1) * 600
    assert DESIGN.release_from(cut) == accepted_until == (INTERVAL + 1) * 600 + 7_200


@given(shared_keys(DESIGN))
def test_entries_survive_their_bytes(one: SharedKey) -> None:
    """SPEC: GA-11. 23 bytes with every field."""
    entry = encode_entry(one)
    assert (decode_entry(entry), len(entry)) == (one, 23)


def test_intervals_beyond_32_bits_are_refused() -> None:
    """SPEC: GA-11. The last key ends with interval 2**32 - 1; one interval more has no identifier."""
    assert decode_entry(encode_entry(key(start=2**32 - 144))).index == 2**32 - 144
    with pytest.raises(ValueError, match="MAX_INTERVAL"):
        decode_entry(encode_entry(key(start=2**32 - 143)))


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ([key(span=0)], "keys[0].span"),
        ([key(span=145)], "keys[0].span"),
        ([key(), key(MIDNIGHT - 144, 0, 2)], "keys[1].span"),
        ([key(days_since_onset=15)], "keys[0].days_since_onset"),
        ([key(days_since_onset=-15)], "keys[0].days_since_onset"),
        ([key(secret=n) for n in range(1, 5)], "keys[3].index"),
        ([key(), key(MIDNIGHT - 1, 2, 2)], "keys"),
        ([key(MIDNIGHT - 100, 101, 2), key(span=1)], "keys"),
        ([key(MIDNIGHT - 144, 1, 2), key(MIDNIGHT - 144, 144, 3), key(MIDNIGHT - 10, 5, 4)], "keys"),
        ([key(MIDNIGHT - n, 1, n) for n in range(31)], "keys"),
    ],
    ids=["0", "145", "second", "onset 15", "onset -15", "four", "two", "one", "longest", "31"],
)
def test_keys_that_cannot_stand_together_are_refused(keys: list[SharedKey], field: str) -> None:
    """SPEC: GA-10, UP-1. Spans out of range, overlaps, a fourth key with one start, a 31st key."""
    with pytest.raises(UploadError) as caught:
        DESIGN.check_upload(keys, NOON)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "keys",
    [
        [key(span=1)],
        [key()],
        [key(secret=n) for n in range(1, 4)],
        [key(), key(MIDNIGHT - 144, 144, 2)],
        [key(MIDNIGHT - 1, 1, 2), key()],
        [key(days_since_onset=14), key(MIDNIGHT - 144, 144, 2, days_since_onset=-14)],
        [key(MIDNIGHT - n, 1, n + 1) for n in range(30)],
    ],
    ids=["one", "day", "three", "two days", "adjacent", "onset", "30"],
)
def test_keys_at_their_bounds_are_taken(keys: list[SharedKey]) -> None:
    """SPEC: GA-10, UP-1. Spans of 1 and 144, three of one start, adjacent ones, 30 in all."""
    DESIGN.check_upload(keys, NOON)


def test_every_packet_of_a_scan_is_kept() -> None:
    """SPEC: GA-3, DS-8. Second, RSSI, raw gap up to 16 bits, and metadata of each packet."""
    data = bytes(16) + b"abcd"
    rows = DESIGN.read_scan(data, NOON + 5, [-70, -60], 70_000)
    assert rows == [Reading(5, -70, 65_535, b"abcd"), Reading(5, -60, 65_535, b"abcd")]
    assert DESIGN.read_scan(data, NOON, [-70], 0) == [Reading(0, -70, 0, b"abcd")]


def test_each_packet_has_its_own_second_power_and_confidence() -> None:
    """SPEC: GA-8, PH-30. What a scoring is given of a row: packets across midnight, less those without a power."""
    last = DAY // 600 - 1
    rpi = rpis(TEK, last, 1)[0]

    def sealed(*plain: int) -> bytes:
        return encrypt_metadata(TEK, rpi, bytes(plain))

    rows = [
        Reading(10, -60, 0, sealed(0x40, 0xF1, 0, 0)),
        Reading(20, -71, 300, sealed(0x5C, 0xEC, 0, 0)),
        Reading(20, -72, 300, sealed(0x40, 0x7F, 0, 0)),
        Reading(599, -55, 900, b"abc"),
    ]
    row = Observation(Token(last, rpi), -1, tuple(rows))
    match = DESIGN.match_of(SharedKey(TEK, 0, 144), row, 0)
    assert match is not None
    start = last * 600
    assert DESIGN.packets(row, match) == [
        Packet(0, -60, -15, 0, start + 10, rpi, Confidence.LOWEST),
        Packet(0, -71, -20, 300, start + 20, rpi, Confidence.HIGH),
    ]
    later = Observation(Token(last + 1, rpi), -1, (rows[0],))
    assert [(packet.day, packet.time) for packet in DESIGN.packets(later, match)] == [(1, DAY + 10)]


def test_a_match_of_the_first_version_has_one_power() -> None:
    """SPEC: GA-8. Without a pad, as older programs stored it, every packet has the power of the match."""
    row = sighting(None)
    assert [packet.tx_power_dbm for packet in DESIGN.packets(row, Match(-33))] == [-33]


def sighting(power: int | None, offset: int = 0, rssi: int = -60, interval: int = INTERVAL) -> Observation:
    """A stored packet of TEK at noon whose metadata carries `power`; None: too short to be metadata."""
    rpi = rpis(TEK, interval, 1)[0]
    sealed = b"abc" if power is None else metadata(rpi, power)
    return Observation(Token(interval, rpi), -1, (Reading(offset, rssi, 300, sealed),))


@pytest.mark.parametrize(
    ("power", "found"), [(-51, []), (-50, [-50]), (20, [20]), (21, []), (127, []), (-128, []), (None, [])]
)
def test_metadata_must_open_to_a_power_in_range(power: int | None, found: list[int]) -> None:
    """SPEC: GA-8. An observation whose metadata says an impossible power does not match."""
    shared = SharedKey(TEK, MIDNIGHT, 144)
    rows = matches(DESIGN, published(DESIGN, [shared]), NOON + DAY, sighting(power))
    assert [row.match.tx_power_dbm for row in rows if row.match] == found


def test_unusable_packets_are_dropped_one_by_one() -> None:
    """SPEC: GA-8. A row with one usable packet matches; each packet counts with its own power, or not at all."""
    rows = [sighting(power, offset) for power, offset in ((99, 0), (-20, 10), (-30, 20), (None, 30))]
    whole = replace(rows[0], readings=tuple(reading for row in rows for reading in row.readings))
    match = DESIGN.match_of(SharedKey(TEK, MIDNIGHT, 144), whole, -15)
    assert match is not None
    assert match.tx_power_dbm == -20
    assert [packet.tx_power_dbm for packet in DESIGN.packets(whole, match)] == [-20, -30]


@pytest.mark.parametrize("report", list(ReportType))
def test_what_a_key_says_comes_with_the_match(report: ReportType) -> None:
    """SPEC: GA-12. Report type and onset are kept; recursive and revoked keys match nothing."""
    shared = SharedKey(TEK, MIDNIGHT, 144, report, -2)
    rows = matches(DESIGN, published(DESIGN, [shared]), NOON + DAY, sighting(-15))
    nothing = report in (ReportType.RECURSIVE, ReportType.REVOKED)
    said = [(row.match.report_type, row.match.days_since_onset) for row in rows if row.match]
    assert said == ([] if nothing else [(report, -2)])


def test_all_matches_of_one_key_carry_its_id() -> None:
    """SPEC: GA-13. Rows of one key can be told to belong together, rows of two keys not; the key is not in the id."""
    rows = [sighting(-15, interval=interval) for interval in (INTERVAL, INTERVAL + 1)]
    one = [DESIGN.match_of(SharedKey(TEK, MIDNIGHT, 144), row, 0) for row in rows]
    assert one[0] is not None
    assert one[1] is not None
    assert one[0].key_id == one[1].key_id == key_id(TEK)
    assert one[0].key_start == MIDNIGHT
    assert one[0].key_id not in TEK
    assert key_id(bytes(16)) != key_id(TEK)


LEGAL = {
    (ReportType.SELF_REPORT, ReportType.CONFIRMED_TEST),
    (ReportType.SELF_REPORT, ReportType.CLINICAL_DIAGNOSIS),
    (ReportType.SELF_REPORT, ReportType.REVOKED),
    (ReportType.CLINICAL_DIAGNOSIS, ReportType.CONFIRMED_TEST),
    (ReportType.CLINICAL_DIAGNOSIS, ReportType.REVOKED),
}
KINDS = [kind for kind in ReportType if kind not in (ReportType.RECURSIVE, ReportType.REVOKED)]


@pytest.mark.parametrize("second", list(ReportType), ids=lambda kind: kind.name)
@pytest.mark.parametrize("first", KINDS, ids=lambda kind: kind.name)
def test_a_key_that_is_published_again_may_change_its_report_type_once(
    first: ReportType, second: ReportType
) -> None:
    """SPEC: GA-13. Legal changes are made, once; all others leave the match as it is, packets and all."""
    row = sighting(-15)
    match = DESIGN.match_of(SharedKey(TEK, MIDNIGHT, 144, first, -2), row, 0)
    again = DESIGN.match_of(SharedKey(TEK, MIDNIGHT, 144, second, 3), replace(row, match=match), 0)
    assert match is not None
    if (first, second) in LEGAL:
        assert again == replace(match, report_type=second, days_since_onset=3, revised=True)
        third = SharedKey(TEK, MIDNIGHT, 144, ReportType.CONFIRMED_TEST)
        assert DESIGN.match_of(third, replace(row, match=again), 0) == again
    else:
        assert again == (None if second is ReportType.RECURSIVE else match)


def test_a_filter_says_nothing_in_this_design() -> None:
    """Without a key there is nothing to open metadata with, and no interval to hold the row against."""
    row = heard(DESIGN, bytes(20), NOON)
    assert DESIGN.match_of(None, row, -15) is None
    assert DESIGN.admit([row], None, NOON) == []
