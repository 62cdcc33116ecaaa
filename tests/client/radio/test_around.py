"""What stands between a backend and a phone: filter, streams, scans, rotation."""

from __future__ import annotations

import asyncio
import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.errors import RadioError
from anopticon_client.events import Sighting
from anopticon_client.radio.frames import carries, disguised, undisguised
from anopticon_client.radio.interfaces import Moment
from anopticon_client.radio.paired import Collector, PairedRadio
from anopticon_client.radio.rotation import ROTATE_MAX_SECONDS, ROTATE_MIN_SECONDS, beacon, rotation_seconds
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.stream import RadioStream, Tee
from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.errors import AdvertisementError
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID
from tests.client.radio.listening import Ear, HandRadio, heard_frame

BOTH = {DP3T_SERVICE_UUID, GAEN_SERVICE_UUID}
FRAMES = [encode(DP3T_SERVICE_UUID, bytes([n]) * 16, flags=n % 2 == 0) for n in range(9)]
SERVICE_DATA = st.one_of(
    st.tuples(st.just(DP3T_SERVICE_UUID), st.binary(min_size=16, max_size=16)),
    st.tuples(st.just(GAEN_SERVICE_UUID), st.binary(min_size=20, max_size=20)),
)


@given(SERVICE_DATA, st.booleans())
def test_every_frame_that_parses_is_passed_on(said: tuple[int, bytes], flags: bool) -> None:
    """A frame of either service is passed on, with and without flags, and only to whoever wants its service (RA-33)."""
    uuid, data = said
    frame = encode(uuid, data, flags=flags)
    assert carries(frame, {uuid})
    assert carries(frame, BOTH)
    assert not carries(frame, BOTH - {uuid})


@given(st.binary(max_size=40) | st.builds(lambda a, b: a + b, st.sampled_from(FRAMES), st.binary(max_size=4)))
def test_filter_never_raises_and_misses_nothing_that_parses(data: bytes) -> None:
    """No bytes whatever make the filter raise, and none that a phone can read are kept from it (RA-33)."""
    try:
        parse(data)
    except AdvertisementError:
        carries(data, BOTH)
    else:
        assert carries(data, BOTH)


@given(SERVICE_DATA, st.booleans())
def test_disguise_is_undone(said: tuple[int, bytes], flags: bool) -> None:
    """Whatever leaves in disguise comes back as it was, and never shows 0xFD6F on the way (RA-32)."""
    frame = encode(*said, flags=flags)
    assert not carries(disguised(frame), {GAEN_SERVICE_UUID})
    assert undisguised(disguised(frame)) == frame


@given(st.binary(max_size=40))
def test_disguise_takes_anything(data: bytes) -> None:
    """Bytes that are no frame pass both ways without an error, at the same length."""
    assert len(disguised(data)) <= len(data)
    assert len(undisguised(data)) <= len(data)


async def test_streams_give_everything_in_order_and_end() -> None:
    """Frames and events come out of their iterators in order, read early or late, until the end (RA-34)."""
    stream = RadioStream()
    stream.heard(heard_frame(FRAMES[0]))
    reader = asyncio.create_task(_all(stream))
    await asyncio.sleep(0)
    for frame in FRAMES[1:]:
        stream.heard(heard_frame(frame))
    stream.happened(RadioEvent(1, 2, RadioEventKind.SCAN_ON))
    stream.end()
    frames, events = await reader
    assert frames == FRAMES
    assert events == [(RadioEventKind.SCAN_ON, {})]
    assert stream.dropped == 0


async def test_streams_count_what_they_drop_and_say_so() -> None:
    """What a full queue drops is counted, and told as one event once there is room (RA-34)."""
    stream = RadioStream(lambda: Moment(7, 8), max_frames=2, max_events=2)
    for frame in FRAMES[:5]:
        stream.heard(heard_frame(frame))
    sightings = stream.sightings()
    assert (await anext(sightings)).data == FRAMES[0]
    stream.heard(heard_frame(FRAMES[5]))
    assert stream.dropped == 3
    event = await anext(stream.events())
    assert event == RadioEvent(7, 8, RadioEventKind.DROPPED, {"count": 3})


async def test_streams_drop_events_too_and_tell_at_the_end() -> None:
    """Events beyond the bound are dropped and counted as well; what is untold is told when there is room (RA-34)."""
    stream = RadioStream(max_frames=1, max_events=2)
    for _ in range(4):
        stream.happened(RadioEvent(0, 0, RadioEventKind.SCAN_ON))
    events = stream.events()
    await anext(events)
    stream.end()
    rest = [event async for event in events]
    assert [event.kind for event in rest] == [RadioEventKind.SCAN_ON, RadioEventKind.DROPPED]
    assert rest[-1].details == {"count": 2}
    assert stream.dropped == 2


