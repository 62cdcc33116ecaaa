"""`anopticon-testbed score`: how well a scoring tells contacts from others, on a recording with known distances."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from anopticon_client.scoring import PRESETS, Scorer, open_scoring, parse_scoring
from anopticon_client.scoring.parsing import MAX_SCORING_BYTES
from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.calibration_files import load_calibrations
from anopticon_testbed.evaluation.columns import parse_mapping
from anopticon_testbed.evaluation.contacts import Question
from anopticon_testbed.evaluation.judging import DEFAULT_RESAMPLES, Draw
from anopticon_testbed.evaluation.report import as_document, as_text
from anopticon_testbed.evaluation.running import Request, evaluate

MAX_RISK_LEVEL = 8
SUMMARY = "judge a scoring on a recording with known distances"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument(
        "recording", type=Path, nargs="+", help="recordings, or folders of them, of any known form"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", metavar="NAME|FILE", help=f"the scoring: {', '.join(PRESETS)}, or a file")
    what.add_argument(
        "--readings-only", action="store_true", help="judge single readings by attenuation alone"
    )
    _add_question(parser)
    _add_figures(parser)
    parser.add_argument(
        "--cluster", choices=("pair", "device"), default="pair", help="what the bootstrap draws (%(default)s)"
    )
    parser.add_argument(
        "--resamples", type=int, default=DEFAULT_RESAMPLES, help="resamples of the bootstrap (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it: .svg, .png or .pdf")


def _add_question(parser: argparse.ArgumentParser) -> None:
    """What counts as a contact."""
    asked = Question()
    parser.add_argument(
        "--metres", type=float, default=asked.metres, help="near is at most this far (%(default)s)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=asked.minutes,
        help="a contact is near for at least this long (%(default)s)",
    )
    parser.add_argument(
        "--window", type=float, metavar="MINUTES", help="asked for in each such window, not each scene"
    )
    parser.add_argument(
        "--gap",
        type=float,
        metavar="SECONDS",
        default=asked.gap_seconds,
        help="interpolate distances over at most this (%(default)s)",
    )
    parser.add_argument(
        "--thin",
        metavar="LISTEN/EVERY",
        help="emulate a phone that listens LISTEN of EVERY seconds, such as 4/300",
    )


def _add_figures(parser: argparse.ArgumentParser) -> None:
    """What a recording does not say itself, and what decides."""
    parser.add_argument(
        "--risk-level",
        type=int,
        default=0,
        help="transmission risk level of every key, 1..8, where a scoring asks",
    )
    parser.add_argument(
        "--threshold", type=float, help="exposed from this score on, whatever the scoring says"
    )
    parser.add_argument(
        "--bound", type=float, metavar="DB", help="attenuation bound for single readings (the best one)"
    )
    parser.add_argument(
        "--columns", default="", metavar="FIELD=COLUMN,...", help="what the columns of a table are"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help="RSSI offsets and powers of the models"
    )
    parser.add_argument("--tx-power", type=float, metavar="DBM", help="power of readings that do not say it")


def run(options: argparse.Namespace) -> int:
    """Evaluate, print the table, write what was asked for."""
    scorer, name, source = _scoring(options.config)
    if options.seed < 0:
        raise InputError(f"seed = {options.seed}, must be 0 or more")
    request = Request(
        paths=options.recording,
        config=name,
        source=source,
        scorer=scorer,
        question=Question(options.metres, options.minutes, options.window, options.gap, _thin(options.thin)),
        threshold=options.threshold,
        bound_db=options.bound,
        columns=parse_mapping(options.columns) if options.columns else {},
        calibrations=load_calibrations(options.calibration) if options.calibration else (),
        tx_power_dbm=options.tx_power,
        risk_level=_risk_level(options.risk_level),
        draw=Draw(options.cluster, options.resamples, options.seed),
    )
    evaluation, recording = evaluate(request)
    print(as_text(evaluation))
    if options.out:
        text = json.dumps(as_document(evaluation), indent=1, allow_nan=False, ensure_ascii=False)
        try:
            options.out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"out: {options.out} cannot be written: {error.strerror}") from error
    if options.plot:
        # The plotting library takes a second to load, which nobody waits for who wants no plot.
        from anopticon_testbed.evaluation.charts import save_plot  # noqa: PLC0415

        save_plot(evaluation, recording.readings, options.plot)
    return 0


def _scoring(config: str | None) -> tuple[Scorer | None, str, str]:
    """The scoring, its name and its source."""
    if config is None:
        return None, "", ""
    path = Path(config)
    if config in PRESETS or not path.is_file():
        return open_scoring(config), config, PRESETS[config].source  # an unknown name is refused with a hint
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= MAX_SCORING_BYTES else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"config: {path.name} cannot be read as text ({error})") from error
    if text is None:
        raise InputError(
            f"config: {path.name} is larger than {MAX_SCORING_BYTES:,} bytes; a scoring is a few lines"
        )
    return parse_scoring(text), path.name, f"the file {path.name}"


def _risk_level(level: int) -> int:
    """A transmission risk level as export files carry it."""
    if not 0 <= level <= MAX_RISK_LEVEL:
        raise InputError(f"risk-level = {level}, must be 0..{MAX_RISK_LEVEL}")
    return level


def _thin(text: str | None) -> tuple[float, float] | None:
    """Read LISTEN/EVERY."""
    if text is None:
        return None
    listen, _, every = text.partition("/")
    try:
        return float(listen), float(every)
    except ValueError as error:
        raise InputError(f"thin = {text!r}, must be LISTEN/EVERY in seconds, for example 4/300") from error
