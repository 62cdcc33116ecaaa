"""A whole day on the virtual air: addresses and identifiers in lockstep, and memory that stays flat."""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import dataclass, field

import pytest
from bleak import BleakScanner

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.bleak_backend import BumbleScanner
from anopticon_client.radio.rotation import rotation_seconds
from anopticon_client.radio_records import HeardFrame, RadioEvent
from tests.client.radio.airs import WORLDS, World, frame, in_virtual_time

HOURS = 24
BLOCKS_OF_A_ROTATION = 4
"""A tuple, two byte strings and a number, which the test itself remembers."""


@dataclass
class Pairs:
    """Remembers which address went with which frame, and nothing else."""

    pairs: set[tuple[bytes, bytes]] = field(default_factory=set)
    count: int = 0

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        self.pairs.add((frame.address, frame.data))
        self.count += 1

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""


@pytest.mark.heavy
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_day_of_random_rotations(world: World) -> None:
    """In 24 hours each identifier has one address and each address one identifier, and memory is flat (RA-2, RA-14)."""

    async def story() -> None:
        air = world.make_air(seed=11)
        pairs = Pairs()
        device = await air.join("sender", Position(0, 0), chip=world.chip).open(Pairs())
        ear = await air.join("listener", Position(1, 0), chip=world.chip).open(pairs)
        assert device.advertiser is not None
        assert device.scanner is not None
        assert ear.scanner is not None
        await ear.scanner.start()
        await device.scanner.start()  # a legacy controller must pause it for each rotation
        table = None
        if world.name in {"legacy", "extended"}:
            place = air.join("bleak", Position(2, 0), chip=world.chip)
            table = BleakScanner(backend=BumbleScanner, radio=place.open)
            await table.start()
        sizes, rotations = [], 0
        loop = asyncio.get_running_loop()
        while loop.time() < HOURS * 3_600:
            await device.advertiser.rotate(frame(rotations))
            rotations += 1
            await asyncio.sleep(rotation_seconds(rotations.to_bytes(8, "big")))
            gc.collect()
            sizes.append(sys.getallocatedblocks() - BLOCKS_OF_A_ROTATION * rotations)
        assert len(pairs.pairs) == rotations
        assert (
            len({address for address, _ in pairs.pairs})
            == len({data for _, data in pairs.pairs})
            == rotations
        )
        assert pairs.count > HOURS * 3_600 * 3.7
        quarter = len(sizes) // 4
        grown = min(sizes[-quarter:]) - min(sizes[quarter : 2 * quarter])
        assert grown < rotations / 4, f"{grown} blocks in half a day"
        if table is not None:
            await table.stop()

    in_virtual_time(story)
