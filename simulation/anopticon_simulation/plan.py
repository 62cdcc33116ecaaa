"""Everything that luck decides, fixed before a run: phones, meetings, hearings, positive tests.

No design and no server appears here: two designs run over one plan, on the very same hearings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from anopticon_simulation.channel import Channel, Scan
from anopticon_simulation.contacts.readers import read_contacts
from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Trace
from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.oracle import Hearing
from anopticon_simulation.positives import Positive, plan_positives
from anopticon_simulation.recorded import RecordedAir, open_recording
from anopticon_simulation.scenario import Scenario
from anopticon_simulation.streams import Streams, below, uniform
from anopticon_simulation.town import build_town

SETTLING_SECONDS: Final = 4 * 3_600
"""After the last upload the world goes on for a day, or for a release period and this if that is longer: until every
key is published (embargo of two hours, rounded up to a release) and every phone has asked (five minutes)."""


class Air(Protocol):
    """Whatever says who hears whom: a channel, or a recording of one."""

    def scans(self, trace: Trace, adopters: Collection[int]) -> tuple[Scan, ...]:
        """Every scan that hears somebody, in order of (time, receiver)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A world before it begins. Times are Unix seconds."""

    scenario: Scenario
    streams: Streams
    trace: Trace
    notes: tuple[str, ...]
    """What reading the contacts put right, in sentences."""
    start: int
    end: int
    adopters: tuple[int, ...]
    clock_skew: Mapping[int, int]
    positives: tuple[Positive, ...]
    scans: tuple[Scan, ...]

    @property
    def design(self) -> str:
        """The design that this world's phones speak, with its parameters."""
        return self.scenario.design_spec

    @property
    def days(self) -> int:
        """How many days the world lasts."""
        return (self.end - self.start) // SECONDS_PER_DAY

    def log(self) -> tuple[Hearing, ...]:
        """The channel's own log: who heard whom, when and how strongly, by identity."""
        return tuple(
            Hearing(scan.time, scan.receiver, sender, first, scan.seconds_since_previous_scan, tuple(more))
            for scan in self.scans
            for sender, (first, *more) in _by_sender(scan)
        )


def _by_sender(scan: Scan) -> list[tuple[int, list[int]]]:
    strengths: dict[int, list[int]] = {}
    for sender, rssi in scan.heard:
        strengths.setdefault(sender, []).append(rssi)
    return list(strengths.items())


def make_plan(scenario: Scenario) -> Plan:
    """Draw the world of a scenario; raises ScenarioError or ContactFileError."""
    seed, start = scenario.world.seed, scenario.start()
    streams = Streams(seed)
    recorded = _recorded(scenario, start)
    if recorded is not None:
        # What was measured was measured at this power; attenuations are taken from it.
        scenario = scenario.with_tx_power(recorded.tx_power_dbm)
        trace, notes = recorded.trace, recorded.notes
    else:
        trace, notes = _contacts(scenario, start, streams)
    people = range(len(trace.people))
    share, most = scenario.phones.adoption_fraction, scenario.phones.clock_skew_seconds_max
    adopters = tuple(one for one in people if uniform(seed, "adoption", one) < share)
    skew = {one: below(seed, "clock-skew", 2 * most + 1, one) - most if most else 0 for one in people}
    positives = plan_positives(scenario.positives, trace.people, start, streams)
    air: Air = recorded or Channel(scenario.channel, scenario.phones, seed, start)
    return Plan(
        scenario=scenario,
        streams=streams,
        trace=trace,
        notes=notes,
        start=start,
        end=_end(scenario, start, max(trace.end, 0 if recorded is None else recorded.end), positives),
        adopters=adopters,
        clock_skew=skew,
        positives=positives,
        scans=air.scans(trace, adopters),
    )


def _recorded(scenario: Scenario, start: int) -> RecordedAir | None:
    contacts = scenario.contacts
    if contacts.kind != "recording":
        return None
    if contacts.file is None:
        raise ScenarioError(f"{scenario.title}: no recording is named; give one with --recording FOLDER")
    return open_recording(Path(contacts.file), scenario.phones, scenario.world.seed, start)


def _contacts(scenario: Scenario, start: int, streams: Streams) -> tuple[Trace, tuple[str, ...]]:
    contacts = scenario.contacts
    if contacts.kind == "town":
        return build_town(contacts.town, start, streams), ()
    if contacts.file is None:
        raise ScenarioError(f"{scenario.title}: no contacts file is named; give one with --contacts FILE")
    read = read_contacts(
        Path(contacts.file),
        resolution_seconds=contacts.resolution_seconds,
        default_distance_metres=contacts.default_distance_metres,
    )
    return read.trace.shifted_to(start), read.notes


def _end(scenario: Scenario, start: int, contacts_end: int, positives: tuple[Positive, ...]) -> int:
    """Whole days: those of the contacts and some more, or as many as are asked for; at least until all has settled."""
    days = scenario.world.days
    if days == "trace":
        last = max(contacts_end, start + 1)
        days = -(-(last - start) // SECONDS_PER_DAY) + scenario.world.days_after_contacts
    wait = max(SECONDS_PER_DAY, scenario.server.release_period_seconds + SETTLING_SECONDS)
    settled = max((one.uploads_at or 0 for one in positives), default=0) + wait
    return max(
        start + days * SECONDS_PER_DAY, start + -(-(settled - start) // SECONDS_PER_DAY) * SECONDS_PER_DAY
    )
