"""What a phone is set up with: fixed for its life, never stored beside what it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import DeviceCalibration, ExposureRule, Scorer
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.gaen import MAX_TX_POWER_DBM, MIN_TX_POWER_DBM
from anopticon_protocol.designs.records import Confidence
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM, RELEASE_PERIOD_SECONDS
from anopticon_protocol.signing import VerifyingKey


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """The deployment a phone belongs to, and its own radio.

    `trusted` holds the keys that may sign batches, by key id. `rule` is the scoring that decides which day is an
    exposure. `tx_power_dbm` is the radiated power of this model, `reference_tx_power_dbm` what others are taken to
    radiate in designs whose frames do not say it. `calibration` is that of this model: it corrects the RSSI that
    the model measures, and its power takes the place of `tx_power_dbm`.
    """

    design: Design
    trusted: Mapping[str, VerifyingKey]
    rule: Scorer = field(default_factory=ExposureRule)
    release_period: int = RELEASE_PERIOD_SECONDS
    tx_power_dbm: int = REFERENCE_TX_POWER_DBM
    reference_tx_power_dbm: int = REFERENCE_TX_POWER_DBM
    calibration: DeviceCalibration | None = None

    def __post_init__(self) -> None:
        """Refuse values that do not fit together."""
        if self.release_period < 1 or self.release_period % self.design.epoch_seconds:
            msg = f"release_period = {self.release_period} s: must be a multiple of {self.design.epoch_seconds} s"
            raise ConfigurationError(msg)
        if self.rule.needs_times and not self.design.keeps_times:
            msg = (
                f"this scoring needs the time of each packet, which design {self.design.name} does not keep: "
                f"choose one that takes minutes, such as dp3t"
            )
            raise ConfigurationError(msg)
        if self.rule.needs_risk_levels:
            msg = "this scoring needs the transmission risk level of each key, which batches do not carry"
            raise ConfigurationError(msg)
        for name in ("tx_power_dbm", "reference_tx_power_dbm"):
            power = getattr(self, name)
            if not MIN_TX_POWER_DBM <= power <= MAX_TX_POWER_DBM:
                msg = f"{name} = {power}, must be {MIN_TX_POWER_DBM}..{MAX_TX_POWER_DBM} dBm"
                raise ConfigurationError(msg)

    @property
    def announced_power_dbm(self) -> int:
        """The power that this phone radiates, and says that it does."""
        return self.tx_power_dbm if self.calibration is None else self.calibration.tx_power_dbm

    @property
    def announced_confidence(self) -> Confidence | None:
        """How well that power is known; None if nobody measured it."""
        return None if self.calibration is None else self.calibration.confidence
