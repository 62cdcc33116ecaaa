"""Expected minutes within two metres: the DP-3T measurements as a likelihood, with a prior of one's own (SPEC.md 16.2).

Source: DP-3T, Exposure Score Calculation, 27 May 2020, figure 2 (two iPhones, distances up to 15 m), read off the print
to 2 %. The figure shows how often a distance below 2 m lay behind an attenuation, in the mix of distances that was
measured. Elsewhere people stand otherwise, so the figure is no probability there; its odds over those of the mix are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from anopticon_client.scoring.checks import MAX_MINUTES_PER_DAY, within
from anopticon_client.scoring.records import Contact, DayScore, show
from anopticon_client.scoring.samples import samples
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS

NEAREST_DB: Final = 42
NEAR_PERCENT: Final = (99, 91, 80, 77, 64, 48, 33, 20, 17, 13, 14, 16, 12, 8, 7, 6, 4, 2, 2, 1)
"""Of 42, 43, ... 61 dB; below 42 as at 42, above 61 dB none."""
_WHOLE = 100


def near_percent(attenuation_db: int) -> int:
    """The figure itself: percent of measurements at this attenuation that came from less than two metres."""
    place = max(attenuation_db - NEAREST_DB, 0)
    return NEAR_PERCENT[place] if place < len(NEAR_PERCENT) else 0


def probability_near(attenuation_db: int, prior_percent: int, curve_prior_percent: int) -> Fraction:
    """Probability of less than two metres at this attenuation, for a prior probability in whole percent, 1..99.

    `curve_prior_percent` is the share of distances below two metres in the mix behind the figure.
    """
    seen = near_percent(attenuation_db)
    near = seen * (_WHOLE - curve_prior_percent) * prior_percent
    far = (_WHOLE - seen) * curve_prior_percent * (_WHOLE - prior_percent)
    return Fraction(near, near + far)


@dataclass(frozen=True, slots=True)
class ProximityScoring:
    """Exposed on a UTC day if the expected minutes within two metres of anybody reach `minutes_per_day`.

    `prior_percent` is how likely two metres are before an attenuation is looked at. `curve_prior_percent` is the same
    for the measurements: 13 if distances up to 15 m were equally likely, which the source does not say.
    """

    needs_times: ClassVar[bool] = False
    needs_risk_levels: ClassVar[bool] = False

    prior_percent: int = 13
    curve_prior_percent: int = 13
    minutes_per_day: int = 15
    horizon_days: int = 10

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        within("prior_percent", self.prior_percent, 1, _WHOLE - 1, "%")
        within("curve_prior_percent", self.curve_prior_percent, 1, _WHOLE - 1, "%")
        within("minutes_per_day", self.minutes_per_day, 1, MAX_MINUTES_PER_DAY, "minutes")
        within("horizon_days", self.horizon_days, 0, RETENTION_DAYS, "days")

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """Expected minutes of each day on which any are."""
        oldest = now // DAY_SECONDS - self.horizon_days
        days: dict[int, dict[int, int]] = {}
        for sample in samples(contacts):
            if sample.day >= oldest and near_percent(sample.attenuation_db):
                levels = days.setdefault(sample.day, {})
                # Below the nearest measured one every attenuation says the same.
                level = max(sample.attenuation_db, NEAREST_DB)
                levels[level] = levels.get(level, 0) + sample.seconds
        return tuple(self._day(day, levels) for day, levels in sorted(days.items()))

    def _day(self, day: int, levels: dict[int, int]) -> DayScore:
        parts = {level: seconds * self._probability(level) for level, seconds in sorted(levels.items())}
        value = sum(parts.values(), Fraction(0)) / 60
        seconds = sum(levels.values())
        return DayScore(
            day,
            value,
            Fraction(self.minutes_per_day),
            "expected minutes within 2 m",
            int(value >= self.minutes_per_day),
            seconds,
            f"you probably spent {show(value)} minutes within two metres of people who later tested positive",
            tuple(
                f"{show(Fraction(levels[level], 60))} minutes at {level} dB"
                f"{' or closer' if level == NEAREST_DB else ''}, "
                f"probability {show(100 * self._probability(level))} %"
                for level in parts
            ),
        )

    def _probability(self, attenuation_db: int) -> Fraction:
        return probability_near(attenuation_db, self.prior_percent, self.curve_prior_percent)
