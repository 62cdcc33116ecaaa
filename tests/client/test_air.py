"""The virtual air between processes: what travels on it, how strong it arrives, and what garbage does to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.errors import RadioError
from anopticon_client.events import Sighting
from anopticon_client.radio import Position, RadioSettings, open_radio, parse_position
from anopticon_client.radio.datagram import (
    MAX_DATAGRAM_BYTES,
    SENSITIVITY_DBM,
    Broadcast,
    private_address,
)
from anopticon_client.radio.udp_air import LOOPBACK, MAX_TRANSMITTERS, UdpAir
from anopticon_protocol.advert import encode
from tests.client.shells import free_air

FRAMES = [encode(0xFD68, bytes([n]) * 16) for n in range(9)]
PATIENCE_SECONDS = 30
"""A bound for a machine that is busy with other things; what is waited for takes milliseconds."""
FASTEST = 0.0001
"""Wall seconds of one second of a 10,000-fold clock."""


def hurried(seconds: float) -> float:
    """A clock 600 times as fast as the wall."""
    return seconds / 600


@pytest.fixture
def ports() -> range:
    """An air that nobody else is on."""
    return free_air()


@asynccontextmanager
async def phones(
    ports: range, *places: tuple[float, float], wall_seconds: Callable[[float], float] = hurried
) -> AsyncIterator[list[UdpAir]]:
    """Phones on the air of `ports`, at these positions in metres."""
    joined = [UdpAir(ports, Position(*place), -15, wall_seconds) for place in places]
    try:
        for phone in joined:
            await phone.join()
        yield joined
    finally:
        for phone in joined:
            await phone.close()


async def hears(phone: UdpAir, wanted: Callable[[set[Sighting]], bool]) -> set[Sighting]:
    """Scan until one scan heard what is wanted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            heard = set(await phone.scan(4))
            if wanted(heard):
                return heard


@asynccontextmanager
async def stranger(target: UdpAir) -> AsyncIterator[Callable[[bytes], None]]:
    """Some other program of this machine that sends to a phone's port."""
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(data: bytes) -> None:
        other.sendto(data, (LOOPBACK, target.port))

    try:
        yield send
    finally:
        other.close()


async def arrives(done: Callable[[], bool]) -> None:
    """Give the event loop turns until what was sent has arrived."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not done():  # noqa: ASYNC110 - a socket sets no Event
            await asyncio.sleep(0)


# -- datagrams ------------------------------------------------------------------------------------------------------

broadcasts = st.builds(
    Broadcast,
    st.binary(min_size=6, max_size=6),
    st.builds(Position, *(st.integers(-100_000_000, 100_000_000).map(lambda mm: mm / 1_000),) * 2),
    st.integers(-127, 20),
    st.binary(min_size=1, max_size=31),
)


@given(broadcasts)
def test_law_a_broadcast_round_trips(said: Broadcast) -> None:
    """What one phone sends is what the other reads, to the millimetre."""
    assert Broadcast.decode(said.encode()) == said
    assert len(said.encode()) <= MAX_DATAGRAM_BYTES


@given(
    st.binary(max_size=80)
    | broadcasts.flatmap(lambda said: st.integers(0, 60).map(lambda n: said.encode()[:n]))
)
def test_law_garbage_is_no_broadcast(data: bytes) -> None:
    """Whatever bytes arrive, they are read as a broadcast that encodes to the same bytes, or not at all."""
    said = Broadcast.decode(data)
    assert said is None or said.encode() == data


def test_malformed_datagrams_are_told_apart() -> None:
    """Another version, a wrong length, an impossible power or place, and an empty frame are not read."""
    whole = bytearray(Broadcast(bytes(6), Position(1, 2), -15, FRAMES[0]).encode())
    assert Broadcast.decode(bytes(whole)) is not None
    for offset, value in ((0, 0x61), (5, 2), (12, 0x7F), (16, 0x80), (20, 127), (20, 21), (21, 30)):
        broken = bytearray(whole)
        broken[offset] = value
        assert Broadcast.decode(bytes(broken)) is None
    assert Broadcast.decode(bytes(whole) + b"\x00") is None
    assert Broadcast.decode(bytes(whole[:21]) + b"\x00") is None


@pytest.mark.parametrize(
    ("metres", "rssi_dbm"),
    [(0, -57), (0.1, -57), (1, -69), (2, -73), (10, -81), (100, -93), (383, -100), (430, None)],
)
def test_signal_strength_falls_with_distance(metres: float, rssi_dbm: int | None) -> None:
    """54 dB are lost over the first metre and 12 more over each tenfold; below the sensitivity nothing is heard."""
    said = Broadcast(bytes(6), Position(3, metres), -15, FRAMES[0])
    assert said.rssi_dbm(Position(3, 0)) == rssi_dbm
    assert SENSITIVITY_DBM == -100


@given(st.binary(min_size=6, max_size=6))
def test_law_addresses_are_non_resolvable_private(entropy: bytes) -> None:
    """The two highest bits of an address are 0, whatever the entropy, and the other 46 are the entropy's."""
    address = private_address(entropy)
    assert address[0] >> 6 == 0
    assert (address[0], address[1:]) == (entropy[0] & 0x3F, entropy[1:])


