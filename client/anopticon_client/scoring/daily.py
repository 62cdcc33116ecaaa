"""Daily summaries of Exposure Notification v2: exposure windows weighed and added up by UTC day (SPEC.md 16.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.checks import within
from anopticon_client.scoring.infectiousness import Infectiousness, KeyMapping
from anopticon_client.scoring.records import Contact, DayScore, show
from anopticon_client.scoring.weights import BUCKETS, COUNTED_TYPES, SCALE, WindowWeights
from anopticon_client.scoring.windows import ExposureWindow, windows_of
from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS

MAX_CLASSES: Final = 4
"""As many as the sample app of Google has."""
MAX_THRESHOLD_SECONDS: Final = 1_350_000
"""A day of 86,400 s at every highest weight: 2.5 three times over."""


@dataclass(frozen=True, slots=True)
class ExposureClass:
    """What makes a day an exposure of this class: any threshold that is not 0 and is reached, in weighted seconds."""

    confirmed_test: int = 0
    clinical_diagnosis: int = 0
    self_report: int = 0
    recursive: int = 0
    day_sum: int = 0
    day_maximum: int = 0
    weighted_duration: int = 0

    def __post_init__(self) -> None:
        """Refuse thresholds out of bounds, and a class that no day could be in."""
        for name in self.__slots__:
            within(name, getattr(self, name), 0, MAX_THRESHOLD_SECONDS, "s")
        if not self.thresholds():
            raise ConfigurationError("a class needs a threshold above 0")

    def thresholds(self) -> dict[str, int]:
        """The thresholds that are not 0, by name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}


@dataclass(slots=True)
class DaySummary:
    """What the windows of one day come to, in weighted seconds: by report type, the largest, without key weights."""

    by_type: dict[ReportType, Fraction] = field(
        default_factory=lambda: dict.fromkeys(COUNTED_TYPES, Fraction(0))
    )
    maximum: Fraction = Fraction(0)
    weighted_duration: Fraction = Fraction(0)
    seconds: int = 0
    buckets: dict[tuple[ReportType, Infectiousness], list[int]] = field(default_factory=dict)

    def reached(self, name: str) -> Fraction:
        """What is held against the threshold of this name."""
        if name == "day_sum":
            return sum(self.by_type.values(), Fraction(0))
        if name == "day_maximum":
            return self.maximum
        if name == "weighted_duration":
            return self.weighted_duration
        return self.by_type[ReportType[name.upper()]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowScoring(WindowWeights):
    """Exposed on a UTC day if the weighted seconds of its windows reach a threshold of a class.

    Windows of less than `min_window_score` weighted seconds do not count, nor those of a key whose infectiousness is
    none, nor days more than `horizon_days` ago (0: no limit). Of the classes that a day is in the first one is told.
    """

    needs_times: ClassVar[bool] = True
    needs_risk_levels: ClassVar[bool] = False

    classes: tuple[ExposureClass, ...]
    min_window_score: int = 0
    horizon_days: int = RETENTION_DAYS
    mapping: KeyMapping = field(default_factory=KeyMapping)

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        WindowWeights.__post_init__(self)
        within("number of classes", len(self.classes), 1, MAX_CLASSES)
        within("min_window_score", self.min_window_score, 0, MAX_THRESHOLD_SECONDS, "s")
        within("horizon_days", self.horizon_days, 0, RETENTION_DAYS, "days")

    def score(self, contacts: Iterable[Contact], *, now: int) -> tuple[DayScore, ...]:
        """The score of each day that has a window which counts."""
        return tuple(
            self._day(day, found) for day, found in sorted(self.summaries(contacts, now=now).items())
        )

    def summaries(self, contacts: Iterable[Contact], *, now: int) -> dict[int, DaySummary]:
        """The daily summaries, by UTC day."""
        days: dict[int, DaySummary] = {}
        for contact in contacts:
            for window in windows_of(contact, self.mapping):
                ago = now // DAY_SECONDS - window.day
                if not self.horizon_days or ago <= self.horizon_days:
                    self._add(days, window)
        return days

    def _add(self, days: dict[int, DaySummary], window: ExposureWindow) -> None:
        seconds = self.seconds(window)
        weighted = self.weighted(seconds)
        kind, infectiousness = window.report_type, window.infectiousness
        score = Fraction(weighted * self.key_weight(kind, infectiousness), SCALE)
        counts = kind in COUNTED_TYPES and infectiousness is not Infectiousness.NONE
        if not counts or score < self.min_window_score:
            return
        day = days.setdefault(window.day, DaySummary())
        day.by_type[kind] += score
        day.maximum = max(day.maximum, score)
        day.weighted_duration += Fraction(weighted, 100)
        day.seconds += sum(one for one, weight in zip(seconds, self.weights_percent, strict=True) if weight)
        buckets = day.buckets.setdefault((kind, infectiousness), [0] * BUCKETS)
        buckets[:] = [one + more for one, more in zip(buckets, seconds, strict=True)]

    def _day(self, day: int, found: DaySummary) -> DayScore:
        value, name, level = self._classify(found)
        threshold = self.classes[max(level, 1) - 1].thresholds()[name]
        return DayScore(
            day,
            value,
            Fraction(threshold),
            "weighted seconds",
            level,
            found.seconds,
            f"you spent {found.seconds // 60} minutes near people who later tested positive, "
            f"which weigh {show(value / 60)}",
            tuple(self._lines(found, name)),
        )

    def _classify(self, found: DaySummary) -> tuple[Fraction, str, int]:
        """The value that decided, its threshold's name and the class; of the first class what comes nearest if none."""
        ratios: list[tuple[Fraction, str]] = []
        for level, one in enumerate(self.classes, start=1):
            ratios = [(found.reached(name) / value, name) for name, value in one.thresholds().items()]
            ratio, name = max(ratios)
            if ratio >= 1:
                return found.reached(name), name, level
        first = self.classes[0].thresholds()
        nearest = max(first, key=lambda name: (found.reached(name) / first[name], name))
        return found.reached(nearest), nearest, 0

    def _lines(self, found: DaySummary, name: str) -> Iterable[str]:
        places = self.bucket_names()
        for (kind, infectiousness), seconds in sorted(found.buckets.items()):
            heard = (
                f"{show(Fraction(one, 60))} minutes {places[place]} times {self.weights_percent[place]} %"
                for place, one in enumerate(seconds)
                if one
            )
            weight = show(Fraction(self.key_weight(kind, infectiousness), 100))
            person = f"{kind.name.lower().replace('_', ' ')}, {infectiousness.name.lower()} infectiousness"
            yield f"{person}: {', '.join(heard)}; all times {weight} %"
        yield f"largest window {show(found.maximum)} weighted seconds; windows below {self.min_window_score} left out"
        yield f"decided by: {name.replace('_', ' ')}"
