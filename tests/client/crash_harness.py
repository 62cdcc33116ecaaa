"""Phones that are killed with SIGKILL at every point where something is written, sent or shown: run as a program.

A parent process is the world: time, radio, key desk and screen. Each phone is a forked child that asks the parent for
everything over a socket, so that the parent can kill it at the n-th thing it asks for, for every n. What came of each
run is printed as a line of JSON; test_stores_crash.py starts this and judges.

    python -m tests.client.crash_harness points FOLDER     killed at every point inside writes to the file
    python -m tests.client.crash_harness moments FOLDER    killed at moments that nobody chose
    python -m tests.client.crash_harness SPEC FOLDER       a phone of this design, killed between any two steps
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, NoReturn

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import UploadRefusedError
from anopticon_client.events import Sighting, UploadResult
from anopticon_client.phone import Phone
from anopticon_client.runner import Ports, Runner, ScanPlan
from anopticon_client.state import (
    Change,
    DropObservation,
    Notice,
    NoticeKind,
    ObservationKey,
    Progress,
    PutObservation,
    SetProgress,
    Snapshot,
)
from anopticon_client.storage import SqliteStore, sqlite
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import Observation, Reading, Token
from tests.client.desk import KEY_ID, SIGNER
from tests.client.drive import NEAR, START, Town
from tests.client.shells import VirtualClock
from tests.client.states import in_order, replay

STEPS: Final = 4
INSTRUCTIONS: Final = 1_000
"""Instructions of SQLite's machine between two points at which a write may be killed."""
MOMENTS: Final = 20
HOUR: Final = 3_600
HOURS: Final = 9
SCANS: Final = ScanPlan(every_seconds=900)
BEFORE: Final = {"apply", "applied", "advertise", "index", "upload", "show"}
AFTER: Final = {"index", "batch", "upload", "show"}
"""What a phone can be killed before, and after it was done but before the phone knows."""
CODE: Final = make_code(bytes(range(50, 66)))
"""Another than the patient's."""


def fork(child: Callable[[], object]) -> int:
    """Run `child` in a process of its own that ends with it; returns its process id."""
    process = os.fork()
    if process:
        return process
    try:
        child()
    except BaseException:  # noqa: BLE001 - nothing of the child may run on as a second parent
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def wait(process: int) -> str:
    """How a child ended."""
    _, status = os.waitpid(process, 0)
    return "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "ended"


