"""The shell around a phone: the order of saving and doing, a full disk, a lost server, a broken radio, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anopticon_client.config import PhoneConfig
from anopticon_client.events import (
    Advertise,
    Effect,
    Event,
    FetchBatch,
    FetchIndex,
    Outcome,
    Scanned,
    SendUpload,
    ShowNotice,
    Started,
    WakeAt,
    Warn,
)
from anopticon_client.phone import Phone
from anopticon_client.runner import Ports, Runner, ScanPlan
from anopticon_client.runner.backlog import Backlog
from anopticon_client.state import (
    Change,
    DropObservation,
    Notice,
    NoticeKind,
    ObservationKey,
    PutObservation,
)
from anopticon_client.storage import MemoryStore
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import Observation, Token
from anopticon_protocol.messages import BatchEntry
from tests.client.desk import KEY_ID, SIGNER, KeyDesk
from tests.client.drive import CODE, DAY, START, bytes_of, each_design
from tests.client.saved import Saved
from tests.client.shells import Air, AirRadio, DeskServer, FullStore, Screen, VirtualClock, settle
from tests.client.states import change_lists, in_order

HOUR = 3_600
OTHER_CODE = make_code(bytes(range(50, 66)))


class Handset:
    """A Runner and its ports."""

    def __init__(self, name: str, world: World) -> None:
        """A phone fresh from the shop."""
        self.name = name
        self.world = world
        self.store = FullStore()
        self.server = DeskServer(world.desk, world.clock)
        self.radio = AirRadio(world.air, name, world.clock)
        self.screen = Screen()
        self.seen: list[tuple[int, Event | Effect]] = []
        self.perfect = Saved()
        self.numbers = count()
        self.runner = self.boot()

    def boot(self) -> Runner:
        """A new process on the same store."""
        phone = Recorded(self.world.config, self.store, self.perfect)
        ports = Ports(self.world.clock, self.radio, self.store, self.server, self.screen, self.entropy)
        self.runner = Runner(phone, ports, watch=lambda now, what: self.seen.append((now, what)))
        return self.runner

    def entropy(self) -> bytes:
        """32 bytes that depend on the name and on how often it was asked."""
        return bytes_of(self.name, next(self.numbers))

    @property
    def effects(self) -> list[Effect]:
        """What was carried out."""
        return [what for _, what in self.seen if isinstance(what, Effect)]


class Recorded(Phone):
    """A phone whose changes are also given to a perfect store."""

    def __init__(self, config: PhoneConfig, store: MemoryStore, perfect: Saved) -> None:
        """A phone that takes up from `store`."""
        super().__init__(config, store.load())
        self._perfect = perfect

    def handle(self, event: Event, *, now: int, entropy: bytes) -> Outcome:
        """One event."""
        outcome = super().handle(event, now=now, entropy=entropy)
        self._perfect.apply(outcome.changes)
        return outcome


class World:
    """A clock, an air and a key desk."""

    def __init__(self, spec: str = "lowcost") -> None:
        """An empty world at START."""
        self.clock = VirtualClock()
        self.air = Air()
        self.config = PhoneConfig(open_design(spec), {KEY_ID: SIGNER.public})
        self.desk = KeyDesk(self.config.design)


@pytest.fixture
def world() -> World:
    """A world of the low-cost design."""
    return World()


@asynccontextmanager
async def running(*handsets: Handset) -> AsyncIterator[None]:
    """Phones that run until the block ends, and then stop by themselves."""
    tasks = [asyncio.create_task(handset.runner.run()) for handset in handsets]
    try:
        await settle()
        yield
    finally:
        for handset, task in zip(handsets, tasks, strict=True):
            if not task.done():
                handset.runner.stop()
        await asyncio.gather(*tasks)


# -- the main job ---------------------------------------------------------------------------------------------------


@each_design
async def test_two_phones_meet_and_one_is_warned(spec: str) -> None:
    """Two runners on one air: one reports, the other shows the exposure, whatever the design."""
    world = World(spec)
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        await world.clock.run_for(HOUR)
        await anna.runner.report(CODE, START)
        world.air.frames.clear()
        await world.clock.run_for(8 * HOUR)
    assert anna.screen.ids == ["report"]
    assert ben.screen.ids == [f"exposure-{START // DAY}"]
    for handset in (anna, ben):
        assert in_order(handset.store.load()) == in_order(handset.perfect.snapshot())


async def test_changes_are_saved_before_any_effect(world: World) -> None:
    """Whenever something reaches radio, server or screen, all that led to it is already in the store."""
    anna = Handset("anna", world)
    late: list[str] = []

    def check(now: int, what: Event | Effect) -> None:
        del now
        if isinstance(what, Effect) and in_order(anna.store.load()) != in_order(anna.perfect.snapshot()):
            late.append(repr(what))

    anna.runner._watch = check
    async with running(anna):
        await world.clock.run_for(HOUR)
        await anna.runner.report(CODE, START)
        await world.clock.run_for(HOUR)
    assert late == []


async def test_the_phone_scans_on_a_fixed_grid(world: World) -> None:
    """Scans start every five minutes; one that takes longer than that is followed by the next on the grid."""
    anna = Handset("anna", world)
    async with running(anna):
        await world.clock.run_for(900)
        anna.radio.scan_seconds = 400
        await world.clock.run_for(600)
        anna.radio.scan_seconds = 4
        await world.clock.run_for(1_000)
    offsets = [time - START for time in anna.radio.scans]
    assert offsets == [0, 300, 600, 900, 1_200, 1_800, 2_100, 2_400]


async def test_another_scan_plan_is_kept_to(world: World) -> None:
    """The cadence of scans is the caller's."""
    anna = Handset("anna", world)
    anna.runner._plan = ScanPlan(every_seconds=60, for_seconds=1)
    async with running(anna):
        await world.clock.run_for(239)
    assert [time - START for time in anna.radio.scans] == [0, 60, 120, 180]


