"""The array medium against the protocol-true one, and what is its own: batches, bounds, names."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual.array_medium import HeardBatch
from anopticon_client.radio.virtual.places import Air, ChipKind
from anopticon_client.radio.virtual.propagation import LogDistance
from anopticon_client.radio_records import HeardFrame, RadioEvent
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM
from tests.client.radio.airs import World, frame, in_virtual_time, join
from tests.client.radio.listening import Ear

NODES = 8


@dataclass(frozen=True)
class Step:
    """After so many seconds this node does something."""

    after: float
    node: int
    what: str


STEPS = st.lists(
    st.builds(
        Step,
        st.floats(0, 3).map(lambda seconds: round(seconds, 6)),
        st.integers(0, NODES - 1),
        st.sampled_from(["start", "rotate", "stop", "listen", "deafen", "walk"]),
    ),
    max_size=25,
)


async def play(
    air: Air, chip: ChipKind, steps: list[Step]
) -> list[tuple[list[HeardFrame], list[RadioEvent]]]:
    """Let nodes do what the steps say; returns what each of them heard and was told."""
    luck = random.Random(1)
    ears = []
    places = []
    devices = []
    for number in range(NODES):
        place = air.join(f"node-{number}", Position(number * 2.0, 0), -20, chip=chip)
        ears.append(Ear())
        places.append(place)
        devices.append(await place.open(ears[-1], None, luck.randbytes))
    for number, device in enumerate(devices):
        assert device.advertiser is not None
        assert device.scanner is not None
        await device.scanner.start()
        await device.advertiser.start(frame(number))
    for number, step in enumerate(steps, start=NODES):
        await asyncio.sleep(step.after)
        device, place = devices[step.node], places[step.node]
        assert device.advertiser is not None
        assert device.scanner is not None
        match step.what:
            case "start" | "rotate":
                await device.advertiser.rotate(frame(number))
            case "stop":
                await device.advertiser.stop()
            case "listen":
                await device.scanner.start()
            case "deafen":
                await device.scanner.stop()
            case _:
                place.position = Position(number, 3.0)
    await asyncio.sleep(2)
    for device in devices:
        await device.close()
    return [(ear.frames, ear.events) for ear in ears]


@pytest.mark.parametrize("chip", ChipKind, ids=lambda chip: chip.value)
@pytest.mark.parametrize("collisions", [True, False], ids=["collisions", "no-collisions"])
@settings(max_examples=12)
@given(steps=STEPS, scatter=st.sampled_from([0.0, 7.0]))
def test_both_media_deliver_the_same_frames_at_the_same_nanoseconds(
    chip: ChipKind, collisions: bool, steps: list[Step], scatter: float
) -> None:
    """From one seed the array medium gives each node exactly what it hears and is told through HCI (RA-12)."""

    def run(make: type[ArrayAir | VirtualAir]) -> list[tuple[list[HeardFrame], list[RadioEvent]]]:
        async def story() -> list[tuple[list[HeardFrame], list[RadioEvent]]]:
            air = make(seed=5, propagation=LogDistance(scatter_db=scatter, seed=5), collisions=collisions)
            return await play(air, chip, steps)

        return in_virtual_time(story)

    through_hci, by_arrays = run(VirtualAir), run(ArrayAir)
    assert by_arrays == through_hci
    assert sum(len(frames) for frames, _ in by_arrays) > 100


@dataclass
class Columns(Ear):
    """A sink that takes batches."""

    batches: list[HeardBatch] = field(default_factory=list)

    def heard_many(self, batch: HeardBatch) -> None:
        """Frames arrived."""
        self.batches.append(batch)

    def rows(self) -> list[tuple[int, int, bytes, bytes]]:
        """The frames of all batches."""
        return [
            (mono, rssi, *batch.events[event])
            for batch in self.batches
            for mono, rssi, event in zip(
                batch.mono_ns.tolist(), batch.rssi_dbm.tolist(), batch.event.tolist(), strict=True
            )
        ]


def test_batches_hold_the_same_frames_as_calls() -> None:
    """Of two sinks at one place the one that takes batches gets the same frames, times and strengths (RA-12)."""

    async def story() -> None:
        air = ArrayAir(seed=6)
        world = World("array", ArrayAir, ChipKind.EXTENDED)
        senders = await join(air, world, *((x, 0.0) for x in range(1, 30)))
        one, many = Ear(), Columns()
        for name, ear in (("one", one), ("many", many)):
            device = await air.join(name, Position(0, 1)).open(ear)
            assert device.scanner is not None
            await device.scanner.start()
        for number, sender in enumerate(senders):
            await sender.advertiser.start(frame(number))
        await asyncio.sleep(20)
        assert not many.frames
        rows = [(row.mono_ns, row.rssi_dbm, row.address, row.data) for row in one.frames]
        assert sorted(many.rows()) == sorted(rows)
        assert len(rows) > 1_500
        assert all(np.all(np.diff(batch.mono_ns) >= 0) for batch in many.batches)

    in_virtual_time(story)


@pytest.mark.parametrize("make", [VirtualAir, ArrayAir], ids=["hci", "array"])
def test_names_are_unique_and_frames_bounded(make: type[VirtualAir | ArrayAir]) -> None:
    """A name joins an air once, an opened radio is not opened twice, a frame has 1 to 31 bytes (RA-1)."""

    async def story() -> None:
        air = make()
        place = air.join("anna", Position(0, 0), height=1.5)
        with pytest.raises(RadioError, match="'anna' is on it already"):
            air.join("anna", Position(1, 0))
        device = await place.open(Ear())
        with pytest.raises(RadioError, match="open already"):
            await place.open(Ear())
        assert device.advertiser is not None
        for wrong in (b"", bytes(32)):
            with pytest.raises(RadioError, match=r"must be 1\.\.31"):
                await device.advertiser.start(wrong)
        await device.close()
        assert (place.height, place.position) == (1.5, Position(0, 0))
        place.leave()
        place.leave()
        air.join("anna", Position(1, 0))

    in_virtual_time(story)


def test_height_counts_as_distance() -> None:
    """An antenna ten metres above another is heard as one ten metres away (RA-11)."""

    async def story() -> None:
        air = ArrayAir(seed=1)
        ear = Ear()
        below = await air.join("below", Position(0, 0)).open(ear)
        above = air.join("above", Position(0, 0))
        above.height = 10.0
        device = await above.open(Ear())
        assert below.scanner is not None
        assert device.advertiser is not None
        await below.scanner.start()
        await device.advertiser.start(frame(1))
        await asyncio.sleep(3)
        assert {row.rssi_dbm for row in ear.frames} == {REFERENCE_TX_POWER_DBM - 54 - 12}

    in_virtual_time(story)
