"""What every section of a scenario is: frozen, strict, with bounds."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

MAX_DAYS = 400
"""Longest world, in days: as long as the longest trace."""


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
