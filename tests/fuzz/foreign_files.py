"""Feed the readers of recordings and foreign files with what libFuzzer invents: nothing but their own errors may come.

    python tests/fuzz/foreign_files.py [READER] [-max_total_time=600] [other options of libFuzzer]

READER is one of recording, pcap, btsnoop, ececli, mh, board, row; without it the first byte of each input chooses.
Needs the extra `fuzz`. TMPDIR in memory makes it ten times faster. Input that crashes is written to the present
folder, as libFuzzer does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, it finds its neighbours

import atheris  # type: ignore[import-untyped]  # it has no stubs

with atheris.instrument_imports(include=["anopticon_client.recording", "anopticon_testbed.formats"]):
    from anopticon_client.errors import RecordingFileError
    from anopticon_client.radio.board_lines import parse_board_line
    from anopticon_client.radio.frames import carries
    from anopticon_client.recording.codec import RowDecoder, encode_row
    from anopticon_client.recording.reader import read_recording
    from anopticon_testbed.errors import RecordingError
    from anopticon_testbed.formats.common import ImportOptions, Notes
    from anopticon_testbed.formats.registry import FORMATS

SCRATCH: Final = Path(tempfile.mkdtemp()) / "input"


def recording(data: bytes) -> None:
    """A recording's file; whatever row it gives has a line that reads back."""
    SCRATCH.write_bytes(data)
    for read in read_recording(SCRATCH):
        encode_row(read)


def row(data: bytes) -> None:
    """One line: what is decoded encodes to a line that decodes to the same."""
    found = RowDecoder().decode(data)
    if found is not None and RowDecoder().decode(encode_row(found).encode()) != found:
        raise AssertionError(f"{found!r} does not come back")


def board(data: bytes) -> None:
    """A board's line, and the filter behind it."""
    try:
        heard = parse_board_line(data)
    except ValueError:
        return
    carries(heard.data, {0xFD68, 0xFD6F})


def foreign(name: str) -> Callable[[bytes], None]:
    """A file in one of the forms."""

    def read(data: bytes) -> None:
        SCRATCH.write_bytes(data)
        for found in FORMATS[name].reader(SCRATCH, ImportOptions(metres=1.0), Notes()):
            encode_row(found)

    return read


READERS: Final[dict[str, Callable[[bytes], None]]] = {
    "recording": recording,
    "row": row,
    "board": board,
    **{name: foreign(name) for name in ("pcap", "btsnoop", "ececli", "mh")},
}


def main() -> None:
    """Fuzz until told to stop."""
    arguments = sys.argv[1:]
    chosen = arguments.pop(0) if arguments and arguments[0] in READERS else ""
    readers = list(READERS.values())

    def one(data: bytes) -> None:
        reader = READERS.get(chosen) or readers[data[0] % len(readers) if data else 0]
        try:
            reader(data if chosen else data[1:])
        except (RecordingFileError, RecordingError):
            return

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
