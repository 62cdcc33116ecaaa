"""Device calibrations as text: a JSON object with a form, and a list of records (SPEC.md 16.5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring.calibration import DeviceCalibration
from anopticon_client.scoring.checks import shown
from anopticon_protocol.designs.records import Confidence

FORM: Final = "anopticon device calibrations 1"
MAX_MODELS: Final = 20_000
"""Twice the models of the table that Google published in June 2020."""
_FIELDS: Final = {"model": str, "rssi_offset_db": int, "tx_power_dbm": int, "confidence": str, "source": str}
_NAMES: Final = {one.name.lower(): one for one in Confidence}


def parse_calibrations(text: str) -> list[DeviceCalibration]:
    """Every record of `text`; raises ConfigurationError naming the one at fault. What is beside them is not read."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"is no JSON ({error})") from error
    records = document.get("calibrations") if isinstance(document, dict) else None
    if not isinstance(records, list) or document.get("form") != FORM:
        raise ConfigurationError(f'must have "form": "{FORM}" and a list "calibrations"')
    if not 1 <= len(records) <= MAX_MODELS:
        raise ConfigurationError(f"holds {len(records):,} models, must be 1..{MAX_MODELS:,}")
    return [_record(one, f"calibration {number}") for number, one in enumerate(records, 1)]


def calibration_of(records: Sequence[DeviceCalibration], model: str) -> DeviceCalibration:
    """The record of one model; raises ConfigurationError with the model that may have been meant."""
    by_model = {one.model: one for one in records}
    if model not in by_model:
        near = get_close_matches(model, by_model, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {len(by_model):,} others"
        raise ConfigurationError(f"has no model {model[:80]!r}: {hint}")
    return by_model[model]


def _record(fields: Any, where: str) -> DeviceCalibration:  # noqa: ANN401 - anything may stand in a file
    if not isinstance(fields, dict) or set(fields) != set(_FIELDS):
        raise ConfigurationError(f"{where}: must have exactly the fields {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(fields[name]) is not kind:
            wanted = "text" if kind is str else "a whole number"
            raise ConfigurationError(f"{where}: {name} = {shown(fields[name])}, must be {wanted}")
    if fields["confidence"] not in _NAMES:
        known = ", ".join(_NAMES)
        raise ConfigurationError(
            f"{where}: confidence = {shown(fields['confidence'])}, must be one of {known}"
        )
    try:
        return DeviceCalibration(**(fields | {"confidence": _NAMES[fields["confidence"]]}))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
