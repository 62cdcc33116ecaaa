"""What the tests of recordings share: a manifest, frames, a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.reader import TornEnd, read_recording
from anopticon_client.recording.rows import Manifest, Row
from anopticon_client.recording.writer import RecordingWriter
from anopticon_protocol.advert import encode

MANIFEST = Manifest(
    node="pi-1",
    run="run-1",
    mono_ns=0,
    wall_ns=0,
    design="lowcost",
    service_uuid=0xFD68,
    radio="virtual",
    tx_power_dbm=-10,
    position=(1.0, 2.5, 0.75),
    capabilities=None,
    software="test",
)
INLINE = WriterPolicy(background=False, sync=False)


class Clock:
    """Both clocks, set by the test."""

    def __init__(self, mono_ns: int = 0, wall_ns: int = 1_700_000_000_000_000_000) -> None:
        self.mono_ns = mono_ns
        self.wall_ns = wall_ns

    def __call__(self) -> tuple[int, int]:
        """The present instant."""
        return self.mono_ns, self.wall_ns

    def pass_ns(self, nanoseconds: int) -> None:
        """Let time go by on both."""
        self.mono_ns += nanoseconds
        self.wall_ns += nanoseconds


def frame(number: int, mono_ns: int | None = None) -> HeardFrame:
    """A frame that can be told from any other."""
    mono = number if mono_ns is None else mono_ns
    return HeardFrame(
        mono,
        1_700_000_000_000_000_000 + mono,
        (0xC00000000000 + number).to_bytes(6, "big"),
        AddressType.NON_RESOLVABLE,
        PduType.ADV_NONCONN_IND,
        -40 - number % 50,
        encode(0xFD68, number.to_bytes(16, "big")),
        37 + number % 3,
    )


def write(
    folder: Path,
    rows: list[Row],
    policy: WriterPolicy = INLINE,
    now: Callable[[], tuple[int, int]] | None = None,
    node: str = "pi-1",
) -> RecordingWriter:
    """Write a recording of these rows and close it."""
    writer = RecordingWriter(folder, replace(MANIFEST, node=node), now or Clock(), policy)
    with writer:
        for row in rows:
            writer.write(row)
    return writer


def read(path: Path) -> tuple[list[Row], list[TornEnd]]:
    """The rows of a file or folder, without manifests, and what was torn."""
    torn: list[TornEnd] = []
    return [row for row in read_recording(path, torn.append) if not isinstance(row, Manifest)], torn
