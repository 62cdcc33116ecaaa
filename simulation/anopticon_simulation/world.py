"""A whole deployment in virtual time: people, phones, air, key server, and those who test positive (SPEC.md 11).

Everything that is random is drawn before or beside the run from named streams, so that an observer, a metric or a
second design changes nobody's meetings. The phones are real `Phone` objects, the server is the real server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Sighting
from anopticon_client.scoring import ExposureRule, Scorer, open_scoring
from anopticon_protocol.designs import open_design
from anopticon_protocol.messages import BatchIndex
from anopticon_protocol.signing import VerifyingKey
from anopticon_simulation.channel import Scan
from anopticon_simulation.device import Device
from anopticon_simulation.engine import Engine
from anopticon_simulation.keyserver import CODE_ENTROPY_BYTES, Edge, Rows, ServerLink
from anopticon_simulation.plan import Plan
from anopticon_simulation.positives import Positive
from anopticon_simulation.sections import ExposureSection

SERVER_FIRST: Final = 0
WAKE_NEXT: Final = 1
REPORT_THEN: Final = 2
SCAN_LAST: Final = 3
"""Order within one second: the server publishes, phones rotate, people report, and only then do radios hear."""
PROGRESS_STEPS: Final = 200

Progress = Callable[[float, int], None]
"""Told now and then how much of the world's time has passed (0..1) and at what time it is."""


@dataclass(frozen=True, slots=True)
class WorldOutcome:
    """What a run leaves behind, before anybody judges it."""

    devices: Mapping[int, Device]
    uploads: tuple[tuple[Positive, int], ...]
    """Each accepted upload and when it was."""
    refused: tuple[tuple[Positive, str], ...]
    server_rows: Rows
    releases: tuple[int, ...]
    """Releases of the batches that were listed at the end."""
    events: int


class World:
    """One run. Build it, `run` it once."""

    def __init__(self, plan: Plan, link: ServerLink) -> None:
        """Phones for everybody who has one; nothing happens yet."""
        self._plan = plan
        self._link = link
        self._edge = Edge(link)
        self._engine = Engine(plan.start)
        told = link.parameters()
        config = PhoneConfig(
            design=open_design(plan.design),
            trusted={str(told["key_id"]): VerifyingKey.from_text(str(told["public_key"]))},
            rule=_scoring(plan.scenario.exposure),
            release_period=plan.scenario.server.release_period_seconds,
            tx_power_dbm=plan.scenario.channel.tx_power_dbm,
            reference_tx_power_dbm=plan.scenario.channel.tx_power_dbm,
        )
        self.devices = {
            person: Device(
                config, plan.streams.entropy(f"phone/{person}"), self._edge, link, plan.clock_skew[person]
            )
            for person in plan.adopters
        }
        self._codes = plan.streams.entropy("codes")
        self._uploads: list[tuple[Positive, int]] = []
        self._refused: list[tuple[Positive, str]] = []

    def run(self, progress: Progress | None = None) -> WorldOutcome:
        """Let the whole time pass."""
        plan, engine = self._plan, self._engine
        self._plan_server()
        for person in self.devices:
            engine.at(plan.start, self._starter(person), priority=WAKE_NEXT)
        for positive in plan.positives:
            if positive.uploads_at is not None and positive.person in self.devices:
                engine.at(positive.uploads_at, self._reporter(positive), priority=REPORT_THEN)
        self._plan_scans()
        step = max(1, math.ceil((plan.end - plan.start) / PROGRESS_STEPS))
        for until in [*range(plan.start + step, plan.end, step), plan.end]:
            engine.run_until(until)
            if progress is not None:
                progress((until - plan.start) / (plan.end - plan.start), until)
        return self._outcome()

    def _plan_server(self) -> None:
        period = self._plan.scenario.server.release_period_seconds
        self._link.advance(self._plan.start)
        for release in range(self._plan.start // period * period + period, self._plan.end + 1, period):
            self._engine.at(min(release, self._plan.end - 1), self._release, priority=SERVER_FIRST)

    def _release(self, now: int) -> None:
        self._link.advance(now)
        self._edge.forget_index()

    def _plan_scans(self) -> None:
        """Every scan that heard somebody, and the silent one just before it.

        All a silent scan leaves behind is its time, which the next scan's gap is counted from: so of several in a row
        only the last one is played.
        """
        played: dict[int, int] = {}
        for scan in self._plan.scans:
            before = scan.time - scan.seconds_since_previous_scan
            if scan.seconds_since_previous_scan and played.get(scan.receiver) != before:
                self._engine.at(before, self._silence(scan.receiver), priority=SCAN_LAST)
            self._engine.at(scan.time, self._listener(scan), priority=SCAN_LAST)
            played[scan.receiver] = scan.time

    def _starter(self, person: int) -> Callable[[int], None]:
        device = self.devices[person]

        def wake(now: int) -> None:
            device.wake(now)
            self._engine.at(device.wake_at, wake, priority=WAKE_NEXT)

        def start(now: int) -> None:
            device.start(now)
            self._engine.at(device.wake_at, wake, priority=WAKE_NEXT)

        return start

    def _silence(self, person: int) -> Callable[[int], None]:
        return lambda now: self.devices[person].scan((), now)

    def _listener(self, scan: Scan) -> Callable[[int], None]:
        def listen(now: int) -> None:
            heard = tuple(Sighting(self.devices[one.sender].frame, one.rssi_dbm) for one in scan.heard)
            self.devices[scan.receiver].scan(heard, now)

        return listen

    def _reporter(self, positive: Positive) -> Callable[[int], None]:
        def report(now: int) -> None:
            device = self.devices[positive.person]
            self._link.advance(now)
            code = self._link.issue_code(self._codes()[:CODE_ENTROPY_BYTES])
            device.report(code, positive.contagious_since, now)
            if device.tally.uploaded_at == now:
                self._uploads.append((positive, now))
            else:
                said = device.tally.warnings[-1] if device.tally.warnings else "the server refused it"
                self._refused.append((positive, said))

        return report

    def _outcome(self) -> WorldOutcome:
        index = BatchIndex.decode(self._link.index())
        return WorldOutcome(
            devices=self.devices,
            uploads=tuple(self._uploads),
            refused=tuple(self._refused),
            server_rows=self._link.rows(),
            releases=tuple(entry.release for entry in index.batches),
            events=self._engine.executed,
        )


def _scoring(section: ExposureSection) -> Scorer:
    """What phones decide by: the preset that the scenario names, else its own rule."""
    if section.scoring:
        return open_scoring(section.scoring)
    return ExposureRule(section.attenuation_bound_db, section.minutes_per_day)
