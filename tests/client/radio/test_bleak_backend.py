"""Unmodified bleak code on the virtual air."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from bleak import BleakScanner
from bleak.backends import get_default_backend
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.bleak_backend import (
    FORGET_DEVICE_SECONDS,
    BumbleScanner,
    advertisement,
    bleak_runs_on,
)
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID
from tests.client.radio.airs import WORLDS, Node, World, frame, in_virtual_time, join

DP3T = "0000fd68-0000-1000-8000-00805f9b34fb"
GAEN = "0000fd6f-0000-1000-8000-00805f9b34fb"
EXTENDED = next(world for world in WORLDS if world.name == "extended")


async def someone_elses_code(seconds: float) -> list[tuple[str, int, bytes]]:
    """A program that knows bleak and nothing of us."""
    found = []

    def callback(device: BLEDevice, said: AdvertisementData) -> None:
        found.append((device.address, said.rssi, said.service_data[DP3T]))

    async with BleakScanner(callback, service_uuids=[DP3T]):
        await asyncio.sleep(seconds)
    return found


async def beacons(air: VirtualAir, world: World, *places: tuple[float, float]) -> list[Node]:
    """Nodes that broadcast identifiers 0, 1, ..."""
    nodes = await join(air, world, *places)
    for number, node in enumerate(nodes):
        await node.advertiser.start(frame(number))
    return nodes


def test_four_phones_run_the_same_bleak_code_each_at_its_place() -> None:
    """Bleak code in parallel tasks hears every frame once, from its own place: strength falls with distance (RA-15)."""

    async def story() -> None:
        air = VirtualAir(seed=1, collisions=False)
        await beacons(air, EXTENDED, (0, 0))

        async def phone(metres: float) -> list[tuple[str, int, bytes]]:
            place = air.join(f"phone-{metres}", Position(metres, 0))
            with bleak_runs_on(place.open):
                return await someone_elses_code(30)

        distances = (1.5, 3.0, 6.0, 12.0)
        heard = await asyncio.gather(*map(phone, distances))
        assert all(105 <= len(rows) <= 150 for rows in heard)
        assert all(len({row[1] for row in rows}) == 1 for rows in heard)
        strengths = [rows[0][1] for rows in heard]
        assert [near - far for near, far in pairwise(strengths)] == pytest.approx([3.6] * 3, abs=1)

    in_virtual_time(story)


def test_discovery_filters_and_iterators_of_bleak_work() -> None:
    """discover, find_device_by_filter, advertisement_data and the UUID filter do what bleak promises (RA-15)."""

    async def story() -> None:
        air = VirtualAir(seed=2)
        own, other = await beacons(air, EXTENDED, (1, 0), (2, 0))
        await other.advertiser.rotate(encode(GAEN_SERVICE_UUID, bytes(20)))
        place = air.join("scanner", Position(0, 0))
        with bleak_runs_on(place.open):
            found = await BleakScanner.discover(3, return_adv=True)
            assert {tuple(said.service_data) for _, said in found.values()} == {(DP3T,), (GAEN,)}
            only = await BleakScanner.discover(3, return_adv=True, service_uuids=[DP3T])
            ((device, said),) = only.values()
            assert said.service_data == {DP3T: (0).to_bytes(16, "big")}
            assert said.service_uuids == [DP3T]
            assert (said.tx_power, said.local_name, said.manufacturer_data) == (None, None, {})
            again = await BleakScanner.find_device_by_filter(lambda device, said: GAEN in said.service_data)
            assert again is not None
            assert again.address != device.address
            async with BleakScanner() as scanner:
                async for _, said in scanner.advertisement_data():
                    assert said.rssi < 0
                    break
            assert scanner.backend_id == "BumbleScanner"
        await own.device.close()

    in_virtual_time(story)


def test_the_table_of_bleak_forgets_addresses_that_are_gone() -> None:
    """After as many rotations as two phones make in a day, only the addresses of the last minutes are known (RA-14)."""

    async def story() -> None:
        air = VirtualAir(seed=3)
        nodes = await beacons(air, EXTENDED, (1, 0), (2, 0))
        place = air.join("scanner", Position(0, 0))
        scanner = BleakScanner(backend=BumbleScanner, radio=place.open)
        await scanner.start()
        most, addresses = 0, set()
        for rotation in range(2 * 144):
            await asyncio.sleep(5)
            await nodes[rotation % 2].advertiser.rotate(frame(rotation + 2))
            known = scanner.discovered_devices
            addresses |= {device.address for device in known}
            most = max(most, len(known))
        await scanner.stop()
        assert len(addresses) > 280
        assert most <= 2 + FORGET_DEVICE_SECONDS // 5 + 1

    in_virtual_time(story)


def test_outside_of_it_bleak_is_as_it_was() -> None:
    """Code that runs beside bleak_runs_on, or after it, gets the platform's own scanner (RA-15)."""

    async def story() -> None:
        air = VirtualAir(seed=4)
        place = air.join("scanner", Position(0, 0))
        with bleak_runs_on(place.open):
            assert BleakScanner().backend_id == "BumbleScanner"
        assert BleakScanner().backend_id == get_default_backend()

    in_virtual_time(story)


async def test_without_a_radio_and_with_a_wrong_one_bleak_says_so() -> None:
    """Bleak's own error carries the radio's sentence (RA-31)."""
    with pytest.raises(BleakError, match="bleak_runs_on"):
        await BleakScanner(backend=BumbleScanner).start()
    with pytest.raises(BleakError, match="cannot be opened"):
        await BleakScanner(backend=BumbleScanner, radio="serial:/dev/no-such-port").start()
    with pytest.raises(BleakError, match="must be hci:usb:0"):
        await BleakScanner(backend=BumbleScanner, radio="carrier-pigeon").start()


def heard(data: bytes, rssi: int | None = -50) -> HeardFrame:
    """A frame as heard."""
    return HeardFrame(0, 0, bytes(6), AddressType.STATIC, PduType.ADV_IND, rssi, data)


@given(st.binary(max_size=64))
def test_no_bytes_from_the_air_break_the_parser(data: bytes) -> None:
    """Whatever arrives becomes an advertisement or nothing, never an error (RA-33)."""
    advertisement(heard(data))


def test_every_kind_of_structure_is_told_as_bleak_tells_it() -> None:
    """Names, power, maker's data, UUID lists and service data of each width land in their fields (RA-15)."""
    parts = [
        (0x09, "Häuschen".encode()),
        (0x0A, b"\xf4"),
        (0xFF, b"\x4c\x00\x02\x15"),
        (0x03, b"\x68\xfd\x6f\xfd"),
        (0x05, b"\x78\x56\x34\x12"),
        (0x07, bytes(range(16))),
        (0x16, b"\x68\xfd" + b"a"),
        (0x20, b"\x78\x56\x34\x12" + b"b"),
        (0x21, bytes(range(16)) + b"c"),
    ]
    data = b"".join(bytes([1 + len(value), kind]) + value for kind, value in parts)
    said = advertisement(heard(data + b"\x00\x00", None))
    long = "0f0e0d0c-0b0a-0908-0706-050403020100"
    half = "12345678-0000-1000-8000-00805f9b34fb"
    assert said is not None
    assert said[:6] == (
        "Häuschen",
        {0x4C: b"\x02\x15"},
        {DP3T: b"a", half: b"b", long: b"c"},
        [DP3T, GAEN, half, long],
        -12,
        -127,
    )
    assert advertisement(heard(b"\x05\x09ab")) is None
    assert advertisement(heard(encode(DP3T_SERVICE_UUID, bytes(16), flags=False))) is not None
