"""The sections of a synthetic town: its people and the places where they meet."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from anopticon_simulation.sections.base import Metres, Section, Share

MAX_TOWN_PERSON_DAYS = 100_000
"""Most people times days of a generated town: about five million contact records."""


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