# -- phones on the air ----------------------------------------------------------------------------------------------


async def test_phones_hear_each_other_but_not_themselves(ports: range) -> None:
    """Each phone hears the frames of the others at the strength that their distance makes, and never its own."""
    async with phones(ports, (0, 0), (1, 0), (0, 10)) as joined:
        for phone, frame in zip(joined, FRAMES, strict=False):
            await phone.advertise(frame)
        heard = [await hears(phone, lambda found: len(found) == 2) for phone in joined]
    assert heard[0] == {Sighting(FRAMES[1], -69), Sighting(FRAMES[2], -81)}
    assert heard[1] == {Sighting(FRAMES[0], -69), Sighting(FRAMES[2], -81)}
    assert {frame for frame, _ in heard[2]} == {FRAMES[0], FRAMES[1]}


@pytest.mark.parametrize("factor", [60, 600, 10_000])
async def test_phones_with_fast_clocks_hear_each_other(ports: range, factor: int) -> None:
    """However short a scan becomes on the wall, a phone that is on the air is heard in each one."""
    async with phones(ports, (0, 0), (1, 0), wall_seconds=lambda seconds: seconds / factor) as (anna, ben):
        await anna.advertise(FRAMES[0])
        await hears(ben, bool)
        for _ in range(5):
            heard = await ben.scan(4)
            assert set(heard) == {Sighting(FRAMES[0], -69)}


async def test_a_slow_scan_hears_many_frames(ports: range) -> None:
    """A scan that lasts many intervals returns a sighting for each frame that arrived."""
    async with phones(ports, (0, 0), (1, 0), wall_seconds=lambda seconds: seconds / 10) as (anna, ben):
        await anna.advertise(FRAMES[0])
        heard = await ben.scan(5)
    assert 4 <= len(heard) <= 12


