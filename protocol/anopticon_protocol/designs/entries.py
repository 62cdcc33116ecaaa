"""The body of a list batch: entries of one length, each once, in ascending order of their bytes (SPEC.md 8.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import BatchError
from anopticon_protocol.params import MAX_BATCH_KEYS


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
    check_list(count, body, length)
    return decode_run(body, length, decode)


def check_list(count: int, body: bytes, length: int) -> None:
    """Raise BatchError if a list claims too many entries, or others than its body holds."""
    if count > MAX_BATCH_KEYS:
        raise BatchError("oversized", f"{count} keys, at most {MAX_BATCH_KEYS} (MAX_BATCH_KEYS)")
    if len(body) != count * length:
        raise BatchError("count", f"body of {len(body)} bytes for {count} entries of {length} bytes")


def decode_run(
    body: bytes, length: int, decode: Callable[[bytes], SharedKey], first: int = 0, previous: bytes = b""
) -> tuple[SharedKey, ...]:
    """Read a run of entries of which the first is number `first` of its list and follows on `previous`."""
    keys: list[SharedKey] = []
    for start in range(0, len(body), length):
        entry, number = body[start : start + length], first + start // length
        if entry <= previous:
            reason, what = ("duplicate", "the same as") if entry == previous else ("order", "smaller than")
            raise BatchError(reason, f"entry {number} is {what} the one before it")
        try:
            keys.append(decode(entry))
        except ValueError as error:
            raise BatchError("entry", f"entry {number}: {error}") from error
        previous = entry
    return tuple(keys)
