"""Rules that every design asks of an upload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import UploadError
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS

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
