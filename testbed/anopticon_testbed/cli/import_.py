"""`anopticon-testbed import`: other people's files as a recording."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anopticon_client.recording.fields import MAX_COORDINATE_METRES, NAME
from anopticon_client.recording.rows import Row
from anopticon_client.recording.storing import store_rows
from anopticon_testbed.errors import InputError
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.registry import FORMATS, detect, read_foreign

ONE_RUN: Final = "import"
"""Name of a run that nobody named."""
SUMMARY: Final = "make a recording of captures, tables or measurements of other software"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files, the folder, and what the files do not say."""
    parser.add_argument(
        "files", type=Path, nargs="+", help="files of one format, each another node or part of a run"
    )
    parser.add_argument("folder", type=Path, help="where the recording goes")
    parser.add_argument(
        "--from",
        dest="format",
        default="auto",
        choices=["auto", *FORMATS],
        help="; ".join(f"{name}: {form.about}" for name, form in FORMATS.items()),
    )
    parser.add_argument("--node", default="", help="name of the node; without it the file's name")
    parser.add_argument(
        "--run",
        dest="run_name",
        help=f"name of the run ({ONE_RUN}; of several dp3t files, each file's own name)",
    )
    parser.add_argument(
        "--metres", type=float, help="true distance of every sender, if it was one and the same"
    )


def run(options: argparse.Namespace) -> int:
    """Import every file and say what was left out."""
    runs = _runs(options)
    for name in (options.node, *runs):
        if name and not NAME.fullmatch(name):
            raise InputError(f"name {name[:80]!r} must match {NAME.pattern}")
    metres = options.metres
    if metres is not None and not 0 <= metres <= MAX_COORDINATE_METRES:
        raise InputError(f"--metres {metres}: must be 0 to {MAX_COORDINATE_METRES:.0f}")
    notes = Notes()
    for file, run_name in zip(options.files, runs, strict=True):
        chosen = ImportOptions(options.node, run_name, metres)
        rows: Iterator[Row] = read_foreign(file, options.format, chosen, notes)
        for path in store_rows(options.folder, rows):
            print(path)
    for reason, times in notes.left_out.items():
        print(f"left out ({times}): {reason}")
    return 0


def _runs(options: argparse.Namespace) -> list[str]:
    """The run of each file; raises InputError before anything is written if two files would be one.

    A file of DP-3T's holds every node of a scene, so that two of them in one run would be the same nodes twice.
    """
    several = len(options.files) > 1
    scenes = several and all(
        (detect(file) if options.format == "auto" else options.format) == "dp3t" for file in options.files
    )
    if not scenes:
        return [options.run_name or ONE_RUN] * len(options.files)
    if options.run_name is not None:
        raise InputError(
            "--run: each of these files holds all nodes of a scene: leave --run out, or give one file"
        )
    return [file.stem for file in options.files]
