"""One phone from start to stop: opens the ports, runs the Runner, listens to the keyboard and to signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from anopticon_client.cli.console import Console, status_lines
from anopticon_client.cli.joining import join
from anopticon_client.cli.scorings import DEFAULT_SCORING, explain_lines
from anopticon_client.clock import open_clock
from anopticon_client.config import PhoneConfig
from anopticon_client.errors import StoreError
from anopticon_client.native import best_engine
from anopticon_client.phone import Phone
from anopticon_client.ports import Clock, Store
from anopticon_client.radio import GaenOnAir, Position, RadioSettings, check_radio, open_radio
from anopticon_client.runner import Ports, Runner
from anopticon_client.scoring import DeviceCalibration, Scorer
from anopticon_client.state import Snapshot
from anopticon_client.transport import HttpKeyServer
from anopticon_protocol.designs import open_design
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS
from anopticon_protocol.signing import VerifyingKey

CONTAGIOUS_DAYS: Final = 5
"""Two days before the first symptoms (DP-3T), and three that pass until somebody has a result."""
_DAYS: Final = {str(days) for days in range(RETENTION_DAYS + 1)}
MAX_LINE_BYTES: Final = 200
"""A command is a word, a code and a number."""
TRANSMITS: Final = (
    "with --transmit-0xfd6f, phones nearby whose system runs Exposure Notification log what a real radio sends here: "
    "shield the place, or turn the power down"
)
HELP: Final = (
    f"report CODE [DAYS]   you tested positive: hand in your keys of the last DAYS days ({CONTAGIOUS_DAYS})",
    "status               what this phone holds",
    "explain              why which day is an exposure, number by number",
    "help                 this",
    "quit                 stop",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What `anopticon-phone run` was asked for."""

    server: str
    store: str
    radio: str
    position: Position | None
    clock: str | None
    name: str
    trust: VerifyingKey | None
    report: str | None
    after_minutes: int
    gaen: GaenOnAir = GaenOnAir.REFUSE
    scoring: Scorer = DEFAULT_SCORING
    calibration: DeviceCalibration | None = None


async def run_phone(plan: Plan) -> None:
    """Run a phone until it is told to stop; raises ClientError if it cannot start."""
    clock = open_clock(plan.clock)
    async with AsyncExitStack() as stack:
        server = HttpKeyServer(plan.server)
        stack.push_async_callback(server.close)
        joined, store, trusted = await join(server, plan.store, plan.trust)
        stack.callback(store.close)
        console = Console(clock, joined.design, plan.name)
        config = PhoneConfig(
            joined.design,
            {joined.key_id: joined.key},
            plan.scoring,
            release_period=joined.period,
            calibration=plan.calibration,
        )
        phone = Phone(config, store.load(), best_engine())
        settings = RadioSettings(
            clock.wall_seconds, config.announced_power_dbm, position=plan.position, gaen=plan.gaen
        )
        check_radio(plan.radio, joined.design.service_uuid, plan.gaen)
        radio = await open_radio(plan.radio, settings)
        stack.push_async_callback(radio.close)
        console.say(
            f"joined {server.url}: design {joined.design.spec}, a batch every {joined.period // 60} minutes"
        )
        console.say(f"signing key {joined.key_id!r} ({joined.fingerprint}), {trusted}")
        if plan.gaen is GaenOnAir.TRANSMIT:
            console.say(f"note: {TRANSMITS}")
        runner = Runner(phone, Ports(clock, radio, store, server, console), watch=console.watch)
        explain = partial(explain_lines, joined.design, plan.scoring, calibration=plan.calibration)
        session = Session(runner, console, clock, store, joined.design.spec, explain)
        loop = asyncio.get_running_loop()
        read_lines(lambda line: loop.call_soon_threadsafe(session.typed, line))
        with stopped_by_signals(loop, runner.stop):
            await session.run(plan.report, plan.after_minutes)
        console.say("stopped")


