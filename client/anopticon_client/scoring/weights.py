"""What the seconds of an exposure window weigh in Exposure Notification v2 (SPEC.md 16.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anopticon_client.scoring.checks import (
    MAX_ATTENUATION_DB,
    MAX_WEIGHT_PERCENT,
    all_within,
    ascending,
)
from anopticon_client.scoring.infectiousness import Infectiousness
from anopticon_client.scoring.windows import ExposureWindow
from anopticon_protocol.designs.records import ReportType

BUCKETS: Final = 4
"""Immediate, near, medium, other."""
COUNTED_TYPES: Final = (
    ReportType.CONFIRMED_TEST,
    ReportType.CLINICAL_DIAGNOSIS,
    ReportType.SELF_REPORT,
    ReportType.RECURSIVE,
)
"""In the order of `report_weights_percent`; in `risk_weights_percent` they come from the last to the first."""
SCALE: Final = 1_000_000
"""Scores are whole numbers of seconds times three weights in percent: exact, whatever is added in which order."""
RISK_WEIGHTS: Final = 2 * len(COUNTED_TYPES)
_WEIGHTS: Final = 0, MAX_WEIGHT_PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowWeights:
    """Attenuation buckets and their weights, and what a report type and an infectiousness weigh.

    A scan of typical attenuation up to the first of `thresholds_db` is immediate, up to the second near, up to the
    third medium, else other: `weights_percent` in this order. Report types: confirmed test, clinical diagnosis, self
    report, recursive. Infectiousness: standard, high. If `risk_weights_percent` is given it takes the place of the
    product of the two: recursive standard and high, self report, clinical diagnosis, confirmed test.
    """

    thresholds_db: tuple[int, ...]
    weights_percent: tuple[int, ...]
    report_weights_percent: tuple[int, ...] = (100, 100, 100, 100)
    infectiousness_weights_percent: tuple[int, ...] = (100, 100)
    risk_weights_percent: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        all_within("thresholds_db", self.thresholds_db, BUCKETS - 1, (0, MAX_ATTENUATION_DB), "dB")
        ascending("thresholds_db", self.thresholds_db)
        for name, count in (
            ("weights_percent", BUCKETS),
            ("report_weights_percent", len(COUNTED_TYPES)),
            ("infectiousness_weights_percent", len(Infectiousness) - 1),
        ):
            all_within(name, getattr(self, name), count, _WEIGHTS, "%")
        if self.risk_weights_percent:
            all_within("risk_weights_percent", self.risk_weights_percent, RISK_WEIGHTS, _WEIGHTS, "%")

    def seconds(self, window: ExposureWindow) -> list[int]:
        """Seconds of a window by bucket."""
        seconds = [0] * BUCKETS
        for scan in window.scans:
            bucket = sum(scan.typical_attenuation_db > threshold for threshold in self.thresholds_db)
            seconds[bucket] += scan.seconds_since_last_scan
        return seconds

    def weighted(self, seconds: list[int]) -> int:
        """Seconds of all buckets with their weights, in seconds times 100."""
        return sum(one * weight for one, weight in zip(seconds, self.weights_percent, strict=True))

    def key_weight(self, report_type: ReportType, infectiousness: Infectiousness) -> int:
        """What a key of this report type and infectiousness weighs, times 10,000; nothing if it does not count."""
        if report_type not in COUNTED_TYPES or infectiousness is Infectiousness.NONE:
            return 0
        place = COUNTED_TYPES.index(report_type)
        if self.risk_weights_percent:
            level = 2 * (len(COUNTED_TYPES) - 1 - place) + infectiousness - 1
            return 100 * self.risk_weights_percent[level]
        return self.report_weights_percent[place] * self.infectiousness_weights_percent[infectiousness - 1]

    def bucket_names(self) -> tuple[str, ...]:
        """How the buckets are called when a score is explained."""
        near, medium, far = self.thresholds_db
        return f"up to {near} dB", f"up to {medium} dB", f"up to {far} dB", f"above {far} dB"
