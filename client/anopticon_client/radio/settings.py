"""What every radio is told when it is opened, and how it refuses options that it does not know."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.interfaces import Timestamps, machine_time
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID, REFERENCE_TX_POWER_DBM

MAX_SHOWN_CHARS: Final = 40
"""Of what somebody typed, in a sentence about it."""


class GaenOnAir(Enum):
    """What a radio that real phones can hear does with a frame of 0xFD6F, the service of Exposure Notification."""

    REFUSE = "refuse"
    """Raise RadioError: the default."""
    CARRY = "carry"
    """Send it, and hear it, as service 0xFD68 with 20 bytes of data, which no phone's system reads."""
    TRANSMIT = "transmit"
    """Send it as it is. It fills the logs of every phone nearby whose system still runs Exposure Notification."""


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """What every radio is told: `wall_seconds` turns seconds of the phone's clock into seconds of the wall.

    `service_uuids` are the 16-bit UUIDs whose frames a scanner passes on. `entropy(n)` gives n secret random bytes.
    """

    wall_seconds: Callable[[float], float] = float
    tx_power_dbm: int = REFERENCE_TX_POWER_DBM
    entropy: Callable[[int], bytes] = os.urandom
    position: Position | None = None
    """Where the phone is, for radios that need to be told; a position in the radio's text comes first."""
    timestamps: Timestamps = machine_time
    service_uuids: tuple[int, ...] = (DP3T_SERVICE_UUID, GAEN_SERVICE_UUID)
    gaen: GaenOnAir = GaenOnAir.REFUSE


def unknown_options(scheme: str, options: Mapping[str, str], allowed: Collection[str] = ()) -> None:
    """Raise RadioError if `options` has a name that is not in `allowed`."""
    for name in options.keys() - set(allowed):
        there = f"there is {', '.join(sorted(allowed))}" if allowed else "it takes none"
        raise RadioError(f"radio {scheme}: unknown option {name[:MAX_SHOWN_CHARS]!r}; {there}")