class Session:
    """A runner, and the person in front of it."""

    def __init__(
        self,
        runner: Runner,
        console: Console,
        clock: Clock,
        store: Store,
        design: str,
        explain: Callable[[Snapshot], Iterator[str]] | None = None,
    ) -> None:
        """Nothing happens before `run`. `explain` says why which day is an exposure, by default by the simple rule."""
        self._runner = runner
        self._console = console
        self._clock = clock
        self._store = store
        self._design = design
        self._explain = explain or partial(explain_lines, open_design(design), DEFAULT_SCORING)
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()

    def typed(self, line: bytes) -> None:
        """Take a line that the person typed."""
        self._lines.put_nowait(line)

    async def run(self, report: str | None = None, after_minutes: int = 0) -> None:
        """Run the phone until it stops; hand in a report with the code `report` after so many minutes of its clock."""
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._obey())]
            if report is not None:
                beside.append(tasks.create_task(self._report_later(report, after_minutes)))
            await self._runner.run()
            for task in beside:
                task.cancel()

    async def _report_later(self, code: str, minutes: int) -> None:
        await self._clock.sleep_until(self._clock.now() + 60 * minutes)
        await self._report(code, CONTAGIOUS_DAYS)

    async def _report(self, code: str, days: int) -> None:
        await self._runner.report(code, self._clock.now() - days * DAY_SECONDS)

    async def _obey(self) -> None:
        while True:
            line = await self._lines.get()
            words = line.decode("utf-8", "replace").split()
            if len(line) > MAX_LINE_BYTES:
                self._console.say(f"ignored a line of more than {MAX_LINE_BYTES} bytes")
            elif words:
                await self._command(words[0].lower(), words[1:])

    async def _command(self, verb: str, words: list[str]) -> None:
        if verb == "report" and words:
            await self._report(*_code_and_days(words))
        elif verb in {"status", "explain"} and not words:
            try:
                lines = list(self._told(verb, self._store.load()))
            except StoreError as error:
                lines = [str(error)]
            for line in lines:
                self._console.say(line)
        elif verb in {"quit", "exit"} and not words:
            self._runner.stop()
        else:
            for line in HELP:
                self._console.say(line)

    def _told(self, verb: str, held: Snapshot) -> Iterator[str]:
        return status_lines(self._design, held) if verb == "status" else self._explain(held)


def _code_and_days(words: list[str]) -> tuple[str, int]:
    """A code may be typed in groups, each longer than the number of days behind it."""
    last = words[-1]
    if len(words) > 1 and last in _DAYS:
        return "".join(words[:-1]), int(last)
    return "".join(words), CONTAGIOUS_DAYS


def read_lines(deliver: Callable[[bytes], object], descriptor: int | None = None) -> threading.Thread | None:
    """Hand every line of the standard input to `deliver`, from a thread that ends with the process.

    It reads the descriptor itself: the buffer behind `sys.stdin` cannot be left alone at the end of a process.
    Where there is no standard input, or it has ended, nothing more comes.
    """
    if descriptor is None:
        if sys.stdin is None:
            return None
        descriptor = sys.stdin.fileno()
    reader = threading.Thread(target=_read, args=(descriptor, deliver), daemon=True, name="keyboard")
    reader.start()
    return reader


def _read(descriptor: int, deliver: Callable[[bytes], object]) -> None:
    pending = b""
    while True:
        try:
            chunk = os.read(descriptor, 4_096)
        except OSError:
            chunk = b""
        *lines, pending = (pending + chunk).split(b"\n")
        # An endless line is cut, so that whoever sends one fills no memory.
        pending = pending[: MAX_LINE_BYTES + 1]
        if not chunk and pending:
            lines.append(pending)
        try:
            for line in lines:
                deliver(line)
        except RuntimeError:
            return  # the phone has stopped
        if not chunk:
            return


@contextmanager
def stopped_by_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` once, on the loop, when the process is interrupted or told to end; a second time it ends at once."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def caught(number: int, frame: object) -> None:
        del number, frame
        for one in numbers:
            signal.signal(one, before[one])
        loop.call_soon_threadsafe(stop)

    before = {number: signal.signal(number, caught) for number in numbers}
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])
