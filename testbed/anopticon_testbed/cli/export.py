"""`anopticon-testbed export`: a recording for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anopticon_client.recording.reader import Recording, TornEnd, find_recordings, read_recording
from anopticon_client.recording.rows import Row
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
    parser.add_argument("--node", help="of a folder with several nodes, this one only")


def run(options: argparse.Namespace) -> int:
    """Write it and say what was left out."""
    chosen = options.to or _BY_SUFFIX.get(options.target.suffix)
    if chosen is None:
        raise InputError(f"{options.target}: its ending names no format; give --to parquet, pcap or btsnoop")
    notes = Notes()
    torn: list[TornEnd] = []
    rows = _rows(options, torn, capture=chosen != "parquet")
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


def _rows(options: argparse.Namespace, torn: list[TornEnd], *, capture: bool) -> Iterator[Row]:
    """The rows to write; raises InputError if a capture would mix what several nodes heard."""
    if options.node is None and not (capture and options.recording.is_dir()):
        return read_recording(options.recording, torn.append)
    found = find_recordings(options.recording)
    nodes = sorted({one.manifest.node for one in found})
    if options.node is None:
        if len(nodes) > 1:
            raise InputError(
                f"{options.recording}: {len(nodes)} nodes, and a capture cannot say which of them heard a frame: name "
                f"one with --node ({', '.join(nodes[:10])}), or take --to parquet"
            )
        return read_recording(options.recording, torn.append)
    if options.node not in nodes:
        raise InputError(
            f"{options.recording}: no node {options.node!r}; there is {', '.join(nodes[:10]) or 'none'}"
        )
    return _of([one for one in found if one.manifest.node == options.node], torn)


def _of(recordings: list[Recording], torn: list[TornEnd]) -> Iterator[Row]:
    for recording in recordings:
        yield from recording.rows()
        torn.extend(recording.torn)