async def test_phone_hears_what_a_scan_heard_and_nothing_else() -> None:
    """A scan returns the frames of its services with a known strength that came while it lasted (RA-33)."""
    settings = RadioSettings(wall_seconds=lambda _: 0.0)
    collector = Collector(settings)
    hand = HandRadio(Tee(Ear(), collector))
    radio = PairedRadio(hand.device(), collector, settings)
    hand.sink.heard(heard_frame(FRAMES[0]))
    scan = asyncio.create_task(radio.scan(4))
    await asyncio.sleep(0)
    hand.sink.heard(heard_frame(FRAMES[1], -70))
    hand.sink.heard(heard_frame(FRAMES[2], None))
    hand.sink.heard(heard_frame(b"\x02\x01\x06"))
    hand.sink.happened(RadioEvent(0, 0, RadioEventKind.SCAN_ON))
    with pytest.raises(RadioError, match="scanning already"):
        await radio.scan(4)
    assert await scan == [Sighting(FRAMES[1], -70)]
    assert hand.log == ["scan", "stop"]


def test_flood_is_sampled_fairly() -> None:
    """Of a scan with too many frames a fair sample is kept: beginning, middle and end have the same chance (RA-35)."""
    settings = RadioSettings(entropy=random.Random(18).randbytes)
    collector = Collector(settings)
    collector.begin()
    total = 4 * MAX_SIGHTINGS_PER_SCAN
    for n in range(total):
        collector.heard(heard_frame(encode(DP3T_SERVICE_UUID, n.to_bytes(16, "big"))))
    kept = [int.from_bytes(parse(frame).service_data, "big") for frame, _ in collector.end()]
    assert len(kept) == len(set(kept)) == MAX_SIGHTINGS_PER_SCAN
    for quarter in range(4):
        share = sum(n * 4 // total == quarter for n in kept) / len(kept)
        assert 0.22 < share < 0.28


async def test_phone_rotates_in_one_step_and_falls_silent() -> None:
    """The first frame starts the advertiser, each later one is a rotation, until silence (RA-36)."""
    settings = RadioSettings()
    collector = Collector(settings)
    hand = HandRadio(collector)
    radio = PairedRadio(hand.device(), collector, settings)
    await radio.advertise(FRAMES[0])
    await radio.advertise(FRAMES[1])
    await radio.silence()
    await radio.advertise(FRAMES[2])
    await radio.close()
    assert hand.log == ["start", "rotate", "stop", "start", "close"]


async def test_half_a_radio_says_what_is_missing() -> None:
    """A radio that can only listen, or only send, says so to a phone, and names a pair that would do."""
    settings = RadioSettings()
    collector = Collector(settings)
    mute = PairedRadio(HandRadio(collector, sends=False).device(), collector, settings)
    deaf = PairedRadio(HandRadio(collector, hears=False).device(), collector, settings)
    with pytest.raises(RadioError, match=r"can only listen.*bluez:hci0\+hand"):
        await mute.advertise(FRAMES[0])
    with pytest.raises(RadioError, match=r"can only send.*\+bleak"):
        await deaf.scan(1)


@given(st.binary(min_size=8, max_size=8))
def test_rotation_is_between_ten_and_twenty_minutes(entropy: bytes) -> None:
    """Whatever the entropy, a beacon rotates after 10 to 20 minutes (RA-36)."""
    assert ROTATE_MIN_SECONDS <= rotation_seconds(entropy) < ROTATE_MAX_SECONDS


async def test_beacons_draw_frames_and_times_anew() -> None:
    """A plain beacon starts once, then sleeps a random time and rotates to a random frame, again and again (RA-36)."""
    hand = HandRadio(Ear())
    draws = count(1)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        seen.append(hand.on_air)
        if len(slept) == 4:
            raise asyncio.CancelledError

    seen: list[bytes | None] = []
    with pytest.raises(asyncio.CancelledError):
        await beacon(hand, lambda n: bytes([next(draws) * 31 % 256]) * n, sleep=sleep)
    assert hand.log == ["start", "rotate", "rotate", "rotate"]
    assert len(set(seen)) == len(set(slept)) == 4


async def _all(stream: RadioStream) -> tuple[list[bytes], list[tuple[RadioEventKind, dict[str, str | int]]]]:
    frames = [frame.data async for frame in stream.sightings()]
    return frames, [(event.kind, dict(event.details)) async for event in stream.events()]
