"""The DP-3T exposure score: weighted minutes in attenuation buckets, over everybody together (SPEC.md 16.2).

Source: DP-3T, Exposure Score Calculation, 27 May 2020. The rules of several national apps have the same form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from anopticon_client.scoring.checks import (
    MAX_ATTENUATION_DB,
    MAX_MINUTES_PER_DAY,
    MAX_WEIGHT_PERCENT,
    all_within,
    ascending,
    within,
)
from anopticon_client.scoring.records import Contact, DayScore, show
from anopticon_client.scoring.samples import samples
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS

BUCKETS: Final = 3
BUCKET_CAP_MINUTES: Final = 30
"""The Exposure Notification interface of 2020 reported no bucket as longer than this."""


@dataclass(frozen=True, slots=True)
class AttenuationDurations:
    """Exposed on a UTC day if the weighted minutes of its buckets reach `minutes_per_day`.

    Bucket 1 is below the first of `thresholds_db`, 2 from there to below the second, 3 from there on. Each holds at
    most `cap_minutes`. Days more than `horizon_days` before today do not count.
    """

    needs_times: ClassVar[bool] = False
    needs_risk_levels: ClassVar[bool] = False

    thresholds_db: tuple[int, int] = (50, 55)
    weights_percent: tuple[int, int, int] = (100, 50, 0)
    minutes_per_day: int = 15
    cap_minutes: int = BUCKET_CAP_MINUTES
    horizon_days: int = 10

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        all_within("thresholds_db", self.thresholds_db, BUCKETS - 1, (0, MAX_ATTENUATION_DB), "dB")
        ascending("thresholds_db", self.thresholds_db)
        all_within("weights_percent", self.weights_percent, BUCKETS, (0, MAX_WEIGHT_PERCENT), "%")
        within("minutes_per_day", self.minutes_per_day, 1, MAX_MINUTES_PER_DAY, "minutes")
        within("cap_minutes", self.cap_minutes, 1, MAX_MINUTES_PER_DAY, "minutes")
        within("horizon_days", self.horizon_days, 0, RETENTION_DAYS, "days")

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """The exposure score of each day that has any time in a bucket that weighs something."""
        oldest = now // DAY_SECONDS - self.horizon_days
        days: dict[int, list[int]] = {}
        for sample in samples(contacts):
            if sample.day >= oldest:
                seconds = days.setdefault(sample.day, [0] * BUCKETS)
                seconds[self._bucket(sample.attenuation_db)] += sample.seconds
        found = (self._day(day, seconds) for day, seconds in sorted(days.items()))
        return tuple(score for score in found if score.value)

    def _bucket(self, attenuation_db: int) -> int:
        return sum(attenuation_db >= threshold for threshold in self.thresholds_db)

    def _day(self, day: int, seconds: list[int]) -> DayScore:
        capped = [min(one, self.cap_minutes * 60) for one in seconds]
        value = Fraction(
            sum(one * weight for one, weight in zip(capped, self.weights_percent, strict=True)), 6_000
        )
        counted = sum(one for one, weight in zip(capped, self.weights_percent, strict=True) if weight)
        return DayScore(
            day,
            value,
            Fraction(self.minutes_per_day),
            "weighted minutes",
            int(value >= self.minutes_per_day),
            counted,
            f"you spent {counted // 60} minutes, which weigh {show(value)}, near people who later tested positive",
            tuple(self._line(place, seconds[place]) for place in range(BUCKETS) if seconds[place]),
        )

    def _line(self, place: int, seconds: int) -> str:
        near, far = self.thresholds_db
        where = (f"closer than {near} dB", f"from {near} to below {far} dB", f"at {far} dB and farther")[
            place
        ]
        cap = f", of which {self.cap_minutes} count" if seconds > self.cap_minutes * 60 else ""
        return f"{show(Fraction(seconds, 60))} minutes {where}{cap}, times {self.weights_percent[place]} %"
