"""What travels on the virtual air between processes: one broadcast frame, and where it is sent from.

    magic      6   "ANAIR" and the version byte 1
    address    6   the sender's radio address: random, new with every frame that is new (non-resolvable private)
    x, y       4   each: position in millimetres, signed, big-endian
    tx power   1   dBm, signed
    length     1   bytes of the frame
    frame          as on the air (protocol `advert`)

Position and power stand for the physics between two phones: a receiver turns them into a signal strength and
forgets them.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Final

from anopticon_protocol.advert import MAX_FRAME_BYTES

MAGIC: Final = b"ANAIR\x01"
ADDRESS_BYTES: Final = 6
MAX_COORDINATE_METRES: Final = 100_000.0
"""Far beyond any radio, and far within 32 bits of millimetres."""
LOSS_AT_ONE_METRE_DB: Final = 54.0
LOSS_PER_DECADE_DB: Final = 12.0
"""Attenuation = 54 + 12 log10(metres): the median of measured social scenes, without their scatter of 6 to 9 dB."""
NEAREST_METRES: Final = 0.1
"""Two phones in one pocket; the logarithm must end somewhere."""
SENSITIVITY_DBM: Final = -100
"""Weaker frames are not heard, as by the receivers that the fit comes from."""
MIN_POWER_DBM: Final = -127
MAX_POWER_DBM: Final = 20
"""What a controller can be told to radiate (Core Specification 7.8.53)."""
_FORM = struct.Struct(f">{len(MAGIC)}s{ADDRESS_BYTES}siibB")
MAX_DATAGRAM_BYTES: Final = _FORM.size + MAX_FRAME_BYTES
_MILLIMETRES = 1_000
_PRIVATE_BITS = 0x3F


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the plane, in metres."""

    x: float
    y: float

    def distance(self, other: Position) -> float:
        """Metres to `other`."""
        return math.hypot(self.x - other.x, self.y - other.y)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One frame as it leaves a phone."""

    address: bytes
    position: Position
    tx_power_dbm: int
    frame: bytes

    def encode(self) -> bytes:
        """The datagram."""
        x, y = (round(metres * _MILLIMETRES) for metres in (self.position.x, self.position.y))
        head = _FORM.pack(MAGIC, self.address, x, y, self.tx_power_dbm, len(self.frame))
        return head + self.frame

    @classmethod
    def decode(cls, data: bytes) -> Broadcast | None:
        """Read a datagram; None if it is not one of ours: anybody on this machine may send anything here."""
        if not _FORM.size < len(data) <= MAX_DATAGRAM_BYTES:
            return None
        magic, address, x, y, power, length = _FORM.unpack(data[: _FORM.size])
        position = Position(x / _MILLIMETRES, y / _MILLIMETRES)
        if (
            magic != MAGIC
            or length != len(data) - _FORM.size
            or not MIN_POWER_DBM <= power <= MAX_POWER_DBM
            or max(abs(position.x), abs(position.y)) > MAX_COORDINATE_METRES
        ):
            return None
        return cls(address, position, power, data[_FORM.size :])

    def rssi_dbm(self, receiver: Position) -> int | None:
        """The signal strength at `receiver`, the same each time; None if it is too far away to be heard."""
        distance = max(self.position.distance(receiver), NEAREST_METRES)
        loss = LOSS_AT_ONE_METRE_DB + LOSS_PER_DECADE_DB * math.log10(distance)
        strength = math.floor(self.tx_power_dbm - loss + 0.5)
        return strength if strength >= SENSITIVITY_DBM else None


def private_address(entropy: bytes) -> bytes:
    """A non-resolvable private address from 6 random bytes: its two highest bits are 0 (Core Specification 6.B.1.3)."""
    return bytes([entropy[0] & _PRIVATE_BITS]) + entropy[1:ADDRESS_BYTES]
