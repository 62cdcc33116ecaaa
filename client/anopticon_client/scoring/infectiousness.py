"""How infectious somebody was, by days since the first symptoms, and the text form of that map (SPEC.md 16.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_protocol.designs.gaen_keys import MAX_ONSET_DAYS
from anopticon_protocol.designs.records import ReportType

ONSET_DAYS: Final = 2 * MAX_ONSET_DAYS + 1
"""Days -14 to 14."""
ONSET_TEXT_DIGITS: Final = 16
"""Hexadecimal digits of the text form: two bits for each day and for a missing one, padded to 64."""
_BITS = 2
_MASK = 0b11


class Infectiousness(IntEnum):
    """How infectious a person was on the day of a key."""

    NONE = 0
    STANDARD = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class KeyMapping:
    """What a phone reads out of a key: infectiousness by day -14..14 since onset, and what stands for what is missing.

    The default is that of a phone that was given no mapping: everybody is of standard infectiousness, and a key
    without report type was published after a confirmed test.
    """

    by_onset: tuple[Infectiousness, ...] = (Infectiousness.STANDARD,) * ONSET_DAYS
    when_missing: Infectiousness = Infectiousness.STANDARD
    report_type_when_missing: ReportType = ReportType.CONFIRMED_TEST

    def __post_init__(self) -> None:
        """Refuse a map of another length and a report type that no key may be given."""
        if len(self.by_onset) != ONSET_DAYS:
            raise ConfigurationError(f"by_onset has {len(self.by_onset)} days, must be {ONSET_DAYS}")
        if self.report_type_when_missing in (ReportType.UNKNOWN, ReportType.REVOKED):
            named = self.report_type_when_missing.name.lower()
            raise ConfigurationError(f"report_type_when_missing = {named}, must be a type that counts")

    def infectiousness(self, days_since_onset: int | None) -> Infectiousness:
        """Of a key; what lies beyond 14 days is as good as missing."""
        if days_since_onset is None or abs(days_since_onset) > MAX_ONSET_DAYS:
            return self.when_missing
        return self.by_onset[days_since_onset + MAX_ONSET_DAYS]

    def report_type(self, said: ReportType) -> ReportType:
        """Of a key that says `said`."""
        return self.report_type_when_missing if said is ReportType.UNKNOWN else said

    def onset_text(self) -> str:
        """The text form: 16 hexadecimal digits, day -14 in the two lowest bits, a missing day above day 14."""
        number = 0
        for place, value in enumerate((*self.by_onset, self.when_missing)):
            number |= value << _BITS * place
        return f"{number:0{ONSET_TEXT_DIGITS}x}"


def parse_onset_text(
    text: str, report_type_when_missing: ReportType = ReportType.CONFIRMED_TEST
) -> KeyMapping:
    """The reverse of `KeyMapping.onset_text`; `0x` before it and capital letters are allowed."""
    digits = text.lower().removeprefix("0x")
    if not 1 <= len(digits) <= ONSET_TEXT_DIGITS or not set(digits) <= set("0123456789abcdef"):
        raise ConfigurationError(
            f"onset map {text[:40]!r}: must be 1..{ONSET_TEXT_DIGITS} hexadecimal digits"
        )
    number = int(digits, 16)
    if number >> _BITS * (ONSET_DAYS + 1):
        raise ConfigurationError(f"onset map {text!r}: has bits beyond its {ONSET_DAYS + 1} entries")
    values = [number >> _BITS * place & _MASK for place in range(ONSET_DAYS + 1)]
    if _MASK in values:
        day = values.index(_MASK) - MAX_ONSET_DAYS
        raise ConfigurationError(f"onset map {text!r}: entry of day {day} is 3, must be 0..2")
    *by_onset, missing = map(Infectiousness, values)
    return KeyMapping(tuple(by_onset), missing, report_type_when_missing)
