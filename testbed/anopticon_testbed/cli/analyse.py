"""`anopticon-testbed analyse`: what recordings tell, as a table, plots, JSON, Markdown and a page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from anopticon_testbed.analysis.contacts import BOUND_DB, NEAR_METRES, ScanPlan
from anopticon_testbed.analysis.documents import as_json
from anopticon_testbed.analysis.pages import as_html
from anopticon_testbed.analysis.summary import Analysis, Options, analyse
from anopticon_testbed.analysis.tables import as_markdown, as_text
from anopticon_testbed.errors import InputError, SetupError

SUMMARY: Final = "dead time, reception, strengths, rotations, clocks and contacts of recordings"
_BOUNDS: Final = {
    "near": (0.1, 100.0),
    "bound": (0, 255),
    "interval_ms": (20.0, 10_240.0),
    "grace": (0.0, 3_600.0),
    "scan_every": (1.0, 3_600.0),
    "scan_for": (0.1, 3_600.0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("recordings", type=Path, nargs="+", help="files or folders of recordings")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write plots, JSON, Markdown and a page there"
    )
    parser.add_argument(
        "--near", type=float, default=NEAR_METRES, metavar="M", help=f"what is a contact; {NEAR_METRES:g} m"
    )
    parser.add_argument(
        "--bound", type=int, default=BOUND_DB, metavar="DB", help=f"attenuation that counts; {BOUND_DB} dB"
    )
    parser.add_argument(
        "--interval-ms",
        type=float,
        metavar="MS",
        help="advertising interval of senders that do not say theirs",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=0.0,
        metavar="S",
        help="how long a mixed rotation may last to count as brief; 0",
    )
    parser.add_argument(
        "--scan-every",
        type=float,
        metavar="S",
        help="judge contacts by scans at this spacing, not the phones' own",
    )
    parser.add_argument("--scan-for", type=float, default=4.0, metavar="S", help="and of this length; 4 s")


def run(options: argparse.Namespace) -> int:
    """Analyse, print, write; 1 if a rotation was not clean."""
    for name, (low, high) in _BOUNDS.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise InputError(f"--{name.replace('_', '-')} = {value:g}, must be {low:g} to {high:g}")
    plan = None if options.scan_every is None else ScanPlan(options.scan_every, options.scan_for)
    analysis = analyse(
        options.recordings, Options(options.near, options.bound, options.interval_ms, options.grace, plan)
    )
    # Written first: who reads the tables may go away before their end.
    if options.out is not None:
        write(analysis, options.out)
    print(as_text(analysis))
    if options.out is not None:
        print(f"\nwritten to {options.out}: index.html, analysis.md, analysis.json, plots as SVG and PNG")
    return 0 if analysis.clean else 1


def write(analysis: Analysis, folder: Path) -> None:
    """Write everything to a folder, which is made if it is not there; raises SetupError."""
    # Drawing needs a library that only this part of the verb uses; the rest works without it.
    try:
        from anopticon_testbed.analysis.plots import draw  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SetupError(
            f"plots need {error.name}: install anopticon[testbed], or leave out --out"
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = draw(analysis, folder)
        said = json.dumps(as_json(analysis), indent=1, sort_keys=True) + "\n"
        (folder / "analysis.json").write_text(said, encoding="utf-8")
        (folder / "analysis.md").write_text(as_markdown(analysis, pictures), encoding="utf-8")
        (folder / "index.html").write_text(as_html(analysis, pictures), encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{folder}: cannot be written ({error.strerror}): give another folder") from error
