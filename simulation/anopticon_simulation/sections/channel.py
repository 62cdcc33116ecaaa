"""The sections of the radio channel, with its two presets."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from anopticon_simulation.sections.base import Decibels, Section, Share


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
