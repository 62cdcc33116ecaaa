"""Conversions between Unix seconds and the counters of the protocol: day, epoch, interval, release (SPEC.md 3)."""

from __future__ import annotations

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import (
    DAY_SECONDS,
    EPOCH_SECONDS,
    INTERVAL_SECONDS,
    MAX_UNIX_TIME,
)


def check_time(now: int) -> int:
    """Return `now` (Unix seconds) if it lies in 0..MAX_UNIX_TIME, else raise InvalidParameterError."""
    if not 0 <= now <= MAX_UNIX_TIME:
        msg = f"time {now} lies outside 0..{MAX_UNIX_TIME} (MAX_UNIX_TIME, Unix seconds)"
        raise InvalidParameterError(msg)
    return now


def day_of(now: int) -> int:
    """Number of the UTC day that holds second `now`, counted from 1970-01-01."""
    return now // DAY_SECONDS


def day_start(now: int) -> int:
    """First second of the UTC day that holds `now`."""
    return now - now % DAY_SECONDS


def epoch_of(now: int) -> int:
    """DP-3T epoch number: floor(Unix seconds / 900), as the reference implementation counts."""
    return now // EPOCH_SECONDS


def epoch_in_day(now: int) -> int:
    """Position 0..95 of the epoch within its UTC day."""
    return now % DAY_SECONDS // EPOCH_SECONDS


def interval_of(now: int) -> int:
    """ENIntervalNumber: floor(Unix seconds / 600) (Exposure Notification Cryptography v1.2)."""
    return now // INTERVAL_SECONDS


def release_bucket(now: int, period: int) -> int:
    """Start of the release period that holds `now`: `now` rounded down to a multiple of `period` seconds."""
    return now - now % period


def next_release(now: int, period: int) -> int:
    """The first release after `now`, in Unix seconds; strictly later than `now`."""
    return release_bucket(now, period) + period
