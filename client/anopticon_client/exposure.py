"""From matched observations to a decision: minutes within an attenuation bound, for each UTC day (SPEC.md 9.5).

Published scoring takes this module's place later; what it needs (every reading, the transmit power, what the key said)
is kept with each matched observation.
"""

from __future__ import annotations

from collections.abc import Iterable

from anopticon_client.scoring import ExposureRule
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import Observation


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


__all__ = ["ExposureRule", "exposed_days", "seconds_per_day"]
