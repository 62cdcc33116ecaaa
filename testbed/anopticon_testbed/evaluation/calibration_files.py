"""Files of device calibrations: our own JSON, and the table that Google published in June 2020 (SPEC.md 17.4)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import Confidence, DeviceCalibration
from anopticon_client.scoring.calibration_files import FORM, MAX_MODELS, parse_calibrations
from anopticon_testbed.errors import InputError

MAX_BYTES: Final = 16 * 1024 * 1024
"""The published table of 9,896 models takes 270 kB."""
_OFFSET: Final = "rssi correction"
_POWER: Final = "tx"
_MEASURED: Final = "has direct measurement"


def load_calibrations(path: Path) -> list[DeviceCalibration]:
    """Read calibrations; which form the file has is told by its content.

    Raises:
        InputError: the file is none of the two, or a record is wrong; names the record.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}; check the path") from error
    if data is None:
        raise InputError(
            f"{path.name} is larger than {MAX_BYTES:,} bytes; a calibration file is a short list"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no text in UTF-8; it must be JSON or CSV") from error
    try:
        records = _from_json(text, path) if text.lstrip().startswith("{") else _from_table(text, path)
    except csv.Error as error:
        raise InputError(
            f"{path.name} is no CSV ({error}); a calibration file is made by fit-models"
        ) from error
    if not 1 <= len(records) <= MAX_MODELS:
        raise InputError(f"{path.name} holds {len(records):,} models, must be 1..{MAX_MODELS:,}")
    return records


def _from_json(text: str, path: Path) -> list[DeviceCalibration]:
    """Read our own form."""
    try:
        return parse_calibrations(text)
    except ConfigurationError as error:
        raise InputError(f"{path.name}: {error}; a calibration file is made by fit-models") from error


def _from_table(text: str, path: Path) -> list[DeviceCalibration]:
    """Read the published table: maker, model, correction of the RSSI, transmit power, whether it was measured."""
    rows = csv.reader(io.StringIO(text))
    header = next(rows, [])
    places = {}
    for wanted in ("model", _OFFSET, _POWER, _MEASURED):
        found = [place for place, name in enumerate(header) if name.strip().startswith(wanted)]
        if len(found) != 1:
            raise InputError(
                f"{path.name} is neither JSON of the form {FORM!r} nor a table with a column {wanted!r}; "
                "a calibration file is made by fit-models"
            )
        places[wanted] = found[0]
    records, seen = [], set()
    for row in rows:
        where = f"{path.name}, line {rows.line_num}"
        if not row:
            continue
        if len(row) <= max(places.values()):
            raise InputError(
                f"{where}: {len(row)} fields where the header has {len(header)}; complete the line"
            )
        model = row[places["model"]].strip()
        if not model or model in seen:
            continue  # the table lists some models under two makers; the first stands
        seen.add(model)
        try:
            offset, power = int(row[places[_OFFSET]]), int(row[places[_POWER]])
        except ValueError as error:
            raise InputError(f"{where}: {error}; correction and tx are whole numbers") from error
        measured = row[places[_MEASURED]].strip().lower() == "yes"
        confidence = Confidence.HIGH if measured else Confidence.MEDIUM
        try:
            records.append(DeviceCalibration(model, offset, power, confidence, f"{path.name}, model {model}"))
        except ConfigurationError as error:
            raise InputError(f"{where}: {error}") from error
    return records


def calibration_document(records: Sequence[DeviceCalibration], fit: dict[str, object]) -> str:
    """Our own form of calibrations, with what was fitted beside them, as text."""
    document = {
        "form": FORM,
        "calibrations": [
            {
                "model": one.model,
                "rssi_offset_db": one.rssi_offset_db,
                "tx_power_dbm": one.tx_power_dbm,
                "confidence": one.confidence.name.lower(),
                "source": one.source,
            }
            for one in records
        ],
        "fit": fit,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