async def test_address_and_frame_change_in_one_step(ports: range) -> None:
    """Every datagram carries either the old address with the old frame or the new one with the new frame."""
    async with phones(ports, (0, 0), wall_seconds=lambda seconds: seconds * FASTEST) as (anna,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((LOOPBACK, next(port for port in ports if port != anna.port)))
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        pairs: dict[bytes, set[bytes]] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            for frame in FRAMES:
                await anna.advertise(frame)
                for _ in range(2):
                    said = Broadcast.decode(await loop.sock_recv(listener, 100))
                    assert said is not None
                    pairs.setdefault(said.address, set()).add(said.frame)
        listener.close()
    assert len(pairs) == len(FRAMES)
    assert all(len(frames) == 1 for frames in pairs.values())
    assert set().union(*pairs.values()) == set(FRAMES)


async def test_after_a_rotation_only_the_new_frame_lingers(ports: range) -> None:
    """A scan shorter than the time between frames hears what is on the air now, not what was before."""
    async with phones(ports, (0, 0), (1, 0), wall_seconds=lambda seconds: seconds * FASTEST) as (anna, ben):
        await anna.advertise(FRAMES[0])
        await hears(ben, bool)
        await anna.advertise(FRAMES[1])
        await arrives(lambda: ben._latest[next(iter(ben._latest))][1].frame == FRAMES[1])
        heard = await ben.scan(0)
        assert {frame for frame, _ in heard} == {FRAMES[1]}


async def test_a_phone_that_falls_silent_is_gone(ports: range) -> None:
    """Shortly after a phone fell silent nobody hears it, and it still hears the others."""
    async with phones(ports, (0, 0), (1, 0)) as (anna, ben):
        await anna.advertise(FRAMES[0])
        await ben.advertise(FRAMES[1])
        await hears(ben, bool)
        await anna.silence()
        await hears(ben, lambda found: not found)
        await hears(anna, bool)


async def test_phones_far_apart_do_not_hear_each_other(ports: range) -> None:
    """Beyond the sensitivity a frame is counted and forgotten."""
    async with phones(ports, (0, 0), (1_000, 0)) as (anna, ben):
        await anna.advertise(FRAMES[0])
        await arrives(lambda: ben.counters.too_weak > 0)
        assert await ben.scan(4) == []


async def test_garbage_is_counted_and_harms_nothing(ports: range) -> None:
    """Whatever a stranger sends, the phone counts it and goes on hearing others."""
    async with phones(ports, (0, 0), (1, 0)) as (anna, ben), stranger(ben) as send:
        whole = Broadcast(bytes(6), Position(0, 0), -15, FRAMES[2]).encode()
        garbage = [b"", b"x", whole[:-1], whole + b"x", bytes(1_000), b"\xff" * 60_000]
        garbage += [whole[:n] + b"\xff" + whole[n + 1 :] for n in range(6)]
        for data in garbage:
            send(data)
        await arrives(lambda: ben.counters.malformed == len(garbage))
        await anna.advertise(FRAMES[0])
        assert await hears(ben, bool) == {Sighting(FRAMES[0], -69)}


async def test_a_flood_fills_no_memory(ports: range) -> None:
    """Beyond the named bounds further frames and further senders are dropped and counted."""
    async with phones(ports, (0, 0)) as (anna,):
        frame = Broadcast(bytes(6), Position(0, 0), -15, FRAMES[0]).encode()
        scan = asyncio.create_task(anna.scan(4))
        await asyncio.sleep(0)
        for port in range(MAX_TRANSMITTERS + 50):
            anna.datagram_received(frame, (LOOPBACK, port))
        assert anna.counters.dropped == 50
        for _ in range(MAX_SIGHTINGS_PER_SCAN):
            anna.datagram_received(frame, (LOOPBACK, 1))
        assert anna.counters.dropped == 50 + MAX_TRANSMITTERS
        assert len(await scan) == MAX_SIGHTINGS_PER_SCAN
        assert len(anna._latest) <= MAX_TRANSMITTERS


async def test_a_full_air_is_said_to_be_full(ports: range) -> None:
    """When every port of the range is taken the next phone gets a sentence, and a place once one is free."""
    async with phones(ports, *[(0.0, 0.0)] * 4) as joined:
        assert sorted(phone.port for phone in joined) == list(ports)
        name = f"air:{ports[0]}-{ports[-1]}"
        with pytest.raises(RadioError, match=f"no place is left on the air {ports[0]}-{ports[-1]}"):
            await open_radio(name, RadioSettings())
        await joined[0].close()
        late = await open_radio(name, RadioSettings())
        await late.close()


async def test_a_closed_radio_says_so(ports: range) -> None:
    """After close every call is an error with a sentence, and closing again does no harm."""
    async with phones(ports, (0, 0)) as (anna,):
        await anna.close()
        for call in (anna.advertise(FRAMES[0]), anna.silence(), anna.scan(4)):
            with pytest.raises(RadioError, match="closed"):
                await call
        await anna.close()


async def test_one_scan_at_a_time(ports: range) -> None:
    """A second scan beside the first is refused; after it there can be another."""
    async with phones(ports, (0, 0)) as (anna,):
        scan = asyncio.create_task(anna.scan(4))
        await asyncio.sleep(0)
        with pytest.raises(RadioError, match="scanning already"):
            await anna.scan(4)
        await scan
        await anna.scan(4)


# -- opened by a string ---------------------------------------------------------------------------------------------


async def test_a_radio_is_opened_by_its_text(ports: range) -> None:
    """The text gives ports and place; a place in it comes before the one in the settings."""
    name = f"air:{ports[0]}-{ports[-1]}"
    for text, settings, place in (
        (name, RadioSettings(), Position(0, 0)),
        (name, RadioSettings(position=Position(4, 5)), Position(4, 5)),
        (f"{name}?at=1.5,-2", RadioSettings(position=Position(4, 5)), Position(1.5, -2)),
    ):
        radio = await open_radio(text, settings)
        assert isinstance(radio, UdpAir)
        assert (radio.ports, radio.position) == (ports, place)
        await radio.close()


@pytest.mark.parametrize("text", ["air", "air?at=3,4"])
async def test_the_usual_air_needs_no_ports(text: str) -> None:
    """Without ports the usual ones are taken."""
    radio = await open_radio(text, RadioSettings())
    assert isinstance(radio, UdpAir)
    assert radio.port in range(27_800, 27_832)
    await radio.close()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must begin with one of air"),
        ("bleach", "must begin with one of air"),
        ("bleach?x=1", "must begin with one of air"),
        ("air:" + "9" * 300, "at most 200 characters"),
        ("air:47800", "not a range of ports"),
        ("air:a-b", "not a range of ports"),
        ("air:-5-9", "not a range of ports"),
        ("air:80-90", "must be 2..64 ports in 1024..65535"),
        ("air:65530-65540", "must be 2..64 ports"),
        ("air:2000-2100", "must be 2..64 ports"),
        ("air:2000-2000", "must be 2..64 ports"),
        ("air:2010-2000", "must be 2..64 ports"),
        ("air?at", "options must be like"),
        ("air?power=3", "unknown option 'power'"),
        ("air?at=3", "must be two numbers"),
    ],
)
async def test_a_radio_that_makes_no_sense_is_refused(text: str, sentence: str) -> None:
    """Every mistake in a radio's text has its sentence."""
    with pytest.raises(RadioError, match=sentence):
        await open_radio(text, RadioSettings())


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "1;2"])
def test_a_position_is_two_numbers(text: str) -> None:
    """Anything but two numbers is refused."""
    with pytest.raises(RadioError, match="two numbers of metres"):
        parse_position(text)


@pytest.mark.parametrize("text", ["nan,0", "inf,0", "0,-1e9", "100001,0"])
def test_a_position_is_on_the_map(text: str) -> None:
    """Places that no datagram can hold are refused."""
    with pytest.raises(RadioError, match="within 100000 m"):
        parse_position(text)
