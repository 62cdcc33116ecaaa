"""When a plain beacon changes its frame: every 10 to 20 minutes, at random, each node for itself (SPEC.md 18).

A phone does not need this: its core says when to rotate. Nodes that rotate by the wall clock, all at the same moment
and each time after the same span, can be followed from one identifier to the next by the time alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from anopticon_client.radio.interfaces import Advertiser
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES

ROTATE_MIN_SECONDS: Final = 600
ROTATE_MAX_SECONDS: Final = 1_200
"""Exposure Notification Bluetooth v1.2: 10 to 20 minutes."""
ENTROPY_BYTES: Final = 8
_STEPS: Final = 1 << 8 * ENTROPY_BYTES


def rotation_seconds(entropy: bytes) -> float:
    """A time between two rotations, uniform within the bounds, from 8 random bytes."""
    share = int.from_bytes(entropy[:ENTROPY_BYTES], "big") / _STEPS
    return ROTATE_MIN_SECONDS + share * (ROTATE_MAX_SECONDS - ROTATE_MIN_SECONDS)


def plain_frame(entropy: bytes) -> bytes:
    """A frame of 0xFD68 with a random identifier of 16 bytes, for beacons that are no phone."""
    return encode(DP3T_SERVICE_UUID, entropy[:EPHID_BYTES])


async def beacon(
    advertiser: Advertiser,
    entropy: Callable[[int], bytes],
    next_frame: Callable[[], bytes] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Broadcast one frame after the other until cancelled; random identifiers unless `next_frame` makes the frames.

    Raises RadioError if the radio does.
    """
    make = next_frame or (lambda: plain_frame(entropy(EPHID_BYTES)))
    await advertiser.start(make())
    while True:
        await sleep(rotation_seconds(entropy(ENTROPY_BYTES)))
        await advertiser.rotate(make())
