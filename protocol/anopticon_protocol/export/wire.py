"""The part of the protobuf wire format that Exposure Notification export files use: SPEC.md 8.5.2.

Four wire types, read from and written to bytes. Groups (wire types 3 and 4) belong to no message of the
format, are refused, and with them goes the only construct that can nest without end: messages nest as deep as
the three levels of the schema and no deeper. What a field means is not decided here; see reader.py.

>>> list(fields(varint_field(4, 144)))
[Field(number=4, wire_type=<WireType.VARINT: 0>, value=144, offset=0, value_offset=1)]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from anopticon_protocol.errors import RemoteError
from anopticon_protocol.leb128 import MORE, varint

MAX_VARINT_BYTES: Final = 10
"""Ten groups of seven bits hold 64 bits; a longer varint is not protobuf."""
MAX_SHORT_VARINT_BYTES: Final = 5
"""Tags and lengths are 32 bits: Google's library takes no longer form of them either."""
MAX_UINT64: Final = 2**64 - 1
MAX_INT32: Final = 2**31 - 1
MAX_FIELD_NUMBER: Final = 2**29 - 1
"""A tag is 32 bits, three of which are the wire type."""
FIXED64_BYTES: Final = 8
FIXED32_BYTES: Final = 4


class WireType(IntEnum):
    """How the value behind a tag is laid out."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


_WIRE_TYPES: Final = {int(member): member for member in WireType}


class WireError(RemoteError):
    """Bytes that are not protobuf: `reason` says why, `offset` where, from the start of the outer file."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class CutOffError(WireError):
    """The bytes end in the middle of a field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: an unsigned number for VARINT, FIXED64 and FIXED32, a slice for BYTES.

    `offset` is where its tag starts, `value_offset` where the value does, behind any length.
    """

    number: int
    wire_type: WireType
    value: int | bytes
    offset: int
    value_offset: int


def read_varint(
    data: bytes, position: int, base: int = 0, *, most: int = MAX_VARINT_BYTES
) -> tuple[int, int]:
    """Return the unsigned number at `position` and where it ends, at most `most` bytes on.

    `base` is added to the offset of errors.
    """
    value = 0
    for index, byte in enumerate(data[position : position + most]):
        value |= (byte & 0x7F) << 7 * index
        if byte < MORE:
            if value > MAX_UINT64:
                raise WireError(base + position, "varint over 64 bits")
            return value, position + index + 1
    if len(data) - position >= most:
        raise WireError(base + position, f"varint longer than {most} bytes")
    raise CutOffError(base + position, "varint is cut off")


def read_tag(data: bytes, position: int, base: int = 0) -> tuple[int, WireType, int]:
    """Return field number, wire type and where the tag ends."""
    tag, end = read_varint(data, position, base, most=MAX_SHORT_VARINT_BYTES)
    number, kind = tag >> 3, tag & 7
    if not 1 <= number <= MAX_FIELD_NUMBER:
        raise WireError(base + position, f"field number {number} lies outside 1..{MAX_FIELD_NUMBER}")
    if kind not in _WIRE_TYPES:
        raise WireError(
            base + position, f"field {number} has wire type {kind}, which this format does not use"
        )
    return number, _WIRE_TYPES[kind], end


def fields(data: bytes, base: int = 0) -> Iterator[Field]:
    """Yield the fields of one message held in memory, in file order; raises WireError.

    `base` is the offset of the message in its file: offsets of fields and errors count from there.
    """
    position = 0
    while position < len(data):
        number, kind, value_at = read_tag(data, position, base)
        value, end = read_value(data, kind, value_at, base)
        if isinstance(value, bytes):
            value_at = end - len(value)
        yield Field(number, kind, value, base + position, base + value_at)
        position = end


def read_value(data: bytes, kind: WireType, position: int, base: int) -> tuple[int | bytes, int]:
    """Return the value behind a tag of wire type `kind` and where it ends."""
    if kind is WireType.VARINT:
        return read_varint(data, position, base)
    if kind is WireType.BYTES:
        length, position = read_varint(data, position, base, most=MAX_SHORT_VARINT_BYTES)
    else:
        length = FIXED64_BYTES if kind is WireType.FIXED64 else FIXED32_BYTES
    end = position + length
    if end > len(data):
        raise CutOffError(base + position, f"value of {length} bytes, only {len(data) - position} are left")
    value = data[position:end]
    return (value if kind is WireType.BYTES else int.from_bytes(value, "little")), end


def as_int32(value: int) -> int:
    """Read a varint as proto int32: negative numbers arrive sign-extended to 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def as_sint32(value: int) -> int:
    """Undo zigzag: 0, 1, 2, 3 stand for 0, -1, 1, -2."""
    return (value >> 1) ^ -(value & 1)


def varint_field(number: int, value: int) -> bytes:
    """A field of type uint or enum, or of type int32 when `value` is not negative."""
    return varint(number << 3 | WireType.VARINT) + varint(value)


def sint32_field(number: int, value: int) -> bytes:
    """A zigzag field: `value` may be negative."""
    return varint_field(number, value << 1 if value >= 0 else (-value << 1) - 1)


def fixed64_field(number: int, value: int) -> bytes:
    """A field of eight bytes, little-endian."""
    return varint(number << 3 | WireType.FIXED64) + value.to_bytes(FIXED64_BYTES, "little")


def bytes_field(number: int, value: bytes) -> bytes:
    """A length-delimited field: bytes, a string's UTF-8, or a message."""
    return varint(number << 3 | WireType.BYTES) + varint(len(value)) + value
