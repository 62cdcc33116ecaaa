"""Scenario files: TOML in, one validated frozen record out; every error names field, value and what is allowed.

Example: ``load_scenario("town").world.design``.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, model_validator

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import open_scoring
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.errors import InvalidParameterError
from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.faults import sentence
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
        if not self.exposure.scoring:
            del fields["exposure"]["scoring"]  # digests of scenarios that choose none are as before
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

    def with_scoring(self, name: str | None) -> Scenario:
        """The same with another scoring, by the name of its preset; raises ScenarioError."""
        if name is None:
            return self
        fields = self.model_dump(mode="json")
        fields["exposure"]["scoring"] = name
        return parse_scenario(fields, "command line")

    def with_channel(self, preset: str) -> Scenario:
        """The same on another of the channel's presets, `perfect` or `lossy`; raises ScenarioError."""
        return parse_scenario(self.model_dump(mode="json") | {"channel": {"preset": preset}}, "command line")

    def with_recording(self, folder: str) -> Scenario:
        """The same on the air of a recording, or of a folder of them."""
        fields = self.model_dump(mode="json")
        fields["contacts"] |= {"kind": "recording", "file": folder}
        return parse_scenario(fields, "command line")

    def with_tx_power(self, dbm: int) -> Scenario:
        """The same with phones that radiate this power; raises ScenarioError."""
        fields = self.model_dump(mode="json")
        fields["channel"] |= {"tx_power_dbm": dbm}
        return parse_scenario(fields, "recording")

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
        faults = [sentence(Scenario, one) for one in error.errors(include_url=False)]
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
    _check_scoring(scenario, source)
    return scenario


def _check_scoring(scenario: Scenario, source: str) -> None:
    """Whether phones of this design could follow the scoring; raises ScenarioError."""
    name = scenario.exposure.scoring
    if not name:
        return
    try:
        PhoneConfig(open_design(scenario.design_spec), {}, open_scoring(name))
    except ConfigurationError as error:
        raise ScenarioError(f"scenario {source}: exposure.scoring is {name!r}: {error}") from error


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
