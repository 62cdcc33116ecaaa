"""The shell around a Phone: waits for whatever comes first, saves what changed, then does what was asked.

    runner = Runner(Phone(config, store.load()), Ports(clock, radio, store, server, notifier))
    await runner.run()      # until somebody calls runner.stop()

It decides nothing. Whatever happens comes in as an event, one at a time; changes are saved before the first
effect is carried out. If the store cannot write, changes and effects wait, the person is told once, and the
next event is the next try: nothing is lost while the process lives. Meanwhile no identifier stays on the air
beyond its epoch.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anopticon_client.errors import RadioError, StoreError
from anopticon_client.events import (
    Advertise,
    Effect,
    Event,
    FetchBatch,
    FetchIndex,
    KeepMatching,
    NoticeShown,
    ReportRequested,
    Scanned,
    SendUpload,
    ShowNotice,
    Started,
    WakeAt,
    Warn,
    Woken,
)
from anopticon_client.phone import Phone
from anopticon_client.ports import Clock, EntropySource, KeyServer, Notifier, Radio, Store
from anopticon_client.runner.backlog import Backlog
from anopticon_client.runner.errands import Downloads, Turns, Uploads
from anopticon_protocol.params import ENTROPY_BYTES

SCAN_EVERY_SECONDS: Final = 300
"""Exposure Notification phones scan every 2.5 to 5 minutes; a scan stands for at most five."""
SCAN_FOR_SECONDS: Final = 4

Watcher = Callable[[int, Event | Effect], None]
"""Called with the time and each event as it is handled and each effect as it is carried out."""


def system_entropy() -> bytes:
    """32 fresh bytes from the operating system."""
    return os.urandom(ENTROPY_BYTES)


@dataclass(frozen=True, slots=True)
class Ports:
    """The world of one phone."""

    clock: Clock
    radio: Radio
    store: Store
    server: KeyServer
    notifier: Notifier
    entropy: EntropySource = system_entropy


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """When to listen, in seconds of the phone's clock."""

    every_seconds: int = SCAN_EVERY_SECONDS
    for_seconds: int = SCAN_FOR_SECONDS


class Runner:
    """Runs one phone until it is stopped."""

    def __init__(
        self, phone: Phone, ports: Ports, plan: ScanPlan | None = None, watch: Watcher | None = None
    ) -> None:
        """Run `phone`, which was made from what `ports.store` held and has not been told Started."""
        self._phone = phone
        self._ports = ports
        self._plan = plan or ScanPlan()
        self._watch = watch or _look_away
        self._inbox: asyncio.Queue[tuple[Event | None, asyncio.Future[None]]] = asyncio.Queue()
        self._backlog = Backlog()
        self._turns = Turns(self._deliver)
        self._downloads = Downloads(ports.server, self._deliver, self._turns)
        self._uploads = Uploads(ports.server, self._deliver)
        self._store_failed = False
        self._tasks: asyncio.TaskGroup
        self._waking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run until `stop`; then try once more to save what could not be saved."""
        async with asyncio.TaskGroup() as self._tasks:
            beside = [
                self._tasks.create_task(loop)
                for loop in (self._scan(), self._downloads.run(), self._uploads.run(), self._turns.run())
            ]
            try:
                await self._handle(Started())
                while True:
                    event, handled = await self._inbox.get()
                    if event is None:
                        break
                    await self._handle(event)
                    if not handled.done():
                        handled.set_result(None)
                await self._save()
            finally:
                for task in (*beside, self._waking):
                    if task is not None:
                        task.cancel()

    def stop(self) -> None:
        """End `run` once it has handled what came before."""
        self._inbox.put_nowait((None, asyncio.get_running_loop().create_future()))

    async def report(self, code: str, contagious_since: int) -> None:
        """The person tested positive and typed a code. `contagious_since` is in Unix seconds."""
        await self._deliver(ReportRequested(code, contagious_since))

    async def _deliver(self, event: Event) -> None:
        """Hand over an event and return when it is handled, so that nobody has two of them waiting."""
        handled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait((event, handled))
        await handled

    async def _handle(self, first: Event) -> None:
        events = deque([first])
        while events:
            event = events.popleft()
            now = self._ports.clock.now()
            self._backlog.add(self._phone.handle(event, now=now, entropy=self._ports.entropy()))
            self._watch(now, event)
            saved = await self._save()
            effects = self._backlog.take_effects() if saved else self._backlog.take_harmless()
            for effect in effects:
                self._watch(self._ports.clock.now(), effect)
                events.extend(await self._carry_out(effect))

    async def _save(self) -> bool:
        try:
            self._ports.store.apply(self._backlog.changes)
        except StoreError as error:
            if self._backlog.rotates:
                await self._on_air(None)
            if not self._store_failed:
                self._store_failed = True
                promise = "The phone keeps trying; nothing is lost as long as it runs."
                await self._ports.notifier.warn(f"{error}. {promise}")
            return False
        self._backlog.saved()
        if self._store_failed:
            self._store_failed = False
            await self._ports.notifier.warn("Everything is saved again.")
        return True

    async def _carry_out(self, effect: Effect) -> list[Event]:
        match effect:
            case Advertise(frame):
                await self._on_air(frame)
            case FetchIndex() | FetchBatch():
                self._downloads.want(effect)
            case KeepMatching():
                self._turns.grant()
            case SendUpload(body):
                self._uploads.send(body)
            case ShowNotice(notice):
                await self._ports.notifier.show(notice)
                return [NoticeShown(notice.notice_id)]
            case Warn(sentence):
                await self._ports.notifier.warn(sentence)
            case WakeAt(time):
                if self._waking is not None:
                    self._waking.cancel()
                self._waking = self._tasks.create_task(self._wake(time))
        return []

    async def _on_air(self, frame: bytes | None) -> None:
        radio = self._ports.radio
        try:
            await (radio.silence() if frame is None else radio.advertise(frame))
        except RadioError as error:
            await self._ports.notifier.warn(str(error))

    async def _wake(self, time: int) -> None:
        await self._ports.clock.sleep_until(time)
        await self._deliver(Woken())

    async def _scan(self) -> None:
        clock, every = self._ports.clock, self._plan.every_seconds
        due = clock.now()
        deaf = False
        while True:
            await clock.sleep_until(due)
            try:
                sightings = await self._ports.radio.scan(self._plan.for_seconds)
            except RadioError as error:
                if not deaf:
                    await self._ports.notifier.warn(f"{error}. The phone hears nothing until that is over.")
                deaf = True
            else:
                deaf = False
                await self._deliver(Scanned(tuple(sightings)))
            # A scan that was slow, or a machine that slept, does not shift the scans after it.
            due += (max(clock.now() - due, 0) // every + 1) * every


def _look_away(now: int, what: Event | Effect) -> None:
    del now, what
