"""The contact truth: who really was near a contagious person long enough, from the trace alone (SPEC.md 11.2).

It knows no radio, no phone, no design and no adoption. Held against the warnings it shows what sampling, channel and
adoption cost. It shares no code with phone, matcher or oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from anopticon_simulation.contacts.trace import Trace

SECONDS_PER_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Contagious:
    """One person who tested positive, from when on others could be infected, and until when it is looked at."""

    person: int
    since: int
    until: int


def near_seconds(
    trace: Trace, contagious: Iterable[Contagious], distance_bound_metres: float
) -> dict[int, dict[int, int]]:
    """Seconds by person and UTC day within the bound of contagious people, over all of them together."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for one in contagious:
        spans.setdefault(one.person, []).append((one.since, one.until))
    seconds: dict[int, dict[int, int]] = {}
    for contact in trace.contacts:
        if contact.distance_metres > distance_bound_metres:
            continue
        for ill, other in ((contact.first, contact.second), (contact.second, contact.first)):
            for since, until in spans.get(ill, ()):
                _add_days(seconds, other, max(contact.start, since), min(contact.end, until))
    return {who: dict(sorted(days.items())) for who, days in sorted(seconds.items())}


def enough(seconds: Mapping[int, Mapping[int, int]], minutes_per_day: int) -> dict[int, dict[int, int]]:
    """Those people and days of `seconds` that reach `minutes_per_day`: who was truly exposed."""
    needed = minutes_per_day * 60
    exposed = {
        who: {d: s for d, s in sorted(days.items()) if s >= needed} for who, days in sorted(seconds.items())
    }
    return {who: days for who, days in exposed.items() if days}


def _add_days(seconds: dict[int, dict[int, int]], person: int, start: int, end: int) -> None:
    """Credit [start, end) to each UTC day it touches."""
    while start < end:
        day = start // SECONDS_PER_DAY
        stop = min(end, (day + 1) * SECONDS_PER_DAY)
        days = seconds.setdefault(person, {})
        days[day] = days.get(day, 0) + stop - start
        start = stop
