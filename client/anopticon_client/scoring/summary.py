"""Risk scores and summaries of Exposure Notification v1, and the rules that apps put on top (SPEC.md 16.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Final, NamedTuple

from anopticon_client.scoring.checks import (
    MAX_ATTENUATION_DB,
    MAX_WEIGHT_PERCENT,
    all_within,
    ascending,
    within,
)
from anopticon_client.scoring.exposures import Exposure, exposures_of
from anopticon_client.scoring.records import Contact, DayScore, KeyFacts, show
from anopticon_protocol.params import DAY_SECONDS

RISK_BUCKETS: Final = 8
MAX_FACTOR_SCORE: Final = 8
MAX_RISK_SCORE: Final = 4_096
"""Eight to the fourth."""
REPORTED_MINUTES_MAX: Final = 30
"""No duration is reported as longer than this, of one exposure or of a summary."""
_ATTENUATION_ABOVE: Final = 73, 63, 51, 33, 27, 15, 10
_DAYS_FROM: Final = 14, 12, 10, 8, 6, 4, 2
_MINUTES_UP_TO: Final = 0, 5, 10, 15, 20, 25, 30
_FOURS: Final = (4,) * RISK_BUCKETS


class ScoredExposure(NamedTuple):
    """One exposure and the factors of its score: attenuation, days, duration, transmission risk."""

    exposure: Exposure
    factors: tuple[int, int, int, int]
    score: int

    @property
    def reported_minutes(self) -> int:
        """A multiple of five, at most 30."""
        return min(self.exposure.duration_seconds // 60, REPORTED_MINUTES_MAX)


@dataclass(slots=True)
class ExposureSummary:
    """What v1 reports of all keys that began on one UTC day."""

    matched_keys: int = 0
    maximum_score: int = 0
    summed_score: int = 0
    threshold_seconds: list[int] = field(default_factory=lambda: [0, 0, 0])
    exposures: list[ScoredExposure] = field(default_factory=list)

    def reported_seconds(self) -> list[int]:
        """Time below, between and above the thresholds, each at most 30 minutes."""
        return [min(one, REPORTED_MINUTES_MAX * 60) for one in self.threshold_seconds]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryScoring:
    """Exposed on the UTC day of a key's start if the rule of an app reaches `threshold`.

    An exposure's score is the product of one factor 0..8 out of each table, 0 below `minimum_risk_score`. Without
    `duration_weights_percent` the rule is the largest score. With it, it is the weighted minutes below, between and
    above `thresholds_db`, times largest score / `score_divisor` if that is not 0.
    """

    needs_times: ClassVar[bool] = True

    threshold: int
    attenuation_scores: tuple[int, ...] = _FOURS
    days_scores: tuple[int, ...] = _FOURS
    duration_scores: tuple[int, ...] = _FOURS
    transmission_scores: tuple[int, ...] = _FOURS
    minimum_risk_score: int = 4
    thresholds_db: tuple[int, ...] = (50, 74)
    duration_weights_percent: tuple[int, ...] = ()
    score_divisor: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        within("threshold", self.threshold, 1, MAX_RISK_SCORE)
        for name in ("attenuation_scores", "days_scores", "duration_scores", "transmission_scores"):
            all_within(name, getattr(self, name), RISK_BUCKETS, (0, MAX_FACTOR_SCORE))
        within("minimum_risk_score", self.minimum_risk_score, 1, MAX_RISK_SCORE)
        all_within("thresholds_db", self.thresholds_db, 2, (0, MAX_ATTENUATION_DB), "dB")
        ascending("thresholds_db", self.thresholds_db)
        if self.duration_weights_percent:
            all_within(
                "duration_weights_percent", self.duration_weights_percent, 3, (0, MAX_WEIGHT_PERCENT), "%"
            )
        within("score_divisor", self.score_divisor, 0, MAX_RISK_SCORE)

    @property
    def needs_risk_levels(self) -> bool:
        """Whether the largest score of a key without a level is still below the minimum."""
        most = max(self.attenuation_scores) * max(self.days_scores) * max(self.duration_scores)
        matters = self.score_divisor or not self.duration_weights_percent
        return bool(matters) and most < self.minimum_risk_score

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """The score of each day on which a key began that was met."""
        return tuple(
            self._day(day, found) for day, found in sorted(self.summaries(contacts, now=now).items())
        )

    def summaries(self, contacts: Iterable[Contact], *, now: int) -> dict[int, ExposureSummary]:
        """The summaries, by the UTC day on which the keys began."""
        days: dict[int, ExposureSummary] = {}
        for contact in contacts:
            scored = [
                self._scored(exposure, contact.key, now)
                for exposure in exposures_of(contact, self.thresholds_db)
            ]
            if not scored:
                continue
            day = days.setdefault(contact.key.start // DAY_SECONDS, ExposureSummary())
            day.matched_keys += 1
            day.exposures += scored
            for one in scored:
                day.maximum_score = max(day.maximum_score, one.score)
                day.summed_score += one.score
                for place, seconds in enumerate(one.exposure.threshold_seconds):
                    day.threshold_seconds[place] += seconds
        return days

    def _scored(self, exposure: Exposure, key: KeyFacts, now: int) -> ScoredExposure:
        days = (now - key.start) // DAY_SECONDS
        minutes = exposure.duration_seconds // 60
        factors = (
            self.attenuation_scores[_first(exposure.attenuation_db > one for one in _ATTENUATION_ABOVE)],
            self.days_scores[_first(days >= one for one in _DAYS_FROM)],
            self.duration_scores[_first(minutes <= one for one in _MINUTES_UP_TO)],
            # A key without a level weighs nothing in either direction.
            self.transmission_scores[key.risk_level - 1] if key.risk_level else 1,
        )
        product = factors[0] * factors[1] * factors[2] * factors[3]
        return ScoredExposure(exposure, factors, product if product >= self.minimum_risk_score else 0)

    def _day(self, day: int, found: ExposureSummary) -> DayScore:
        value, counted = Fraction(found.maximum_score), 0
        if self.duration_weights_percent:
            pairs = list(zip(found.reported_seconds(), self.duration_weights_percent, strict=True))
            value = Fraction(sum(seconds * weight for seconds, weight in pairs), 6_000)
            counted = sum(seconds for seconds, weight in pairs if weight)
            if self.score_divisor:
                value *= Fraction(found.maximum_score, self.score_divisor)
        else:
            counted = sum(one.exposure.duration_seconds for one in found.exposures if one.score)
        return DayScore(
            day,
            value,
            Fraction(self.threshold),
            "weighted minutes" if self.duration_weights_percent else "points",
            int(value >= self.threshold),
            counted,
            f"you spent about {counted // 60} minutes near people who later tested positive",
            tuple(self._lines(found)),
        )

    def _lines(self, found: ExposureSummary) -> Iterable[str]:
        for one in sorted(found.exposures):
            attenuation, days, duration, risk = one.factors
            yield (
                f"{one.exposure.duration_seconds // 60} minutes at {one.exposure.attenuation_db} dB: "
                f"{attenuation} x {days} x {duration} x {risk} (attenuation, days, duration, transmission) "
                f"= {one.score} points"
            )
        if not self.duration_weights_percent:
            return
        low, high = self.thresholds_db
        places = f"below {low} dB", f"from {low} to below {high} dB", f"at {high} dB and farther"
        for place, seconds in enumerate(found.threshold_seconds):
            minutes = show(Fraction(seconds, 60))
            cap = f", of which {REPORTED_MINUTES_MAX} count" if seconds > REPORTED_MINUTES_MAX * 60 else ""
            yield f"{minutes} minutes {places[place]}{cap}, times {self.duration_weights_percent[place]} %"
        if self.score_divisor:
            yield f"times {found.maximum_score} / {self.score_divisor}, the largest score over its divisor"


def _first(tests: Iterable[bool]) -> int:
    """The place of the first test that holds, or their number."""
    place = 0
    for holds in tests:
        if holds:
            break
        place += 1
    return place
