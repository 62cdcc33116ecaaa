"""Every air that a test can join, and two radios that hear each other on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.interfaces import Advertiser, RadioDevice, Scanner
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual.places import Air, ChipKind, Place
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID
from tests.client.radio.listening import Ear

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """One kind of air and of controller."""

    name: str
    make_air: Callable[..., Air]
    chip: ChipKind


WORLDS = [
    World("legacy", VirtualAir, ChipKind.LEGACY),
    World("extended", VirtualAir, ChipKind.EXTENDED),
    World("array", ArrayAir, ChipKind.EXTENDED),
    World("array-legacy", ArrayAir, ChipKind.LEGACY),
]


@dataclass
class Node:
    """A radio on an air, and what it hears."""

    place: Place
    device: RadioDevice
    ear: Ear

    @property
    def advertiser(self) -> Advertiser:
        """Its sending half."""
        assert self.device.advertiser is not None
        return self.device.advertiser

    @property
    def scanner(self) -> Scanner:
        """Its listening half."""
        assert self.device.scanner is not None
        return self.device.scanner


async def join(air: Air, world: World, *places: tuple[float, float]) -> list[Node]:
    """A node at each of these places."""
    nodes = []
    for number, (x, y) in enumerate(places):
        place = air.join(f"node-{number}", Position(x, y), chip=world.chip)
        ear = Ear()
        nodes.append(Node(place, await place.open(ear), ear))
    return nodes


def frame(number: int, *, flags: bool = True) -> bytes:
    """The frame of an identifier made from `number`."""
    return encode(DP3T_SERVICE_UUID, number.to_bytes(16, "big"), flags=flags)


def in_virtual_time(story: Callable[[], Awaitable[T]]) -> T:
    """Run a story in virtual time."""

    async def main() -> T:
        return await story()

    return run_virtual(main())
