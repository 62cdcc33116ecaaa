"""Phones against the oracle and against the truth: who was warned, rightly, wrongly, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anopticon_simulation.oracle import Hearing, OracleRules, Report, who_must_be_warned

PersonDay = tuple[int, int]
"""A person and a UTC day."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Three sets of people: those warned who had to be, those who were not, and those warned without cause."""

    rightly_warned: frozenset[int]
    missed: frozenset[int]
    wrongly_warned: frozenset[int]

    @classmethod
    def of(cls, warned: Iterable[int], expected: Iterable[int]) -> Verdict:
        """Compare who was warned with who had to be."""
        got, wanted = frozenset(warned), frozenset(expected)
        return cls(got & wanted, wanted - got, got - wanted)

    def counts(self) -> dict[str, int]:
        """The sizes of the three sets, as result.json has them."""
        return {
            "missed": len(self.missed),
            "rightly_warned": len(self.rightly_warned),
            "wrongly_warned": len(self.wrongly_warned),
        }


@dataclass(frozen=True, slots=True)
class DesignDifference:
    """Whom another design would have to warn, of the same meetings, that this one does not, and the other way round."""

    design: str
    only_here: tuple[PersonDay, ...]
    only_there: tuple[PersonDay, ...]


def person_days(warned: Mapping[int, Mapping[int, int]]) -> frozenset[PersonDay]:
    """Every (person, UTC day) of a mapping person -> day -> anything."""
    return frozenset((person, day) for person, days in warned.items() for day in days)


def compare_designs(
    here: str,
    others: Iterable[str],
    rules: OracleRules,
    log: tuple[Hearing, ...],
    reports: tuple[Report, ...],
) -> tuple[DesignDifference, ...]:
    """Where other designs differ from this one by the oracle, on the very same hearings."""
    mine = person_days(who_must_be_warned(here, rules, log, reports))
    found = []
    for design in others:
        theirs = person_days(who_must_be_warned(design, rules, log, reports))
        found.append(DesignDifference(design, tuple(sorted(mine - theirs)), tuple(sorted(theirs - mine))))
    return tuple(found)