async def test_the_watcher_sees_events_and_effects_in_order(world: World) -> None:
    """What a run did can be printed: each event, then the effects that it led to."""
    anna = Handset("anna", world)
    async with running(anna):
        await world.clock.run_for(10)
    kinds = [type(what) for _, what in anna.seen]
    assert kinds[:4] == [Started, Advertise, FetchIndex, WakeAt]
    assert Scanned in kinds
    assert [now for now, _ in anna.seen] == sorted(now for now, _ in anna.seen)


# -- a full disk ----------------------------------------------------------------------------------------------------


async def test_a_full_disk_is_told_once_and_loses_nothing(world: World) -> None:
    """SPEC: PH-61. While nothing can be saved nothing is done; once there is room all is saved, then done."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        await world.clock.run_for(600)
        ben.store.fill()
        before = in_order(ben.store.load())
        await world.clock.run_for(2 * HOUR)
        assert in_order(ben.store.load()) == before
        assert ben.store.failures > 20
        assert len(ben.screen.warnings) == 1
        assert "no room left on the disk. The phone keeps trying; nothing is lost" in ben.screen.warnings[0]

        ben.store.error = None
        await world.clock.run_for(300)
        assert ben.screen.warnings[1:] == ["Everything is saved again."]
        assert in_order(ben.store.load()) == in_order(ben.perfect.snapshot())
        assert len(ben.store.load().observations) > 5
        assert world.air.frames["ben"] is not None


async def test_a_full_disk_leaves_no_identifier_beyond_its_epoch(world: World) -> None:
    """An identifier that cannot be replaced, since its successor is not saved, goes off the air when its epoch ends."""
    anna = Handset("anna", world)
    async with running(anna):
        await world.clock.run_for(300)
        anna.store.fill()
        await world.clock.run_for(2 * HOUR)
        assert [(time - START, frame) for time, frame in anna.radio.history[1:2]] == [(900, None)]
        assert all(frame is None for _, frame in anna.radio.history[1:])
        anna.store.error = None
        await world.clock.run_for(300)
        assert anna.radio.history[-1][1] is not None


async def test_a_report_waits_for_the_disk(world: World) -> None:
    """A report made while the disk is full is not sent before it is saved, and is sent then."""
    anna = Handset("anna", world)
    async with running(anna):
        await world.clock.run_for(HOUR)
        anna.store.fill()
        await anna.runner.report(CODE, START)
        await world.clock.run_for(600)
        assert "upload" not in anna.server.asked
        anna.store.error = None
        await world.clock.run_for(600)
        assert anna.server.asked.count("upload") == 1
        assert anna.screen.ids == ["report"]


async def test_what_could_not_be_saved_is_tried_a_last_time(world: World) -> None:
    """A phone that is stopped while its disk was full saves everything if there is room by then."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        ben.store.fill()
        await world.clock.run_for(HOUR)
        ben.store.error = None
    assert in_order(ben.store.load()) == in_order(ben.perfect.snapshot())
    assert ben.store.load().observations


