"""The protocol-true virtual air: a Bumble controller at each antenna, and real HCI packets between it and its host.

The host side is the backend that also drives dongles (`radio.hci`), so what is tested here is what runs there. For
more than some dozens of nodes in real time there is `ArrayAir`, which leaves HCI out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from bumble.transport.common import AsyncPipeSink, Transport

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.opening import HciOptions, open_adapter
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, Timestamps
from anopticon_client.radio.virtual.controller import RadioController
from anopticon_client.radio.virtual.ether import CAPTURE_DB, Ether
from anopticon_client.radio.virtual.link import RadioLink
from anopticon_client.radio.virtual.places import ChipKind, Filtering
from anopticon_client.radio.virtual.propagation import LogDistance, Propagation
from anopticon_client.radio.virtual.standing import Register, Spot, Standing
from anopticon_client.radio.virtual_time import times_of_loop
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM

PUBLIC_PREFIX: Final = bytes([0x02, 0x41, 0x4E])
"""Locally administered, so that no maker owns it; the antenna's number follows."""


class _SlowPipe:
    """Carries each packet to a controller in the same time, so that they stay in order."""

    def __init__(self, radio: RadioController, seconds: float) -> None:
        self._radio = radio
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()

    def on_packet(self, packet: bytes) -> None:
        """A packet from the host."""
        self._loop.call_later(self._seconds, self._radio.on_packet, packet)


class _Wire(Transport):
    """Joins a host to a controller of this process."""

    def __init__(self, radio: RadioController, seconds: float) -> None:
        super().__init__(radio, _SlowPipe(radio, seconds) if seconds else AsyncPipeSink(radio))
        self._radio = radio

    async def close(self) -> None:
        """The controller has no host any more."""
        self._radio.host = None


class VirtualPlace(Standing):
    """One antenna, its controller, and after `open` its host."""

    def __init__(
        self, air: VirtualAir, name: str, radio: RadioController, position: Position, height: float
    ) -> None:
        """`air.join` makes these."""
        super().__init__(position, height)
        self.name = name
        self.radio = radio
        self.command_seconds = 0.0
        """How long a command takes to its controller, for radios opened from now on: on USB some milliseconds."""
        self._air = air

    async def open(
        self,
        sink: RadioSink,
        timestamps: Timestamps | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        accepts: Callable[[bytes], bool] | None = None,
    ) -> RadioDevice:
        """Open the radio through HCI; `timestamps` are the loop's if not given. Raises RadioError.

        Only frames whose data `accepts` takes are passed on; all are if it is None.
        """
        options = HciOptions(
            f"virtual {self._air.name}/{self.name}", entropy=entropy, accepts=accepts, backend="virtual"
        )
        return await open_adapter(self.transport, options, sink, timestamps or times_of_loop())

    async def transport(self) -> Transport:
        """A Bumble transport to the controller, for a host of one's own."""
        if self.radio.terminated.done():
            raise RadioError(f"virtual radio {self.name}: it is unplugged: plug it in again")
        if self.radio.host is not None:
            raise RadioError(f"virtual radio {self.name}: it is open already: close it first")
        return _Wire(self.radio, self.command_seconds)

    def unplug(self) -> None:
        """Pull the adapter out: it falls silent, and its host is told that the transport is lost."""
        self.radio.unplug()

    def plug(self) -> None:
        """Put the adapter back in, as it was when it was powered on."""
        self.radio.plug()

    def leave(self) -> None:
        """Take the antenna off the air."""
        self.radio.power_off()
        self._air.register.drop(self.name)

    def _moved(self, spot: Spot) -> None:
        self._air.ether.move(self.radio.antenna, spot)


class VirtualAir:
    """A medium for some dozens of antennas. Make it in a running loop, whose time is the air's."""

    def __init__(
        self,
        name: str = "air",
        *,
        seed: int = 0,
        propagation: Propagation | None = None,
        collisions: bool = True,
        capture_db: float = CAPTURE_DB,
    ) -> None:
        """Nobody is on it; `seed` decides about intervals and delays."""
        self.name = name
        self.ether = Ether(propagation or LogDistance(seed=seed), collisions, capture_db)
        self.link = RadioLink(self.ether, seed)
        self.register: Register[VirtualPlace] = Register(f"virtual air {name}")

    def join(
        self,
        name: str,
        position: Position,
        tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
        *,
        height: float = 0.0,
        chip: ChipKind = ChipKind.EXTENDED,
        filtering: Filtering = Filtering.AS_TOLD,
    ) -> VirtualPlace:
        """Put up an antenna with a controller; raises RadioError if the name is taken."""
        self.register.check_free(name)
        antenna = self.ether.add((position.x, position.y, height), tx_power_dbm)
        public = PUBLIC_PREFIX + antenna.to_bytes(3, "big")
        radio = RadioController(name, self.link, antenna, public, chip, filtering)
        return self.register.put(name, VirtualPlace(self, name, radio, position, height))
