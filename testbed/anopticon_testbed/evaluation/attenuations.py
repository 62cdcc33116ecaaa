"""Attenuation of each reading: transmit power less received power, corrected by model (SPEC.md 17.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from anopticon_client.scoring import DeviceCalibration
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.readings import MAX_ATTENUATION_DB, Recording

MIN_CALIBRATED_DBM: Final = -127
MAX_CALIBRATED_DBM: Final = 126
"""A calibrated RSSI is clamped to these, as Exposure Notification does."""


def with_attenuation(
    recording: Recording, calibrations: Sequence[DeviceCalibration] = (), tx_power_dbm: float | None = None
) -> Recording:
    """Fill in the attenuation of each reading that does not carry one.

    Args:
        recording: what was read.
        calibrations: by model: the offset of the receiver is added to its RSSI; the power of the transmitter is taken
            where the reading does not say it.
        tx_power_dbm: power of readings that neither say it nor have a calibrated transmitter.

    Returns:
        The recording less the readings without a signal strength, which are counted in `dropped`.

    Raises:
        RecordingError: a reading has no transmit power from anywhere.
    """
    by_model = pl.DataFrame(
        [(one.model, float(one.rssi_offset_db), float(one.tx_power_dbm)) for one in calibrations],
        schema={"model": pl.String, "offset": pl.Float64, "power": pl.Float64},
        orient="row",
    ).unique("model", keep="first", maintain_order=True)
    table = recording.readings
    heard = table.filter(pl.col("rssi_dbm").is_not_null() | pl.col("attenuation_db").is_not_null())
    table_of = dict(
        zip(by_model["model"], zip(by_model["offset"], by_model["power"], strict=True), strict=True)
    )
    offset = _looked_up("receiver_model", {model: pair[0] for model, pair in table_of.items()}).fill_null(0.0)
    stated = pl.coalesce(
        "tx_power_dbm",
        _looked_up("transmitter_model", {model: pair[1] for model, pair in table_of.items()}),
        pl.lit(tx_power_dbm, dtype=pl.Float64),
    )
    level = (pl.col("rssi_dbm") + offset).clip(MIN_CALIBRATED_DBM, MAX_CALIBRATED_DBM)
    computed = (stated - level).clip(0, MAX_ATTENUATION_DB)
    finished = heard.with_columns(attenuation_db=pl.coalesce("attenuation_db", computed))
    lacking = finished.filter(pl.col("attenuation_db").is_null())
    if lacking.height:
        model = lacking["transmitter_model"].cast(pl.String)[0] or "unnamed"
        raise RecordingError(
            f"{recording.name}: {lacking.height:,} of {heard.height:,} readings do not say with what power they were "
            f"sent, the first of them by a transmitter of model {model!r}: give --tx-power DBM for these (and "
            "--columns tx_power_dbm= to have it for all), or a --calibration file that has their models"
        )
    dropped = dict(recording.dropped)
    if table.height > heard.height:
        dropped["no signal strength"] = table.height - heard.height
    return replace(recording, readings=finished, dropped=dropped)


def _looked_up(column: str, figures: dict[str, float]) -> pl.Expr:
    """The figure of the model that a column names, null for an unknown one."""
    return (
        pl.col(column)
        .cast(pl.String)
        .replace_strict(list(figures), list(figures.values()), default=None, return_dtype=pl.Float64)
        if figures
        else pl.lit(None, dtype=pl.Float64)
    )


def uncalibrated(recording: Recording, calibrations: Sequence[DeviceCalibration]) -> list[str]:
    """Models of the recording for which there is no calibration."""
    table = recording.readings
    models = {
        *table["receiver_model"].cast(pl.String).unique(),
        *table["transmitter_model"].cast(pl.String).unique(),
    }
    known = {one.model for one in calibrations}
    return sorted(model for model in models if model is not None and model not in known)
