"""How one value of a row is written in JSON and read back, with the bounds of each (SPEC.md 19.1).

Every class here has `encode(value)` and `decode(value)`; both raise ValueError with the second half of a sentence,
"must be ...", before which the codec puts the name of the field.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, cast

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
MAX_VALUE_CHARS: Final = 4_096
"""A sentence, a list of versions; no document."""
MAX_MAP_ENTRIES: Final = 64
MAX_KEY_CHARS: Final = 64
MAX_COORDINATE_METRES: Final = 1_000_000.0
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A name of a node or a run: it becomes part of a file's name."""
COORDINATES: Final = 3


class FieldKind(Protocol):
    """Writes and reads one value; both raise ValueError."""

    def encode(self, value: object) -> object:
        """The value as JSON holds it."""

    def decode(self, value: object) -> object:
        """The reverse of `encode`."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int = INT64_MIN
    high: int = INT64_MAX

    def encode(self, value: object) -> object:
        """The number itself. A truth value is no number here."""
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValueError(f"must be a whole number in {self.low}..{self.high}, not {str(value)[:40]}")
        return value

    decode = encode


@dataclass(frozen=True, slots=True)
class Real:
    """A number of metres or a share within bounds, written so that it comes back to the last bit."""

    low: float
    high: float

    def encode(self, value: object) -> object:
        """The number itself."""
        if type(value) not in {int, float} or not self.low <= cast("float", value) <= self.high:
            raise ValueError(f"must be a number in {self.low:g}..{self.high:g}, not {str(value)[:40]}")
        return float(cast("float", value))

    decode = encode


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most MAX_VALUE_CHARS characters that any file can hold."""

    pattern: re.Pattern[str] | None = None

    def encode(self, value: object) -> object:
        """The text itself."""
        if not isinstance(value, str) or len(value) > MAX_VALUE_CHARS:
            raise ValueError(f"must be text of at most {MAX_VALUE_CHARS} characters (MAX_VALUE_CHARS)")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueError("must be text without half characters (surrogates)") from error
        if self.pattern and not self.pattern.fullmatch(value):
            raise ValueError(f"must match {self.pattern.pattern}, not {value[:40]!r}")
        return value

    decode = encode


@dataclass(frozen=True, slots=True)
class Hex:
    """Bytes as lower-case hexadecimal digits."""

    max_bytes: int

    def encode(self, value: object) -> object:
        """Bytes to digits."""
        if not isinstance(value, bytes) or len(value) > self.max_bytes:
            raise ValueError(f"must be at most {self.max_bytes} bytes")
        return value.hex()

    def decode(self, value: object) -> object:
        """Digits to bytes."""
        try:
            data = bytes.fromhex(value) if isinstance(value, str) else None
        except ValueError:
            data = None
        # fromhex would also take blanks and capitals, and two texts for one row are one too many.
        if data is None or len(data) > self.max_bytes or data.hex() != value:
            raise ValueError(f"must be at most {self.max_bytes} bytes in lower-case hexadecimal")
        return data


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes as base64, for what is long."""

    max_bytes: int

    def encode(self, value: object) -> object:
        """Bytes to text."""
        if not isinstance(value, bytes) or len(value) > self.max_bytes:
            raise ValueError(f"must be at most {self.max_bytes} bytes")
        return binascii.b2a_base64(value, newline=False).decode()

    def decode(self, value: object) -> object:
        """Text to bytes."""
        try:
            data = binascii.a2b_base64(value, strict_mode=True) if isinstance(value, str) else None
        except ValueError:
            data = None
        if data is None or len(data) > self.max_bytes:
            raise ValueError(f"must be at most {self.max_bytes} bytes in base64")
        return data


@dataclass(frozen=True, slots=True)
class Choice:
    """A member of an enumeration, by its value."""

    members: type[Enum]

    def encode(self, value: object) -> object:
        """The member's value."""
        if not isinstance(value, self.members):
            raise ValueError(f"must be a {self.members.__name__}")  # noqa: TRY004 - one error for all of a row
        return value.value

    def decode(self, value: object) -> object:
        """The member with this value."""
        try:
            return self.members(value)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in self.members)
            raise ValueError(f"must be one of {allowed}, not {str(value)[:40]!r}") from None


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value or null."""

    kind: FieldKind

    def encode(self, value: object) -> object:
        """None as null."""
        return None if value is None else self.kind.encode(value)

    def decode(self, value: object) -> object:
        """Null as None."""
        return None if value is None else self.kind.decode(value)


class Position:
    """Three coordinates in metres."""

    _metres = Real(-MAX_COORDINATE_METRES, MAX_COORDINATE_METRES)

    def encode(self, value: object) -> object:
        """A list of three numbers."""
        if not isinstance(value, tuple | list) or len(value) != COORDINATES:
            raise ValueError("must be three coordinates in metres")
        return [self._metres.encode(number) for number in value]

    def decode(self, value: object) -> object:
        """A tuple of three numbers."""
        return tuple(cast("list[float]", self.encode(value)))


@dataclass(frozen=True, slots=True)
class Details:
    """Names with texts and numbers."""

    fractions: bool

    def encode(self, value: object) -> object:
        """A copy, checked."""
        if not isinstance(value, Mapping) or len(value) > MAX_MAP_ENTRIES:
            raise ValueError(f"must be at most {MAX_MAP_ENTRIES} names with values (MAX_MAP_ENTRIES)")
        for name, held in value.items():
            if not isinstance(name, str) or len(name) > MAX_KEY_CHARS or not name.isprintable():
                raise ValueError(f"must have printable names of at most {MAX_KEY_CHARS} characters")
            if isinstance(held, str):
                Text().encode(held)
            elif type(held) is float and self.fractions and math.isfinite(held):
                continue
            else:
                Whole().encode(held)
        return dict(value)

    decode = encode
