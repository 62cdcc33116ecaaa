"""One node from start to stop: radio, recording, phone or beacon, clock, collector."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.phone import Phone
from anopticon_client.radio.interfaces import RadioDevice
from anopticon_client.radio.rotation import ENTROPY_BYTES, rotation_seconds
from anopticon_client.recording.rows import ClockReading, Manifest, Moved
from anopticon_client.recording.writer import RecordingWriter
from anopticon_client.runner import Ports, Runner
from anopticon_protocol.advert import SERVICE_DATA_BYTES, encode
from anopticon_protocol.params import ENTROPY_BYTES as PHONE_ENTROPY_BYTES
from anopticon_testbed.node.ledger import SECOND_NS, Ledger
from anopticon_testbed.node.phone import NodeRadio, Screen
from anopticon_testbed.node.plan import BEACON, NodePlan, NodeWorld, PhoneSetup
from anopticon_testbed.node.pushing import Pusher
from anopticon_testbed.node.recorder import Recorder
from anopticon_testbed.status import MAX_NAME_CHARS, MAX_OFFSET_MS, TAG_CHARS, ClockState, NodeState

CLOCK_EVERY_SECONDS: Final = 60.0
CLOCK_AGAIN_SECONDS: Final = 5.0
"""After a start without a reading: the collector may not have answered yet."""
RADIO_AGAIN_SECONDS: Final = 5.0
"""After a radio that did not take a frame: its backend brings the adapter back by itself."""
NO_CLOCK: Final = (
    "note: nobody says how far this clock is off: install chrony, or give --collector, "
    "before you compare nodes by time"
)


class Node:
    """Runs one node until it is stopped."""

    def __init__(self, plan: NodePlan, world: NodeWorld, phone: PhoneSetup | None = None) -> None:
        """A phone if there is one, else a beacon."""
        self._plan = plan
        self._world = world
        self._phone = phone
        self._recorder = Recorder(plan.tx_power_dbm, plan.service_uuid)
        self._instance = os.urandom(TAG_CHARS // 2).hex()
        self._stopped = asyncio.Event()
        self._clock: ClockReading | None = None
        self._device: RadioDevice
        self._writer: RecordingWriter
        self._ledger: Ledger
        self._started_ns = 0
        self._failures = 0
        self._disk_said = ""
        self.runner: Runner | None = None
        self._pusher = Pusher(world, self.state)

    @property
    def design(self) -> str:
        """The design of the phone, or `beacon`."""
        return BEACON if self._phone is None else self._phone.config.design.spec

    def stop(self) -> None:
        """End `run`; what is recorded is saved."""
        self._stopped.set()

    async def run(self) -> None:
        """Run until `stop`; raises RadioError or RecordingFileError if it cannot start or cannot save."""
        async with self._opened():
            if self._device.scanner is not None:
                await self._device.scanner.start()
            try:
                await self._until_stopped()
            except ExceptionGroup as group:
                raise _first(group) from group

    async def _until_stopped(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._live())
            beside = [tasks.create_task(one) for one in (self._pusher.run(), self._watch_clock())]
            await self._stopped.wait()
            if self.runner is not None:
                self.runner.stop()
            for task in beside:
                task.cancel()

    def moved(self, position: tuple[float, float, float]) -> None:
        """The node is somewhere else now."""
        self._recorder.write(Moved(*self._world.timestamps(), position))

    def state(self, names: dict[str, str]) -> NodeState:
        """How the node is now; `names` says whose beacon each tag is."""
        now = self._world.timestamps().mono_ns
        ledger, counters = self._ledger, self._writer.counters
        if counters.failures > self._failures:
            self._failures = counters.failures
            ledger.trouble("disk", self._disk_said, now)
        heard, others = ledger.heard_nodes(names, self._plan.name, now)
        rotated = ledger.rotated_ns
        return NodeState(
            node=self._plan.name,
            instance=self._instance,
            run=self._plan.run,
            design=self.design,
            radio=self._plan.radio[:200],
            every_pdu=self._device.capabilities.every_pdu,
            interval_ms=ledger.interval_ms(),
            tags=ledger.tags(now),
            uptime_s=round((now - self._started_ns) / SECOND_NS, 1),
            rotated_s=None if rotated is None else max(0.0, round((now - rotated) / SECOND_NS, 1)),
            rotations=ledger.rotations,
            duty=ledger.duty(now),
            clock=_clock_state(self._clock),
            window_s=round(ledger.window_seconds(now), 3),
            heard=heard,
            others=others,
            frames=ledger.frames,
            lost=counters.dropped + counters.refused,
            problem=ledger.problem(now),
        )

    # -- parts ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        """Radio and recording, closed in the end whatever happens between."""
        world, plan = self._world, self._plan
        self._device = device = await world.open(self._recorder)
        try:
            moment = world.timestamps()
            self._started_ns = moment.mono_ns
            self._ledger = Ledger(device.capabilities, moment.mono_ns)
            manifest = Manifest(
                plan.name,
                plan.run,
                *moment,
                self.design,
                plan.service_uuid,
                plan.radio,
                plan.tx_power_dbm,
                plan.position,
                device.capabilities,
                f"anopticon {version('anopticon')}",
                about={
                    **plan.about,
                    **({} if self._phone is None else self._phone.about),
                    "adapter": device.description,
                },
            )
            self._writer = RecordingWriter(plan.folder, manifest, world.timestamps, world.policy, self._disk)
            self._recorder.begin(self._writer, self._ledger)
            try:
                yield
            finally:
                await device.close()  # says that scan and advertising end, into the recording
                self._writer.close()
        finally:
            await device.close()

    async def _live(self) -> None:
        if self._phone is None:
            await self._beacon()
            return
        world, phone = self._world, self._phone
        screen = Screen(self._recorder, world.timestamps, world.clock.now, world.say)
        radio = NodeRadio(self._device, self._recorder, world.timestamps)
        ports = Ports(
            world.clock, radio, phone.store, phone.server, screen, lambda: world.entropy(PHONE_ENTROPY_BYTES)
        )
        self.runner = Runner(Phone(phone.config, phone.store.load()), ports, watch=screen.watch)
        if self._stopped.is_set():
            self.runner.stop()
        await self.runner.run()

    async def _beacon(self) -> None:
        """Random identifiers, each for 10 to 20 minutes; a radio that fails is tried again."""
        advertiser, entropy = self._device.advertiser, self._world.entropy
        if advertiser is None:
            self._world.say("note: this radio can only listen: the node records, and sends nothing")
            return
        uuid = self._plan.service_uuid
        on_air = failing = False
        while not self._stopped.is_set():
            frame = encode(uuid, entropy(SERVICE_DATA_BYTES[uuid]))
            try:
                await (advertiser.rotate(frame) if on_air else advertiser.start(frame))
            except RadioError as error:
                if not failing:
                    self._world.say(f"note: {error}")
                failing = True
                self._ledger.trouble("radio", str(error), self._world.timestamps().mono_ns)
                await self._pause(RADIO_AGAIN_SECONDS)
                continue
            on_air, failing = True, False
            await self._pause(rotation_seconds(entropy(ENTROPY_BYTES)))

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the node is stopped. Nothing is cancelled: a radio's command must not be cut short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    async def _watch_clock(self) -> None:
        """Log the offset of the wall clock each minute, from chrony or else from the collector."""
        said = False
        while True:
            reading = await self._world.read_clock() or self._pusher.measured()
            if reading is None and not said:
                await asyncio.sleep(CLOCK_AGAIN_SECONDS)
                reading = self._pusher.measured()
                if reading is None:
                    said = True
                    self._world.say(NO_CLOCK)
            if reading is not None:
                self._recorder.write(reading)
            self._clock = reading
            await asyncio.sleep(CLOCK_EVERY_SECONDS)

    def _disk(self, sentence: str) -> None:
        """What the writer says about the disk, from its thread."""
        self._disk_said = sentence
        self._world.say(f"note: {sentence}")


def _first(error: Exception) -> Exception:
    """The first of the errors that tasks ended with."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _clock_state(reading: ClockReading | None) -> ClockState | None:
    if reading is None:
        return None
    offset_ms = min(max(reading.offset_ns / 1e6, -MAX_OFFSET_MS), MAX_OFFSET_MS)
    error_ms = min(reading.error_ns / 1e6, MAX_OFFSET_MS)
    return ClockState(
        offset_ms=round(offset_ms, 3), error_ms=round(error_ms, 3), source=reading.source[:MAX_NAME_CHARS]
    )
