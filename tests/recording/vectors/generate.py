"""Write the vectors of recordings, for readers in other languages.

    python tests/recording/vectors/generate.py

`recording.json` holds files as text, each with what a reader makes of it: how many rows it gives out, at which line it
is torn, or that it is refused. `captures` are two frames of the first file as pcap and btsnoop, in hexadecimal. What
is expected is said here by hand and checked before it is written; the files themselves are written by the package.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[2]))  # run as a script, it finds its neighbours as the tests do

from anopticon_client.errors import RecordingFileError  # noqa: E402
from anopticon_client.radio_records import Capabilities, RadioEvent, RadioEventKind, Rotation  # noqa: E402
from anopticon_client.recording.codec import encode_row  # noqa: E402
from anopticon_client.recording.parts import block_of  # noqa: E402
from anopticon_client.recording.reader import TornEnd, read_recording  # noqa: E402
from anopticon_client.recording.rows import (  # noqa: E402
    ClockReading,
    Moved,
    NoticeRow,
    PhoneInput,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
    Truth,
)
from anopticon_testbed.formats.btsnoop import write_btsnoop  # noqa: E402
from anopticon_testbed.formats.common import Notes  # noqa: E402
from anopticon_testbed.formats.pcap import write_pcap  # noqa: E402
from tests.recording.kit import MANIFEST, frame  # noqa: E402

FILE: Final = FOLDER / "recording.json"
START: Final = 1_700_000_000_000_000_000
CAN: Final = Capabilities(
    "virtual",
    Rotation.ATOMIC,
    True,
    "",
    1.0,
    (200.0, 270.0),
    True,
    True,
    True,
    True,
    ("made up",),
)
HEAD: Final = replace(
    MANIFEST,
    mono_ns=5,
    wall_ns=START,
    capabilities=CAN,
    about={"chip": "none", "height_m": 1.25, "näme": "ö"},
)
FRAMES: Final[list[Row]] = [frame(1), frame(2)._replace(rssi_dbm=None, address=b"", channel=0)]
OTHERS: Final[list[Row]] = [
    RadioEvent(10, START, RadioEventKind.ROTATED, {"address": "3a5bc1d20e77", "gap_ns": 1_000}),
    RadioEvent(11, START, RadioEventKind.SCAN_OFF),
    Sent(12, START, frame(3).data, frame(3).address, -10),
    Moved(13, START, (0.1, -2.0, 1e-3)),
    ClockReading(14, START, -1_500, 200, "chrony"),
    ScanMark(15, START, ScanPhase.BEGUN),
    ScanMark(16, START, ScanPhase.ENDED, 1_700_000_000, 2),
    PhoneInput(17, START, 1_700_000_001, "index", 0, b'{"entries":[]}'),
    NoticeRow(
        18,
        START,
        1_700_000_002,
        "n1",
        "exposure",
        19_675,
        900,
        "15 minutes \N{LEFT SINGLE QUOTATION MARK}near",
    ),
    Truth(19, START, frame(1).address, 1.5, None, "pi-2"),
]


class Case(NamedTuple):
    """A file and what a reader makes of it; `rows` are those before a refusal as well, the manifest among them."""

    comment: str
    content: bytes
    rows: int
    torn_line: int | None = None
    refused: bool = False


def cases() -> list[Case]:
    """Every case."""
    head, frames, others = ([encode_row(row) for row in rows] for rows in ([HEAD], FRAMES, OTHERS))
    whole = block_of(head) + block_of(frames) + block_of(others)
    unchecked = "".join(head + frames).encode()
    swapped = whole.replace(b'"r":-41', b'"r":-14')
    long = PhoneInput(1, 2, 3, "batch", 7, bytes(49_153))
    total = 1 + len(FRAMES) + len(OTHERS)
    return [
        Case("every kind of row, three blocks", whole, total),
        Case("a last block that was not finished", unchecked, 3),
        Case("cut off within a row", unchecked[:-40], 2, torn_line=3),
        Case("cut off before the line feed of a row that is whole", unchecked[:-1], 3),
        Case("zeros that were never filled", unchecked + bytes(512), 3, torn_line=4),
        Case("cut off within the manifest", unchecked[:30], 0, torn_line=1),
        Case("nothing at all", b"", 0),
        Case("an input over two lines", block_of([*head, encode_row(long)]), 2),
        Case("an input whose last line is missing", block_of(head) + first_line(long), 1, torn_line=3),
        Case(
            "keys in another order, and blanks",
            unchecked.replace(b'{"k":"heard","m":1,', b'{ "m": 1, "k":"heard",'),
            3,
        ),
        Case("a number changed in a block", swapped, 3, refused=True),
        Case("a line damaged before others", whole.replace(b'"k":"moved"', b'"k":"mov'), 6, refused=True),
        Case("an unknown kind before others", whole.replace(b'"k":"moved"', b'"k":"mood"'), 6, refused=True),
        Case("another version", whole.replace(b'"v":1', b'"v":2'), 0, refused=True),
        Case("no manifest", "".join(frames).encode(), 0, refused=True),
        Case("no recording", b"hello\n", 0, refused=True),
    ]


def first_line(row: Row) -> bytes:
    """The first line of a row that takes several."""
    return encode_row(row).encode().partition(b"\n")[0] + b"\n"


def outcome(content: bytes) -> tuple[int, int | None, bool]:
    """What our reader makes of a file: rows, torn line, refused."""
    torn: list[TornEnd] = []
    count = 0
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "case.jsonl"
        path.write_bytes(content)
        try:
            for _ in read_recording(path, torn.append):
                count += 1
        except RecordingFileError:
            return count, None, True
    return count, torn[0].line if torn else None, False


def render() -> str:
    """The text of the file; SystemExit if a case does not come out as it says."""
    said = []
    for case in cases():
        expected = (case.rows, case.torn_line, case.refused)
        if outcome(case.content) != expected:
            sys.exit(f"{case.comment!r}: said {expected}, came out {outcome(case.content)}")
        said.append(
            {
                "comment": case.comment,
                "content": case.content.decode("ascii"),
                "rows": case.rows,
                "torn_line": case.torn_line,
                "refused": case.refused,
            }
        )
    captures = {}
    with tempfile.TemporaryDirectory() as name:
        for form, writer in (("pcap", write_pcap), ("btsnoop", write_btsnoop)):
            writer(Path(name) / form, FRAMES, Notes())
            captures[form] = (Path(name) / form).read_bytes().hex()
    return json.dumps({"section": "SPEC.md 19", "cases": said, "captures": captures}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="ascii")
