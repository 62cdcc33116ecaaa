"""Capabilities of a radio as one value of a manifest (SPEC.md 19.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Final

from anopticon_client.radio_records import Capabilities, Rotation
from anopticon_client.recording.fields import Choice, FieldKind, Real, Text

MAX_REMARKS: Final = 32
MAX_INTERVAL_MS: Final = 1_000_000.0
_BUILD: Final[Callable[..., Capabilities]] = Capabilities
"""Called with values that were checked one by one."""
_NAMES: Final = tuple(field.name for field in fields(Capabilities))
_CAPABILITIES: Final[dict[str, FieldKind]] = {
    "backend": Text(),
    "rotation": Choice(Rotation),
    "rssi_bias": Text(),
    "duty": Real(0.0, 1.0),
}


class CapabilitiesField:
    """What a backend can do, each property under its own name."""

    def encode(self, value: object) -> object:
        """An object with every property."""
        if not isinstance(value, Capabilities):
            raise ValueError("must be Capabilities")  # noqa: TRY004 - one error for all of a row
        return {name: self._one(name, getattr(value, name), decoding=False) for name in _NAMES}

    def decode(self, value: object) -> object:
        """The reverse; every property must be there."""
        if not isinstance(value, dict) or value.keys() != set(_NAMES):
            raise ValueError(f"must be an object with {', '.join(_NAMES)}")
        read = {name: self._one(name, value[name], decoding=True) for name in _NAMES}
        return _BUILD(**read)

    def _one(self, name: str, value: object, *, decoding: bool) -> object:
        kind = _CAPABILITIES.get(name)
        if kind is not None:
            return kind.decode(value) if decoding else kind.encode(value)
        if name == "interval_ms":
            return _interval(value, decoding=decoding)
        if name == "remarks":
            return _remarks(value, decoding=decoding)
        if not isinstance(value, bool):
            raise ValueError(f"must have true or false for {name}")  # noqa: TRY004 - as above
        return value


def _interval(value: object, *, decoding: bool) -> object:
    if value is None:
        return None
    ends = 2
    if not isinstance(value, tuple | list) or len(value) != ends:
        raise ValueError("must have two numbers of milliseconds for interval_ms")
    read = [Real(0.0, MAX_INTERVAL_MS).encode(number) for number in value]
    return tuple(read) if decoding else read


def _remarks(value: object, *, decoding: bool) -> object:
    if not isinstance(value, tuple | list) or len(value) > MAX_REMARKS:
        raise ValueError(f"must have at most {MAX_REMARKS} remarks (MAX_REMARKS)")
    read = [Text().encode(remark) for remark in value]
    return tuple(read) if decoding else read
