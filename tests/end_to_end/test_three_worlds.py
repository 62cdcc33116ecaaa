"""One phone, three worlds: the same phone and the real server on the virtual air, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest

from anopticon_client.clock import PacedClock
from anopticon_client.config import PhoneConfig
from anopticon_client.phone import Phone
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.paired import Collector, PairedRadio
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual.places import Air, ChipKind
from anopticon_client.radio.virtual_time import VirtualTimeLoop
from anopticon_client.radio_records import RadioEventKind
from anopticon_client.runner import Ports, Runner
from anopticon_client.storage import MemoryStore
from anopticon_client.transport.http import HttpKeyServer
from anopticon_server.app import build_app
from anopticon_server.clock import PacedClock as ServerClock
from anopticon_server.deployment import Deployment
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings
from tests.client.drive import DAY, START, bytes_of
from tests.client.radio.airs import WORLDS, World, in_virtual_time
from tests.client.radio.listening import Ear
from tests.client.shells import Screen

NINE = START + 9 * 3_600
FAR = Position(5_000, 0)
AWAKE_SECONDS = 45
"""A clock that was set is noticed within 30 seconds; then there is time for a scan and a download."""


@dataclass
class Time:
    """The loop's time as everybody's wall, from nine in the morning, with nights that are skipped."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    skipped: int = 0

    def __call__(self) -> float:
        """Unix seconds, for the server's threads too."""
        return NINE + self.skipped + self.loop.time()

    async def pass_on(self, seconds: int) -> None:
        """Let so much time pass, most of it at once, as on a machine that sleeps between its scans."""
        self.skipped += seconds - AWAKE_SECONDS
        await asyncio.sleep(AWAKE_SECONDS)


class HeldTransport(httpx.ASGITransport):
    """The server's application in this process; no time passes while its threads work."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.held():
            return await super().handle_async_request(request)


@dataclass
class Person:
    """A phone on an air, and what its screen showed."""

    name: str
    runner: Runner
    screen: Screen
    ear: Ear = field(default_factory=Ear)


class Town:
    """A server, an air, and phones that run on it."""

    def __init__(self, world: World, spec: str) -> None:
        """Nobody lives here yet."""
        self.time = Time()
        self.clock = PacedClock(wall=self.time)
        self.world = world
        self.air: Air = world.make_air(seed=7)
        self.deployment = Deployment.rehearsal(spec)
        self.numbers = iter(range(1_000_000))
        self.server = KeyServer.in_memory(
            self.deployment, self.clock.now, lambda count: bytes_of("server", next(self.numbers))[:count]
        )
        self.app = build_app(self.server, ServerClock(wall=self.time), Settings(design=spec))

    async def move_in(self, name: str, position: Position, tasks: AsyncExitStack) -> Person:
        """A phone fresh from the shop, switched on."""
        deployment, settings, screen = self.deployment, RadioSettings(), Screen()
        config = PhoneConfig(
            deployment.design,
            {deployment.key_id: deployment.signer.public},
            release_period=deployment.period,
        )
        place = self.air.join(name, position, chip=self.world.chip)
        collector, ear = Collector(settings), Ear()
        radio = PairedRadio(await place.open(_Both(collector, ear)), collector, settings)
        tasks.push_async_callback(radio.close)
        line = HttpKeyServer("http://localhost", HeldTransport(self.app))
        tasks.push_async_callback(line.close)
        secrets = iter(range(1_000_000))
        ports = Ports(self.clock, radio, MemoryStore(), line, screen, lambda: bytes_of(name, next(secrets)))
        runner = Runner(Phone(config, ports.store.load()), ports)
        running = asyncio.get_running_loop().create_task(runner.run())

        async def switch_off() -> None:
            runner.stop()
            await running

        tasks.push_async_callback(switch_off)
        return Person(name, runner, screen, ear)


@dataclass
class _Both:
    """Feeds a phone's scans and a test's ear."""

    collector: Collector
    ear: Ear

    def heard(self, frame: object) -> None:
        """A frame arrived."""
        self.collector.heard(frame)  # type: ignore[arg-type]

    def happened(self, event: object) -> None:
        """Something happened."""
        self.ear.happened(event)  # type: ignore[arg-type]


CASES = [
    *((world, "lowcost") for world in WORLDS),
    *(
        (world, spec)
        for world in WORLDS
        if world.chip is ChipKind.EXTENDED
        for spec in ("unlinkable", "hybrid", "gaen")
    ),
]


@pytest.mark.parametrize(("world", "spec"), CASES, ids=lambda part: getattr(part, "name", part))
def test_one_reports_and_who_was_near_is_told(world: World, spec: str) -> None:
    """Two phones meet for an hour, one reports, the other is told; a third, far away, is not (RA-2, RA-13)."""

    async def story() -> None:
        town = Town(world, spec)
        async with AsyncExitStack() as tasks:
            anna = await town.move_in("anna", Position(0, 0), tasks)
            ben = await town.move_in("ben", Position(1.5, 0), tasks)
            carl = await town.move_in("carl", FAR, tasks)
            for _ in range(12):
                await town.time.pass_on(300)
            await anna.runner.report(town.server.issue_code().code, START - 2 * DAY)
            for _ in range(24):
                await town.time.pass_on(7_200)
                town.server.tick()
                if ben.screen.notices:
                    break
            (notice,) = ben.screen.notices
            assert notice.seconds >= 40 * 60
            assert carl.screen.notices == []
            assert not ben.screen.warnings
        rotations = [event for event in ben.ear.events if event.kind is RadioEventKind.ROTATED]
        addresses = [event.details["address"] for event in rotations]
        frames = [event.details["frame"] for event in rotations]
        assert len(rotations) >= 4
        assert len(set(addresses)) == len(set(frames)) == len(rotations)

    in_virtual_time(story)
