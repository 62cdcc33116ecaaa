"""A clock that runs faster than the wall, as a rule that every process of a rehearsal shares (SPEC.md 3.4).

`60x@2026-11-22T00:00:00Z` means: at that moment this clock showed the same as the wall, and since then sixty seconds
pass on it for each second of the wall. Processes given the same text agree on the time without talking.

>>> parse_pace("60x@2026-01-01T00:00:00Z", 0).at(1_767_225_610)
1767226200
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.timebase import day_start

MAX_FACTOR: Final = 10_000
"""Above it an epoch would last less than a tenth of a second of the wall."""
_FORM = re.compile(r"(\d{1,5})x(?:@(\S{1,40}))?")


@dataclass(frozen=True, slots=True)
class Pace:
    """Time = anchor + (wall - anchor) * factor; all in Unix seconds."""

    anchor: int
    factor: int

    def at(self, wall: float) -> int:
        """What this clock shows when the wall shows `wall`."""
        return int(self.anchor + (wall - self.anchor) * self.factor)

    def wall_seconds(self, seconds: float) -> float:
        """How long `seconds` of this clock take on the wall."""
        return seconds / self.factor


def parse_pace(text: str, wall: float) -> Pace:
    """Read `<factor>x` or `<factor>x@<UTC time>`; raises InvalidParameterError.

    Without a time the anchor is the start of the UTC day of `wall`: give one where processes start on different days.
    """
    form = _FORM.fullmatch(text)
    if form is None or not 1 <= int(form[1]) <= MAX_FACTOR:
        msg = (
            f"clock {text!r}: must be like 60x or 60x@2026-11-22T00:00:00Z, with a factor of 1..{MAX_FACTOR}"
        )
        raise InvalidParameterError(msg)
    if form[2] is None:
        return Pace(day_start(int(wall)), int(form[1]))
    try:
        moment = datetime.fromisoformat(form[2])
    except ValueError as error:
        msg = f"clock {text!r}: {form[2]!r} is not a time like 2026-11-22T00:00:00Z"
        raise InvalidParameterError(msg) from error
    if moment.utcoffset() is None:
        msg = f"clock {text!r}: the time has no zone; end it with Z for UTC"
        raise InvalidParameterError(msg)
    return Pace(int(moment.timestamp()), int(form[1]))
