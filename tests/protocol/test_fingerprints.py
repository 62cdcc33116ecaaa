"""The filter of the unlinkable design: nothing is lost, false positives are as rare as said, one byte form."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol import fingerprints
from anopticon_protocol.errors import BatchError, InvalidParameterError
from anopticon_protocol.fingerprints import (
    REMAINDER_BYTES,
    FingerprintFilter,
    bucket_bits_for,
    false_positive_rate,
)
from anopticon_protocol.params import MAX_FILTER_ITEMS
from tests.protocol.strategies import hashes

LOADS = [0, 1, 7, 8, 15, 16, 17, 31, 32, 480, 4_095, 4_096, 20_000]
sets_of_hashes = st.sets(hashes, max_size=200)
prefixes = st.sets(st.binary(min_size=8, max_size=8), min_size=1, max_size=100)


def numbered(count: int, label: str = "in") -> list[bytes]:
    """`count` distinct hashes."""
    return [hashlib.sha256(f"{label} {number}".encode()).digest() for number in range(count)]


def decode(data: bytes, count: int) -> FingerprintFilter:
    """Read a filter of `count` entries."""
    return FingerprintFilter.decode(count, data)


@pytest.mark.parametrize("count", LOADS)
def test_every_value_is_found_at_every_load(count: int) -> None:
    """SPEC: FI-1. Around each change of the number of buckets nothing is lost, before and after reading."""
    values = numbered(count)
    built = FingerprintFilter.build(values)
    read = decode(built.encode(), len(built))
    assert read == built
    assert len(built) == count
    assert all(value in read for value in values)


@given(sets_of_hashes, st.integers(1, 8))
def test_any_set_is_found_whole(values: set[bytes], length: int) -> None:
    """SPEC: FI-1. With remainders of any length nothing is lost."""
    built = FingerprintFilter.build(values, remainder_bytes=length)
    assert all(value in built for value in values)
    assert FingerprintFilter.decode(len(built), built.encode(), remainder_bytes=length) == built


@given(prefixes, st.binary(min_size=24, max_size=24))
def test_values_crafted_into_one_bucket_are_found(ends: set[bytes], tail: bytes) -> None:
    """SPEC: FI-1. Values that share all bucket bits fill one bucket, however many, and none is lost."""
    values = [bytes(3) + end + tail[3:] + bytes(3) for end in ends] + [bytes([1]) + tail + bytes(7)]
    built = FingerprintFilter.build(values)
    assert all(value in built for value in values)
    assert decode(built.encode(), len(built)) == built


def test_a_bucket_with_thousands_of_values_is_read_and_written() -> None:
    """SPEC: FI-1. A bucket that holds 20,000 values needs a count of three bytes, and loses none."""
    values = [bytes(3) + number.to_bytes(4, "big") + bytes(25) for number in range(20_000)]
    built = FingerprintFilter.build(values)
    assert built.starts[1] == 20_000
    assert built.encode()[1:4] == bytes([0xA0, 0x9C, 0x01])
    read = decode(built.encode(), 20_000)
    assert all(value in read for value in values)


@given(st.lists(hashes, max_size=60), st.randoms(use_true_random=False))
def test_one_set_has_one_byte_form(values: list[bytes], luck: random.Random) -> None:
    """SPEC: FI-3, BA-1. Any order and any repetition of the same values give the same bytes."""
    again = values + luck.choices(values, k=len(values)) if values else []
    luck.shuffle(again)
    assert FingerprintFilter.build(again) == FingerprintFilter.build(values)
    assert FingerprintFilter.build(again).encode() == FingerprintFilter.build(values).encode()


def test_values_with_one_fingerprint_count_once() -> None:
    """SPEC: FI-3. Two values that differ behind the fingerprint are one entry, and both are found."""
    value = bytes(range(32))
    twin = value[:16] + bytes(16)
    built = FingerprintFilter.build([value, twin])
    assert len(built) == 1
    assert value in built
    assert twin in built


def test_short_remainders_settle_on_the_number_that_is_left() -> None:
    """SPEC: FI-3, FI-5. 4,000 values of 300 fingerprints: the buckets follow what is left, and can be read."""
    values = [bytes([n % 256, n % 300 // 256 * 64]) + n.to_bytes(30, "big") for n in range(4_000)]
    built = FingerprintFilter.build(values, remainder_bytes=1)
    assert built.bucket_bits == bucket_bits_for(len(built)) < bucket_bits_for(4_000)
    assert all(value in built for value in values)
    assert FingerprintFilter.decode(len(built), built.encode(), remainder_bytes=1) == built


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("count", [480, 4_095, 4_096, 20_000])
def test_measured_false_positives_agree_with_the_formula(count: int, length: int) -> None:
    """SPEC: FI-2. With remainders of one and two bytes the hits among strangers are the formula's, within 5 sigma."""
    built = FingerprintFilter.build(numbered(count), remainder_bytes=length)
    rate = false_positive_rate(len(built), length)
    trials = 20_000 if length == 1 else 200_000
    strangers = random.Random(count)
    hits = sum(strangers.randbytes(32) in built for _ in range(trials))
    expected = trials * rate
    assert abs(hits - expected) < 5 * expected**0.5 + 1


