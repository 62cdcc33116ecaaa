"""A node on the virtual air: what it records, what a replay makes of it, and bad luck."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import RadioError
from anopticon_client.events import (
    BatchFetched,
    Event,
    FetchFailed,
    IndexFetched,
    NoticeShown,
    ReportRequested,
    Scanned,
    ShowNotice,
    Sighting,
    Started,
    TurnGranted,
    UploadAnswered,
    Woken,
)
from anopticon_client.phone import Phone
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind
from anopticon_client.recording.inputs import UPLOAD_RESULTS
from anopticon_client.recording.rows import (
    ClockReading,
    Manifest,
    NoticeRow,
    PhoneInput,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
)
from anopticon_client.storage import MemoryStore
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.signing import VerifyingKey
from anopticon_testbed.cli import main
from anopticon_testbed.errors import CollectorError
from anopticon_testbed.status import Answer, NodeState
from anopticon_testbed.up.keyserver import LocalServer
from tests.testbed.world import BASE, clock, entropy_of, line, node_at, rows_of

MINUTE = 60


async def run_for(seconds: float, *nodes: object) -> None:
    """Run nodes for so long and stop them gracefully."""
    async with asyncio.TaskGroup() as tasks:
        for node in nodes:
            tasks.create_task(node.run())  # type: ignore[attr-defined]
        await asyncio.sleep(seconds)
        for node in nodes:
            node.stop()  # type: ignore[attr-defined]


def test_two_beacons_record_each_other_and_themselves(tmp_path: Path) -> None:
    """SPEC: TB-1, TB-2. Each file has the manifest, the schedule, and every frame as it was sent, under its address."""

    async def world() -> None:
        air = ArrayAir(seed=1)
        await run_for(25 * MINUTE, *(node_at(place, tmp_path) for place in line(air, 2)))

    run_virtual(world())
    found = rows_of(tmp_path)
    schedules = {}
    for name, rows in found.items():
        manifest = rows[0]
        assert isinstance(manifest, Manifest)
        assert (manifest.node, manifest.design, manifest.service_uuid) == (name, "beacon", 0xFD68)
        assert manifest.capabilities is not None
        assert manifest.capabilities.every_pdu
        sent = [row for row in rows if isinstance(row, Sent)]
        schedules[name] = {(row.frame, row.address) for row in sent[:-1]}
        assert sent[-1].frame == b"", "a graceful stop ends in silence"
        off = [
            row.mono_ns
            for row in rows
            if isinstance(row, RadioEvent) and row.kind is RadioEventKind.ADVERTISE_OFF
        ]
        assert [row.mono_ns for row in sent if not row.frame] == off
        spans = [(later.mono_ns - sooner.mono_ns) / 1e9 for sooner, later in pairwise(sent[:-1])]
        assert spans
        assert all(600 <= span <= 1_201 for span in spans)
        assert len({row.address for row in sent[:-1]}) == len(sent) - 1
    for name, other in (("n0", "n1"), ("n1", "n0")):
        heard = [row for row in found[name] if isinstance(row, HeardFrame)]
        assert len(heard) > 0.8 * 25 * MINUTE / 0.24
        assert {(row.data, row.address) for row in heard} == schedules[other]
        assert all(row.wall_ns - row.mono_ns == BASE * 10**9 for row in heard)


def test_rotations_of_two_beacons_do_not_fall_together(tmp_path: Path) -> None:
    """SPEC: TB-2. Nodes draw their rotations for themselves, so no two rotate at the same second."""

    async def world() -> None:
        air = ArrayAir(seed=1)
        await run_for(25 * MINUTE, *(node_at(place, tmp_path) for place in line(air, 2, metres=90_000)))

    run_virtual(world())
    times = [
        {row.mono_ns // 10**9 for row in rows if isinstance(row, Sent) and row.frame and row.mono_ns > 10**10}
        for rows in rows_of(tmp_path).values()
    ]
    assert all(len(one) >= 1 for one in times)
    assert not times[0] & times[1]


def event_of(kind: str, number: int, data: bytes) -> Event:
    """The event of an input row."""
    makers: dict[str, Callable[[], Event]] = {
        "Started": Started,
        "Woken": Woken,
        "IndexFetched": lambda: IndexFetched(None if number else data),
        "BatchFetched": lambda: BatchFetched(number, data),
        "TurnGranted": TurnGranted,
        "FetchFailed": lambda: FetchFailed(data.decode(), of_index=bool(number)),
        "ReportRequested": lambda: ReportRequested(make_code(bytes(16)) if data == b"valid" else "", number),
        "UploadAnswered": lambda: UploadAnswered(UPLOAD_RESULTS[number], data.decode()),
        "NoticeShown": lambda: NoticeShown(data.decode()),
    }
    return makers[kind]()


def replayed(rows: Sequence[Row]) -> list[tuple[str, str, int, int, str]]:
    """The notices of a phone that gets what the recording says, coded from the rules of the specification alone."""
    manifest = rows[0]
    assert isinstance(manifest, Manifest)
    about = manifest.about
    config = PhoneConfig(
        open_design(manifest.design),
        {str(about["key_id"]): VerifyingKey.from_text(str(about["public_key"]))},
        release_period=int(about["release_period"]),
        tx_power_dbm=manifest.tx_power_dbm,
    )
    store, shown, window = MemoryStore(), [], []
    phone: Phone | None = None
    entropy = entropy_of("replay")
    for row in rows:
        event: Event
        match row:
            case HeardFrame() if row.rssi_dbm is not None:
                window.append(Sighting(row.data, row.rssi_dbm))
                continue
            case ScanMark(phase=ScanPhase.BEGUN):
                window = []
                continue
            case ScanMark(now=now, count=count):
                event = Scanned(tuple(window[:count]))
            case PhoneInput(now=now, kind=kind, number=number, data=data):
                event = event_of(kind, number, data)
            case _:
                continue
        if phone is None or isinstance(event, Started):
            phone = Phone(config, store.load())
        outcome = phone.handle(event, now=now, entropy=entropy(32))
        store.apply(outcome.changes)
        notices = [one.notice for one in outcome.effects if isinstance(one, ShowNotice)]
        shown += [(one.notice_id, one.kind.value, one.day, one.seconds, one.sentence) for one in notices]
    return shown


@pytest.mark.parametrize("design", ["unlinkable", pytest.param("gaen", marks=pytest.mark.heavy)])
def test_a_replay_gives_the_notices_of_the_live_phones(tmp_path: Path, design: str) -> None:
    """SPEC: TB-3. From the rows of a recording alone a phone shows exactly what the live one showed."""

    async def world() -> None:
        air = ArrayAir(seed=2)
        server = LocalServer(design, 1_800, clock().now, entropy_of("server"))
        nodes = [node_at(place, tmp_path, server.phone()) for place in line(air, 2)]
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(server.run())
            for node in nodes:
                tasks.create_task(node.run())
            await asyncio.sleep(35 * MINUTE)
            assert nodes[0].runner is not None
            await nodes[0].runner.report(server.issue_code(), BASE)
            await asyncio.sleep(40 * MINUTE)
            for node in nodes:
                node.stop()
            publishing.cancel()
        server.close()

    run_virtual(world())
    assert main(["replay", str(tmp_path)]) == 0
    kinds = {}
    for name, rows in rows_of(tmp_path).items():
        live = [
            (row.notice_id, row.kind, row.day, row.seconds, row.sentence)
            for row in rows
            if isinstance(row, NoticeRow)
        ]
        assert replayed(rows) == live
        kinds[name] = {one[1] for one in live}
        assert b"".join(
            row.data for row in rows if isinstance(row, PhoneInput) and row.kind == "ReportRequested"
        ) in {
            b"valid",
            b"",
        }
    assert "report-done" in kinds["n0"]
    if design != "gaen":  # which publishes a key only two hours after its end
        assert "exposure" in kinds["n1"]


def test_every_scan_says_what_the_phone_took(tmp_path: Path) -> None:
    """SPEC: TB-3. Scans last four seconds each five minutes while the recording goes on all the time."""

    async def world() -> None:
        air = ArrayAir(seed=3)
        server = LocalServer("lowcost", 1_800, clock().now, entropy_of("server"))
        await run_for(12 * MINUTE, *(node_at(place, tmp_path, server.phone()) for place in line(air, 2)))
        server.close()

    run_virtual(world())
    rows = rows_of(tmp_path)["n1"]
    marks = [row for row in rows if isinstance(row, ScanMark)]
    assert [mark.phase for mark in marks] == [ScanPhase.BEGUN, ScanPhase.ENDED] * 3
    for begun, ended in zip(marks[::2], marks[1::2], strict=True):
        inside = [
            row
            for row in rows
            if isinstance(row, HeardFrame) and begun.mono_ns <= row.mono_ns <= ended.mono_ns
        ]
        assert ended.count == len(inside)
        assert ended.count > 4 * 3 or begun is marks[0]
        assert ended.now == BASE + ended.mono_ns // 10**9
    assert sum(isinstance(row, HeardFrame) for row in rows) > 11 * MINUTE * 4 * 0.9


def test_an_unplugged_adapter_is_told_and_comes_back(tmp_path: Path) -> None:
    """SPEC: TB-2. While the adapter is away the node lives and says so; plugged in again it goes on where it was."""
    said: list[str] = []

    async def world() -> None:
        air = VirtualAir(seed=4)
        first, second = line(air, 2)
        nodes = node_at(first, tmp_path, said=said), node_at(second, tmp_path)
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(node.run())
            await asyncio.sleep(MINUTE)
            first.unplug()
            await asyncio.sleep(MINUTE)
            problems.append(nodes[0].state({}).problem)
            duties.append(nodes[0].state({}).duty)
            first.plug()
            await asyncio.sleep(3 * MINUTE)
            duties.append(nodes[0].state({}).duty)
            for node in nodes:
                node.stop()

    problems: list[str] = []
    duties: list[float | None] = []
    run_virtual(world())
    rows = rows_of(tmp_path)["n0"]
    kinds = [row.kind for row in rows if isinstance(row, RadioEvent)]
    assert RadioEventKind.FAILED in kinds
    assert RadioEventKind.RESET in kinds
    heard = [row.mono_ns / 1e9 for row in rows if isinstance(row, HeardFrame)]
    assert not [at for at in heard if MINUTE + 1 < at < 2 * MINUTE]
    assert [at for at in heard if at > 3 * MINUTE]
    assert "gone" in problems[0]
    assert duties[0] is not None
    assert duties[0] < 0.1
    assert duties[1] == pytest.approx(1, abs=0.01)


def test_a_radio_that_cannot_be_opened_leaves_no_recording(tmp_path: Path) -> None:
    """SPEC: TB-2. What the radio says reaches the person as it is, and there is no empty file."""

    async def refused(*given: object) -> object:
        raise RadioError("radio bluez:hci0: permission denied: run `anopticon-testbed doctor`")

    async def world() -> None:
        air = VirtualAir(seed=5)
        (place,) = line(air, 1)
        place.open = refused  # type: ignore[method-assign, assignment]
        await node_at(place, tmp_path).run()

    with pytest.raises(RadioError, match="permission denied"):
        run_virtual(world())
    assert list(tmp_path.iterdir()) == []


def test_the_clock_is_logged_each_minute(tmp_path: Path) -> None:
    """SPEC: TB-1. Offset, error and source of the wall clock are rows, one a minute."""

    async def chrony() -> ClockReading:
        now = round(asyncio.get_running_loop().time() * 1e9)
        return ClockReading(now, BASE * 10**9 + now, 1_500_000, 200_000, "chrony")

    async def world() -> None:
        (place,) = line(VirtualAir(seed=6), 1)
        node = node_at(place, tmp_path, read_clock=chrony)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(node.run())
            await asyncio.sleep(5.5 * MINUTE)
            told = node.state({}).clock
            assert told is not None
            assert (told.offset_ms, told.error_ms, told.source) == (1.5, 0.2, "chrony")
            node.stop()

    run_virtual(world())
    readings = [row for row in rows_of(tmp_path)["n0"] if isinstance(row, ClockReading)]
    assert [round(row.mono_ns / 1e9) for row in readings] == [0, 60, 120, 180, 240, 300]


def test_without_chrony_the_collector_is_the_clock(tmp_path: Path) -> None:
    """SPEC: TB-1. The offset is measured by the post that took least, give or take half of what it took."""

    async def post(state: NodeState) -> Answer:
        sent = asyncio.get_running_loop().time()
        await asyncio.sleep(0.4 if sent % 10 > 1 else 0.02)
        theirs = (BASE + sent + 0.01) * 1e9 - 250e6
        return Answer(wall_ns=round(theirs), nodes={})

    async def world() -> None:
        (place,) = line(VirtualAir(seed=7), 1)
        await run_for(2.5 * MINUTE, node_at(place, tmp_path, post=post))

    run_virtual(world())
    readings = [row for row in rows_of(tmp_path)["n0"] if isinstance(row, ClockReading)]
    assert len(readings) == 3
    for row in readings[1:]:
        assert row.source == "collector"
        assert abs(row.offset_ns - 250e6) <= row.error_ns + 1
        assert row.error_ns == pytest.approx(10e6, rel=0.01)


def test_a_collector_that_is_down_disturbs_nothing(tmp_path: Path) -> None:
    """SPEC: TB-1, TB-4. The node says once that the collector is away and once that it is back, and records on."""
    said: list[str] = []
    posts: list[float] = []

    async def post(state: NodeState) -> Answer:
        now = asyncio.get_running_loop().time()
        posts.append(now)
        if 20 < now < 80:
            raise CollectorError("the collector at http://x does not answer")
        return Answer(wall_ns=1, nodes={})

    async def world() -> None:
        places = line(VirtualAir(seed=8), 2)
        await run_for(
            2 * MINUTE, node_at(places[0], tmp_path, said=said, post=post), node_at(places[1], tmp_path)
        )

    run_virtual(world())
    assert said == [
        "note: the collector at http://x does not answer. Recording goes on",
        "the collector answers again",
    ]
    assert 3 < len([at for at in posts if 20 < at < 80]) < 15
    assert len([at for at in posts if at < 20]) >= 19
    heard = [row.mono_ns / 1e9 for row in rows_of(tmp_path)["n0"] if isinstance(row, HeardFrame)]
    assert max(later - sooner for sooner, later in pairwise(heard)) < 2


def test_the_state_tells_of_nodes_by_name_and_of_others_by_number(tmp_path: Path) -> None:
    """SPEC: TB-5. What a node tells holds the names that the collector knows, and nothing of anybody else."""

    async def world() -> None:
        places = line(VirtualAir(seed=9), 3)
        nodes = [node_at(place, tmp_path) for place in places]
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(node.run())
            await asyncio.sleep(90)
            (tag,) = nodes[1].state({}).tags
            (strange,) = nodes[2].state({}).tags
            told = nodes[0].state({tag: "n1"})
            assert [one.node for one in told.heard] == ["n1"]
            assert 55 <= told.window_s <= 60
            rates = [60 * count / told.window_s for count in (told.heard[0].count, told.others)]
            assert all(60 / 0.275 < rate < 60 / 0.2 for rate in rates)
            assert told.heard[0].rssi_dbm == -69
            assert strange not in told.model_dump_json()
            assert told.duty == pytest.approx(1, abs=0.001)
            assert told.interval_ms == 240
            for node in nodes:
                node.stop()

    run_virtual(world())
