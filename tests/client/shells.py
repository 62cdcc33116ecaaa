"""Ports for a Runner in virtual time: a clock that jumps, an air in memory, a key desk on a line that can break."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from anopticon_client.errors import (
    RadioError,
    ServerDownError,
    StoreError,
    StoreFullError,
    UploadRefusedError,
)
from anopticon_client.events import Sighting, UploadResult
from anopticon_client.state import Change, Notice
from anopticon_client.storage import MemoryStore
from tests.client.desk import KeyDesk
from tests.client.drive import NEAR, START

TURNS_TO_SETTLE: Final = 40
"""Turns of the event loop after which nothing in memory is still on its way."""


def free_air() -> range:
    """Four ports in a row that nothing uses, and that test runs beside this one do not look at first."""
    usual, wide = range(20_000, 27_000, 4), 997
    for step in range(len(usual)):
        first = usual[(os.getpid() * wide + step) % len(usual)]
        held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        try:
            for offset, one in enumerate(held):
                one.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        else:
            return range(first, first + 4)
        finally:
            for one in held:
                one.close()
    raise AssertionError("no four free ports in a row")


class VirtualClock:
    """A clock that stands still until it is told to run, and then jumps from sleeper to sleeper."""

    def __init__(self, now: int = START) -> None:
        """Start at `now`."""
        self._now = now
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Unix seconds."""
        return self._now

    async def sleep_until(self, time: int) -> None:
        """Return when somebody has run the clock to `time`."""
        if time > self._now:
            woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append((time, woken))
            await woken

    async def run_until(self, time: int) -> None:
        """Let time pass until `time`, and everything happen that is due by then."""
        await settle()
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= time and not sleeper[1].done()]:
            self._now = max(self._now, min(moment for moment, _ in due))
            for sleeper in due:
                if sleeper[0] <= self._now:
                    self._sleepers.remove(sleeper)
                    sleeper[1].set_result(None)
            await settle()
        self._now = time

    async def run_for(self, seconds: int) -> None:
        """Let `seconds` pass."""
        await self.run_until(self._now + seconds)


async def settle() -> None:
    """Give every task the turns it needs to come to rest."""
    for _ in range(TURNS_TO_SETTLE):
        await asyncio.sleep(0)


class Air:
    """What is broadcast, by name; everybody is near everybody."""

    def __init__(self) -> None:
        """Silence."""
        self.frames: dict[str, bytes | None] = {}


class AirRadio:
    """One phone's radio on an Air."""

    def __init__(self, air: Air, name: str, clock: VirtualClock) -> None:
        """A radio that is silent at first."""
        self._air = air
        self._name = name
        self._clock = clock
        self.history: list[tuple[int, bytes | None]] = []
        self.broken = False
        self.scan_seconds = 4
        self.scans: list[int] = []

    async def advertise(self, frame: bytes) -> None:
        """Put `frame` on the air."""
        self._fail_if_broken()
        self._air.frames[self._name] = frame
        self.history.append((self._clock.now(), frame))

    async def silence(self) -> None:
        """Take the frame off the air."""
        self._fail_if_broken()
        self._air.frames[self._name] = None
        self.history.append((self._clock.now(), None))

    async def scan(self, seconds: float) -> Sequence[Sighting]:
        """Hear everybody else."""
        del seconds
        self.scans.append(self._clock.now())
        await self._clock.sleep_until(self._clock.now() + self.scan_seconds)
        self._fail_if_broken()
        others = [frame for name, frame in self._air.frames.items() if name != self._name]
        return [Sighting(frame, NEAR) for frame in others if frame is not None]

    async def close(self) -> None:
        """Fall silent."""
        await self.silence()

    def _fail_if_broken(self) -> None:
        if self.broken:
            raise RadioError("the adapter is unplugged")


class DeskServer:
    """A KeyDesk as a phone reaches it: `down` cuts the line, `lose_answers` loses what the desk says to uploads."""

    def __init__(self, desk: KeyDesk, clock: VirtualClock) -> None:
        """A line to `desk` that works."""
        self.desk = desk
        self.clock = clock
        self.down = False
        self.lose_answers = False
        self.asked: list[str] = []
        self.hold: Callable[[], Awaitable[object]] | None = None
        """Awaited before any answer."""

    async def fetch_index(self) -> bytes | None:
        """The index as of now."""
        await self._reach("index")
        return self.desk.index(self.clock.now())

    async def fetch_batch(self, sha256: str, length: int) -> bytes:
        """The batch with this hash."""
        del length
        await self._reach(f"batch {sha256[:8]}")
        releases = {entry.sha256: entry.release for entry in self.desk.entries(self.clock.now())}
        return self.desk.files[releases[sha256]]

    async def upload(self, body: bytes) -> None:
        """Hand in an upload."""
        await self._reach("upload")
        answer = self.desk.take(body, self.clock.now())
        if self.lose_answers:
            raise ServerDownError("the line broke before the answer came")
        if answer.result is UploadResult.REFUSED:
            raise UploadRefusedError(answer.sentence)

    async def _reach(self, what: str) -> None:
        self.asked.append(what)
        if self.hold is not None:
            await self.hold()
        if self.down:
            raise ServerDownError("no route to the server")


class Screen:
    """What a person was shown."""

    def __init__(self) -> None:
        """Dark."""
        self.notices: list[Notice] = []
        self.warnings: list[str] = []

    async def show(self, notice: Notice) -> None:
        """Show a notice."""
        self.notices.append(notice)

    async def warn(self, sentence: str) -> None:
        """Show a line."""
        self.warnings.append(sentence)

    @property
    def ids(self) -> list[str]:
        """Ids of the notices shown, in order."""
        return [notice.notice_id for notice in self.notices]


class FullStore(MemoryStore):
    """A store on a disk that can fill up."""

    def __init__(self) -> None:
        """An empty store with room."""
        super().__init__()
        self.error: StoreError | None = None
        self.failures = 0

    def fill(self) -> None:
        """From now on there is no room."""
        self.error = StoreFullError("phone.sqlite3 cannot grow: there is no room left on the disk")

    def apply(self, changes: Sequence[Change]) -> None:
        """Save `changes` if there is room."""
        if self.error is not None:
            self.failures += 1
            raise self.error
        super().apply(changes)
