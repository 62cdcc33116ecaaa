"""Choosing a scoring by name or file, and saying why a day is an exposure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anopticon_client.errors import ConfigurationError
from anopticon_client.exposure import contacts, day_scores
from anopticon_client.scoring import (
    PRESETS,
    DeviceCalibration,
    ExposureRule,
    Scorer,
    WindowScoring,
    open_scoring,
    parse_scoring,
    shuffled_windows,
)
from anopticon_client.scoring.calibration_files import calibration_of, parse_calibrations
from anopticon_client.scoring.parsing import MAX_SCORING_BYTES
from anopticon_client.scoring.records import day_name
from anopticon_client.state import Snapshot
from anopticon_protocol.designs.base import Design

DEFAULT_SCORING: Final = ExposureRule()
MAX_CALIBRATION_BYTES: Final = 16 * 1024 * 1024
"""20,000 models with a long source each."""


def load_scoring(name: str) -> Scorer:
    """The preset called `name`, or what the TOML or JSON file of that name describes; raises ConfigurationError."""
    path = Path(name)
    if name in PRESETS or not path.is_file():
        return open_scoring(name)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SCORING_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return parse_scoring(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not text in UTF-8") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def load_calibration(path: Path | None, model: str | None) -> DeviceCalibration | None:
    """The record of this phone's `model` in the file at `path`; raises ConfigurationError, also if one is missing."""
    if path is None and model is None:
        return None
    if path is None or model is None:
        raise ConfigurationError("--calibration FILE and --model NAME go together: give both or none")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CALIBRATION_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_CALIBRATION_BYTES:
        raise ConfigurationError(
            f"{path}: longer than {MAX_CALIBRATION_BYTES:,} bytes (MAX_CALIBRATION_BYTES)"
        )
    try:
        return calibration_of(parse_calibrations(data.decode("utf-8")), model)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not text in UTF-8") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def scoring_lines() -> Iterator[str]:
    """Every preset with the source of its figures."""
    for preset in PRESETS.values():
        yield f"{preset.name}: {preset.source}"


def explain_lines(
    design: Design, scorer: Scorer, held: Snapshot, calibration: DeviceCalibration | None = None
) -> Iterator[str]:
    """Why each day is an exposure or none: every number that went into its score, as of the last scan."""
    _check_times(design, scorer)
    scores = day_scores(design, scorer, held.observations, held.progress.last_scan, calibration)
    if not scores:
        yield "nothing that counts was heard of people who tested positive"
    for score in scores:
        yield from score.explain()


def window_lines(
    design: Design,
    scorer: Scorer,
    held: Snapshot,
    entropy: bytes,
    calibration: DeviceCalibration | None = None,
) -> Iterator[str]:
    """Every exposure window that the phone's file makes, in an order that 32 fresh secret bytes decide."""
    if not isinstance(scorer, WindowScoring):
        raise ConfigurationError(
            "only a scoring of kind windows makes exposure windows: such as google-sample-v2"
        )
    _check_times(design, scorer)
    found = contacts(design, held.observations)
    heard = found if calibration is None else calibration.corrected(found)
    for window in shuffled_windows(heard, scorer.mapping, entropy):
        scans = ", ".join(
            f"{scan.seconds_since_last_scan} s at {scan.typical_attenuation_db} dB (least {scan.min_attenuation_db})"
            for scan in window.scans
        )
        kind, level = window.report_type.name.lower(), window.infectiousness.name.lower()
        said = (
            f"{kind.replace('_', ' ')}, {level} infectiousness, {window.confidence.name.lower()} confidence"
        )
        yield f"{day_name(window.day)}: {said}: {scans}"


def _check_times(design: Design, scorer: Scorer) -> None:
    if scorer.needs_times and not design.keeps_times:
        raise ConfigurationError(
            f"this scoring needs the time of each packet, which design {design.name} does not keep"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell a verb's parser how a scoring and a calibration are chosen."""
    parser.add_argument(
        "--scoring",
        type=_scoring,
        default=DEFAULT_SCORING,
        metavar="NAME|FILE",
        help="what makes an exposure: a name that `scorings` lists, or a TOML or JSON file (minutes)",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help="what is known of phone models' radios"
    )
    parser.add_argument("--model", metavar="NAME", help="which of them this phone is")


def _scoring(text: str) -> Scorer:
    try:
        return load_scoring(text)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
