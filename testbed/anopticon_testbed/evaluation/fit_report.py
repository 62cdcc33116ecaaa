"""A fit as calibration records, as a table and as JSON (SPEC.md 17.4)."""

from __future__ import annotations

from dataclasses import asdict

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import Confidence, DeviceCalibration
from anopticon_client.scoring.calibration import MAX_SOURCE_CHARS
from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.fitting import Fit, ModelFit
from anopticon_testbed.evaluation.least_squares import Estimate


def records(fit: Fit, source: str) -> list[DeviceCalibration]:
    """One record for each model whose power was measured, and for those that only listened.

    A half that was not measured is assumed, and the record says so and has the lowest confidence: an offset of 0, or
    the mean of the measured powers.
    """
    powers = [one.power_dbm.value for one in fit.models if one.power_dbm]
    mean = sum(powers) / len(powers)
    return [_record(one, mean, source) for one in fit.models]


def _record(one: ModelFit, mean_power: float, source: str) -> DeviceCalibration:
    """The record of one model, in whole dB."""
    detail = f"{one.readings:,} readings in {one.sessions} sessions, sd {one.residual_sd:.1f} dB"
    missing = ""
    if one.offset_db is None:
        missing = "; offset not measured, 0 assumed"
    if one.power_dbm is None:
        missing = "; power not measured, mean of the others assumed"
    text = f"{detail}{missing}; {source}"
    try:
        return DeviceCalibration(
            model=one.model,
            rssi_offset_db=round(one.offset_db.value) if one.offset_db else 0,
            tx_power_dbm=round(one.power_dbm.value if one.power_dbm else mean_power),
            confidence=Confidence.LOWEST if missing else Confidence.HIGH,
            source=text if len(text) <= MAX_SOURCE_CHARS else text[: MAX_SOURCE_CHARS - 3] + "...",
        )
    except ConfigurationError as error:
        raise InputError(
            f"the fit of {one.model!r} is no calibration: {error}; look at its readings, or at the path loss of --loss"
        ) from error


def fit_text(fit: Fit, name: str) -> str:
    """The fit for a terminal."""
    how = "fitted" if fit.exponent_fitted else "assumed"
    width = max(5, *(len(one.model) for one in fit.models))
    lines = [
        f"Recording  {name}, {fit.readings:,} readings in {fit.sessions} sessions, {fit.left_out:,} left out",
        f"Reference  {fit.reference}, whose offset is 0",
        f"Path loss  {fit.loss_db:.1f} dB at 1 m, exponent {fit.exponent:.2f} ({how})",
        "",
        f"{'model':{width}}  readings  sessions  residual sd  RSSI offset (95 %)       transmit power (95 %)",
    ]
    lines += [
        f"{one.model:{width}}  {one.readings:>8,}  {one.sessions:>8}  {one.residual_sd:>8.1f} dB  "
        f"{_shown(one.offset_db, 'dB'):<23}  {_shown(one.power_dbm, 'dBm')}".rstrip()
        for one in fit.models
    ]
    lines.append("")
    if fit.session_sd is None:
        lines += [
            "Too few sessions to tell how far one differs from the next:",
            "the intervals hold the scatter of scans within a session only.",
        ]
    else:
        lines.append(
            f"Session means scatter by {fit.session_sd:.1f} dB about the fit (pose, room); the intervals hold that."
        )
    if fit.apart:
        lines.append(f"Left out, for nothing joins them to {fit.reference}: {', '.join(fit.apart)}.")
    return "\n".join(lines)


def _shown(estimate: Estimate | None, unit: str) -> str:
    """A figure with its interval."""
    if estimate is None:
        return "not measured"
    low, high = estimate.interval.low, estimate.interval.high
    if low == high:
        return f"{estimate.value:.1f} {unit} (reference)"
    return f"{estimate.value:.1f} {unit} ({low:.1f}..{high:.1f})"


def fit_document(fit: Fit, name: str) -> dict[str, object]:
    """The fit for a program; what was not measured is null."""
    return {"recording": name, **asdict(fit), "interval": "95 %, normal approximation"}
