"""From transmit power to signal strength: how much of a frame arrives at every other antenna of an air.

A model gets the whole field of antennas, and gives dBm for each: one call for each PDU, so that NumPy does the work
for a thousand receivers. The usual model is that of the air between processes (`radio.datagram`), with scatter if
wanted; a function of two places and a time becomes a model by `PerLink`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anopticon_client.radio.datagram import (
    LOSS_AT_ONE_METRE_DB,
    LOSS_PER_DECADE_DB,
    NEAREST_METRES,
    SENSITIVITY_DBM,
)

Strengths = NDArray[np.float64]
"""dBm at each antenna; NaN where nothing arrives."""


class Field(Protocol):
    """What a model may know about the antennas: `positions` (n, 3) in metres, `tx_power_dbm` (n,)."""

    @property
    def positions(self) -> NDArray[np.float64]:
        """Metres, one row for each antenna."""

    @property
    def tx_power_dbm(self) -> NDArray[np.float64]:
        """dBm, one for each antenna."""


class Propagation(Protocol):
    """How strong a frame of one antenna is at all others."""

    @property
    def steady(self) -> bool:
        """Whether strengths stay the same while no antenna moves."""

    def strengths(self, field: Field, sender: int, at_ns: int) -> Strengths:
        """DBm at each antenna of `field` for a frame that leaves `sender` at `at_ns` of the air's clock.

        A new array each time: the air writes into it.
        """


@dataclass(frozen=True, slots=True)
class LogDistance:
    """Attenuation = at one metre + slope x log10(metres), and a normal scatter of each PDU on each link.

    The scatter of a PDU depends on `seed`, sender, receiver and the moment alone, so both media draw the same.
    """

    loss_at_one_metre_db: float = LOSS_AT_ONE_METRE_DB
    loss_per_decade_db: float = LOSS_PER_DECADE_DB
    scatter_db: float = 0.0
    sensitivity_dbm: float = SENSITIVITY_DBM
    seed: int = 0

    @property
    def steady(self) -> bool:
        """Without scatter."""
        return not self.scatter_db

    def strengths(self, field: Field, sender: int, at_ns: int) -> Strengths:
        """As the model says, whole dBm as a controller reports them, NaN below the sensitivity."""
        offsets = field.positions - field.positions[sender]
        squared = np.einsum("ij,ij->i", offsets, offsets)
        decades = np.log10(np.maximum(squared, NEAREST_METRES**2)) * 0.5
        strengths = field.tx_power_dbm[sender] - self.loss_at_one_metre_db - self.loss_per_decade_db * decades
        if self.scatter_db:
            luck = np.random.Generator(np.random.PCG64((self.seed, sender, at_ns)))
            strengths += self.scatter_db * luck.standard_normal(len(strengths))
        strengths = np.floor(strengths + 0.5)
        return np.where(strengths >= self.sensitivity_dbm, strengths, np.nan)


@dataclass(frozen=True, slots=True)
class PerLink:
    """A model from a function of sender, receiver (numbers in order of joining) and seconds: dBm, or None."""

    link: Callable[[int, int, float], float | None]
    steady: bool = False

    def strengths(self, field: Field, sender: int, at_ns: int) -> Strengths:
        """What the function says for each receiver, rounded to whole dBm."""
        seconds = at_ns / 1e9
        found = (self.link(sender, receiver, seconds) for receiver in range(len(field.positions)))
        return np.floor(np.array([np.nan if dbm is None else dbm for dbm in found]) + 0.5)
