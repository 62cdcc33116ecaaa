"""Unsigned LEB128, the variable-length number of the filter (SPEC.md 8.4) and of protobuf."""

from __future__ import annotations

from typing import Final

MORE: Final = 0x80
"""The bit that says that another byte follows."""


def varint(number: int) -> bytes:
    """Encode a number that is not negative in the fewest bytes."""
    out = bytearray()
    while number >= MORE:
        out.append(number & 0x7F | MORE)
        number >>= 7
    out.append(number)
    return bytes(out)
