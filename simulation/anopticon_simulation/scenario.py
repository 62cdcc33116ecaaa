"""Scenario files: TOML in, one validated frozen record out; every error names field, value and what is allowed.

Example: ``load_scenario("town").world.design``.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.errors import InvalidParameterError
from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.sections import (
    ChannelSection,
    ContactsSection,
    DrawnPositives,
    ExposureSection,
    PhonesSection,
    PositivesSection,
    Section,
    ServerSection,
    WorldSection,
)

MAX_SCENARIO_BYTES: Final = 256 * 1024
"""A scenario with thousands of scripted positives fits; nothing longer is a scenario."""
MAX_SHOWN_ERRORS: Final = 10
MAX_SHOWN_CHARS: Final = 60
"""How much of a bad value an error repeats."""
UNITS: Final = (
    "seconds", "minutes", "hours", "days", "hour", "day", "metres", "meters", "km", "db", "dbm", "fraction", "percent",
)  # fmt: skip
UNION_BRANCHES: Final = ("literal['trace']", "constrained-int")
"""What pydantic adds to the place of a fault in `world.days`: which of its two forms it tried."""
_SUFFIX: Final = ".toml"


class Scenario(Section):
    """Everything that a run depends on, beside the contacts file."""

    title: str = Field(default="a scenario without a title", max_length=200)
    world: WorldSection = WorldSection()
    contacts: ContactsSection = ContactsSection()
    phones: PhonesSection = PhonesSection()
    channel: ChannelSection = ChannelSection.model_validate({})
    exposure: ExposureSection = ExposureSection()
    positives: PositivesSection = PositivesSection(drawn=DrawnPositives())
    server: ServerSection = ServerSection()

    @model_validator(mode="after")
    def _dates(self) -> Self:
        self.start()
        return self

    def start(self) -> int:
        """Midnight (UTC) of the first day, in Unix seconds."""
        day = datetime.strptime(self.world.start_day, "%Y-%m-%d").replace(tzinfo=UTC)
        return int(day.timestamp())

    @property
    def design_spec(self) -> str:
        """The design with its parameters, as the protocol writes it."""
        window = self.world.hybrid_window_minutes
        return f"hybrid:window_minutes={window}" if self.world.design == "hybrid" else self.world.design

    def canonical(self) -> str:
        """The scenario as JSON with sorted keys: equal for equal scenarios, defaults written out.

        Where the contacts file lies is left out: it differs from machine to machine, and the digest of the contacts
        says which they are.
        """
        fields = self.model_dump(mode="json", exclude={"contacts": {"file"}})
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 (hex) of `canonical`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def with_world(self, **changes: object) -> Scenario:
        """The same with fields of [world] replaced; raises ScenarioError."""
        fields = self.model_dump(mode="json")
        fields["world"] |= {name: value for name, value in changes.items() if value is not None}
        return parse_scenario(fields, "command line")

    def with_design(self, spec: str | None) -> Scenario:
        """The same with another design, as `hybrid` or `hybrid:window_minutes=60`; raises ScenarioError."""
        if spec is None:
            return self
        try:
            design = open_design(spec)
        except InvalidParameterError as error:
            raise ScenarioError(str(error)) from error
        window = getattr(design, "window_minutes", None) if ":" in spec else None
        return self.with_world(design=design.name, hybrid_window_minutes=window)

    def with_channel(self, preset: str) -> Scenario:
        """The same on another of the channel's presets, `perfect` or `lossy`; raises ScenarioError."""
        return parse_scenario(self.model_dump(mode="json") | {"channel": {"preset": preset}}, "command line")

    def with_contacts_file(self, file: str) -> Scenario:
        """The same with its contacts from `file`."""
        fields = self.model_dump(mode="json")
        fields["contacts"] |= {"kind": "trace", "file": file}
        return parse_scenario(fields, "command line")


def parse_scenario(fields: Mapping[str, Any], source: str) -> Scenario:
    """Check the fields of a scenario; raises ScenarioError naming every field at fault."""
    try:
        scenario = Scenario.model_validate(fields)
    except ValidationError as error:
        faults = [_sentence(one) for one in error.errors(include_url=False)]
        more = len(faults) - MAX_SHOWN_ERRORS
        shown = faults[:MAX_SHOWN_ERRORS] + ([f"and {more} more"] if more > 0 else [])
        raise ScenarioError(f"scenario {source}: " + "; ".join(shown)) from error
    if ":" in scenario.world.design:
        name = scenario.world.design.partition(":")[0]
        raise ScenarioError(
            f"scenario {source}: world.design is a name alone, {name!r}; world.hybrid_window_minutes says the rest"
        )
    if scenario.world.design not in DESIGNS:
        msg = f"scenario {source}: world.design is {scenario.world.design!r}; it must be one of {', '.join(DESIGNS)}"
        raise ScenarioError(msg)
    period, epoch = scenario.server.release_period_seconds, open_design(scenario.design_spec).epoch_seconds
    if period % epoch:
        raise ScenarioError(
            f"scenario {source}: server.release_period_seconds is {period}: with design {scenario.world.design} it "
            f"must be a multiple of {epoch} seconds, the time that one identifier is broadcast"
        )
    return scenario


