"""Checks that every scoring configuration makes of itself: the error names the field, its value and its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from anopticon_client.errors import ConfigurationError

MAX_ATTENUATION_DB: Final = 255
"""Attenuations are compared as u8 in Exposure Notification; -126 dBm heard of +20 dBm is 146 dB."""
MAX_WEIGHT_PERCENT: Final = 250
"""Weights go up to 2.5 in Exposure Notification."""
MAX_MINUTES_PER_DAY: Final = 1_440
MAX_SHOWN_CHARS: Final = 80


def within(name: str, value: int, low: int, high: int, unit: str = "") -> None:
    """Refuse a number outside `low`..`high`."""
    if not low <= value <= high:
        msg = f"{name} = {value}, must be {low}..{high}{' ' if unit else ''}{unit}"
        raise ConfigurationError(msg)


def all_within(name: str, values: Sequence[int], count: int, limits: tuple[int, int], unit: str = "") -> None:
    """Refuse a list of another length than `count`, and any number of it outside `limits`."""
    if len(values) != count:
        msg = f"{name} has {len(values)} numbers, must be {count}"
        raise ConfigurationError(msg)
    for place, value in enumerate(values):
        within(f"{name}[{place}]", value, *limits, unit)


def ascending(name: str, values: Sequence[int]) -> None:
    """Refuse thresholds that do not go up."""
    if any(one >= two for one, two in pairwise(values)):
        msg = f"{name} = {list(values)}, must ascend"
        raise ConfigurationError(msg)


def shown(value: object) -> str:
    """A value that a file gave, short enough for a sentence; of what holds other values the kind alone."""
    if isinstance(value, str | int | float | None):
        return repr(value)[:MAX_SHOWN_CHARS]
    return f"a {type(value).__name__}"
