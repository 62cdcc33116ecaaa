"""What a scoring is given and what it answers (SPEC.md 16).

A scoring is given contacts: the packets that one published key matched, with what the key said. It answers with a
score for each UTC day, and can say in sentences which numbers went into it. Nothing of this leaves the phone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

from anopticon_protocol.designs.records import Packet, ReportType
from anopticon_protocol.params import DAY_SECONDS


class KeyFacts(NamedTuple):
    """What a published key said of the person it belongs to, never the key itself.

    `start` is the first second of the key's validity. `risk_level` is the transmission risk level 0..8 of export
    files, 0 where there is none.
    """

    start: int = 0
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None
    risk_level: int = 0


CONFIRMED: Final = KeyFacts()
"""What a key says that says no more than that its owner tested positive: those of the DP-3T designs."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The packets that one key matched, in any order."""

    packets: tuple[Packet, ...]
    key: KeyFacts = CONFIRMED


@dataclass(frozen=True, slots=True)
class DayScore:
    """What a scoring makes of one UTC day.

    `value` is what was held against `threshold`, both in `unit`; both are exact. `level` is 0 if the day is no
    exposure; a scoring with several classes gives the number of the class, 1 the gravest. `seconds` is the time that
    counted. `summary` goes on from "On such a day", `lines` name every number that went into `value`.
    """

    day: int
    value: Fraction
    threshold: Fraction
    unit: str
    level: int
    seconds: int
    summary: str
    lines: tuple[str, ...] = ()

    @property
    def exposed(self) -> bool:
        """Whether the person is told of this day."""
        return self.level > 0

    def explain(self) -> tuple[str, ...]:
        """Why, line by line, for the person who holds the phone."""
        verdict = "an exposure" if self.exposed else "no exposure"
        reached = f"{show(self.value)} of {show(self.threshold)} {self.unit}"
        return (f"{day_name(self.day)}: {verdict}, {reached}", *(f"  {line}" for line in self.lines))


class Scorer(Protocol):
    """Any scoring with its configuration: a frozen record that was checked when it was made.

    >>> scorer.score(contacts, now=now)
    (DayScore(day=20514, value=Fraction(12, 1), ...),)
    """

    @property
    def needs_times(self) -> bool:
        """Whether it is defined on packets with times only, as the published scoring of Exposure Notification is."""

    @property
    def needs_risk_levels(self) -> bool:
        """Whether no key without a transmission risk level can ever make an exposure."""

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """A score for each UTC day on which anything counts, oldest first, whatever order `contacts` come in.

        `now` (Unix seconds) decides how old a day or a key is. Raises ScoringError for packets without times if
        `needs_times`.
        """


def show(number: Fraction) -> str:
    """A number for a person: at most two decimals, none that say nothing."""
    return f"{float(number):.2f}".rstrip("0").rstrip(".")


def day_name(day: int) -> str:
    """A UTC day as people say it: `Tuesday 2026-11-24`."""
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%A %Y-%m-%d")
