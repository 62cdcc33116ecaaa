"""`anopticon-testbed export`: a recording for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from anopticon_client.recording.reader import TornEnd, read_recording
from anopticon_testbed.errors import InputError
from anopticon_testbed.formats.btsnoop import write_btsnoop
from anopticon_testbed.formats.common import Notes
from anopticon_testbed.formats.parquet import write_parquet
from anopticon_testbed.formats.pcap import write_pcap

SUMMARY: Final = "write a recording as Parquet, pcap or btsnoop"
_BY_SUFFIX: Final = {".pcap": "pcap", ".btsnoop": "btsnoop", ".log": "btsnoop", ".parquet": "parquet"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recording, the new file, the format."""
    parser.add_argument("recording", type=Path, help="a recording's file or folder")
    parser.add_argument("target", type=Path, help="the new file; for parquet a new folder")
    parser.add_argument(
        "--to",
        choices=["parquet", "pcap", "btsnoop"],
        help="the format; without it the target's ending tells (.pcap, .btsnoop, .parquet)",
    )


def run(options: argparse.Namespace) -> int:
    """Write it and say what was left out."""
    chosen = options.to or _BY_SUFFIX.get(options.target.suffix)
    if chosen is None:
        raise InputError(f"{options.target}: its ending names no format; give --to parquet, pcap or btsnoop")
    notes = Notes()
    torn: list[TornEnd] = []
    rows = read_recording(options.recording, torn.append)
    if chosen == "parquet":
        count = write_parquet(options.target, rows)
        print(f"{options.target}: {count} rows")
    else:
        write = write_pcap if chosen == "pcap" else write_btsnoop
        print(f"{options.target}: {write(options.target, rows, notes)} frames")
    for end in torn:
        print(f"note: {end}")
    for reason, times in notes.left_out.items():
        print(f"left out ({times}): {reason}")
    return 0
