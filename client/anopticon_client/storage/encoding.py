"""Readings, matches and pending keys as compact bytes, for stores (SPEC.md 9.2, docs/adr/0007-phone-store.md).

Every number is an unsigned LEB128 varint unless it says otherwise.

    readings   version 1, how many, then each: offset, RSSI (one signed byte), seconds, metadata
    metadata   its length plus 1 and its bytes, or 0 if it is that of the reading before (at first: none)
    match      version 1, transmit power (one signed byte), report type, days since onset; in version 2 then first
               interval of the key, whether it was revised, length and bytes of the key's id and of the metadata pad
    keys       version 1, how many, then each: length and bytes of the secret, index, span, report type, onset
    onset      days plus 15, or 0 if unknown

A match of DP-3T designs has version 1, one of Exposure Notification version 2. Those that older programs wrote have
version 1 as well: their packets all have the one power, and count as a key for each observation.
Decoding raises ValueError saying what is wrong; a store turns that into a StoreError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from anopticon_protocol.designs.gaen_keys import MAX_ONSET_DAYS
from anopticon_protocol.designs.records import Match, Reading, ReportType, SharedKey

VERSION: Final = 1
KEYED_MATCH_VERSION: Final = 2
MAX_NUMBER: Final = 2**63 - 1
"""What SQLite holds in one integer; far above every count of seconds."""
_SHIFT = 7
_LOW = 0x7F
_MORE = 0x80


def encode_readings(readings: Sequence[Reading]) -> bytes:
    """The readings of one observation, in the order given."""
    out = bytearray([VERSION])
    _put(out, len(readings))
    before = b""
    for reading in readings:
        _put(out, reading.offset)
        out += reading.rssi_dbm.to_bytes(1, "big", signed=True)
        _put(out, reading.seconds)
        if reading.metadata == before:
            _put(out, 0)
        else:
            _put(out, len(reading.metadata) + 1)
            out += reading.metadata
            before = reading.metadata
    return bytes(out)


def decode_readings(data: bytes) -> tuple[Reading, ...]:
    """The reverse of `encode_readings`."""
    source = _Source(data)
    found: list[Reading] = []
    before = b""
    for _ in range(source.number()):
        offset, rssi_dbm, seconds = source.number(), source.signed(), source.number()
        length = source.number()
        if length:
            before = source.take(length - 1)
        found.append(Reading(offset, rssi_dbm, seconds, before))
    source.end()
    return tuple(found)


def encode_match(match: Match) -> bytes:
    """What a published key said."""
    keyed = bool(match.key_id)
    out = bytearray([KEYED_MATCH_VERSION if keyed else VERSION])
    out += match.tx_power_dbm.to_bytes(1, "big", signed=True)
    _put(out, match.report_type)
    _put(out, _onset_number(match.days_since_onset))
    if keyed:
        _put(out, match.key_start)
        _put(out, int(match.revised))
        for piece in (match.key_id, match.pad):
            _put(out, len(piece))
            out += piece
    return bytes(out)


def decode_match(data: bytes) -> Match:
    """The reverse of `encode_match`."""
    source = _Source(data, KEYED_MATCH_VERSION)
    match = Match(source.signed(), ReportType(source.number()), _onset_days(source.number()))
    if data[0] == KEYED_MATCH_VERSION:
        start, revised = source.number(), bool(source.number())
        key_id, pad = source.take(source.number()), source.take(source.number())
        match = replace(match, key_start=start, revised=revised, key_id=key_id, pad=pad)
    source.end()
    return match


def encode_keys(keys: Sequence[SharedKey]) -> bytes:
    """The keys of a report that the server has not accepted yet, in the order given."""
    out = bytearray([VERSION])
    _put(out, len(keys))
    for key in keys:
        _put(out, len(key.secret))
        out += key.secret
        for number in (key.index, key.span, key.report_type, _onset_number(key.days_since_onset)):
            _put(out, number)
    return bytes(out)


def decode_keys(data: bytes) -> tuple[SharedKey, ...]:
    """The reverse of `encode_keys`."""
    source = _Source(data)
    found: list[SharedKey] = []
    for _ in range(source.number()):
        secret = source.take(source.number())
        index, span, kind, onset = (source.number() for _ in range(4))
        found.append(SharedKey(secret, index, span, ReportType(kind), _onset_days(onset)))
    source.end()
    return tuple(found)


class _Source:
    """A cursor over encoded bytes, past their version."""

    def __init__(self, data: bytes, newest: int = VERSION) -> None:
        if not data or not VERSION <= data[0] <= newest:
            raise ValueError(
                f"encoding version {data[:1].hex() or 'missing'}, this program knows version {newest}"
            )
        self._data = data
        self._at = 1

    def take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        if len(piece) != length:
            raise ValueError("encoded bytes end too early")
        self._at += length
        return piece

    def signed(self) -> int:
        return int.from_bytes(self.take(1), "big", signed=True)

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & _LOW) << shift
            if value > MAX_NUMBER:
                raise ValueError(f"encoded number above {MAX_NUMBER} (MAX_NUMBER)")
            if byte < _MORE:
                return value
            shift += _SHIFT

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes behind the encoded ones")


def _put(out: bytearray, number: int) -> None:
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"number {number} outside 0..{MAX_NUMBER} (MAX_NUMBER)")
    while number >= _MORE:
        out.append(number & _LOW | _MORE)
        number >>= _SHIFT
    out.append(number)


def _onset_number(days: int | None) -> int:
    return 0 if days is None else days + MAX_ONSET_DAYS + 1


def _onset_days(number: int) -> int | None:
    if number > 2 * MAX_ONSET_DAYS + 1:
        raise ValueError(f"days since onset encoded as {number}, at most {2 * MAX_ONSET_DAYS + 1}")
    return number - MAX_ONSET_DAYS - 1 if number else None
