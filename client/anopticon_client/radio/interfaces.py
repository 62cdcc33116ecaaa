"""The two narrow interfaces of every radio, advertiser and scanner, and what joins them (SPEC.md 18).

A backend is opened with a sink and pushes into it whatever it hears and whatever happens to it: a call for each frame
is the cheapest thing that works in real time, in virtual time and at 20,000 frames a second. Whoever wants an async
iterator takes a `radio.stream.RadioStream` as the sink.

Every method may raise RadioError, whose sentence says what to do next.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from anopticon_client.radio_records import Capabilities, HeardFrame, RadioEvent


class Moment(NamedTuple):
    """One instant on both clocks, in nanoseconds."""

    mono_ns: int
    wall_ns: int


class Timestamps(Protocol):
    """Where a radio's times come from: the machine, or the loop of virtual time."""

    def __call__(self) -> Moment:
        """The present instant on both clocks."""


def machine_time() -> Moment:
    """The clocks of this machine."""
    return Moment(time.monotonic_ns(), time.time_ns())


class RadioSink(Protocol):
    """Whoever listens to a radio. It must return soon and must not raise."""

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""


class Advertiser(Protocol):
    """Broadcasts one frame at a time, non-connectable, under a non-resolvable random address."""

    async def start(self, frame: bytes) -> None:
        """Begin to broadcast `frame` under a new address."""

    async def rotate(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address in place of the old: no PDU ever has one new and the other old."""

    async def stop(self) -> None:
        """Broadcast nothing until the next start; harmless if nothing is on the air."""


class Scanner(Protocol):
    """Pushes every frame it hears into its sink."""

    async def start(self) -> None:
        """Begin to listen."""

    async def stop(self) -> None:
        """Stop listening; harmless if it does not."""


@dataclass(frozen=True, slots=True)
class RadioDevice:
    """An opened radio. A backend that can only listen has no advertiser, one that can only send has no scanner."""

    capabilities: Capabilities
    advertiser: Advertiser | None
    scanner: Scanner | None
    close: Closer
    description: str = ""
    """Adapter, chip and versions in one line, for a recording."""


class Closer(Protocol):
    """Lets go of an opened radio."""

    async def __call__(self) -> None:
        """Stop everything and release the device; harmless the second time."""
