"""The trace: people and the intervals in which two of them were near each other.

Readers and generators hand over *records* (one pair, one short interval of fixed length); the
`TraceBuilder` sorts them, drops those said twice and joins those that follow each other. So a
trace never depends on the order of its source.

Example: ``builder = TraceBuilder(20); builder.add(100, "1", "2", 1500); builder.build()``.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from anopticon_simulation.errors import SimulationError

SECONDS_PER_DAY = 86_400

MAX_DISTANCE_METRES = 1_000.0
"""Farthest contact a trace holds: no radio that contact tracing uses hears so far."""

MAX_TIME_SECONDS = 4_102_444_800
"""Latest time in a trace, the start of the year 2100: beyond it the column is no time in seconds."""

MAX_SPAN_DAYS = 400
"""Longest trace: a file that mixes relative and Unix seconds spans decades, and each day costs work."""

_MILLIMETRE_BITS = 20  # MAX_DISTANCE_METRES in millimetres needs 20 bits
_MILLIMETRE_MASK = (1 << _MILLIMETRE_BITS) - 1


@dataclass(frozen=True, slots=True, order=True)
class Contact:
    """Two people within `distance_metres` of each other for the seconds [start, end); first < second.

    Time is in seconds, Unix or relative as the trace's. Distances are whole millimetres.
    """

    start: int
    end: int
    first: int
    second: int
    distance_metres: float


@dataclass(frozen=True, slots=True)
class Trace:
    """People 0 to n-1 and their contacts, in order of (start, end, first, second).

    `people` holds the names of the source, `groups` a school class, department or None for
    each. The contacts of one pair never overlap: a person is at one distance at a time.
    """

    people: tuple[str, ...]
    groups: tuple[str | None, ...]
    contacts: tuple[Contact, ...] = field(repr=False)

    @property
    def days(self) -> tuple[int, ...]:
        """Numbers (seconds // 86400) of the days on which a contact begins, in order."""
        return tuple(sorted({contact.start // SECONDS_PER_DAY for contact in self.contacts}))

    @property
    def pairs(self) -> int:
        """Number of pairs who ever met."""
        return len({(contact.first, contact.second) for contact in self.contacts})

    @property
    def start(self) -> int:
        """First second of the first contact; 0 for a trace without contacts."""
        return self.contacts[0].start if self.contacts else 0

    @property
    def end(self) -> int:
        """First second after the last contact; 0 for a trace without contacts."""
        return max((contact.end for contact in self.contacts), default=0)

    @property
    def contact_seconds(self) -> int:
        """Seconds of contact, summed over pairs."""
        return sum(contact.end - contact.start for contact in self.contacts)

    def shifted_to(self, start: int) -> "Trace":
        """Move the trace so that the midnight (UTC) before its first contact falls on `start`.

        `start` is a Unix midnight. Times of day stay as they are; a trace with relative seconds
        is taken to begin its count at a midnight.
        """
        if start % SECONDS_PER_DAY:
            raise SimulationError(f"a trace is shifted to a midnight (UTC), and {start} is none")
        shift = start - self.start // SECONDS_PER_DAY * SECONDS_PER_DAY
        return replace(
            self,
            contacts=tuple(
                Contact(c.start + shift, c.end + shift, c.first, c.second, c.distance_metres)
                for c in self.contacts
            ),
        )

    def digest(self) -> str:
        """SHA-256 (hex) over people, groups and contacts: equal for equal traces on every machine."""
        state = sha256()
        for name, group in zip(self.people, self.groups, strict=True):
            state.update(f"{name!r} {group!r}\n".encode())
        for c in self.contacts:
            millimetres = round(c.distance_metres * 1000)
            state.update(f"{c.start} {c.end} {c.first} {c.second} {millimetres}\n".encode())
        return state.hexdigest()


class TraceBuilder:
    """Collects records of equal length and makes the trace of them.

    A record takes 8 bytes while it waits: start and distance in one integer, one array a pair.
    """

    __slots__ = ("_groups", "_resolution", "_rows", "conflicting", "duplicates", "records")

    def __init__(self, resolution_seconds: int) -> None:
        self.records = 0
        self.duplicates = 0
        self.conflicting = 0
        self._resolution = resolution_seconds
        self._rows: dict[tuple[str, str], array[int]] = {}
        self._groups: dict[str, str | None] = {}

    def add(self, start: int, first: str, second: str, distance_millimetres: int) -> None:
        """Add one record: two names in any order, within a distance for [start, start + resolution)."""
        pair = (first, second) if first < second else (second, first)
        rows = self._rows.get(pair)
        if rows is None:
            self._rows[pair] = rows = array("q")
            self._groups.setdefault(first, None)
            self._groups.setdefault(second, None)
        rows.append(start << _MILLIMETRE_BITS | distance_millimetres)
        self.records += 1

    def add_person(self, name: str, group: str | None) -> None:
        """Name a person and a group; a person who meets nobody is part of the trace all the same."""
        self._groups[name] = group

    def build(self) -> Trace:
        """Make the trace; counts repeated records in `duplicates`, those at two distances in `conflicting`.

        Of two records of a pair at one time the nearer counts. Records of one distance that
        touch or overlap become one contact.
        """
        people = tuple(sorted(self._groups, key=_name_order))
        number = {name: index for index, name in enumerate(people)}
        contacts = []
        self.duplicates = self.conflicting = 0
        for (name, other), rows in self._rows.items():
            first, second = sorted((number[name], number[other]))
            contacts += [
                (start, end, first, second, millimetres / 1000)
                for start, end, millimetres in self._joined(sorted(rows))
            ]
        contacts.sort()
        return Trace(
            people=people,
            groups=tuple(self._groups[name] for name in people),
            contacts=tuple([Contact(*contact) for contact in contacts]),
        )

    def _joined(self, rows: list[int]) -> Iterator[tuple[int, int, int]]:
        """Intervals (start, end, millimetres) of one pair from its records in order of (start, distance)."""
        start = end = latest = distance = -1
        for row in rows:
            begin, millimetres = row >> _MILLIMETRE_BITS, row & _MILLIMETRE_MASK
            if begin == latest:
                self.duplicates += 1
                self.conflicting += millimetres != distance
                continue
            latest = begin
            if begin <= end and millimetres == distance:
                end = begin + self._resolution
                continue
            if end > start:
                yield start, min(end, begin), distance
            start, end, distance = begin, begin + self._resolution, millimetres
        if end > start:
            yield start, end, distance


def _name_order(name: str) -> tuple[int, int, str]:
    """Numbers in order of value and before words, which are in order of letters."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)
