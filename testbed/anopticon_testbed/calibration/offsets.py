"""Transmit and receive offsets of every device from a reference run at 1 m (SPEC.md 20.3).

The median signal of a pair, less the power that the sender states, is taken to be

    -attenuation at 1 m + offset of the sender + offset of the receiver + residual

and all pairs are solved together by least squares. Offsets are relative to the mean device: only sums of a transmit
and a receive offset are measured, so that both kinds are set to have mean zero. Corrections stand beside the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from anopticon_testbed.errors import InputError

MIN_FRAMES: Final = 30
"""The median of 30 frames with the usual 4 to 6 dB of scatter is good to about 1 dB."""
MIN_DEVICES: Final = 3
"""Two devices give two sums and three unknowns."""
MAX_REFERENCE_METRES: Final = 2.0
"""Not all of many devices can stand 1 m from each other; twice as far costs 6 dB, about the scatter of readings."""
FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Level:
    """The median signal of one pair in dBm, less the sender's stated power in dBm: minus the attenuation in dB."""

    sender: str
    receiver: str
    level_db: float
    count: int
    metres: float | None = None
    """How far apart the recordings say that the two were; None if they do not say."""


@dataclass(frozen=True, slots=True)
class DeviceOffsets:
    """How much stronger than the mean device a device sends and hears, in dB."""

    tx_db: float
    rx_db: float


@dataclass(frozen=True, slots=True)
class Residual:
    """What the model leaves of one pair, in dB."""

    sender: str
    receiver: str
    db: float


@dataclass(frozen=True, slots=True)
class Offsets:
    """The result of a reference run."""

    attenuation_db: float
    """At 1 m, between two mean devices."""
    devices: dict[str, DeviceOffsets]
    residuals: tuple[Residual, ...]
    rms_db: float
    """Root mean square of the residuals, with the degrees of freedom that are left; 0 if none are."""
    left_out: tuple[str, ...]
    """Pairs that were heard too rarely, as "sender to receiver"."""

    def to_json(self) -> dict[str, Any]:
        """What `calibration.json` holds."""
        return {
            "version": FORMAT_VERSION,
            "attenuation_at_1_m_db": round(self.attenuation_db, 2),
            "rms_residual_db": round(self.rms_db, 2),
            "devices": {
                name: {"tx_offset_db": round(one.tx_db, 2), "rx_offset_db": round(one.rx_db, 2)}
                for name, one in sorted(self.devices.items())
            },
            "residuals": [
                {"sender": one.sender, "receiver": one.receiver, "db": round(one.db, 2)}
                for one in self.residuals
            ],
            "left_out": list(self.left_out),
        }


def solve(levels: Iterable[Level]) -> Offsets:
    """The offsets that explain the levels best; raises InputError if they cannot be told apart."""
    given = list(levels)
    _check_distances(given)
    used = [one for one in given if one.count >= MIN_FRAMES]
    left_out = tuple(f"{one.sender} to {one.receiver}" for one in given if one.count < MIN_FRAMES)
    names = sorted({name for one in used for name in (one.sender, one.receiver)})
    if len(names) < MIN_DEVICES:
        few = f" (left out for want of {MIN_FRAMES} frames: {', '.join(left_out)})" if left_out else ""
        raise InputError(
            f"{len(names)} devices heard each other: a calibration needs at least {MIN_DEVICES}, "
            f"each 1 m from the others, for a few minutes{few}"
        )
    matrix, right = _equations(used, names)
    solution, _, rank, _ = np.linalg.lstsq(matrix, right, rcond=None)
    unknowns = 2 * len(names) + 1
    if rank < unknowns:
        raise InputError(
            "sent and heard strength cannot be told apart: at least three devices must hear each other both ways; "
            f"pairs that were heard: {', '.join(f'{one.sender} to {one.receiver}' for one in used)}"
        )
    count = len(used)
    errors = right[:count] - matrix[:count] @ solution
    free = count - (unknowns - 2)
    devices = {
        name: DeviceOffsets(float(solution[1 + place]), float(solution[1 + len(names) + place]))
        for place, name in enumerate(names)
    }
    residuals = tuple(
        Residual(one.sender, one.receiver, float(error)) for one, error in zip(used, errors, strict=True)
    )
    rms = float(np.sqrt(np.sum(errors**2) / free)) if free > 0 else 0.0
    return Offsets(-float(solution[0]), devices, residuals, rms, left_out)


def _check_distances(levels: Sequence[Level]) -> None:
    """Raise InputError if devices stood where distance would be taken for an offset."""
    far = [one for one in levels if one.metres is not None and one.metres > MAX_REFERENCE_METRES]
    if far:
        worst = max(far, key=lambda one: one.metres or 0.0)
        raise InputError(
            f"this is no reference run: its recordings say that {worst.sender} and {worst.receiver} were "
            f"{worst.metres:.1f} m apart, and {len(far)} of {len(levels)} pairs more than "
            f"{MAX_REFERENCE_METRES:.0f} m. Record a run of its own with all devices 1 m from each other; "
            "where distances differ, `analyse` and `fit-models` allow for them"
        )


def _equations(used: Sequence[Level], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """One row for each pair, and two that set the means of both kinds of offset to zero."""
    place = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(used) + 2, 2 * len(names) + 1))
    right = np.zeros(len(used) + 2)
    for row, one in enumerate(used):
        matrix[row, 0] = 1
        matrix[row, 1 + place[one.sender]] = 1
        matrix[row, 1 + len(names) + place[one.receiver]] = 1
        right[row] = one.level_db
    matrix[-2, 1 : 1 + len(names)] = 1
    matrix[-1, 1 + len(names) :] = 1
    return matrix, right
