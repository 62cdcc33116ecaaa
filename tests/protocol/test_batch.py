"""Published batches: one byte form, signed, and every way in which one can be wrong."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.batch import MAX_KEY_ID_CHARS, Batch, encode_batch
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import BatchError, InvalidParameterError
from anopticon_protocol.params import MAX_BATCH_BYTES, MAX_BATCH_KEYS, MAX_FILTER_ITEMS, MAX_UNIX_TIME
from tests.protocol.strategies import (
    KEY_ID,
    NOON,
    PERIOD,
    SIGNER,
    SPECS,
    STRANGER,
    TRUSTED,
    key_lists,
    specs,
)

LOWCOST = open_design("lowcost")
REASONS = (
    "truncated", "oversized", "magic", "version", "design", "release", "count",
    "order", "duplicate", "trailing", "filter", "entry", "key-id", "signature",
)  # fmt: skip
EXAMPLE = """
414e4f5042415401 07 6c6f77636f7374 000000006553ede0 00001c20 00000001 00000024
0000000000000000000000000000000000000000000000000000000000000000 00004cdb
06 64656d6f2d31
aae476679d730454c40495e44884c428318a2542a0ec8c8bd8d8bc0bf0653bea
7942d77003ce817bf12cb4f0695b3a82506c250cdd067ef9432f746f951aafff
"""


def sign(head: bytes) -> bytes:
    """Put a valid signature behind any bytes."""
    return head + SIGNER.sign_raw(head)


def forged(
    spec: bytes = b"lowcost",
    release: int = NOON,
    period: int = PERIOD,
    count: int = 0,
    body: bytes = b"",
    key_id: bytes = KEY_ID.encode(),
    head: bytes = b"ANOPBAT\x01",
    length: int | None = None,
) -> bytes:
    """A batch made by hand from its byte form in SPEC.md 8.1, correctly signed."""
    numbers = release.to_bytes(8, "big") + b"".join(
        number.to_bytes(4, "big") for number in (period, count, len(body) if length is None else length)
    )
    return sign(head + bytes([len(spec)]) + spec + numbers + body + bytes([len(key_id)]) + key_id)


def entry(secret: int, day: int = 1) -> bytes:
    """A lowcost entry."""
    return secret.to_bytes(32, "big") + day.to_bytes(4, "big")


def reason_of(data: bytes, spec: str = "lowcost") -> str:
    """Why a batch is refused when read and its keys taken out."""
    with pytest.raises(BatchError) as caught:
        Batch.decode(data, TRUSTED, open_design(spec)).published()
    return caught.value.reason


def encode(spec: str, keys: Iterable[SharedKey]) -> bytes:
    """A batch of a design at noon."""
    return encode_batch(open_design(spec), NOON, PERIOD, keys, SIGNER, KEY_ID)


@given(specs, st.data())
def test_what_is_written_is_read(spec: str, data: st.DataObject) -> None:
    """SPEC: BA-9, BA-10. Header and keys survive the bytes in every design."""
    design = open_design(spec)
    keys = data.draw(key_lists(design))
    batch = Batch.decode(encode(spec, keys), TRUSTED, design)
    assert (batch.design.spec, batch.release, batch.period, batch.key_id) == (
        spec_of(spec),
        NOON,
        PERIOD,
        KEY_ID,
    )
    assert len(batch.published()) == batch.count == len(keys)
    published = batch.published()
    if isinstance(published, tuple):
        assert set(published) == set(keys)


def spec_of(spec: str) -> str:
    """The one text form of a design."""
    return open_design(spec).spec


@given(specs, st.data(), st.randoms(use_true_random=False))
def test_one_set_of_keys_has_one_byte_form(spec: str, data: st.DataObject, luck: random.Random) -> None:
    """SPEC: BA-1, BA-7. Any order and any repetition give the same signed bytes."""
    keys = data.draw(key_lists(open_design(spec)))
    again = [*keys, *keys]
    luck.shuffle(again)
    assert encode(spec, again) == encode(spec, keys)


def test_the_worked_example_of_the_specification() -> None:
    """SPEC: BA-9, LC-8. The 143 bytes that SPEC.md prints."""
    key = SharedKey(bytes(32), 19_675, 1)
    assert encode_batch(LOWCOST, 1_699_999_200, 7_200, [key], SIGNER, "demo-1") == bytes.fromhex(EXAMPLE)


def test_a_batch_made_by_hand_is_read() -> None:
    """SPEC: BA-9. The byte form of 8.1, laid out by this test alone, is what encode_batch writes."""
    keys = [SharedKey((7).to_bytes(32, "big"), 1, 1), SharedKey((8).to_bytes(32, "big"), 2, 1)]
    assert forged(count=2, body=entry(7, 1) + entry(8, 2)) == encode("lowcost", keys)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (forged()[:-1], "truncated"),
        (forged(length=2**32 - 1), "truncated"),
        (forged() + b"\x00", "trailing"),
        (forged(head=b"ANOPBAR\x01"), "magic"),
        (b"PK\x03\x04" + bytes(200), "magic"),
        (forged(head=b"ANOPBAT\x00"), "version"),
        (forged(head=b"ANOPBAT\x02"), "version"),
        (forged(spec=b"robert"), "design"),
        (forged(spec=b"hybrid"), "design"),
        (forged(spec=b"hybrid:window_minutes=0120"), "design"),
        (forged(spec=b"lowcost:"), "design"),
        (forged(spec=b"lowcost\xff"), "design"),
        (forged(spec=b"hybrid:window_minutes=120"), "design"),
        (forged(spec=b""), "oversized"),
        (forged(spec=b"x" * 65), "oversized"),
        (forged(key_id=b""), "oversized"),
        (forged(key_id=b"k" * 33), "oversized"),
        (forged(key_id=b"k\xe9"), "key-id"),
        (forged(key_id=b"other"), "key-id"),
        (forged(release=0), "release"),
        (forged(release=NOON + 1), "release"),
        (forged(release=MAX_UNIX_TIME + 1), "release"),
        (forged(release=2**64 - 2**64 % PERIOD), "release"),
        (forged(period=0), "release"),
        (forged(period=59, release=59), "release"),
        (forged(period=86_401, release=86_401), "release"),
        (forged(count=1), "count"),
        (forged(count=1, body=entry(1) + b"\x00"), "count"),
        (forged(count=0, body=entry(1)), "count"),
        (forged(count=MAX_BATCH_KEYS + 1), "oversized"),
        (forged(count=2**32 - 1), "oversized"),
        (forged(count=2, body=entry(2) + entry(1)), "order"),
        (forged(count=2, body=entry(2) + entry(2)), "duplicate"),
        (forged()[:-1] + bytes([forged()[-1] ^ 1]), "signature"),
        (forged()[:-64] + STRANGER.sign_raw(forged()[:-64]), "signature"),
    ],
)  # fmt: skip
def test_batches_that_must_not_be_used_are_refused(data: bytes, reason: str) -> None:
    """SPEC: BA-2, BA-3, BA-4, BA-5, BA-8, BA-10, DS-1. Each fault has its reason, though the batch is signed."""
    assert reason_of(data) == reason


@pytest.mark.parametrize(
    ("spec", "body", "reason"),
    [
        ("gaen", bytes(16) + bytes(4) + bytes([0, 1, 127]), "entry"),
        ("gaen", bytes(16) + bytes(4) + bytes([145, 1, 127]), "entry"),
        ("gaen", bytes(16) + bytes(4) + bytes([144, 6, 127]), "entry"),
        ("gaen", bytes(16) + bytes(4) + bytes([144, 1, 15]), "entry"),
        ("gaen", bytes(16) + bytes(4) + bytes([144, 1, 0xF1]), "entry"),
        ("unlinkable", b"\x08\x01" + bytes(8), "filter"),
    ],
    ids=["period 0", "period 145", "report 6", "onset 15", "onset -15", "remainder"],
)  # fmt: skip
def test_entries_out_of_range_are_refused(spec: str, body: bytes, reason: str) -> None:
    """SPEC: GA-11, FI-4, BA-5. A number out of range in an entry refuses the batch and names the entry."""
    assert reason_of(forged(spec=spec.encode(), count=1, body=body), spec) == reason


def test_every_reason_is_reached() -> None:
    """SPEC: BA-5. The tables above reach every word that BatchError documents."""
    tables = (
        test_batches_that_must_not_be_used_are_refused.pytestmark,  # type: ignore[attr-defined]
        test_entries_out_of_range_are_refused.pytestmark,  # type: ignore[attr-defined]
    )
    reached = {row[-1] for marks in tables for row in marks[0].args[1]}
    assert reached == set(REASONS)
    documented = " ".join((BatchError.__doc__ or "").split("programs:")[1].replace(" or ", " ").split())
    assert documented.replace(",", "").strip(".").split() == list(REASONS)


def test_a_batch_beyond_the_bound_is_refused_whatever_it_holds() -> None:
    """SPEC: BA-2. One byte above MAX_BATCH_BYTES is oversized before anything is read; at the bound reading begins."""
    assert reason_of(bytes(MAX_BATCH_BYTES + 1)) == "oversized"
    assert reason_of(bytes(MAX_BATCH_BYTES)) == "magic"


def test_entries_at_the_bounds_are_read() -> None:
    """SPEC: GA-11. Periods 1 and 144, report type 5, onsets of 14 either way, and unknown."""
    rows = [(1, 0, 14), (144, 5, 0xF2), (144, 1, 127)]
    body = b"".join(bytes([n]) * 16 + bytes(4) + bytes(row) for n, row in enumerate(rows))
    published = Batch.decode(
        forged(spec=b"gaen", count=3, body=body), TRUSTED, open_design("gaen")
    ).published()
    assert isinstance(published, tuple)
    assert [(key.span, key.report_type, key.days_since_onset) for key in published] == [
        (1, 0, 14), (144, 5, -14), (144, 1, None),
    ]  # fmt: skip


def test_a_filter_count_beyond_its_bound_is_refused() -> None:
    """SPEC: BA-4. A header that announces one entry more than MAX_FILTER_ITEMS costs nothing."""
    data = forged(spec=b"unlinkable", count=MAX_FILTER_ITEMS + 1, body=b"\x07\x00")
    assert reason_of(data, "unlinkable") == "oversized"


@pytest.mark.parametrize("release", [PERIOD, MAX_UNIX_TIME - MAX_UNIX_TIME % PERIOD])
@pytest.mark.parametrize("key_id", ["a", "k" * MAX_KEY_ID_CHARS, "with space ~"])
def test_headers_at_their_bounds_are_written_and_read(release: int, key_id: str) -> None:
    """SPEC: BA-3, BA-11. First and last release, shortest and longest key id."""
    data = encode_batch(LOWCOST, release, PERIOD, [], SIGNER, key_id)
    assert Batch.decode(data, {key_id: SIGNER.public}, LOWCOST).release == release


@pytest.mark.parametrize(
    ("release", "period"), [(0, PERIOD), (NOON + 1, PERIOD), (59, 59), (86_401, 86_401), (-PERIOD, PERIOD)]
)
def test_headers_that_no_reader_takes_are_not_written(release: int, period: int) -> None:
    """SPEC: BA-3, TI-3. A writer refuses what a reader would."""
    with pytest.raises(InvalidParameterError, match="multiple of the period"):
        encode_batch(LOWCOST, release, period, [], SIGNER, KEY_ID)


@pytest.mark.parametrize("period", [60, 86_400])
def test_periods_at_their_bounds_are_taken(period: int) -> None:
    """SPEC: TI-3, BA-3. A minute and a day are periods."""
    data = encode_batch(LOWCOST, 86_400, period, [], SIGNER, KEY_ID)
    assert Batch.decode(data, TRUSTED, LOWCOST).period == period


@pytest.mark.parametrize("key_id", ["", "k" * 33, "é", "a\nb"])
def test_key_ids_that_no_reader_takes_are_not_written(key_id: str) -> None:
    """SPEC: BA-11. A key id is short, printable ASCII."""
    with pytest.raises(InvalidParameterError, match="MAX_KEY_ID_CHARS"):
        encode_batch(LOWCOST, NOON, PERIOD, [], SIGNER, key_id)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_every_bit_is_covered(position: int, bit: int) -> None:
    """SPEC: BA-9, BA-10. A batch with any one bit flipped is refused."""
    data = bytearray(encode("gaen", [SharedKey(bytes(16), 2_642_976, 144)]))
    data[position % len(data)] ^= 1 << bit
    assert reason_of(bytes(data), "gaen")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_a_batch_error(data: bytes) -> None:
    """SPEC: BA-5. Noise raises BatchError, with and without a good beginning."""
    for start in (b"", b"ANOPBAT\x01", forged()[:-70]):
        with pytest.raises(BatchError):
            Batch.decode(start + data, TRUSTED, LOWCOST)


@pytest.mark.parametrize("spec", SPECS)
def test_an_unverified_batch_is_read_by_tools_only(spec: str) -> None:
    """SPEC: BA-10. decode_unverified reads what decode refuses for its key, and verify then raises."""
    design = open_design(spec)
    data = encode_batch(design, NOON, PERIOD, [], STRANGER, KEY_ID)
    batch = Batch.decode_unverified(data)
    assert len(batch.published()) == 0
    with pytest.raises(BatchError, match="does not verify"):
        batch.verify(TRUSTED)
    with pytest.raises(BatchError, match="does not verify"):
        Batch.decode(data, TRUSTED, design)


def test_a_batch_says_nothing_but_its_header_and_keys() -> None:
    """SPEC: BA-6. Header, body and signature of two releases differ in release and signature alone."""
    keys = [SharedKey(bytes([1]) * 32, 19_675, 1)]
    one, other = (encode_batch(LOWCOST, NOON + n * PERIOD, PERIOD, keys, SIGNER, KEY_ID) for n in (0, 1))
    release = slice(16, 24)
    assert one[:16] + one[24:-64] == other[:16] + other[24:-64]
    assert [int.from_bytes(data[release], "big") for data in (one, other)] == [NOON, NOON + PERIOD]