# -- a server that is down ------------------------------------------------------------------------------------------


async def test_a_server_that_is_down_is_retried_and_told(world: World) -> None:
    """Failures are retried later and later, the person is told after three, and nothing is lost."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    ben.server.down = True
    async with running(anna, ben):
        await world.clock.run_for(HOUR)
        await anna.runner.report(CODE, START)
        world.air.frames.clear()
        await world.clock.run_for(5 * HOUR)
        assert ben.screen.ids == ["server-down"]
        assert 3 < ben.server.asked.count("index") < 20
        ben.server.down = False
        await world.clock.run_for(7 * HOUR)
        assert ben.screen.ids == ["server-down", f"exposure-{START // DAY}"]


async def test_an_upload_whose_answer_is_lost_is_sent_again_and_counted_once(world: World) -> None:
    """The server takes the first copy, the phone sends a second, and the report is published once."""
    anna = Handset("anna", world)
    anna.server.lose_answers = True
    async with running(anna):
        await world.clock.run_for(HOUR)
        await anna.runner.report(CODE, START)
        await world.clock.run_for(HOUR)
        assert anna.server.asked.count("upload") > 1
        anna.server.lose_answers = False
        await world.clock.run_for(7 * HOUR)
    assert anna.screen.ids == ["server-down", "report"]
    assert len(world.desk.accepted) == 1
    keys = [key for keys in world.desk.accepted.values() for key in keys]
    assert len(keys) == len(set(keys))


async def test_a_refused_code_can_be_replaced(world: World) -> None:
    """A code that the server refuses is said to be refused, and another one sends the same keys."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        await world.clock.run_for(HOUR)
        await ben.runner.report(CODE, START)
        await world.clock.run_for(60)
        await anna.runner.report(CODE, START)
        await world.clock.run_for(60)
        assert "refused (used code)" in anna.screen.notices[-1].sentence
        await anna.runner.report(OTHER_CODE, START)
        await world.clock.run_for(60)
        assert anna.screen.notices[-1].kind is NoticeKind.REPORT_DONE
    assert len(world.desk.accepted) == 2


async def test_an_upload_under_way_is_not_sent_beside_itself(world: World) -> None:
    """However long the server takes to answer, no second copy goes out meanwhile; another code waits its turn."""
    anna = Handset("anna", world)
    answered = asyncio.Event()
    async with running(anna):
        await world.clock.run_for(HOUR)
        anna.server.hold = answered.wait
        await anna.runner.report(CODE, START)
        await world.clock.run_for(5 * HOUR)
        assert sum(isinstance(effect, SendUpload) for effect in anna.effects) > 3
        assert anna.server.asked.count("upload") == 1
        answered.set()
        await settle()
        assert anna.server.asked.count("upload") == 1
        assert anna.screen.ids == ["report"]


async def test_one_failure_counts_once_however_many_files_were_asked_for(world: World) -> None:
    """If the line breaks while many batches are wanted, the phone backs off by one step and asks again later."""
    anna = Handset("anna", world)
    for hours in range(2, 12, 2):
        world.desk.put(START - DAY + hours * HOUR)
    world.desk._published_until = START
    anna.server.down = False

    async def cut() -> None:
        anna.server.down = any(asked.startswith("batch") for asked in anna.server.asked)

    anna.server.hold = cut
    async with running(anna):
        await settle()
        assert [asked.split()[0] for asked in anna.server.asked] == ["index", "batch"]
        assert anna.store.load().progress.failed_polls == 1
        anna.server.hold = None
        anna.server.down = False
        await world.clock.run_for(200)
        assert len(anna.store.load().batches) == 5


# -- a radio that fails, a process that ends ------------------------------------------------------------------------


