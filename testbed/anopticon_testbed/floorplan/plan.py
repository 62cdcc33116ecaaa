"""A floor plan as a TOML file: `[[walls]]`, `[[nodes]]` and `[[walkers]]`, in metres, dB and seconds.

title = "Two rooms"
[[walls]]
points = [[4, 0], [4, 3]]
loss_db = 6
[[nodes]]
name = "desk"
at = [1, 1, 0.8]
[[walkers]]
name = "guest"
waypoints = [[1, 2], [6, 2]]
"""

from __future__ import annotations

import math
import tomllib
from functools import cached_property
from importlib.resources import files
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from anopticon_testbed.errors import InputError

MAX_PLAN_BYTES: Final = 64 * 1024
"""500 walls and 64 places of a line each, twice over."""
MAX_PLAN_LINE: Final = 2_000
"""Bytes of one line: a hundred points. A key of ten thousand parts would keep the parser busy for minutes."""
MAX_PLAN_METRES: Final = 1_000.0
"""A kilometre is beyond every radio here."""
MAX_WALLS: Final = 500
MAX_POINTS: Final = 100
"""Corners of one wall, or waypoints of one walker."""
MAX_PLACES: Final = 64
"""Nodes and walkers together: what a collector shows."""
SUFFIX: Final = ".toml"

Metres = Annotated[float, Field(ge=-MAX_PLAN_METRES, le=MAX_PLAN_METRES)]
Point = tuple[Metres, Metres]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Wall(_Part):
    """A wall along some points, which costs every signal through it `loss_db`."""

    points: Annotated[tuple[Point, ...], Field(min_length=2, max_length=MAX_POINTS)]
    loss_db: Annotated[float, Field(ge=0, le=100)]


class FixedNode(_Part):
    """A node that stays where it is; `at` is x, y and height."""

    name: Name
    at: tuple[Metres, Metres, Metres]
    carriage: Annotated[str, Field(max_length=100)] = "table"


class Walker(_Part):
    """A node that somebody carries along waypoints, round and round, with a pause at each."""

    name: Name
    waypoints: Annotated[tuple[Point, ...], Field(min_length=2, max_length=MAX_POINTS)]
    speed: Annotated[float, Field(ge=0.05, le=10)] = 1.2
    """Metres a second."""
    pause_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    height: Metres = 1.1
    carriage: Annotated[str, Field(max_length=100)] = "pocket"

    @cached_property
    def _ends(self) -> list[float]:
        """When each pause and each leg ends, seconds from the start of a round."""
        loop = [*self.waypoints, self.waypoints[0]]
        spans = [span for leg in pairwise(loop) for span in (self.pause_s, math.dist(*leg) / self.speed)]
        return list(accumulate(spans))

    @property
    def round_seconds(self) -> float:
        """How long one round takes."""
        return self._ends[-1]

    def position(self, seconds: float) -> Point:
        """Where the walker is `seconds` after the start."""
        if self.round_seconds == 0:
            return self.waypoints[0]
        at = seconds % self.round_seconds
        number = next((place for place, end in enumerate(self._ends) if at < end), len(self._ends) - 1)
        start = self.waypoints[number // 2]
        if number % 2 == 0:
            return start
        end = self.waypoints[(number // 2 + 1) % len(self.waypoints)]
        begin, finish = self._ends[number - 1], self._ends[number]
        share = (at - begin) / (finish - begin) if finish > begin else 0.0
        return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


class FloorPlan(_Part):
    """A whole plan."""

    title: Annotated[str, Field(max_length=100)]
    scatter_db: Annotated[float, Field(ge=0, le=20)] = 4.0
    """Normal scatter of each PDU, in dB."""
    walls: Annotated[tuple[Wall, ...], Field(max_length=MAX_WALLS)] = ()
    nodes: Annotated[tuple[FixedNode, ...], Field(max_length=MAX_PLACES)] = ()
    walkers: Annotated[tuple[Walker, ...], Field(max_length=MAX_PLACES)] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [*(node.name for node in self.nodes), *(walker.name for walker in self.walkers)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two nodes are called {twice[0]!r}")
        if not 1 <= len(names) <= MAX_PLACES:
            raise ValueError(f"{len(names)} nodes and walkers, must be 1..{MAX_PLACES} (MAX_PLACES)")
        return self

    def first(self, count: int) -> FloorPlan:
        """The plan with its first `count` nodes, walkers last; raises InputError if there are not so many."""
        if not 1 <= count <= len(self.nodes) + len(self.walkers):
            raise InputError(
                f"--nodes {count}: must be 1..{len(self.nodes) + len(self.walkers)}, nodes and walkers of the plan"
            )
        walkers = self.walkers[: max(count - len(self.nodes), 0)]
        return self.model_copy(update={"nodes": self.nodes[:count], "walkers": walkers})


def load_plan(name: str) -> FloorPlan:
    """The plan in a file, or one that is shipped; raises InputError naming the field at fault."""
    data = _shipped(name) if name in shipped_plans() else _read(Path(name))
    try:
        return FloorPlan.model_validate(tomllib.loads(data.decode("utf-8")))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the plan"
        raise InputError(f"floor plan {name}: {where}: {fault['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"floor plan {name}: no TOML: {error}") from error


def shipped_plans() -> list[str]:
    """Names of the plans that come with the package."""
    folder = files("anopticon_testbed.floorplan").joinpath("plans")
    return sorted(one.name.removesuffix(SUFFIX) for one in folder.iterdir() if one.name.endswith(SUFFIX))


def _shipped(name: str) -> bytes:
    return files("anopticon_testbed.floorplan").joinpath("plans", name + SUFFIX).read_bytes()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        shipped = ", ".join(shipped_plans())
        raise InputError(
            f"floor plan {path}: {error.strerror or error}. Give a TOML file, or one of those shipped: {shipped}"
        ) from error
    if len(data) > MAX_PLAN_BYTES:
        raise InputError(f"floor plan {path}: longer than {MAX_PLAN_BYTES} bytes (MAX_PLAN_BYTES)")
    if any(len(line) > MAX_PLAN_LINE for line in data.split(b"\n")):
        raise InputError(f"floor plan {path}: has a line longer than {MAX_PLAN_LINE} bytes (MAX_PLAN_LINE)")
    return data