def load_scenario(name: str) -> Scenario:
    """Read a scenario file, or a shipped one by its name; raises ScenarioError."""
    shipped = resources.files("anopticon_simulation") / "scenarios" / f"{name}{_SUFFIX}"
    path = Path(name)
    try:
        if not path.suffix and "/" not in name and shipped.is_file():
            data = shipped.read_bytes()
        else:
            with path.open("rb") as file:
                data = file.read(MAX_SCENARIO_BYTES + 1)
    except OSError as error:
        known = ", ".join(shipped_scenarios())
        msg = f"scenario {name}: {error.strerror or error}; give a TOML file or one of: {known}"
        raise ScenarioError(msg) from error
    if len(data) > MAX_SCENARIO_BYTES:
        raise ScenarioError(f"scenario {name}: longer than {MAX_SCENARIO_BYTES} bytes (MAX_SCENARIO_BYTES)")
    try:
        fields = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"scenario {name}: not TOML: {error}") from error
    return parse_scenario(fields, name)


def shipped_scenarios() -> dict[str, str]:
    """Name and title of every scenario that comes with the package."""
    folder = resources.files("anopticon_simulation") / "scenarios"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(_SUFFIX):
            title = tomllib.loads(entry.read_text(encoding="utf-8")).get("title", "")
            found[entry.name.removesuffix(_SUFFIX)] = str(title)
    return found


def _sentence(fault: ErrorDetails) -> str:
    """One fault as pydantic found it, in words: the field's path, what is wrong, and what would be right."""
    path = ".".join(str(part) for part in fault["loc"] if part not in UNION_BRANCHES) or "scenario"
    if fault["type"] == "extra_forbidden":
        return f"{path} is unknown{_hint(fault['loc'])}"
    if fault["type"] == "missing":
        return f"{path} is missing"
    if fault["type"] == "value_error":
        return f"{path}: {fault['ctx']['error']}"
    if fault["type"] == "string_pattern_mismatch" and path == "world.start_day":
        return f"{path} is {fault['input']!r}: it must be a day like 2026-03-02"
    if isinstance(fault["input"], date):
        return f'{path} is a date of TOML: put it in quotes, as "{fault["input"].isoformat()[:10]}"'
    shown = repr(fault["input"])
    return f"{path} is {shown if len(shown) <= MAX_SHOWN_CHARS else shown[:MAX_SHOWN_CHARS] + '...'}: {_rule(fault)}"


def _rule(fault: ErrorDetails) -> str:
    text = fault["msg"].replace("Input should be", "it must be").replace("Value error, ", "")
    model, name = _model_at(fault["loc"][:-1]), fault["loc"][-1] if fault["loc"] else ""
    field = model.model_fields.get(str(name)) if model else None
    if field is None:
        return text
    bounds = [f"{word} {value}" for word, value in _bounds(field.metadata)]
    if not bounds:
        return text
    if fault["type"] in {"greater_than_equal", "less_than_equal"}:
        return f"it must be {' and '.join(bounds)}"
    return f"{text} (allowed: {' and '.join(bounds)})"


def _bounds(metadata: list[Any]) -> list[tuple[str, Any]]:
    found = []
    for constraint in metadata:
        for attribute, word in (("ge", "at least"), ("le", "at most"), ("pattern", "of the form")):
            value = getattr(constraint, attribute, None)
            if value is not None:
                found.append((word, value))
    return found


def _hint(location: tuple[int | str, ...]) -> str:
    model, name = _model_at(location[:-1]), str(location[-1])
    if model is None:
        return ""
    known = list(model.model_fields)
    stem = _without_unit(name)
    for field in known:
        if stem and stem != name and _without_unit(field) == stem:
            return f": the unit is wrong, this is given as {field}"
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f"; known here: {', '.join(known)}"


def _without_unit(name: str) -> str:
    """The name less its unit, wherever in it that stands: clock_skew_seconds_max becomes clock_skew_max."""
    return "_".join(part for part in name.split("_") if part not in UNITS)


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Scenario
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = _model_in(field.annotation) if field else None
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