def say(what: object) -> None:
    """Print a line of JSON."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def die() -> NoReturn:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


# -- killed inside writes -------------------------------------------------------------------------------------------


def changes_of(step: int) -> list[Change]:
    """What the `step`-th write saves: new rows, rows that grow, rows that go, and the number of the step."""

    def row(number: int, readings: int) -> Observation:
        value = number.to_bytes(2, "big") * 8
        return Observation(Token(number % 3, value), 7_200, (Reading(step, -50, 300, value),) * readings)

    changes: list[Change] = [PutObservation(row(9 * step + n, 40)) for n in range(9)]
    if step > 1:
        changes += [PutObservation(row(9 * (step - 1) + n, 80)) for n in range(3)]
        gone = [row(9 * (step - 1) + n, 0) for n in range(6, 9)]
        changes += [DropObservation(ObservationKey(one.token, one.received)) for one in gone]
    return [*changes, SetProgress(Progress(last_scan=step, settled_until=step // 3))]


def write(path: Path, point: Callable[[], object]) -> None:
    """Take up the writes where the file ends, calling `point` at every point within and after each."""
    store = SqliteStore(path, "lowcost")
    store._db.set_progress_handler(_going_on(point), INSTRUCTIONS)
    store._db.set_trace_callback(lambda statement: point())
    for step in range(store.load().progress.last_scan + 1, STEPS + 1):
        store.apply(changes_of(step))
        point()
    store._db.set_progress_handler(None, 0)
    store._db.set_trace_callback(None)
    store.close()


def _going_on(point: Callable[[], object]) -> Callable[[], int]:
    def handler() -> int:
        point()
        return 0

    return handler


def write_all(path: Path) -> str:
    """Write what is left in a process of its own; says how that ended."""
    return wait(fork(lambda: write(path, lambda: None)))


def found(path: Path) -> tuple[int, bool]:
    """The last whole write in a file, and whether the file holds that and nothing else."""
    store = SqliteStore(path, "lowcost")
    held = store.load()
    store.close()
    step = held.progress.last_scan
    whole = [change for one in range(1, step + 1) for change in changes_of(one)]
    return step, in_order(held) == in_order(replay(whole))


def kill_inside_writes(folder: Path) -> None:
    """Kill one writer at each of its points; say what its file holds, and whether a second one ends well."""
    for die_at in count(1):
        path = folder / f"{die_at}.sqlite3"
        points = count(1)
        how = wait(fork(lambda: write(path, lambda: next(points) == die_at and die())))  # noqa: B023 - runs at once
        say([how, found(path), write_all(path), found(path)])
        if how == "ended":
            return


def kill_at_any_moment(folder: Path) -> None:
    """Kill writers from outside, a little later each time, wherever they are; the same is said of each."""
    for moment in range(MOMENTS):
        path = folder / f"{moment}.sqlite3"
        ours, theirs = socket.socketpair()
        process = fork(lambda: write(path, lambda: theirs.send(b".")))  # noqa: B023 - runs at once
        theirs.close()
        for _ in range(1 + 4 * moment):
            ours.recv(1)  # nothing at once, if it has ended
        os.kill(process, signal.SIGKILL)
        how = wait(process)
        ours.close()
        say([how, found(path), write_all(path), found(path)])


# -- killed between steps of a life ---------------------------------------------------------------------------------


class Line:
    """One end of a socket that carries Python values, between a parent and its own child."""

    def __init__(self, end: socket.socket) -> None:
        """Speak over `end`."""
        self._end = end

    def send(self, value: object) -> None:
        """Send one value."""
        data = pickle.dumps(value)
        self._end.sendall(struct.pack(">I", len(data)) + data)

    def receive(self) -> Any:
        """Receive one value; raises EOFError if the other end is dead."""
        (length,) = struct.unpack(">I", self._exactly(4))
        return pickle.loads(self._exactly(length))  # noqa: S301 - from our own child

    def ask(self, *request: object) -> Any:
        """Send a request and return the answer. Whoever asks may be killed before and after it is done."""
        self.send(request)
        return self.receive()

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += (piece := self._end.recv(length - len(data)))
            if not piece:
                raise EOFError
        return data


class Remote:
    """Every port of a phone but its file, in another process."""

    def __init__(self, line: Line, clock: VirtualClock) -> None:
        """Ask over `line`."""
        self._line = line
        self._clock = clock

    async def advertise(self, frame: bytes) -> None:
        """Broadcast."""
        self._line.ask("advertise", frame)

    async def silence(self) -> None:
        """Stop broadcasting."""

    async def scan(self, seconds: float) -> Sequence[Sighting]:
        """Hear who is near."""
        del seconds
        return [Sighting(frame, NEAR) for frame in self._line.ask("scan", self._clock.now())]

    async def close(self) -> None:
        """Nothing to close."""

    async def fetch_index(self) -> bytes | None:
        """The index."""
        found: bytes = self._line.ask("index", self._clock.now())
        return found

    async def fetch_batch(self, sha256: str, length: int) -> bytes:
        """A batch."""
        del length
        found: bytes = self._line.ask("batch", self._clock.now(), sha256)
        return found

    async def upload(self, body: bytes) -> None:
        """Hand in an upload."""
        result, sentence = self._line.ask("upload", self._clock.now(), body)
        if result is not UploadResult.ACCEPTED:
            raise UploadRefusedError(sentence)

    async def show(self, notice: Notice) -> None:
        """Show a notice."""
        self._line.ask("show", notice.notice_id)

    async def warn(self, sentence: str) -> None:
        """Show a line."""
        self._line.ask("warn", sentence)


class WatchedStore(SqliteStore):
    """A file whose writes may be killed before and after."""

    line: Line

    def apply(self, changes: Sequence[Change]) -> None:
        """Save."""
        if changes:
            self.line.ask("apply")
            super().apply(changes)
            self.line.ask("applied")


async def live(line: Line, path: Path, spec: str, now: int) -> None:
    """One phone's life from `now` to its end, in a child."""
    config = PhoneConfig(open_design(spec), {KEY_ID: SIGNER.public})
    clock = VirtualClock(now)
    remote = Remote(line, clock)
    store = WatchedStore(path, spec)
    store.line = line
    held = store.load()
    reported = held.upload is not None or any(one.kind is NoticeKind.REPORT_DONE for one in held.notices)
    runner = Runner(Phone(config, held), Ports(clock, remote, store, remote, remote), SCANS)
    running = asyncio.create_task(runner.run())
    while clock.now() < START + HOURS * HOUR:
        await clock.run_for(300)
        line.ask("time", clock.now())
        if clock.now() >= START + 2 * HOUR and not reported:
            reported = True
            await runner.report(CODE, START)
    runner.stop()
    await running
    end = store.load()
    store.close()
    line.ask("end", pickle.dumps(end))


