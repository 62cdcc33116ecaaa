"""Rules that every design asks of an upload, and the fixed-length entries of designs that publish lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import BatchError, UploadError
from anopticon_protocol.params import DAY_SECONDS, MAX_BATCH_KEYS, RETENTION_DAYS

if TYPE_CHECKING:
    from anopticon_protocol.designs.base import Design

MAX_KEY_AGE_SECONDS: Final = (RETENTION_DAYS + 1) * DAY_SECONDS
"""Retention and one day more, so that an upload which a phone had to retry for a day is not lost."""
MAX_CLOCK_LEAD_SECONDS: Final = 900
"""How far a phone's clock may run ahead of the server's: one epoch."""


def check_common(design: Design, keys: Sequence[SharedKey], now: int) -> None:
    """Raise UploadError unless count, lengths, dates and uniqueness of `keys` are what SPEC.md 6.5 allows."""
    if not 1 <= len(keys) <= design.max_upload_keys:
        raise UploadError(
            "keys", f"{len(keys)} keys, the {design.name} design takes 1..{design.max_upload_keys}"
        )
    for number, key in enumerate(keys):
        field = f"keys[{number}]"
        if len(key.secret) != design.secret_bytes:
            raise UploadError(f"{field}.secret", f"{len(key.secret)} bytes, {design.secret_bytes} needed")
        start, end = design.key_range(key)
        if end + MAX_KEY_AGE_SECONDS < now:
            age = f"ended {now - end} seconds ago, at most {MAX_KEY_AGE_SECONDS} (MAX_KEY_AGE_SECONDS)"
            raise UploadError(f"{field}.index", age)
        if start > now + MAX_CLOCK_LEAD_SECONDS:
            lead = f"begins {start - now} seconds in the future, at most {MAX_CLOCK_LEAD_SECONDS}"
            raise UploadError(f"{field}.index", f"{lead} (MAX_CLOCK_LEAD_SECONDS)")
    check_unique(keys, "secret", lambda key: key.secret)


def check_unique(
    keys: Sequence[SharedKey], field: str, value: Callable[[SharedKey], object], most: int = 1
) -> None:
    """Raise UploadError if more than `most` keys agree in `value`."""
    counts: Counter[object] = Counter()
    for number, key in enumerate(keys):
        counts[value(key)] += 1
        if counts[value(key)] > most:
            raise UploadError(f"keys[{number}].{field}", f"more than {most} keys with the same {field}")


def check_plain_span(keys: Sequence[SharedKey]) -> None:
    """Raise UploadError unless each key covers exactly one slot, as DP-3T keys do."""
    for number, key in enumerate(keys):
        if key.span != 1:
            raise UploadError(f"keys[{number}].span", f"{key.span}, must be 1 in this design")


def encode_entries(keys: Iterable[SharedKey], encode: Callable[[SharedKey], bytes]) -> tuple[int, bytes]:
    """Count and body of a list: the distinct encoded keys in ascending order of their bytes."""
    entries = sorted({encode(key) for key in keys})
    return len(entries), b"".join(entries)


def decode_entries(
    count: int, body: bytes, length: int, decode: Callable[[bytes], SharedKey]
) -> tuple[SharedKey, ...]:
    """Read a list of `count` entries of `length` bytes; raises BatchError naming the entry at fault.

    Entries must stand in strictly ascending order: one list has one byte form, and no entry stands twice.
    """
    if count > MAX_BATCH_KEYS:
        raise BatchError("oversized", f"{count} keys, at most {MAX_BATCH_KEYS} (MAX_BATCH_KEYS)")
    if len(body) != count * length:
        raise BatchError("count", f"body of {len(body)} bytes for {count} entries of {length} bytes")
    keys: list[SharedKey] = []
    previous = b""
    for number in range(count):
        entry = body[number * length : (number + 1) * length]
        if entry <= previous:
            reason, what = ("duplicate", "the same as") if entry == previous else ("order", "smaller than")
            raise BatchError(reason, f"entry {number} is {what} the one before it")
        try:
            keys.append(decode(entry))
        except ValueError as error:
            raise BatchError("entry", f"entry {number}: {error}") from error
        previous = entry
    return tuple(keys)
