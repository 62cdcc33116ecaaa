"""What is known about the radio of a phone model, and its use on what such a phone heard (SPEC.md 16.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.checks import within
from anopticon_client.scoring.records import Contact
from anopticon_protocol.designs.gaen import MAX_TX_POWER_DBM, MIN_TX_POWER_DBM
from anopticon_protocol.designs.records import Confidence, Packet

MAX_RSSI_OFFSET_DB: Final = 50
"""An offset is the difference of two receivers at one place: models differ by tens of dB, none by more."""
MIN_CALIBRATED_DBM: Final = -127
MAX_CALIBRATED_DBM: Final = 126
"""A calibrated RSSI is clamped to one signed byte, less the value that says unknown (Google's matcher)."""
MAX_MODEL_CHARS: Final = 100
"""The longest name in the published table of models has 88."""
MAX_SOURCE_CHARS: Final = 400


@dataclass(frozen=True, slots=True)
class DeviceCalibration:
    """One phone model: what to add to the RSSI that it measures, and the power that it radiates.

    `source` says who measured it, how and when; `confidence` how far to trust it.
    """

    model: str
    rssi_offset_db: int
    tx_power_dbm: int
    confidence: Confidence
    source: str

    def __post_init__(self) -> None:
        """Refuse values outside the named bounds."""
        within("rssi_offset_db", self.rssi_offset_db, -MAX_RSSI_OFFSET_DB, MAX_RSSI_OFFSET_DB, "dB")
        within("tx_power_dbm", self.tx_power_dbm, MIN_TX_POWER_DBM, MAX_TX_POWER_DBM, "dBm")
        for name, text, most in (
            ("model", self.model, MAX_MODEL_CHARS),
            ("source", self.source, MAX_SOURCE_CHARS),
        ):
            if not 1 <= len(text) <= most or not text.isprintable():
                raise ConfigurationError(f"{name} must be 1..{most} printable characters")

    def rssi_dbm(self, measured_dbm: int) -> int:
        """The RSSI that a reference phone would have measured, clamped as Exposure Notification does."""
        return max(MIN_CALIBRATED_DBM, min(MAX_CALIBRATED_DBM, measured_dbm + self.rssi_offset_db))

    def received(self, packet: Packet) -> Packet:
        """`packet` as heard by a phone of this model, corrected."""
        return packet._replace(rssi_dbm=self.rssi_dbm(packet.rssi_dbm))

    def sent(self, packet: Packet) -> Packet:
        """`packet` as sent by a phone of this model, where its frames do not say the power."""
        return packet._replace(tx_power_dbm=self.tx_power_dbm, confidence=self.confidence)

    def corrected(self, contacts: Iterable[Contact]) -> list[Contact]:
        """What a phone of this model heard, corrected."""
        return [Contact(tuple(map(self.received, contact.packets)), contact.key) for contact in contacts]