async def test_a_radio_that_fails_is_told_once_and_taken_up_again(world: World) -> None:
    """While the radio is broken the phone says so once and goes on; repaired, it hears again."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        await world.clock.run_for(300)
        ben.radio.broken = True
        await world.clock.run_for(HOUR)
        deaf = [one for one in ben.screen.warnings if "hears nothing" in one]
        assert len(deaf) == 1
        ben.radio.broken = False
        scans = sum(isinstance(what, Scanned) for _, what in ben.seen)
        await world.clock.run_for(HOUR)
        assert sum(isinstance(what, Scanned) for _, what in ben.seen) >= scans + 11
        assert world.air.frames["ben"] is not None


async def test_a_restarted_phone_goes_on_where_it_was(world: World) -> None:
    """A second process on the same store uses the same key, and shows no notice that was shown before."""
    anna, ben = Handset("anna", world), Handset("ben", world)
    async with running(anna, ben):
        await world.clock.run_for(HOUR)
        await anna.runner.report(CODE, START)
        await world.clock.run_for(4 * HOUR)
    keys = ben.store.load().own_keys
    shown = list(ben.screen.ids)
    assert shown == [f"exposure-{START // DAY}"]
    ben.boot()
    async with running(ben):
        await world.clock.run_for(4 * HOUR)
    assert ben.store.load().own_keys == keys
    assert ben.screen.ids == shown


async def test_what_came_before_the_stop_is_handled(world: World) -> None:
    """A report typed just before the phone is stopped is saved."""
    anna = Handset("anna", world)
    async with running(anna):
        await world.clock.run_for(HOUR)
        report = asyncio.create_task(anna.runner.report(CODE, START))
        await asyncio.sleep(0)
        anna.runner.stop()
        await report
    assert anna.store.load().upload is not None


async def test_an_error_nobody_foresaw_ends_the_run(world: World) -> None:
    """A fault in a part is not swallowed: the run ends with it."""
    anna = Handset("anna", world)

    async def explode() -> None:
        raise ZeroDivisionError

    anna.server.hold = explode
    with pytest.raises(ExceptionGroup) as caught:
        await anna.runner.run()
    assert caught.group_contains(ZeroDivisionError)


# -- the backlog ----------------------------------------------------------------------------------------------------


ROW = Observation(Token(1, b"v" * 16), 7_200, ())
PUT = PutObservation(ROW)
DROP = DropObservation(ObservationKey(ROW.token, ROW.received))


def cut(changes: Sequence[Change], sizes: Iterator[int]) -> Iterator[Outcome]:
    """`changes` as the outcomes of several events."""
    start = 0
    while start < len(changes):
        size = next(sizes)
        yield Outcome(tuple(changes[start : start + size]), ())
        start += size


@given(
    changes=change_lists(),
    sizes=st.lists(st.integers(1, 5), min_size=40, max_size=40),
    held=st.integers(0, 40),
)
@example([PUT, DROP, PUT], [1] * 40, 40)
@example([PUT, DROP], [1] * 40, 40)
def test_law_a_backlog_saves_what_its_changes_would_have(
    changes: list[Change], sizes: list[int], held: int
) -> None:
    """However many writes failed before, the store ends up as if each had succeeded."""
    late, prompt, backlog = MemoryStore(), MemoryStore(), Backlog()
    for number, outcome in enumerate(cut(changes, iter(sizes))):
        prompt.apply(outcome.changes)
        backlog.add(outcome)
        if number >= held:
            late.apply(backlog.changes)
            backlog.saved()
    late.apply(backlog.changes)
    assert in_order(late.load()) == in_order(prompt.load())


def test_a_backlog_keeps_only_the_last_errand_of_a_kind() -> None:
    """After days without a disk the phone does not broadcast, fetch, upload or warn as often as it was asked to."""
    backlog = Backlog()
    notice = Notice("report", NoticeKind.REPORT_DONE, 1, "done")
    entries = [BatchEntry(release, "0" * 64, 1) for release in (7_200, 14_400)]
    for step in range(50):
        effects: list[Effect] = [
            Advertise(bytes([step])),
            FetchIndex(),
            SendUpload(bytes([step])),
            WakeAt(step),
        ]
        effects += [ShowNotice(notice), Warn("same"), *map(FetchBatch, entries)]
        backlog.add(Outcome((), tuple(effects)))
    assert backlog.rotates
    assert backlog.take_harmless() == (WakeAt(49), Warn("same"))
    assert backlog.take_effects() == (
        Advertise(bytes([49])),
        FetchIndex(),
        SendUpload(bytes([49])),
        ShowNotice(notice),
        *map(FetchBatch, entries),
    )
    assert not backlog.rotates
    assert backlog.take_effects() == ()
