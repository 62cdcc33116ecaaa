"""How far the wall clock is from true time: as chrony says, or measured against the collector (SPEC.md 20.1)."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import Final, NamedTuple

from anopticon_client.radio.interfaces import Timestamps
from anopticon_client.recording.rows import ClockReading

COMMAND: Final = ("chronyc", "-c", "-n", "tracking")
TIMEOUT_SECONDS: Final = 5.0
MAX_OUTPUT_BYTES: Final = 4_096
FIELDS: Final = 14
"""Of `chronyc -c tracking`: reference, name, stratum, time, correction, ..., delay, dispersion, interval, leap."""
LOCAL_REFERENCE: Final = "7F7F0101"
"""127.127.1.1: chrony follows its own clock, which says nothing about true time."""
_REFERENCE = 0
_CORRECTION, _ROOT_DELAY, _ROOT_DISPERSION, _LEAP = 4, 10, 11, 13
_SYNCHRONISED: Final = {"Normal", "Insert second", "Delete second"}
_NANO: Final = 1e9


class Offset(NamedTuple):
    """Wall minus true time in nanoseconds, and how far off that may be."""

    offset_ns: int
    error_ns: int


def parse_tracking(text: str) -> Offset | None:
    """Read the line of `chronyc -c tracking`; None if it is none, or the clock follows nobody.

    The correction is what chrony still has to add to the clock: positive while the clock is behind.
    """
    fields = text.strip().split(",")
    if len(fields) != FIELDS or fields[_LEAP] not in _SYNCHRONISED or fields[_REFERENCE] == LOCAL_REFERENCE:
        return None
    try:
        correction, delay, dispersion = (
            float(fields[at]) for at in (_CORRECTION, _ROOT_DELAY, _ROOT_DISPERSION)
        )
    except ValueError:
        return None
    error = abs(delay) / 2 + abs(dispersion)
    if not all(math.isfinite(one) and abs(one) < _NANO for one in (correction, error)):
        return None
    return Offset(round(-correction * _NANO), round(error * _NANO))


class Chrony:
    """Asks the chrony of this machine."""

    def __init__(self, timestamps: Timestamps) -> None:
        """Readings carry these times."""
        self._timestamps = timestamps

    async def __call__(self) -> ClockReading | None:
        """What chrony says, or None if there is none or it is not synchronised."""
        moment = self._timestamps()
        found = parse_tracking(await _ask())
        return None if found is None else ClockReading(*moment, *found, "chrony")


async def _ask() -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return ""
    return out[:MAX_OUTPUT_BYTES].decode("ascii", "replace")


def between(sent_ns: int, answered_ns: int, theirs_ns: int) -> Offset:
    """The offset from one question to a clock elsewhere, whose time is taken to be that of the middle.

    The answer may have been made at any moment between the two, so the error is half of the time it took.
    """
    middle = (sent_ns + answered_ns) // 2
    return Offset(middle - theirs_ns, (answered_ns - sent_ns + 1) // 2)
