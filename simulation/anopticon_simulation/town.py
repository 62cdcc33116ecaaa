"""A synthetic town: households, school classes, workplaces, transit and shops, and who meets whom there each day.

It stands in for a recorded trace where there is none, with the shape that badge studies find: many short meetings, few
long ones. Every figure is in the scenario. Each layer draws from its own stream, so changing one leaves the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Trace, TraceBuilder
from anopticon_simulation.sections import LayerSection, TownSection, VisitSection
from anopticon_simulation.streams import Stream, Streams

STEP_SECONDS: Final = 20
"""Meetings last a whole number of these, as in the recorded traces."""
ADULTS_PER_HOUSEHOLD: Final = 2
"""Who comes third or later in a household goes to school."""
MEETING_SHARE_OF_OTHERS: Final = 0.2
"""Pairs that are not close meet this often beside those that are."""
WEEKEND: Final = (5, 6)
EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class Residents:
    """Who belongs where: lists of the members of each household, class and workplace."""

    households: tuple[tuple[int, ...], ...]
    classes: tuple[tuple[int, ...], ...]
    workplaces: tuple[tuple[int, ...], ...]


def settle_town(town: TownSection, streams: Streams) -> Residents:
    """Put everybody into a household, and into a class or a workplace or neither."""
    luck = streams.stream("town/residents")
    households: list[tuple[int, ...]] = []
    pupils: list[int] = []
    workers: list[int] = []
    person = 0
    while person < town.people:
        size = min(1 + luck.weighted(town.household_size_weights), town.people - person)
        members = tuple(range(person, person + size))
        households.append(members)
        pupils += members[ADULTS_PER_HOUSEHOLD:]
        workers += [one for one in members[:ADULTS_PER_HOUSEHOLD] if luck.chance(town.employed_fraction)]
        person += size
    luck.shuffle(workers)
    workplaces = []
    while workers:
        # Sizes are uneven: the smaller of two draws.
        size = min(luck.between(2, town.workplace_size_max), luck.between(2, town.workplace_size_max))
        workplaces.append(tuple(sorted(workers[:size])))
        workers = workers[size:]
    classes = [tuple(pupils[at : at + town.class_size]) for at in range(0, len(pupils), town.class_size)]
    return Residents(tuple(households), tuple(classes), tuple(workplaces))


def build_town(town: TownSection, start: int, streams: Streams) -> Trace:
    """The meetings of every day from `start` (a midnight, Unix seconds) on, as a trace."""
    residents = settle_town(town, streams)
    builder = TraceBuilder(STEP_SECONDS)
    names = _named(town.people, residents)
    for name, group in names:
        builder.add_person(name, group)
    fixed: tuple[tuple[str, LayerSection, Sequence[tuple[int, ...]]], ...] = (
        ("household", town.household, residents.households),
        ("school", town.school, residents.classes),
        ("work", town.work, residents.workplaces),
    )
    for layer_name, layer, groups in fixed:
        _Layer(layer, streams.stream(f"town/{layer_name}"), builder).meet(groups, start, town.days)
    for visit_name, visit in (("transit", town.transit), ("shops", town.shops)):
        _Visits(visit, streams.stream(f"town/{visit_name}"), builder).meet(town.people, start, town.days)
    return builder.build()


def _named(people: int, residents: Residents) -> list[tuple[str, str | None]]:
    groups: dict[int, str] = {}
    for kind, members_of in (("class", residents.classes), ("workplace", residents.workplaces)):
        for number, members in enumerate(members_of, start=1):
            groups |= dict.fromkeys(members, f"{kind} {number}")
    return [(str(person), groups.get(person)) for person in range(people)]


class _Layer:
    """One kind of place: its figures, its luck, and where its meetings go."""

    def __init__(self, layer: LayerSection, luck: Stream, builder: TraceBuilder) -> None:
        self.layer = layer
        self.luck = luck
        self.builder = builder

    def meet(self, groups: Iterable[tuple[int, ...]], start: int, days: int) -> None:
        """Let the members of each group meet each other on every day that the place is open."""
        pairs = [
            (pair, self.luck.chance(self.layer.close_fraction))
            for members in groups
            for pair in combinations(members, 2)
        ]
        for day in range(days):
            if not self.open_on(start, day):
                continue
            for pair, close in pairs:
                share = self.layer.meeting_fraction * (1.0 if close else MEETING_SHARE_OF_OTHERS)
                if self.luck.chance(share):
                    opens = start + day * SECONDS_PER_DAY + self.layer.start_hour * 3_600
                    closes = start + day * SECONDS_PER_DAY + self.layer.end_hour * 3_600
                    for _ in range(self.luck.between(1, self.layer.meetings_max)):
                        self.add_meeting(pair, opens, closes)

    def open_on(self, start: int, day: int) -> bool:
        """Whether the place is open on a day of the world."""
        weekday = (start // SECONDS_PER_DAY + day + EPOCH_WEEKDAY) % 7
        return self.layer.weekend or weekday not in WEEKEND

    def add_meeting(self, pair: tuple[int, int], opens: int, closes: int) -> None:
        """One meeting between `opens` and `closes`, of a length with a heavy tail, at one distance."""
        layer, luck = self.layer, self.luck
        shortest, longest = layer.shortest_seconds, min(layer.longest_seconds, closes - opens)
        # Inverse of a power law with exponent 2, cut at both ends.
        point = luck.uniform()
        seconds = (
            shortest * longest / (longest - point * (longest - shortest)) if longest > shortest else longest
        )
        steps = max(1, int(seconds) // STEP_SECONDS)
        latest = max(0, (closes - opens) // STEP_SECONDS - steps)
        begin = opens + luck.between(0, latest) * STEP_SECONDS
        millimetres = luck.between(int(layer.nearest_metres * 1_000), int(layer.farthest_metres * 1_000))
        for step in range(steps):
            self.builder.add(begin + step * STEP_SECONDS, str(pair[0]), str(pair[1]), millimetres)


class _Visits:
    """Places that people go to for a while: whoever is there in the same slot may meet."""

    def __init__(self, visit: VisitSection, luck: Stream, builder: TraceBuilder) -> None:
        self.visit = visit
        self.luck = luck
        self.layer = _Layer(visit, luck, builder)

    def meet(self, people: int, start: int, days: int) -> None:
        """Send visitors to places on every day that these are open."""
        slots = max(1, (self.visit.end_hour - self.visit.start_hour) * 60 // self.visit.slot_minutes)
        for day in range(days):
            if not self.layer.open_on(start, day):
                continue
            there: dict[tuple[int, int], list[int]] = {}
            for person in range(people):
                if self.luck.chance(self.visit.visitor_fraction):
                    at = (self.luck.below(self.visit.places), self.luck.below(slots))
                    there.setdefault(at, []).append(person)
            for (_, slot), visitors in sorted(there.items()):
                opens = start + day * SECONDS_PER_DAY + self.visit.start_hour * 3_600
                opens += slot * self.visit.slot_minutes * 60
                for pair in combinations(visitors, 2):
                    if self.luck.chance(self.visit.meeting_fraction):
                        self.layer.add_meeting(pair, opens, opens + self.visit.slot_minutes * 60)