class World:
    """The parent's side of a life: what the phone asks for, and when it dies."""

    def __init__(self, spec: str, die_at: int) -> None:
        """A town with one other person in it, who reports an hour after START."""
        self.town = Town(spec, "patient")
        self.patient = self.town.handsets[0]
        self.now = START
        self.shown: list[str] = []
        self.bodies: list[bytes] = []
        self.end: Snapshot | None = None
        self._die_at = die_at
        self._points = count(1)
        self._patient_reported = False

    def serve(self, line: Line, process: int) -> bool:
        """Answer a child until it ends (True) or is killed (False)."""
        while self.end is None:
            request = line.receive()
            if request[0] in BEFORE and next(self._points) == self._die_at:
                os.kill(process, signal.SIGKILL)
                return False
            answer = self._answer(*request)
            if request[0] in AFTER and next(self._points) == self._die_at:
                os.kill(process, signal.SIGKILL)
                return False
            line.send(answer)
        return True

    def _answer(self, what: str, *given: Any) -> object:
        match what:
            case "time":
                self.now = given[0]
            case "scan":
                self.town.run(max(self.town.now, given[0]))
                return [self.patient.frame] if given[0] <= START + HOUR else []
            case "index":
                self._pass(given[0])
                return self.town.desk.index(given[0])
            case "batch":
                return next(
                    self.town.desk.files[entry.release]
                    for entry in self.town.desk.entries(given[0])
                    if entry.sha256 == given[1]
                )
            case "upload":
                self._pass(given[0])
                self.bodies.append(given[1])
                answer = self.town.desk.take(given[1], given[0])
                return answer.result, answer.sentence
            case "show":
                self.shown.append(given[0])
            case "end":
                self.end = pickle.loads(given[0])  # noqa: S301 - from our own child
        return None

    def _pass(self, now: int) -> None:
        self.town.run(max(self.town.now, now))
        if now > START + HOUR and not self._patient_reported:
            self._patient_reported = True
            self.town.report(self.patient, START)


def kill_between_steps(folder: Path, spec: str) -> None:
    """Live one life for each point at which it can be cut in two; say what it came to."""
    for die_at in count(1):
        path = folder / f"{die_at}.sqlite3"
        world = World(spec, die_at)
        lives = 0
        ended = False
        while not ended and lives < 3:
            lives += 1
            ours, theirs = socket.socketpair()
            now = world.now + lives - 1
            process = fork(lambda: asyncio.run(live(Line(theirs), path, spec, now)))  # noqa: B023 - runs at once
            theirs.close()
            ended = world.serve(Line(ours), process)
            wait(process)
            ours.close()
        say(summary(world, lives))
        if lives == 1:
            return


def summary(world: World, lives: int) -> dict[str, object]:
    """What a life came to."""
    end = world.end
    assert end is not None
    published = [key.secret.hex() for keys in world.town.desk.accepted.values() for key in keys]
    return {
        "lives": lives,
        "shown": world.shown,
        "unshown": [one.notice_id for one in end.notices if not one.shown],
        "exposures": [[one.notice_id, one.seconds] for one in end.notices if one.kind is NoticeKind.EXPOSURE],
        "uploads": len(world.bodies),
        "different_uploads": len(set(world.bodies)),
        "accepted": sorted(world.town.desk.accepted),
        "published": len(published),
        "published_twice": len(published) - len(set(published)),
        "pending": end.upload is not None,
        "kept_after_report": [key.index for key in end.own_keys if key.secret.hex() in published],
        "batches": len(end.batches),
    }


if __name__ == "__main__":
    # To wait for the disk makes no difference to a process that is killed, and all to how long this takes.
    sqlite._SETTINGS = tuple(one.replace("= FULL", "= OFF") for one in sqlite._SETTINGS)
    what, where = sys.argv[1], Path(sys.argv[2])
    if what == "points":
        kill_inside_writes(where)
    elif what == "moments":
        kill_at_any_moment(where)
    else:
        kill_between_steps(where, what)
