"""The sections of a scenario: every figure with its unit in its name, its range and its reason.

Units are spelled out (`_seconds`, `_minutes`, `_hours`, `_days`, `_metres`, `_db`, `_dbm`,
`_fraction` for a share from 0 to 1). A section takes no field it does not know.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from anopticon_simulation.streams import MAX_SEED

MAX_DAYS = 400
"""Longest world, in days: as long as the longest trace."""

MAX_TOWN_PERSON_DAYS = 100_000
"""Most people times days of a generated town: about five million contact records."""

MINUTES_PER_DAY = 1_440
SECONDS_PER_DAY = 86_400

Share = Annotated[float, Field(ge=0, le=1)]
Metres = Annotated[float, Field(ge=0, le=1_000)]
Decibels = Annotated[float, Field(ge=0, le=100)]


class Section(BaseModel):
    """A frozen record that refuses unknown fields, other types, infinities and values out of range."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def _check_order(self, *pairs: tuple[str, str]) -> Self:
        """Raise ValueError where the first field of a pair is above the second."""
        for low, high in pairs:
            least, greatest = getattr(self, low), getattr(self, high)
            if least > greatest:
                raise ValueError(f"{low} ({least}) must not be above {high} ({greatest})")
        return self


class WorldSection(Section):
    """When the world begins, how long it lasts, which design its phones speak, and its luck."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 1
    start_day: Annotated[str, Field(pattern=r"^20\d{2}-\d{2}-\d{2}$")] = "2026-03-02"
    days: Literal["trace"] | Annotated[int, Field(ge=1, le=MAX_DAYS)] = "trace"
    days_after_contacts: Annotated[int, Field(ge=0, le=30)] = 1
    design: str = "lowcost"
    hybrid_window_minutes: Annotated[int, Field(ge=15, le=MINUTES_PER_DAY)] = 240

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


class LayerSection(Section):
    """How the members of one group meet in a day: two of them, some meetings, each of some length.

    Every day each pair meets with `meeting_fraction` where the two are close, as `close_fraction`
    of the pairs are for good, and with a fifth of it otherwise. Lengths follow a power law with
    exponent 2, in steps of 20 seconds: the shape that badge studies find.
    """

    meeting_fraction: Share
    close_fraction: Share = 1.0
    meetings_max: Annotated[int, Field(ge=1, le=100)] = 1
    shortest_seconds: Annotated[int, Field(ge=20, le=14_400)] = 20
    longest_seconds: Annotated[int, Field(ge=20, le=14_400)] = 3_600
    nearest_metres: Metres = 0.5
    farthest_metres: Metres = 3.0
    start_hour: Annotated[int, Field(ge=0, le=23)]
    end_hour: Annotated[int, Field(ge=1, le=24)]
    weekend: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        self._check_order(("shortest_seconds", "longest_seconds"), ("nearest_metres", "farthest_metres"))
        if self.start_hour >= self.end_hour:
            raise ValueError(f"start_hour ({self.start_hour}) must be before end_hour ({self.end_hour})")
        return self


class VisitSection(LayerSection):
    """A layer whose groups form anew each day: those who are at one place in one slot of time."""

    visitor_fraction: Share
    places: Annotated[int, Field(ge=1, le=1_000)]
    slot_minutes: Annotated[int, Field(ge=1, le=240)] = 30


LAYERS: dict[str, dict[str, object]] = {
    "household": {
        "meeting_fraction": 0.9, "meetings_max": 4, "shortest_seconds": 120, "longest_seconds": 7_200,
        "nearest_metres": 0.4, "farthest_metres": 3.0, "start_hour": 18, "end_hour": 23,
    },
    "school": {
        "meeting_fraction": 0.6, "close_fraction": 0.2, "meetings_max": 6, "longest_seconds": 3_600,
        "nearest_metres": 0.5, "farthest_metres": 3.0, "start_hour": 8, "end_hour": 15, "weekend": False,
    },
    "work": {
        "meeting_fraction": 0.5, "close_fraction": 0.25, "meetings_max": 3, "shortest_seconds": 40,
        "longest_seconds": 5_400, "nearest_metres": 0.6, "farthest_metres": 4.0,
        "start_hour": 8, "end_hour": 17, "weekend": False,
    },
    "transit": {
        "meeting_fraction": 0.15, "shortest_seconds": 60, "longest_seconds": 1_800, "nearest_metres": 0.4,
        "farthest_metres": 3.0, "start_hour": 7, "end_hour": 8, "weekend": False,
        "visitor_fraction": 0.3, "places": 6, "slot_minutes": 20,
    },
    "shops": {
        "meeting_fraction": 0.1, "longest_seconds": 1_200, "nearest_metres": 0.8, "farthest_metres": 5.0,
        "start_hour": 17, "end_hour": 18, "visitor_fraction": 0.4, "places": 8, "slot_minutes": 30,
    },
}  # fmt: skip
"""The default town: evenings at home, school and work on weekdays, and the ways between them. They are
assumptions, chosen so that a person spends about 50 minutes a day near others (the high-school trace: 77)."""


class TownSection(Section):
    """A synthetic town: who lives, learns and works together, and how these groups meet."""

    people: Annotated[int, Field(ge=2, le=5_000)] = 300
    days: Annotated[int, Field(ge=1, le=60)] = 6
    household_size_weights: Annotated[
        tuple[Annotated[int, Field(ge=0, le=1_000_000)], ...],
        Field(min_length=1, max_length=10, strict=False),
    ] = (28, 34, 16, 15, 7)
    employed_fraction: Share = 0.75
    class_size: Annotated[int, Field(ge=2, le=100)] = 24
    workplace_size_max: Annotated[int, Field(ge=2, le=500)] = 30
    household: LayerSection
    school: LayerSection
    work: LayerSection
    transit: VisitSection
    shops: VisitSection

    @model_validator(mode="before")
    @classmethod
    def _fill_layers(cls, data: object) -> object:
        """Let a scenario give some figures of a layer and leave the rest of them as they are."""
        if not isinstance(data, dict):
            return data
        given = {name: data.get(name, {}) for name in LAYERS}
        # What is no table gets an error of its own from the field it was given for.
        return data | {
            name: LAYERS[name] | value if isinstance(value, dict) else value for name, value in given.items()
        }

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not sum(self.household_size_weights):
            raise ValueError("household_size_weights must not all be 0")
        if self.people * self.days > MAX_TOWN_PERSON_DAYS:
            raise ValueError(
                f"people times days is {self.people * self.days}, above MAX_TOWN_PERSON_DAYS "
                f"({MAX_TOWN_PERSON_DAYS})"
            )
        return self


class ContactsSection(Section):
    """Where contacts come from: a generated town, or a file that the person running it names."""

    kind: Literal["town", "trace"] = "town"
    file: str | None = None
    resolution_seconds: Annotated[int, Field(ge=1, le=3_600)] = 20
    default_distance_metres: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    town: TownSection = TownSection.model_validate({})

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.kind == "town" and self.file is not None:
            raise ValueError('file is for kind = "trace"; kind = "town" makes its own contacts')
        return self


class PhonesSection(Section):
    """Who has a phone, when it listens, how wrong its clock is, and when it is off."""

    adoption_fraction: Share = 1.0
    scan_interval_seconds: Annotated[int, Field(ge=30, le=3_600)] = 300
    scan_jitter_seconds: Annotated[int, Field(ge=0, le=1_800)] = 30
    scan_length_seconds: Annotated[int, Field(ge=1, le=60)] = 4
    clock_skew_seconds_max: Annotated[int, Field(ge=0, le=900)] = 0
    off_days_fraction: Share = 0.0
    off_hours: Annotated[int, Field(ge=0, le=24)] = 8

    @model_validator(mode="after")
    def _scans_apart(self) -> Self:
        if 2 * self.scan_jitter_seconds + self.scan_length_seconds >= self.scan_interval_seconds:
            raise ValueError(
                f"scan_jitter_seconds ({self.scan_jitter_seconds}) twice and scan_length_seconds "
                f"({self.scan_length_seconds}) must stay below scan_interval_seconds "
                f"({self.scan_interval_seconds}), or scans would overlap"
            )
        return self


class CarriageSection(Section):
    """A place where some carry their phone, and what it costs; a person changes place from day to day."""

    place: Annotated[str, Field(min_length=1, max_length=40)]
    fraction: Share
    offset_db: Annotated[float, Field(ge=-50, le=50)]


PERFECT: dict[str, object] = {
    "level_at_1m_db": 54.0,
    "slope_db_per_decade": 12.0,
    "pair_day_sd_db": 0.0,
    "fading_sd_db": 0.0,
    "loss_fraction": 0.0,
    "tx_power_dbm": -28,
    "receiver_floor_dbm": -127,
    "minimum_distance_metres": 0.1,
}
"""Every scan in a contact hears, at a level that depends on distance alone."""

LOSSY: dict[str, object] = PERFECT | {
    "pair_day_sd_db": 6.8,
    "fading_sd_db": 5.3,
    "loss_fraction": 0.1,
    "receiver_floor_dbm": -100,
}
"""Fitted to 20,719 readings of the DP-3T project in six social scenes: level 54 dB, 12 dB per decade, spread
6.8 dB between pairs and 5.3 dB within one, nothing below -100 dBm; there 54 dB came as -82 dBm. The loss of
one scan in ten is an assumption."""

PRESETS = {"perfect": PERFECT, "lossy": LOSSY}


class ChannelSection(Section):
    """From distance to RSSI; a preset gives every figure, and any of them can be given beside it.

    attenuation = level_at_1m + slope * log10(distance / 1 m) + a static offset per pair and day
    + carriage offsets of both + fading per scan, and RSSI = tx_power - attenuation. `tx_power` is
    the level that makes this difference the attenuation, as phones state it.
    """

    preset: Literal["perfect", "lossy"] = "perfect"
    level_at_1m_db: Decibels
    slope_db_per_decade: Decibels
    pair_day_sd_db: Annotated[float, Field(ge=0, le=30)]
    fading_sd_db: Annotated[float, Field(ge=0, le=30)]
    loss_fraction: Share
    tx_power_dbm: Annotated[int, Field(ge=-60, le=20)]
    receiver_floor_dbm: Annotated[int, Field(ge=-127, le=-40)]
    minimum_distance_metres: Annotated[float, Field(ge=0.01, le=10)]
    carriage: Annotated[tuple[CarriageSection, ...], Field(max_length=8, strict=False)] = ()

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        preset = data.get("preset", "perfect")
        # An unknown preset gets an error of its own; its absent fields shall not add eight more.
        return (PRESETS.get(preset, PERFECT) if isinstance(preset, str) else PERFECT) | data

    @model_validator(mode="after")
    def _carriage_shares(self) -> Self:
        total = sum(place.fraction for place in self.carriage)
        if total > 1:
            raise ValueError(f"the fractions of carriage sum to {total:g}; they must not exceed 1")
        return self


class ExposureSection(Section):
    """The exposure rule (minutes within an attenuation bound, per UTC day) and its counterpart in metres.

    58 dB is what a perfect channel measures at two metres: 54 dB at one metre and 12 dB a decade.
    """

    attenuation_bound_db: Annotated[int, Field(ge=0, le=127)] = 58
    minutes_per_day: Annotated[int, Field(ge=1, le=MINUTES_PER_DAY)] = 15
    distance_bound_metres: Metres = 2.0


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
