"""An air that phones can join: what the Bumble medium and the array medium have in common for whoever uses them.

air = VirtualAir(seed=1)                        # or ArrayAir(seed=1)
place = air.join("node-1", Position(0, 1.5))
device = await place.open(sink)                 # a RadioDevice: advertiser, scanner, capabilities
place.position = Position(3, 1.5)               # it walked
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, Timestamps
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM


class ChipKind(Enum):
    """Which advertising commands a controller understands."""

    LEGACY = "legacy"
    """Bluetooth 4, and the radios on board of a Pi 4 or 5: one random address for everything."""
    EXTENDED = "extended"
    """Bluetooth 5 with extended advertising: an address for each advertising set."""


class Filtering(Enum):
    """What a controller does with an advertisement that it has reported already."""

    AS_TOLD = "as-told"
    """It reports it again unless the host asked for the duplicate filter."""
    ALWAYS = "always"
    """It drops it, whatever the host asked for: some chips do."""


class Place(Protocol):
    """One antenna on an air."""

    @property
    def name(self) -> str:
        """Unique on its air."""

    @property
    def position(self) -> Position:
        """Where the antenna is; setting it moves the antenna at once."""

    @position.setter
    def position(self, position: Position) -> None: ...

    @property
    def height(self) -> float:
        """Metres above the floor; settable."""

    @height.setter
    def height(self, metres: float) -> None: ...

    async def open(
        self,
        sink: RadioSink,
        timestamps: Timestamps | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> RadioDevice:
        """Open the radio at this place; `timestamps` are the loop's if not given. Raises RadioError."""

    def leave(self) -> None:
        """Take the antenna off the air; nothing is heard there or from there any more."""


class Air(Protocol):
    """A medium that antennas share."""

    def join(
        self,
        name: str,
        position: Position,
        tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
        *,
        height: float = 0.0,
        chip: ChipKind = ChipKind.EXTENDED,
    ) -> Place:
        """Put an antenna on the air; raises RadioError if the name is taken."""