@pytest.mark.parametrize("count", [8, 480, 4_095, 4_096, 96_000, 667_200, MAX_FILTER_ITEMS])
def test_each_byte_of_remainder_divides_the_rate_by_256(count: int) -> None:
    """SPEC: FI-2. So what is measured at one and two bytes extrapolates to seven: between 2**-53 and 2**-52."""
    for length in range(1, 8):
        assert false_positive_rate(count, length) == 256 * false_positive_rate(count, length + 1)
    assert 2**-53 <= false_positive_rate(count) < 2**-52


def test_the_rate_meets_the_target_of_the_white_paper() -> None:
    """SPEC: FI-2. A million users, five years, twelve filters a day, 140,000 stored values: below one."""
    lookups = 1e6 * 5 * 365.25 * 12 * 140_000
    assert lookups * 2**-52 < 1 < lookups * 2**-42


@pytest.mark.parametrize(
    ("count", "bits"), [(0, 0), (1, 0), (15, 0), (16, 1), (31, 1), (32, 2), (4_095, 8), (4_096, 9)]
)
def test_eight_to_sixteen_values_share_a_bucket(count: int, bits: int) -> None:
    """SPEC: FI-5. The number of buckets follows from the count alone."""
    assert bucket_bits_for(count) == bits
    assert count < 16 or 8 <= count / 2**bits < 16


@given(hashes)
def test_nothing_is_found_in_an_empty_filter(value: bytes) -> None:
    """SPEC: FI-2. The empty filter is two bytes and holds nothing."""
    empty = FingerprintFilter.build([])
    assert empty.encode() == b"\x07\x00"
    assert value not in empty


def body(counts: Sequence[int], *remainders: int, length: int = REMAINDER_BYTES) -> bytes:
    """A byte form by hand; counts below 128."""
    return bytes([length, *counts]) + b"".join(one.to_bytes(7, "big") for one in remainders)


@pytest.mark.parametrize(
    ("count", "data", "reason"),
    [
        (0, b"", "filter"),
        (0, b"\x06\x00", "filter"),
        (0, b"\x07", "filter"),
        (16, body([16]), "filter"),
        (0, b"\x07\x80", "filter"),
        (0, b"\x07\x80\x80\x80\x80\x00", "filter"),
        (0, b"\x07\x80\x00", "filter"),
        (1, body([0]), "count"),
        (0, body([1], 5), "count"),
        (2, body([1], 5), "count"),
        (1, body([1]), "count"),
        (1, body([1], 5) + b"\x00", "count"),
        (2, body([2], 5, 4), "order"),
        (2, body([2], 5, 5), "order"),
        (MAX_FILTER_ITEMS + 1, body([0]), "oversized"),
        (2**32 - 1, body([0]), "oversized"),
    ],
    ids=[
        "empty", "six bytes", "no count", "one bucket of two", "cut count", "long count", "padded count",
        "too few", "too many", "one missing", "no remainder", "tail", "descending", "twice", "bound", "hostile",
    ],
)  # fmt: skip
def test_malformed_filters_are_refused(count: int, data: bytes, reason: str) -> None:
    """SPEC: FI-4, BA-4. Each fault has its reason, and none costs more than the bytes that are there."""
    with pytest.raises(BatchError) as caught:
        decode(data, count)
    assert caught.value.reason == reason


def test_order_is_asked_for_within_a_bucket_only() -> None:
    """SPEC: FI-4. A bucket may begin with a smaller remainder than the one before it ended with."""
    remainders = [*range(8, 16), *range(8)]
    built = decode(body([8, 8], *remainders), 16)
    assert bytes([0x80]) + bytes(31) in built
    assert bytes(32) not in built


@given(st.integers(0, 40), st.binary(max_size=60))
def test_any_bytes_are_a_filter_or_a_batch_error(count: int, data: bytes) -> None:
    """SPEC: FI-4, FI-3. What can be read is written again as the same bytes; the rest raises BatchError."""
    try:
        read = decode(b"\x07" + data, count)
    except BatchError:
        return
    assert read.encode() == b"\x07" + data
    assert len(read) == count


@pytest.mark.parametrize("length", [0, 9, -1])
def test_remainders_of_another_length_are_refused(length: int) -> None:
    """Remainders have one to eight bytes."""
    with pytest.raises(InvalidParameterError, match="remainder_bytes"):
        FingerprintFilter.build([], remainder_bytes=length)
    with pytest.raises(InvalidParameterError, match="remainder_bytes"):
        FingerprintFilter.decode(0, b"\x00", remainder_bytes=length)


def test_more_values_than_the_bound_are_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC: BA-4. At the bound a filter is built, one value more is refused; here the bound is 20."""
    monkeypatch.setattr(fingerprints, "MAX_FILTER_ITEMS", 20)
    assert len(FingerprintFilter.build(numbered(20))) == 20
    with pytest.raises(InvalidParameterError, match="MAX_FILTER_ITEMS"):
        FingerprintFilter.build(numbered(21))
