"""The radio `replay:`: a recording through the scanner's interface."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anopticon_client.errors import RadioError
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.replay import ReplayScanner
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual_time import LoopTimestamps, run_virtual
from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.rows import Moved, Row
from tests.recording.kit import frame, write
from tests.recording.waiting import WaitingEar

SECOND = 1_000_000_000
FRAMES = [frame(number, mono_ns=5 * SECOND + number * SECOND * 3) for number in range(40)]
EVENT = RadioEvent(FRAMES[10].mono_ns, FRAMES[10].wall_ns, RadioEventKind.ROTATED, {"address": "00"})
ROWS: list[Row] = [*FRAMES[:10], EVENT, Moved(EVENT.mono_ns, 0, (0.0, 0.0, 0.0)), *FRAMES[10:]]


async def played(text: str, settings: RadioSettings | None = None) -> tuple[WaitingEar, list[float]]:
    """What a replay said, and the loop's time at each frame."""
    times: list[float] = []

    class Ear(WaitingEar):
        def heard(self, frame: object) -> None:
            times.append(asyncio.get_running_loop().time())
            super().heard(frame)  # type: ignore[arg-type]

    ear = Ear()
    chosen = settings or RadioSettings(timestamps=LoopTimestamps())
    device = await open_device(text, ear, chosen)
    assert isinstance(device.scanner, ReplayScanner)
    await device.scanner.start()
    await device.scanner.ended.wait()
    await device.close()
    return ear, times


@pytest.mark.parametrize("speed", ["1", "10", "0.5"])
def test_a_replay_keeps_the_pauses_of_the_recording(tmp_path: Path, speed: str) -> None:
    """SPEC: RC-14. Frames come in order, as they were, after the recorded pauses divided by the speed."""
    write(tmp_path, ROWS)
    ear, times = run_virtual(played(f"replay:{tmp_path}?speed={speed}"))
    assert ear.frames == FRAMES
    assert EVENT in ear.events
    assert [round(time - times[0], 6) for time in times] == [
        round(number * 3 / float(speed), 6) for number in range(40)
    ]


def test_a_replay_makes_no_pause_where_the_clock_begins_anew(tmp_path: Path) -> None:
    """After a boot the monotonic clock is smaller: frames follow at once, and later pauses are as recorded (RC-14)."""
    rebooted = [frame(number, mono_ns=number * SECOND) for number in range(1, 4)]
    write(tmp_path, [*FRAMES[:3], *rebooted])
    _, times = run_virtual(played(f"replay:{tmp_path}"))
    assert [round(time - times[0], 6) for time in times] == [0, 3, 6, 6, 7, 8]


def test_a_replay_at_full_speed_takes_no_time(tmp_path: Path) -> None:
    """Without pauses everything is played in one moment of the loop, and nothing is missing (RC-14)."""
    write(tmp_path, ROWS * 30)
    ear, times = run_virtual(played(f"replay:{tmp_path}?speed=max"))
    assert ear.frames == FRAMES * 30
    assert times[-1] == times[0]
    assert ear.events[-1].details == {"reason": "the recording is over"}


def test_a_replay_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """Stopping and starting again loses no frame and plays none twice (RC-14)."""
    write(tmp_path, ROWS)

    async def stop_often() -> WaitingEar:
        ear = WaitingEar()
        device = await open_device(f"replay:{tmp_path}", ear, RadioSettings(timestamps=LoopTimestamps()))
        assert isinstance(device.scanner, ReplayScanner)
        while not device.scanner.ended.is_set():
            await device.scanner.start()
            await asyncio.sleep(7.3)
            await device.scanner.stop()
        await device.close()
        return ear

    ear = run_virtual(stop_often())
    assert ear.frames == FRAMES
    assert ear.kinds().count(RadioEventKind.SCAN_ON) > 10


def test_a_replay_passes_on_the_services_asked_for(tmp_path: Path) -> None:
    """Frames of other services, and malformed ones, stay in the recording (RC-14)."""
    other = [frame(1)._replace(data=data) for data in (b"", b"\x02\x01", b"\x03\x16\x34\x12", bytes(31))]
    write(tmp_path, [*other, frame(2)])
    ear, _ = run_virtual(played(f"replay:{tmp_path}?speed=max"))
    assert ear.frames == [frame(2)]


def test_one_node_of_several_is_chosen(tmp_path: Path) -> None:
    """A folder with several nodes needs a node, and the sentence names them (RC-14)."""
    write(tmp_path, [frame(1)], node="pi-1")
    write(tmp_path, [frame(2)], node="pi-2")
    with pytest.raises(RadioError, match="nodes: pi-1, pi-2"):
        run_virtual(played(f"replay:{tmp_path}"))
    ear, _ = run_virtual(played(f"replay:{tmp_path}?node=pi-2&speed=max"))
    assert ear.frames == [frame(2)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("replay:", "say which recording"),
        ("replay:/nowhere", "No such file"),
        ("replay:x?speed=0", "above 0"),
        ("replay:x?speed=fast", "above 0"),
        ("replay:x?speed=nan", "above 0"),
        ("replay:x?loop=1", "unknown option 'loop'"),
    ],
)
def test_a_replay_that_cannot_be_says_why(text: str, complaint: str) -> None:
    """A bad place or option is a RadioError at once (RC-14)."""
    with pytest.raises(RadioError, match=complaint):
        run_virtual(played(text))


def test_damage_in_the_middle_ends_a_replay_with_advice(tmp_path: Path) -> None:
    """Frames before the damage are played, then an event says what is wrong (RC-14)."""
    write(tmp_path, list(FRAMES))
    path = next(tmp_path.iterdir())
    content = path.read_bytes()
    at = content.rindex(b'"r":-')
    path.write_bytes(content[:at] + b'"q"' + content[at + 3 :])
    ear, _ = run_virtual(played(f"replay:{tmp_path}?speed=max"))
    assert ear.frames == FRAMES[:-1]
    failed = [event for event in ear.events if event.kind is RadioEventKind.FAILED]
    assert "damaged" in str(failed[0].details["reason"])
