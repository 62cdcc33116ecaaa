"""protobuf fields, read and written: anopticon_protocol.export.wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.export.wire import (
    MAX_FIELD_NUMBER,
    MAX_UINT64,
    CutOffError,
    WireError,
    WireType,
    as_int32,
    as_sint32,
    bytes_field,
    fields,
    fixed64_field,
    read_varint,
    sint32_field,
    varint_field,
)
from anopticon_protocol.leb128 import varint

numbers = st.integers(1, MAX_FIELD_NUMBER)


@given(st.integers(0, MAX_UINT64), st.binary(max_size=4))
def test_varints_round_trip(value: int, behind: bytes) -> None:
    """A varint reads back as the number written, and ends where the next byte starts."""
    encoded = varint(value)
    assert read_varint(encoded + behind, 0) == (value, len(encoded))
    assert len(encoded) == max(1, -(-value.bit_length() // 7))


@given(st.integers(-(2**31), 2**31 - 1))
def test_zigzag_round_trips(value: int) -> None:
    """A sint32 reads back with its sign, in at most five bytes."""
    (field,) = fields(sint32_field(6, value))
    assert isinstance(field.value, int)
    assert as_sint32(field.value) == value
    assert field.value < 2**32


@pytest.mark.parametrize(
    ("wire_value", "value"), [(0, 0), (5, 5), (2**64 - 1, -1), (2**64 - 2**31, -(2**31))]
)
def test_int32_is_sign_extended(wire_value: int, value: int) -> None:
    """Negative int32 values come as ten-byte varints."""
    assert as_int32(wire_value) == value


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(WireType.VARINT), numbers, st.integers(0, MAX_UINT64)),
            st.tuples(st.just(WireType.FIXED64), numbers, st.integers(0, MAX_UINT64)),
            st.tuples(st.just(WireType.BYTES), numbers, st.binary(max_size=200)),
        )
    ),
    st.integers(0, 1000),
)
def test_fields_round_trip_with_their_offsets(
    given_fields: list[tuple[WireType, int, int | bytes]], base: int
) -> None:
    """A message reads back field by field, each at the offset where it was put."""
    message = b""
    offsets = []
    for kind, number, value in given_fields:
        offsets.append(base + len(message))
        if isinstance(value, bytes):
            message += bytes_field(number, value)
        else:
            message += (varint_field if kind is WireType.VARINT else fixed64_field)(number, value)
    found = list(fields(message, base))
    assert [(field.wire_type, field.number, field.value) for field in found] == given_fields
    assert [field.offset for field in found] == offsets
    for field in found:
        if isinstance(field.value, bytes):
            start = field.value_offset - base
            assert message[start : start + len(field.value)] == field.value


def test_fixed32_is_read() -> None:
    """A field of four bytes is little-endian, and can be skipped by who does not know it."""
    (field,) = fields(bytes([9 << 3 | 5, 1, 2, 0, 0]))
    assert (field.wire_type, field.value) == (WireType.FIXED32, 513)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"\x80" * 10, 0, "varint longer than 5 bytes"),
        (b"\x88\x80\x80\x80\x80\x00\x01", 0, "varint longer than 5 bytes"),
        (b"\x0a\x81\x80\x80\x80\x80\x00x", 1, "varint longer than 5 bytes"),
        (b"\x08" + b"\x80" * 10, 1, "varint longer than 10 bytes"),
        (b"\x08" + b"\xff" * 9 + b"\x02", 1, "varint over 64 bits"),
        (b"\x00\x01", 0, "field number 0 lies outside 1..536870911"),
        (b"\x80\x80\x80\x80\x10\x00", 0, "field number 536870912 lies outside 1..536870911"),
        (b"\x08\x01\x0b", 2, "field 1 has wire type 3, which this format does not use"),
        (b"\x0c", 0, "field 1 has wire type 4, which this format does not use"),
        (b"\x0f", 0, "field 1 has wire type 7, which this format does not use"),
    ],
)
def test_what_is_not_protobuf_is_named(data: bytes, offset: int, reason: str) -> None:
    """Each way of not being protobuf has its own reason, with the offset of the field at fault."""
    with pytest.raises(WireError) as caught:
        list(fields(data))
    assert not isinstance(caught.value, CutOffError)
    assert (caught.value.offset, caught.value.reason) == (offset, reason)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"\x80", 0, "varint is cut off"),
        (b"\x08", 1, "varint is cut off"),
        (b"\x09\x01\x02", 1, "value of 8 bytes, only 2 are left"),
        (b"\x0a\x05ab", 2, "value of 5 bytes, only 2 are left"),
    ],
)
def test_what_is_cut_off_is_told_apart(data: bytes, offset: int, reason: str) -> None:
    """A field that ends early is a CutOffError, which a stream may answer by reading on."""
    with pytest.raises(CutOffError) as caught:
        list(fields(data, 100))
    assert (caught.value.offset, caught.value.reason) == (100 + offset, reason)
    assert str(caught.value) == f"offset {100 + offset}: {reason}"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_fields_or_a_wire_error(data: bytes) -> None:
    """Whatever the bytes, reading ends: with every byte accounted for, or with WireError inside the data."""
    offsets = []
    try:
        for field in fields(data):
            offsets.append(field.offset)  # noqa: PERF401 - those before an error count too
    except WireError as error:
        offsets.append(error.offset)
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(data) for offset in offsets)
