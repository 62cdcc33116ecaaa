"""The sections on the world, its contacts, phones, exposure rule and key server."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from anopticon_protocol.designs.hybrid import DEFAULT_WINDOW_MINUTES
from anopticon_simulation.sections.base import (
    MAX_DAYS,
    MINUTES_PER_DAY,
    SECONDS_PER_DAY,
    Metres,
    Section,
    Share,
)
from anopticon_simulation.sections.town import TownSection
from anopticon_simulation.streams import MAX_SEED


class WorldSection(Section):
    """When the world begins, how long it lasts, which design its phones speak, and its luck."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 1
    start_day: Annotated[str, Field(pattern=r"^20\d{2}-\d{2}-\d{2}$")] = "2026-03-02"
    days: Literal["trace"] | Annotated[int, Field(ge=1, le=MAX_DAYS)] = "trace"
    days_after_contacts: Annotated[int, Field(ge=0, le=30)] = 1
    design: str = "lowcost"
    hybrid_window_minutes: Annotated[int, Field(ge=15, le=MINUTES_PER_DAY)] = DEFAULT_WINDOW_MINUTES

    @field_validator("start_day")
    @classmethod
    def _is_a_date(cls, value: str) -> str:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no day of the calendar; it must be YYYY-MM-DD") from None
        return value

    @model_validator(mode="after")
    def _window_tiles_a_day(self) -> Self:
        if MINUTES_PER_DAY % self.hybrid_window_minutes or self.hybrid_window_minutes % 15:
            raise ValueError(
                f"hybrid_window_minutes is {self.hybrid_window_minutes}; it must be a multiple of 15 "
                f"minutes that divides a day of {MINUTES_PER_DAY} minutes"
            )
        return self


class ContactsSection(Section):
    """Where contacts come from: a generated town, or a list or a recording that the person running it names."""

    kind: Literal["town", "trace", "recording"] = "town"
    file: str | None = None
    resolution_seconds: Annotated[int, Field(ge=1, le=3_600)] = 20
    default_distance_metres: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    town: TownSection = TownSection.model_validate({})

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.kind == "town" and self.file is not None:
            raise ValueError(
                'file is for kind = "trace" or "recording"; kind = "town" makes its own contacts'
            )
        return self


class PhonesSection(Section):
    """Who has a phone, when it listens, how wrong its clock is, and when it is off."""

    adoption_fraction: Share = 1.0
    scan_interval_seconds: Annotated[int, Field(ge=30, le=3_600)] = 300
    scan_jitter_seconds: Annotated[int, Field(ge=0, le=1_800)] = 30
    clock_skew_seconds_max: Annotated[int, Field(ge=0, le=900)] = 0
    off_days_fraction: Share = 0.0
    off_hours: Annotated[int, Field(ge=0, le=24)] = 8

    @model_validator(mode="after")
    def _scans_apart(self) -> Self:
        if 2 * self.scan_jitter_seconds >= self.scan_interval_seconds:
            raise ValueError(
                f"scan_jitter_seconds ({self.scan_jitter_seconds}) twice must stay below "
                f"scan_interval_seconds ({self.scan_interval_seconds}), or scans would change places"
            )
        return self


class ExposureSection(Section):
    """The exposure rule (minutes within an attenuation bound, per UTC day) and its counterpart in metres.

    58 dB is what a perfect channel measures at two metres: 54 dB at one metre and 12 dB a decade. `scoring` names a
    preset of the phone that takes the place of the rule; the oracle knows the rule alone and then judges nothing.
    """

    scoring: Annotated[str, Field(max_length=64)] = ""
    attenuation_bound_db: Annotated[int, Field(ge=0, le=127)] = 58
    minutes_per_day: Annotated[int, Field(ge=1, le=MINUTES_PER_DAY)] = 15
    distance_bound_metres: Metres = 2.0


class ServerSection(Section):
    """How often the key server publishes, and how long it keeps keys."""

    release_period_seconds: Annotated[int, Field(ge=60, le=SECONDS_PER_DAY)] = 7_200
    retention_days: Annotated[int, Field(ge=1, le=30)] = 14

    @model_validator(mode="after")
    def _periods_tile_a_day(self) -> Self:
        if SECONDS_PER_DAY % self.release_period_seconds:
            raise ValueError(
                f"release_period_seconds is {self.release_period_seconds}; it must divide a day of "
                f"{SECONDS_PER_DAY} seconds"
            )
        return self
