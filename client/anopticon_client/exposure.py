"""From matched observations to a decision: minutes within an attenuation bound, for each UTC day (SPEC.md 9.5).

Published scoring takes this module's place later; what it needs (every reading, the transmit power, what the key said)
is kept with each matched observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import Observation

MIN_ATTENUATION_BOUND_DB: Final = 0
MAX_ATTENUATION_BOUND_DB: Final = 255
MIN_MINUTES_PER_DAY: Final = 1
MAX_MINUTES_PER_DAY: Final = 1_440


@dataclass(frozen=True, slots=True)
class ExposureRule:
    """Exposed on a UTC day if at least `minutes_per_day` were spent at or below `attenuation_bound_db`.

    All people who tested positive count together, as in the DP-3T exposure score.
    """

    attenuation_bound_db: int = 63
    minutes_per_day: int = 15

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        if not MIN_ATTENUATION_BOUND_DB <= self.attenuation_bound_db <= MAX_ATTENUATION_BOUND_DB:
            bounds = f"{MIN_ATTENUATION_BOUND_DB}..{MAX_ATTENUATION_BOUND_DB}"
            msg = f"attenuation_bound_db = {self.attenuation_bound_db}, must be {bounds} dB"
            raise ConfigurationError(msg)
        if not MIN_MINUTES_PER_DAY <= self.minutes_per_day <= MAX_MINUTES_PER_DAY:
            bounds = f"{MIN_MINUTES_PER_DAY}..{MAX_MINUTES_PER_DAY}"
            msg = f"minutes_per_day = {self.minutes_per_day}, must be {bounds} minutes"
            raise ConfigurationError(msg)


def seconds_per_day(design: Design, rule: ExposureRule, matched: Iterable[Observation]) -> dict[int, int]:
    """Seconds within the attenuation bound, for each UTC day that has any, over all matched observations."""
    seconds: dict[int, int] = {}
    for row in matched:
        if row.match is None:
            continue
        for sample in design.exposure_samples(row, row.match):
            if sample.attenuation_db <= rule.attenuation_bound_db:
                seconds[sample.day] = seconds.get(sample.day, 0) + sample.seconds
    return seconds


def exposed_days(design: Design, rule: ExposureRule, matched: Iterable[Observation]) -> dict[int, int]:
    """The UTC days on which the rule is met, with their seconds within the bound."""
    needed = rule.minutes_per_day * 60
    return {day: total for day, total in seconds_per_day(design, rule, matched).items() if total >= needed}
