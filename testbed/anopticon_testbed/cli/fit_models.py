"""`anopticon-testbed fit-models`: RSSI offset and transmit power of phone models, by readings at known distances."""

from __future__ import annotations

import argparse
from pathlib import Path

from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.calibration_files import calibration_document
from anopticon_testbed.evaluation.columns import parse_mapping
from anopticon_testbed.evaluation.fit_report import fit_document, fit_text, records
from anopticon_testbed.evaluation.fitting import FREE_SPACE_DB, fit_models
from anopticon_testbed.evaluation.loading import load

SUMMARY = "fit RSSI offset and transmit power of phone models"
MAX_LOSS_DB = 120
MAX_EXPONENT = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument(
        "recording", type=Path, nargs="+", help="recordings, or folders of them, of any known form"
    )
    parser.add_argument(
        "--reference", metavar="MODEL", help="the model whose offset is 0 (that which heard most models)"
    )
    parser.add_argument(
        "--loss",
        type=float,
        metavar="DB",
        default=FREE_SPACE_DB,
        help=f"path loss at 1 m ({FREE_SPACE_DB:.1f}, free space)",
    )
    parser.add_argument("--exponent", type=float, help="of the path loss (fitted if distances differ)")
    parser.add_argument(
        "--columns", default="", metavar="FIELD=COLUMN,...", help="what the columns of a table are"
    )
    parser.add_argument("--source", default="", help="who measured, how and when: goes into every record")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the records, for score --calibration")


def run(options: argparse.Namespace) -> int:
    """Fit, print the table, write the records."""
    for name, value, most, unit in (
        ("loss", options.loss, MAX_LOSS_DB, "dB"),
        ("exponent", options.exponent, MAX_EXPONENT, ""),
    ):
        if value is not None and not 0 <= value <= most:
            raise InputError(f"{name} = {value:g}, must be 0..{most} {unit}".rstrip())
    recording, _ = load(options.recording, parse_mapping(options.columns) if options.columns else {})
    fit = fit_models(recording, options.reference, options.loss, options.exponent)
    print(fit_text(fit, recording.name))
    if options.out:
        source = options.source or f"fit-models on {recording.name}"
        text = calibration_document(records(fit, source), fit_document(fit, recording.name))
        try:
            options.out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"out: {options.out} cannot be written: {error.strerror}") from error
    return 0
