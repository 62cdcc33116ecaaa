"""Laws that hold on every air, whatever stands between antenna and sink."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.radio.datagram import Broadcast, Position
from anopticon_client.radio_records import AddressType, PduType, RadioEventKind
from tests.client.radio.airs import WORLDS, World, frame, in_virtual_time, join

EVERY = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)


@EVERY
@pytest.mark.parametrize("flags", [True, False], ids=["flags", "no-flags"])
def test_what_is_heard_is_what_was_sent(world: World, flags: bool) -> None:
    """A frame arrives byte for byte, flags or not, as ADV_NONCONN_IND from a non-resolvable address (RA-1)."""

    async def story() -> None:
        sender, listener = await join(world.make_air(seed=1), world, (0, 0), (2, 0))
        await listener.scanner.start()
        await sender.advertiser.start(frame(7, flags=flags))
        await asyncio.sleep(10)
        heard = listener.ear.frames
        assert (
            34 <= len(heard) <= 52
        )  # ten seconds of 200 to 280 ms, less some at the edge of a scan interval
        assert {row.data for row in heard} == {frame(7, flags=flags)}
        assert {(row.pdu, row.address_type) for row in heard} == {
            (PduType.ADV_NONCONN_IND, AddressType.NON_RESOLVABLE)
        }
        assert len({row.address for row in heard}) == 1
        (begun,) = [event for event in sender.ear.events if event.kind is RadioEventKind.ADVERTISE_ON]
        assert begun.details == {"address": heard[0].address.hex(), "frame": frame(7, flags=flags).hex()}

    in_virtual_time(story)


@EVERY
@settings(max_examples=15)
@given(metres=st.floats(0.1, 200), power=st.integers(-40, 20))
def test_strength_in_is_strength_out(world: World, metres: float, power: int) -> None:
    """The receiver reports exactly the dBm that the model gives for the two places, and nothing where it gives none."""

    async def story() -> None:
        air = world.make_air(seed=2)
        sender = air.join("sender", Position(0, 0), power, chip=world.chip)
        (listener,) = await join(air, world, (metres, 0))
        await listener.scanner.start()
        from_there = await sender.open(listener.ear)
        assert from_there.advertiser is not None
        await from_there.advertiser.start(frame(1))
        await asyncio.sleep(3)
        expected = Broadcast(bytes(6), Position(0, 0), power, b"x").rssi_dbm(Position(metres, 0))
        assert {row.rssi_dbm for row in listener.ear.frames} == ({expected} - {None})

    in_virtual_time(story)


@EVERY
def test_a_walker_is_heard_from_where_it_is(world: World) -> None:
    """When an antenna moves, the next frame has the strength of the new place."""

    async def story() -> None:
        sender, listener = await join(world.make_air(seed=3), world, (0, 0), (1, 0))
        await listener.scanner.start()
        await sender.advertiser.start(frame(1))
        await asyncio.sleep(5)
        near = {row.rssi_dbm for row in listener.ear.frames}
        listener.ear.frames.clear()
        sender.place.position = Position(11, 0)
        await asyncio.sleep(5)
        far = {row.rssi_dbm for row in listener.ear.frames}
        assert len(near) == len(far) == 1
        assert near == {strength + 12 for strength in far if strength is not None}  # one decade

    in_virtual_time(story)


@EVERY
@settings(max_examples=8)
@given(moments=st.lists(st.floats(0.001, 300), min_size=1, max_size=8))
def test_no_identifier_under_two_addresses_nor_address_over_two_identifiers(
    world: World, moments: list[float]
) -> None:
    """Whenever it rotates, a radio never sends an old address with a new identifier nor the other way round (RA-2)."""

    async def story() -> None:
        sender, listener = await join(world.make_air(seed=4), world, (0, 0), (1, 0))
        await listener.scanner.start()
        await sender.scanner.start()
        await sender.advertiser.start(frame(0))
        for number, seconds in enumerate(moments, start=1):
            await asyncio.sleep(seconds)
            await sender.advertiser.rotate(frame(number))
        await asyncio.sleep(1)
        pairs = {(row.address, row.data) for row in listener.ear.frames}
        assert len({address for address, _ in pairs}) == len(pairs) == len({data for _, data in pairs})
        rotated = [event for event in sender.ear.events if event.kind is RadioEventKind.ROTATED]
        assert len(rotated) == len(moments)
        assert all(
            event.details["gap_ns"] == 0 for event in rotated
        )  # commands take no time on the virtual air

    in_virtual_time(story)


@EVERY
def test_silence_after_stop_and_nothing_heard_outside_a_scan(world: World) -> None:
    """After stop nothing is on the air, outside a scan nothing is heard, and each change is an event (RA-6)."""

    async def story() -> None:
        sender, listener = await join(world.make_air(seed=5), world, (0, 0), (1, 0))
        await sender.advertiser.start(frame(1))
        await asyncio.sleep(5)
        assert not listener.ear.frames
        await listener.scanner.start()
        await asyncio.sleep(5)
        assert listener.ear.frames
        await sender.advertiser.stop()
        listener.ear.frames.clear()
        await asyncio.sleep(5)
        assert not listener.ear.frames
        await sender.advertiser.start(frame(2))
        await listener.scanner.stop()
        await asyncio.sleep(5)
        assert not listener.ear.frames
        await sender.device.close()
        await listener.device.close()
        await listener.device.close()
        sent = [RadioEventKind.ADVERTISE_ON, RadioEventKind.ADVERTISE_OFF] * 2
        assert sender.ear.kinds() == sent
        assert listener.ear.kinds() == [RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF]

    in_virtual_time(story)
