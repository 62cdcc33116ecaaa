"""Calibration of phone models from readings at known distances (SPEC.md 17.4).

The model: what a receiver of model r reads of a transmitter of model t at distance d is

    rssi = power(t) - offset(r) - (loss + 10 * exponent * log10(d / 1 m)) + noise

with `offset` 0 for the reference model: RSSI of any model plus its offset is what the reference would have read, which
is the orientation of Exposure Notification. `loss` is the path loss at one metre; power cannot be told from it, so that
it is assumed: that of free space, unless said otherwise.

A session is one receiver, one transmitter, one scene and one distance to the nearest tenth of a decade (26 %). It is
one row of the fit, however many readings it has: they share antenna, pose and room, and a long session is not worth
more models than a short one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation.least_squares import Estimate, estimate, solve
from anopticon_testbed.evaluation.readings import Recording
from anopticon_testbed.evaluation.scans import with_scans
from anopticon_testbed.evaluation.statistics import Floats, Interval

FREE_SPACE_DB: Final = 20 * math.log10(4 * math.pi * 2.441e9 / 299_792_458)
"""Path loss over one metre at 2.441 GHz, the middle of the band: 40.2 dB (Friis)."""
FREE_SPACE_EXPONENT: Final = 2.0
SESSION: Final = ("scene", "receiver", "transmitter", "step")


@dataclass(frozen=True, slots=True)
class ModelFit:
    """What was fitted for one model; None where it was never heard, or never listened.

    `readings` and `sessions` are those with the model at either end, `residual_sd` the spread of single readings about
    the fit in dB.
    """

    model: str
    offset_db: Estimate | None
    power_dbm: Estimate | None
    readings: int
    sessions: int
    residual_sd: float


@dataclass(frozen=True)
class Fit:
    """A calibration of several models together.

    `session_sd` is the spread of session means about the fit beyond what the scans of a session explain, dB; None if
    there are too few sessions to tell. `exponent_fitted` says whether the exponent was fitted or assumed. `apart` are
    the models that nothing joins to the reference: they are left out, with their readings.
    """

    reference: str
    loss_db: float
    exponent: float
    exponent_fitted: bool
    session_sd: float | None
    models: tuple[ModelFit, ...]
    readings: int
    sessions: int
    left_out: int
    apart: tuple[str, ...] = ()


def fit_models(
    recording: Recording,
    reference: str | None = None,
    loss_db: float = FREE_SPACE_DB,
    exponent: float | None = None,
) -> Fit:
    """Fit offsets and powers of all models of a recording.

    Args:
        recording: readings with signal strength, distance and both models; others are left out and counted.
        reference: the model whose offset is 0; None for the one that heard most other models.
        loss_db: path loss at 1 m.
        exponent: of the path loss; None to fit it where distances differ.

    Raises:
        RecordingError: no reading can be used, or the models do not hang together.
        InputError: the reference is none of the receivers.
    """
    every = _sessions(_usable(recording))
    chosen = _reference(reference, every)
    sessions = _joined_to(chosen, every)
    receivers = sessions["receiver_model"].unique().sort().to_list()
    transmitters = sessions["transmitter_model"].unique().sort().to_list()
    free = exponent is None and sessions["decades"].n_unique() > 1
    slope = 0.0 if free else FREE_SPACE_EXPONENT if exponent is None else exponent
    unknowns = [("power", one) for one in transmitters]
    unknowns += [("offset", one) for one in receivers if one != chosen]
    matrix = _matrix(sessions, unknowns, fit_exponent=free)
    _check_rank(matrix, recording.name)
    solved = solve(
        matrix, sessions["error"].to_numpy(), sessions["mean"].to_numpy() + loss_db + _loss(sessions, slope)
    )
    estimates = {
        key: estimate(value, error)
        for key, value, error in zip(unknowns, solved.found, solved.errors, strict=False)
    }
    estimates["offset", chosen] = Estimate(0.0, Interval(0.0, 0.0))
    spread = sessions.with_columns(square=pl.lit(solved.residual**2) + pl.col("variance"))
    return Fit(
        reference=chosen,
        loss_db=loss_db,
        exponent=float(solved.found[-1]) if free else slope,
        exponent_fitted=free,
        session_sd=None if solved.between is None else math.sqrt(solved.between),
        models=tuple(_of_model(one, estimates, spread) for one in sorted({*receivers, *transmitters})),
        readings=int(sessions["count"].sum()),
        sessions=sessions.height,
        left_out=recording.readings.height - int(sessions["count"].sum()),
        apart=tuple(sorted(_models(every) - _models(sessions))),
    )


def _reference(wanted: str | None, every: pl.DataFrame) -> str:
    """The model whose offset is 0; raises InputError if it is none of the receivers."""
    chosen = wanted or _most_heard(every)
    listeners = every["receiver_model"].unique().sort().to_list()
    if chosen not in listeners:
        raise InputError(f"reference = {chosen!r} received nothing; the receivers are {', '.join(listeners)}")
    return chosen


def _loss(sessions: pl.DataFrame, slope: float) -> Floats:
    """What distance takes from a signal, beyond the loss at 1 m."""
    lost: Floats = 10 * slope * sessions["decades"].to_numpy()
    return lost


def _check_rank(matrix: Floats, name: str) -> None:
    """Raise RecordingError if the unknowns cannot be told apart."""
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        raise RecordingError(
            f"{name}: every pair of models has its own distance, so that distance and model cannot be told "
            "apart; say how the loss grows with --exponent, for example 2"
        )


def _usable(recording: Recording) -> pl.DataFrame:
    """The readings that a fit can use."""
    usable = recording.readings.filter(
        pl.col("rssi_dbm").is_not_null() & (pl.col("distance_m") > 0),
        pl.col("receiver_model").is_not_null(),
        pl.col("transmitter_model").is_not_null(),
    )
    if usable.is_empty():
        raise RecordingError(
            f"{recording.name}: no reading has a signal strength, a distance above 0 and both models; map their "
            "columns to rssi_dbm, distance_m, receiver_model and transmitter_model"
        )
    return usable


def _models(sessions: pl.DataFrame) -> set[str]:
    """Every model at either end of a session."""
    return {*sessions["receiver_model"], *sessions["transmitter_model"]}


def _joined_to(reference: str, sessions: pl.DataFrame) -> pl.DataFrame:
    """The sessions whose models a chain of common receivers and transmitters joins to the reference.

    Of the others only differences among themselves are known: any constant could be added to them.
    """
    receivers = {reference}
    while True:
        part = sessions.filter(pl.col("receiver_model").is_in(sorted(receivers)))
        heard = part["transmitter_model"].unique().to_list()
        grown = set(sessions.filter(pl.col("transmitter_model").is_in(heard))["receiver_model"])
        if grown == receivers:
            return part
        receivers = grown


def _sessions(usable: pl.DataFrame) -> pl.DataFrame:
    """One row a session.

    Returns:
        `mean` (of its scans, dBm) and `error` (variance of that), `decades` (log10 of metres), `variance` of its
        readings, `count`, and the models.
    """
    decades = pl.col("distance_m").log10()
    timed = with_scans(usable.with_columns(pl.col("time_s").fill_null(0.0))).with_columns(
        decades=decades, step=(10 * decades).round()
    )
    models = ("receiver_model", "transmitter_model")
    scans = timed.group_by(*SESSION, *models, "scan_s").agg(
        level=pl.col("rssi_dbm").mean(), decades=pl.col("decades").mean()
    )
    means = scans.group_by(*SESSION, *models).agg(
        mean=pl.col("level").mean(),
        decades=pl.col("decades").mean(),
        error=(pl.col("level").var() / pl.len()).fill_null(0.0),
    )
    single = timed.group_by(*SESSION, *models).agg(
        variance=pl.col("rssi_dbm").var(ddof=0), count=pl.len().cast(pl.Int64)
    )
    return (
        means.join(single, on=[*SESSION, *models])
        .with_columns(pl.col(*SESSION[:3], *models).cast(pl.String))
        .sort(*SESSION, *models)
    )


def _most_heard(sessions: pl.DataFrame) -> str:
    """The receiver that heard most models; of several, the first by name."""
    heard = sessions.group_by("receiver_model").agg(pl.col("transmitter_model").n_unique())
    return str(
        heard.sort("transmitter_model", "receiver_model", descending=[True, False])["receiver_model"][0]
    )


def _matrix(sessions: pl.DataFrame, unknowns: Sequence[tuple[str, str]], *, fit_exponent: bool) -> Floats:
    """The design matrix: a row a session, a column an unknown."""
    sent, heard = sessions["transmitter_model"].to_numpy(), sessions["receiver_model"].to_numpy()
    columns = [
        (sent == model).astype(float) if kind == "power" else -(heard == model).astype(float)
        for kind, model in unknowns
    ]
    if fit_exponent:
        columns.append(-10 * sessions["decades"].to_numpy())
    return np.column_stack(columns)


def _of_model(model: str, estimates: dict[tuple[str, str], Estimate], spread: pl.DataFrame) -> ModelFit:
    """Gather what is known of one model."""
    own = spread.filter((pl.col("receiver_model") == model) | (pl.col("transmitter_model") == model))
    readings = int(own["count"].sum())
    squares = float((own["square"] * own["count"]).sum())
    return ModelFit(
        model,
        estimates.get(("offset", model)),
        estimates.get(("power", model)),
        readings,
        own.height,
        math.sqrt(squares / readings),
    )
