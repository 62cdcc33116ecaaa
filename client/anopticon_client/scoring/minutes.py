"""The simple rule that a phone starts with: minutes within an attenuation bound (SPEC.md 9.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from anopticon_client.scoring.checks import MAX_MINUTES_PER_DAY, within
from anopticon_client.scoring.records import Contact, DayScore
from anopticon_client.scoring.samples import samples

MIN_ATTENUATION_BOUND_DB: Final = 0
MAX_ATTENUATION_BOUND_DB: Final = 255
MIN_MINUTES_PER_DAY: Final = 1


@dataclass(frozen=True, slots=True)
class ExposureRule:
    """Exposed on a UTC day if at least `minutes_per_day` were spent at or below `attenuation_bound_db`.

    All people who tested positive count together, as in the DP-3T exposure score.
    """

    needs_times: ClassVar[bool] = False
    needs_risk_levels: ClassVar[bool] = False

    attenuation_bound_db: int = 63
    minutes_per_day: int = 15

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        limits = MIN_ATTENUATION_BOUND_DB, MAX_ATTENUATION_BOUND_DB
        within("attenuation_bound_db", self.attenuation_bound_db, *limits, "dB")
        within("minutes_per_day", self.minutes_per_day, MIN_MINUTES_PER_DAY, MAX_MINUTES_PER_DAY, "minutes")

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """Minutes within the bound, for each day that has any, however long ago."""
        del now
        seconds: dict[int, int] = {}
        for sample in samples(contacts):
            if sample.attenuation_db <= self.attenuation_bound_db:
                seconds[sample.day] = seconds.get(sample.day, 0) + sample.seconds
        return tuple(self._day(day, total) for day, total in sorted(seconds.items()))

    def _day(self, day: int, seconds: int) -> DayScore:
        closer = f"{seconds // 60} minutes closer than {self.attenuation_bound_db} dB"
        needed = self.minutes_per_day * 60
        return DayScore(
            day,
            Fraction(seconds, 60),
            Fraction(self.minutes_per_day),
            "minutes",
            int(seconds >= needed),
            seconds,
            f"you spent {closer} to people who later tested positive",
            (f"{closer} ({seconds} s; attenuation at most {self.attenuation_bound_db} dB)",),
        )
