"""Readers of published contact lists; the format is recognised by content.

*Face to face* (SocioPatterns): ``t i j`` or ``t i j group_i group_j`` between blanks or tabs, no
header. t is the END of an interval (20 s unless said otherwise) in which i and j faced each
other. The list gives no distance, so the caller states one.

*Haslemere* (Kissler et al., bioRxiv 479154): CSV with the header
``time_step,user1_id,user2_id,distance_m``. Step 1 is 07:00 of the first day; steps are 5 minutes
and stop at 23:00, so a day has 192 of them and step 193 is 07:00 of the second day.

Example: ``read_contacts(Path("list.csv.gz")).trace``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from anopticon_simulation.contacts.opening import file_error, line_error, lines
from anopticon_simulation.contacts.trace import (
    MAX_DISTANCE_METRES,
    MAX_SPAN_DAYS,
    MAX_TIME_SECONDS,
    SECONDS_PER_DAY,
    Trace,
    TraceBuilder,
)

UNIX_TIME_FROM = 1_000_000_000
"""From here a time is Unix seconds (September 2001), below it seconds since a midnight."""

MAX_PEOPLE = 50_000
"""Most people in a list: each becomes a phone of its own in the world."""

MAX_DIGITS = 12
"""Longest whole number in a list: times have ten digits, badge numbers fewer."""

MAX_GROUP_BYTES = 32
"""Longest name of a class or department."""

HASLEMERE_HEADER = b"time_step,user1_id,user2_id,distance_m"
HASLEMERE_STEP_SECONDS = 300
HASLEMERE_STEPS_PER_DAY = 192
HASLEMERE_FIRST_STEP_SECONDS = 7 * 3600

_TIJ_WIDTH = 3
_TIJ_GROUPED_WIDTH = 5
_Lines = Iterator[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class ContactsFile:
    """A trace and what its source looked like: format name, rows, and what was put right, in sentences."""

    trace: Trace
    format: str
    rows: int
    notes: tuple[str, ...]


def read_contacts(
    path: Path, *, resolution_seconds: int = 20, default_distance_metres: float = 1.0
) -> ContactsFile:
    """Read a list of contacts, plain, gzip or zip, face to face or Haslemere.

    The two parameters are for face-to-face lists, which state neither the length of their
    interval nor a distance. Raises ContactFileError with line, column and rule.
    """
    source = lines(path)
    first = next(source, None)
    if first is None:
        raise file_error(path, "is empty")
    reading = _Reading(path)
    if b"time_step" in first[1] or b"distance_m" in first[1]:
        _check_header(path, *first)
        builder = TraceBuilder(HASLEMERE_STEP_SECONDS)
        reading.haslemere(source, builder)
        return reading.finish(builder, "haslemere")
    builder = TraceBuilder(resolution_seconds)
    reading.face_to_face(first, source, builder, resolution_seconds, round(default_distance_metres * 1000))
    return reading.finish(builder, "face to face")


def _check_header(path: Path, number: int, line: bytes) -> None:
    expected = HASLEMERE_HEADER.split(b",")
    found = [name.strip() for name in line.split(b",")]
    missing = [name.decode() for name in expected if name not in found]
    if missing:
        raise line_error(path, number, f"the header lacks the column {' and '.join(missing)}")
    if found != expected:
        raise line_error(path, number, f"the header must be {HASLEMERE_HEADER.decode()}")


class _Reading:
    """One pass over one file: where it is, whom it has met, and what it has noticed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unsorted_line = 0
        self.earliest = MAX_TIME_SECONDS
        self.latest = 0
        self._names: dict[bytes, str] = {}
        self._groups: dict[str, bytes] = {}

    def face_to_face(
        self,
        first: tuple[int, bytes],
        source: _Lines,
        builder: TraceBuilder,
        resolution: int,
        millimetres: int,
    ) -> None:
        """Feed ``t i j [groups]`` rows to the builder."""
        width = len(first[1].split())
        if width not in (_TIJ_WIDTH, _TIJ_GROUPED_WIDTH):
            rule = "a face-to-face list has 3 columns (t i j) or 5 (t i j group_i group_j) between blanks"
            raise line_error(self.path, first[0], f"has {width} columns; {rule}")
        number, line = first
        while True:
            fields = line.split()
            if len(fields) != width:
                raise line_error(
                    self.path, number, f"has {len(fields)} columns where the first line has {width}"
                )
            end = self._whole(number, 1, fields[0], "a time in seconds")
            if end < resolution:
                rule = f"it is the end of an interval of {resolution} s, so it must be {resolution} or more"
                raise line_error(self.path, number, rule, column=1, value=fields[0])
            self._note_time(number, end - resolution, end)
            first_name, second_name = self._pair(number, fields[1], fields[2])
            builder.add(end - resolution, first_name, second_name, millimetres)
            if width == _TIJ_GROUPED_WIDTH:
                self._group(number, 4, first_name, fields[3], builder)
                self._group(number, 5, second_name, fields[4], builder)
            following = next(source, None)
            if following is None:
                return
            number, line = following

    def haslemere(self, source: _Lines, builder: TraceBuilder) -> None:
        """Feed the rows below the Haslemere header to the builder."""
        width = HASLEMERE_HEADER.count(b",") + 1
        for number, line in source:
            fields = [text.strip() for text in line.split(b",")]
            if len(fields) != width:
                raise line_error(self.path, number, f"has {len(fields)} columns; the header names {width}")
            step = self._whole(number, 1, fields[0], "a time step")
            if not step:
                raise line_error(self.path, number, "time steps count from 1", column=1, value=fields[0])
            day, slot = divmod(step - 1, HASLEMERE_STEPS_PER_DAY)
            start = day * SECONDS_PER_DAY + HASLEMERE_FIRST_STEP_SECONDS + slot * HASLEMERE_STEP_SECONDS
            self._note_time(number, start, start + HASLEMERE_STEP_SECONDS)
            pair = self._pair(number, fields[1], fields[2])
            builder.add(start, *pair, self._millimetres(number, fields[3]))

    def finish(self, builder: TraceBuilder, name: str) -> ContactsFile:
        """Build the trace and say what was put right."""
        if not builder.records:
            raise file_error(self.path, "holds a header but no contact")
        span = (self.latest - self.earliest) // SECONDS_PER_DAY
        if span > MAX_SPAN_DAYS:
            rule = "does it mix relative and Unix times?"
            raise file_error(
                self.path, f"spans {span} days, more than MAX_SPAN_DAYS ({MAX_SPAN_DAYS}): {rule}"
            )
        trace = builder.build()
        notes = []
        if self.unsorted_line:
            notes.append(
                f"rows were not in order of time (first at line {self.unsorted_line}) and were sorted"
            )
        if builder.duplicates:
            notes.append(f"{builder.duplicates} rows said again what another said and were merged")
        if builder.conflicting:
            notes.append(f"{builder.conflicting} of these gave another distance; the nearer was kept")
        if self.earliest < UNIX_TIME_FROM:
            notes.append("times are relative and were taken to count from a midnight")
        return ContactsFile(trace, name, builder.records, tuple(notes))

    def _whole(self, line: int, column: int, value: bytes, what: str) -> int:
        if not value.isdigit():
            negative = value.startswith(b"-") and value[1:].isdigit()
            rule = "must not be negative" if negative else "must be a whole number"
            raise line_error(self.path, line, f"{what} {rule}", column=column, value=value)
        if len(value) > MAX_DIGITS:
            raise line_error(
                self.path, line, f"{what} has at most {MAX_DIGITS} digits", column=column, value=value
            )
        return int(value)

    def _note_time(self, line: int, start: int, end: int) -> None:
        if end > MAX_TIME_SECONDS:
            rule = f"the time lies beyond MAX_TIME_SECONDS ({MAX_TIME_SECONDS}, the year 2100)"
            raise line_error(self.path, line, rule, column=1)
        self.earliest = min(self.earliest, start)
        if end < self.latest:
            self.unsorted_line = self.unsorted_line or line
        else:
            self.latest = end

    def _pair(self, line: int, first: bytes, second: bytes) -> tuple[str, str]:
        """Names of two people as plain decimal numbers, so that 7 and 007 are one person."""
        names = self._names
        first_name = names.get(first) or self._name(line, 2, first)
        second_name = names.get(second) or self._name(line, 3, second)
        if first_name == second_name:
            raise line_error(self.path, line, f"person {first_name} cannot meet themselves (columns 2 and 3)")
        return first_name, second_name

    def _name(self, line: int, column: int, value: bytes) -> str:
        name = str(self._whole(line, column, value, "a person's number"))
        self._names[value] = name
        if len(self._names) > MAX_PEOPLE:
            raise line_error(self.path, line, f"there are more people than MAX_PEOPLE ({MAX_PEOPLE})")
        return name

    def _group(self, line: int, column: int, name: str, value: bytes, builder: TraceBuilder) -> None:
        known = self._groups.get(name)
        if known == value:
            return
        if known is not None:
            rule = f"person {name} was in group {known.decode()} before, and has one group"
            raise line_error(self.path, line, rule, column=column, value=value)
        if len(value) > MAX_GROUP_BYTES or not value.isascii():
            rule = f"a group is at most {MAX_GROUP_BYTES} ASCII characters"
            raise line_error(self.path, line, rule, column=column, value=value)
        self._groups[name] = value
        builder.add_person(name, value.decode())

    def _millimetres(self, line: int, value: bytes) -> int:
        try:
            metres = float(value) if b"_" not in value else float("nan")
        except ValueError:
            raise line_error(
                self.path, line, "a distance must be a number of metres", column=4, value=value
            ) from None
        if not isfinite(metres) or not 0 <= metres <= MAX_DISTANCE_METRES:
            rule = f"a distance must be between 0 and {MAX_DISTANCE_METRES:g} metres"
            raise line_error(self.path, line, rule, column=4, value=value)
        return round(metres * 1000)
