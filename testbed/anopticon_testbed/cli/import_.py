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
from anopticon_testbed.formats.registry import FORMATS, read_foreign

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
    parser.add_argument("--run", dest="run_name", default="import", help="name of the run")
    parser.add_argument(
        "--metres", type=float, help="true distance of every sender, if it was one and the same"
    )


def run(options: argparse.Namespace) -> int:
    """Import every file and say what was left out."""
    for name in (options.node, options.run_name):
        if name and not NAME.fullmatch(name):
            raise InputError(f"name {name[:80]!r} must match {NAME.pattern}")
    metres = options.metres
    if metres is not None and not 0 <= metres <= MAX_COORDINATE_METRES:
        raise InputError(f"--metres {metres}: must be 0 to {MAX_COORDINATE_METRES:.0f}")
    chosen = ImportOptions(options.node, options.run_name, metres)
    notes = Notes()
    for file in options.files:
        rows: Iterator[Row] = read_foreign(file, options.format, chosen, notes)
        for path in store_rows(options.folder, rows):
            print(path)
    for reason, times in notes.left_out.items():
        print(f"left out ({times}): {reason}")
    return 0
