"""Nodes in virtual time on the virtual air: hours in seconds, with the real recorder and the real phone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from anopticon_client.clock import PacedClock
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.virtual.places import Place
from anopticon_client.radio.virtual_time import LoopTimestamps
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.reader import find_recordings
from anopticon_client.recording.rows import Row
from anopticon_testbed.node import Node, NodePlan, NodeWorld, PhoneSetup

BASE: Final = 1_772_445_600
"""10:00 UTC of Monday 2 March 2026: virtual time begins here."""
POLICY: Final = WriterPolicy(background=False, sync=False)


P_co = TypeVar("P_co", bound=Place, covariant=True)


class Joinable(Protocol[P_co]):
    """An air whose places are of one kind."""

    def join(self, name: str, position: Position) -> P_co:
        """Put up an antenna."""


def wall() -> float:
    """The wall clock of virtual time."""
    return BASE + asyncio.get_running_loop().time()


def clock() -> PacedClock:
    """A phone's clock in virtual time."""
    return PacedClock(wall=wall)


def entropy_of(name: str) -> Callable[[int], bytes]:
    """Entropy that is the same in every run."""
    return random.Random(name).randbytes


def node_at(
    place: Place, folder: Path, phone: PhoneSetup | None = None, said: list[str] | None = None, **world: Any
) -> Node:
    """A node at a place of the air, recording into `folder`."""
    entropy = entropy_of(place.name)
    plan = NodePlan(
        name=place.name,
        run="test",
        folder=folder,
        radio="virtual",
        position=(place.position.x, place.position.y, place.height),
        service_uuid=0xFD68 if phone is None else phone.config.design.service_uuid,
    )
    times = LoopTimestamps(BASE * 10**9)
    return Node(
        plan,
        NodeWorld(
            open=lambda sink: place.open(sink, times, entropy),
            timestamps=times,
            clock=clock(),
            entropy=entropy,
            say=(said if said is not None else []).append,
            policy=POLICY,
            **world,
        ),
        phone,
    )


def rows_of(folder: Path) -> dict[str, list[Row]]:
    """Every row of every node's recording."""
    return {one.manifest.node: list(one.rows()) for one in find_recordings(folder)}


def line(air: Joinable[P_co], count: int, metres: float = 1.0) -> list[P_co]:
    """Places in a row."""
    return [air.join(f"n{number}", Position(number * metres, 0.0)) for number in range(count)]
