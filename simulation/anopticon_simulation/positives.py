"""Who tests positive, from when on they were contagious, and when they upload: scripted or drawn, before the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.sections import DrawnPositives, PositivesSection, ScriptedPositive
from anopticon_simulation.streams import Stream, Streams

DAY: Final = 86_400
HOUR: Final = 3_600
MAX_REPORTED_DAYS: Final = 11
"""A report reaches back this far at most, so that no phone has forgotten a hearing before it can match it: 14 days of
memory, less the day that a day key reaches further back, less a day until the slowest release, less one for the rest
(embargo, polls, clocks that differ)."""


@dataclass(frozen=True, slots=True)
class Positive:
    """One person who tests positive. Times are world time in Unix seconds."""

    person: int
    contagious_since: int
    positive_at: int
    uploads_at: int | None
    """When they type their code; None for somebody who does not consent."""


def plan_positives(
    section: PositivesSection, people: Sequence[str], start: int, streams: Streams
) -> tuple[Positive, ...]:
    """Everybody who tests positive, in order of the upload; raises ScenarioError for a person who is not there."""
    if section.drawn is not None:
        planned = _drawn(section.drawn, len(people), start, streams.stream("positives"))
    else:
        number = {name: index for index, name in enumerate(people)}
        planned = [_scripted(one, number, start) for one in section.scripted]
    return tuple(sorted(planned, key=lambda one: (one.uploads_at or one.positive_at, one.person)))


def _scripted(one: ScriptedPositive, number: dict[str, int], start: int) -> Positive:
    if one.person not in number:
        raise ScenarioError(
            f"positives.scripted: person {one.person!r} is not among the {len(number)} people"
        )
    hours, minutes = one.positive_time.split(":")
    positive_at = start + one.positive_day * DAY + int(hours) * HOUR + int(minutes) * 60
    since = positive_at - one.contagious_days_before * DAY
    uploads_at = positive_at + one.upload_delay_minutes * 60 if one.consents else None
    return _clamped(number[one.person], since, positive_at, uploads_at)


def _drawn(drawn: DrawnPositives, people: int, start: int, luck: Stream) -> list[Positive]:
    if drawn.count > people:
        raise ScenarioError(f"positives.drawn.count is {drawn.count}, and there are only {people} people")
    order = list(range(people))
    luck.shuffle(order)
    planned = []
    for person in order[: drawn.count]:
        day = luck.between(drawn.onset_day_first, drawn.onset_day_last)
        onset = start + day * DAY + luck.below(24) * HOUR
        delay = luck.between(drawn.test_delay_hours_min * HOUR, drawn.test_delay_hours_max * HOUR)
        wait = luck.between(drawn.upload_delay_minutes_min * 60, drawn.upload_delay_minutes_max * 60)
        consents = luck.chance(drawn.consent_fraction)
        positive_at = onset + delay
        since = onset - drawn.contagious_days_before_onset * DAY
        planned.append(_clamped(person, since, positive_at, positive_at + wait if consents else None))
    return planned


def _clamped(person: int, since: int, positive_at: int, uploads_at: int | None) -> Positive:
    earliest = (positive_at if uploads_at is None else uploads_at) - MAX_REPORTED_DAYS * DAY
    return Positive(person, max(since, earliest), positive_at, uploads_at)
