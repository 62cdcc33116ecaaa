"""A virtual air that separate processes on one machine share, over UDP on loopback and without a hub.

Each phone takes the first free port of a small range and sends every frame to all other ports of it. That works on
every system: no multicast, no shared ports. A second, unbound socket sends, so that the complaints some systems
return about ports without a phone never reach the one that listens.

A frame goes out every 250 ms of the phone's clock, but at most 20 times a second of the wall. Phones listen all the
time, as a radio does that is never off. A scan returns every frame that arrived while it lasted. When the clock is
fast, a scan is shorter than the time between two frames; so each phone that was silent during it, but was heard
within LINGER_INTERVALS intervals before, counts with its latest frame: it is on the air, just not at this
millisecond.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.errors import RadioError
from anopticon_client.events import Sighting
from anopticon_client.radio.datagram import ADDRESS_BYTES, Broadcast, Position, private_address

LOOPBACK: Final = "127.0.0.1"
ADVERTISE_EVERY_SECONDS: Final = 0.25
"""In the phone's time: Exposure Notification asks for 200 to 270 ms."""
SHORTEST_INTERVAL_SECONDS: Final = 0.05
"""On the wall: 20 frames a second to each port are no load, however fast the clock."""
LINGER_INTERVALS: Final = 4
"""A phone unheard for this many intervals is gone; fewer would lose phones to a busy machine."""
MAX_TRANSMITTERS: Final = 256
"""Four times the phones that fit in the widest range; a program that sends from ever new ports fills no memory."""

Source = tuple[str, int]


@dataclass(slots=True)
class Counters:
    """What became of the datagrams that arrived."""

    heard: int = 0
    malformed: int = 0
    too_weak: int = 0
    dropped: int = 0
    """Well-formed, but beyond MAX_SIGHTINGS_PER_SCAN or MAX_TRANSMITTERS."""
    unsent: int = 0
    """Frames that the system did not take."""


class UdpAir(asyncio.DatagramProtocol):
    """One phone's place on the air. Open it with `join`."""

    def __init__(
        self,
        ports: range,
        position: Position,
        tx_power_dbm: int,
        wall_seconds: Callable[[float], float],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """A phone at `position`. `wall_seconds` turns its seconds into the wall's, `entropy` makes addresses."""
        self.ports = ports
        self.port = 0
        self.position = position
        self.counters = Counters()
        self._tx_power_dbm = tx_power_dbm
        self._wall_seconds = wall_seconds
        self._entropy = entropy
        self._interval = max(wall_seconds(ADVERTISE_EVERY_SECONDS), SHORTEST_INTERVAL_SECONDS)
        self._latest: dict[Source, tuple[float, Sighting]] = {}
        self._window: list[tuple[Source, Sighting]] | None = None
        self._on_air: bytes | None = None
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.settimeout(0)
        self._receiver: asyncio.DatagramTransport | None = None
        self._port_closed = asyncio.Event()
        self._broadcasting: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Take the first free port; raises RadioError if there is none."""
        listener = self._bind()
        loop = asyncio.get_running_loop()
        self._receiver, _ = await loop.create_datagram_endpoint(lambda: self, sock=listener)
        self._broadcasting = loop.create_task(self._broadcast())

    async def advertise(self, frame: bytes) -> None:
        """Broadcast `frame` from now on, under a new address: both change in one step."""
        self._check_open()
        address = private_address(self._entropy(ADDRESS_BYTES))
        self._on_air = Broadcast(address, self.position, self._tx_power_dbm, frame).encode()
        self._send()

    async def silence(self) -> None:
        """Broadcast nothing until the next `advertise`; go on hearing."""
        self._check_open()
        self._on_air = None

    async def scan(self, seconds: float) -> Sequence[Sighting]:
        """Listen for `seconds` of the phone's clock and return what was heard."""
        self._check_open()
        if self._window is not None:
            raise RadioError("this phone is scanning already")
        self._window = []
        try:
            await asyncio.sleep(self._wall_seconds(seconds))
            self._check_open()
            return self._heard(self._window)
        finally:
            self._window = None

    async def close(self) -> None:
        """Fall silent and give up the port."""
        if self._broadcasting is not None:
            self._broadcasting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._broadcasting
        if self._receiver is not None:
            self._receiver.close()
            await self._port_closed.wait()
        self._sender.close()
        self._broadcasting = None

    # -- what asyncio calls ---------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Source) -> None:
        """Something arrived on this phone's port."""
        said = Broadcast.decode(data)
        if said is None:
            self.counters.malformed += 1
            return
        rssi_dbm = said.rssi_dbm(self.position)
        if rssi_dbm is None:
            self.counters.too_weak += 1
            return
        now = asyncio.get_running_loop().time()
        if addr not in self._latest and len(self._latest) >= MAX_TRANSMITTERS:
            self._forget_gone(now)
            if len(self._latest) >= MAX_TRANSMITTERS:
                self.counters.dropped += 1
                return
        sighting = Sighting(said.frame, rssi_dbm)
        self._latest[addr] = (now, sighting)
        self.counters.heard += 1
        if self._window is not None:
            if len(self._window) < MAX_SIGHTINGS_PER_SCAN:
                self._window.append((addr, sighting))
            else:
                self.counters.dropped += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The port is gone, whoever closed it."""
        del exc
        self._receiver = None
        self._port_closed.set()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _heard(self, window: Sequence[tuple[Source, Sighting]]) -> list[Sighting]:
        self._forget_gone(asyncio.get_running_loop().time())
        seen = {source for source, _ in window}
        lingering = [sighting for source, (_, sighting) in self._latest.items() if source not in seen]
        return [*(sighting for _, sighting in window), *lingering]

    def _forget_gone(self, now: float) -> None:
        oldest = now - LINGER_INTERVALS * self._interval
        self._latest = {source: latest for source, latest in self._latest.items() if latest[0] >= oldest}

    async def _broadcast(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            self._send()

    def _send(self) -> None:
        if self._on_air is None:
            return
        for port in self.ports:
            if port != self.port:
                try:
                    self._sender.sendto(self._on_air, (LOOPBACK, port))
                except OSError:
                    self.counters.unsent += 1

    def _bind(self) -> socket.socket:
        reason: OSError | None = None
        for port in self.ports:
            listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                listener.bind((LOOPBACK, port))
            except OSError as error:
                listener.close()
                reason = error
            else:
                listener.settimeout(0)
                self.port = port
                return listener
        name = f"{self.ports[0]}-{self.ports[-1]}"
        raise RadioError(f"no place is left on the air {name} ({reason}): give a wider range") from reason

    def _check_open(self) -> None:
        if self._receiver is None:
            raise RadioError("this phone's place on the air is closed")
