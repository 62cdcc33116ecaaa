"""The sections on who tests positive: a script or a draw."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from anopticon_simulation.sections.base import MAX_DAYS, Section, Share


class ScriptedPositive(Section):
    """One positive test that the scenario fixes: who, and when the result is known (UTC, days from 0)."""

    person: Annotated[str, Field(min_length=1, max_length=64)]
    positive_day: Annotated[int, Field(ge=0, le=MAX_DAYS)]
    positive_time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "12:00"
    contagious_days_before: Annotated[int, Field(ge=0, le=14)] = 3
    upload_delay_minutes: Annotated[int, Field(ge=0, le=10_080)] = 0
    consents: bool = True


class DrawnPositives(Section):
    """Positive tests drawn at random: people, day and hour of onset, delays, consent.

    A person is contagious from `contagious_days_before_onset` days before the onset of symptoms.
    Delays are drawn between their least and their greatest value.
    """

    count: Annotated[int, Field(ge=0, le=5_000)] = 3
    onset_day_first: Annotated[int, Field(ge=0, le=MAX_DAYS)] = 1
    onset_day_last: Annotated[int, Field(ge=0, le=MAX_DAYS)] = 3
    contagious_days_before_onset: Annotated[int, Field(ge=0, le=14)] = 2
    test_delay_hours_min: Annotated[int, Field(ge=0, le=336)] = 12
    test_delay_hours_max: Annotated[int, Field(ge=0, le=336)] = 36
    upload_delay_minutes_min: Annotated[int, Field(ge=0, le=10_080)] = 5
    upload_delay_minutes_max: Annotated[int, Field(ge=0, le=10_080)] = 240
    consent_fraction: Share = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return self._check_order(
            ("onset_day_first", "onset_day_last"),
            ("test_delay_hours_min", "test_delay_hours_max"),
            ("upload_delay_minutes_min", "upload_delay_minutes_max"),
        )


class PositivesSection(Section):
    """Who tests positive: either a script or a draw."""

    scripted: Annotated[tuple[ScriptedPositive, ...], Field(max_length=5_000, strict=False)] = ()
    drawn: DrawnPositives | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.scripted and self.drawn is not None:
            raise ValueError("give either [[positives.scripted]] or [positives.drawn], not both")
        seen: set[str] = set()
        for positive in self.scripted:
            if positive.person in seen:
                raise ValueError(f"person {positive.person} is scripted to test positive more than once")
            seen.add(positive.person)
        return self
