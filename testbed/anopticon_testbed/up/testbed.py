"""A virtual testbed from its floor plan: an air with walls, nodes, walkers, a key server, somebody who reports."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anopticon_client.clock import PacedClock
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual.places import Air, Place
from anopticon_client.radio.virtual_time import LoopTimestamps
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.rows import ClockReading
from anopticon_protocol.params import DP3T_SERVICE_UUID
from anopticon_testbed.floorplan import FloorPlan, Walker, Walled
from anopticon_testbed.node import BEACON, Node, NodePlan, NodeWorld, PhoneSetup
from anopticon_testbed.status import Answer, NodeState
from anopticon_testbed.up.keyserver import LocalServer

DEMO_PERIOD_SECONDS: Final = 1_800
"""A demo cannot wait two hours; every design's epoch divides it."""
MAX_HCI_NODES: Final = 20
"""More of them in real time get the array medium: as many run on one core through HCI."""
CLOCK_SCATTER_MS: Final = 20.0
"""Wall clocks of the nodes differ by so much (standard deviation), as without a good source of time."""
CLOCK_ERROR_NS: Final = 1_000_000
STEP_SECONDS: Final = 1.0
"""Walkers move once a second."""
_NANO: Final = 1_000_000_000

Post = Callable[[NodeState], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Setup:
    """What `up` was asked for. `start` is the Unix second of the loop's time 0; `design` may be `beacon`."""

    plan: FloorPlan
    run: str
    folder: Path
    start: float
    design: str
    seed: int
    fast: bool
    positive: str | None = None
    report_after_seconds: float = 1_200.0


class Testbed:
    """All nodes of a plan in the running loop."""

    __test__ = False  # pytest takes any class whose name begins with Test for a set of tests

    def __init__(self, setup: Setup, say: Callable[[str], None], post: Callable[[str], Post | None]) -> None:
        """`post(name)` gives each node its way to the collector."""
        self._setup = setup
        self._say = say
        self._stopped = asyncio.Event()
        plan = setup.plan
        physics = Walled(plan.walls, plan.scatter_db, setup.seed)
        count = len(plan.nodes) + len(plan.walkers)
        make: type[VirtualAir | ArrayAir] = ArrayAir if setup.fast or count > MAX_HCI_NODES else VirtualAir
        self.air: Air = make(plan.title, seed=setup.seed, propagation=physics)
        self.server = self._server()
        self._walks: list[tuple[Walker, Place, Node]] = []
        self.nodes: dict[str, Node] = {}
        for fixed in plan.nodes:
            x, y, z = fixed.at
            self._add(fixed.name, self.air.join(fixed.name, Position(x, y), height=z), post, fixed.carriage)
        for walker in plan.walkers:
            place = self.air.join(walker.name, Position(*walker.position(0)), height=walker.height)
            self._walks.append((walker, place, self._add(walker.name, place, post, walker.carriage)))

    async def run(self, seconds: float | None = None) -> None:
        """Run everything until `stop`, or for so long."""
        async with self._beside(), asyncio.TaskGroup() as tasks:
            for node in self.nodes.values():
                tasks.create_task(node.run())
            await self._wait(seconds)
            for node in self.nodes.values():
                node.stop()

    def stop(self) -> None:
        """End `run`; every recording is closed."""
        self._stopped.set()

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[None]:
        """Walkers, key server and report run beside the nodes, and end with them."""
        others = [asyncio.create_task(self._walk(*walk)) for walk in self._walks]
        if self.server is not None:
            others.append(asyncio.create_task(self.server.run()))
            if self._setup.positive is not None:
                others.append(asyncio.create_task(self._report(self.server, self._setup.positive)))
        try:
            yield
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            if self.server is not None:
                self.server.close()

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def _walk(self, walker: Walker, place: Place, node: Node) -> None:
        loop = asyncio.get_running_loop()
        begun, last = loop.time(), None
        while True:
            x, y = walker.position(loop.time() - begun)
            if (x, y) != last:
                place.position = Position(x, y)
                node.moved((x, y, walker.height))
                last = (x, y)
            await asyncio.sleep(STEP_SECONDS)

    async def _report(self, server: LocalServer, name: str) -> None:
        await asyncio.sleep(self._setup.report_after_seconds)
        runner = self.nodes[name].runner
        if runner is not None:
            self._say(f"{name}: tested positive, and reports")
            await runner.report(server.issue_code(), int(self._setup.start))

    def _server(self) -> LocalServer | None:
        setup = self._setup
        if setup.design == BEACON:
            return None
        entropy = random.Random(f"{setup.seed}/server").randbytes  # noqa: S311 - a rehearsal, to be repeatable
        return LocalServer(setup.design, DEMO_PERIOD_SECONDS, self._clock(0).now, entropy)

    def _add(self, name: str, place: Place, post: Callable[[str], Post | None], carriage: str) -> Node:
        setup = self._setup
        phone: PhoneSetup | None = None if self.server is None else self.server.phone()
        luck = random.Random(f"{setup.seed}/{name}")  # noqa: S311 - as above
        offset_ns = round(luck.gauss(0, CLOCK_SCATTER_MS) * 1e6)
        times = LoopTimestamps(round(setup.start * _NANO) + offset_ns)
        uuid = DP3T_SERVICE_UUID if phone is None else phone.config.design.service_uuid
        about: dict[str, str | int | float] = {"plan": setup.plan.title, "carriage": carriage}
        position = (place.position.x, place.position.y, place.height)
        plan = NodePlan(
            name, setup.run, setup.folder, f"virtual:{name}", uuid, position=position, about=about
        )

        async def read_clock() -> ClockReading:
            return ClockReading(*times(), offset_ns, CLOCK_ERROR_NS, "virtual")

        world = NodeWorld(
            open=lambda sink: place.open(sink, times, luck.randbytes),
            timestamps=times,
            clock=self._clock(offset_ns / _NANO),
            entropy=luck.randbytes,
            say=lambda sentence: self._say(f"{name}: {sentence}"),
            read_clock=read_clock,
            post=post(name),
            policy=WriterPolicy(background=not setup.fast, sync=not setup.fast),
        )
        self.nodes[name] = Node(plan, world, phone)
        return self.nodes[name]

    def _clock(self, offset: float) -> PacedClock:
        loop, start = asyncio.get_running_loop(), self._setup.start
        return PacedClock(wall=lambda: start + offset + loop.time())


def names_of(plan: FloorPlan) -> Sequence[str]:
    """Every node of a plan, walkers last."""
    return [*(node.name for node in plan.nodes), *(walker.name for walker in plan.walkers)]
