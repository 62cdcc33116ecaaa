"""The four bytes of metadata that travel with an RPI: version, transmit power, how well it is known (SPEC.md 6.4)."""

from __future__ import annotations

from operator import xor
from typing import Final

from anopticon_protocol.designs.records import Confidence
from anopticon_protocol.params import METADATA_BYTES

METADATA_VERSION: Final = 0x40
"""Major version 1, minor version 0: no calibration confidence."""
CALIBRATED_VERSION: Final = 0x50
"""Major version 1, minor version 1: bits 3:2 are the calibration confidence."""


def plain_metadata(tx_power_dbm: int, confidence: Confidence | None = None) -> bytes:
    """The metadata to encrypt: of version 1.0, or of 1.1 if there is a confidence to tell."""
    version = METADATA_VERSION if confidence is None else CALIBRATED_VERSION | confidence << 2
    return bytes([version]) + tx_power_dbm.to_bytes(1, "big", signed=True) + bytes(METADATA_BYTES - 2)


def open_metadata(pad: bytes, sealed: bytes) -> bytes:
    """Decrypted metadata: XOR with the key stream of its RPI; empty unless it is four bytes."""
    return bytes(map(xor, pad, sealed)) if len(sealed) == METADATA_BYTES else b""


def calibration_confidence(metadata: bytes) -> Confidence:
    """How well the power of decrypted metadata is known; lowest in version 1.0, whose bits are 0."""
    return Confidence(metadata[0] >> 2 & 3)
