"""Measure the other forms of a recording: CPU time a frame to write and read Parquet, pcap and btsnoop, and their size.

    python bench/formats.py [--rows 100000]

Frames of 50 senders. Writing includes reading the recording's lines; reading gives out rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import Manifest, Row
from anopticon_client.recording.storing import store_rows
from anopticon_protocol.advert import encode
from anopticon_testbed.formats.btsnoop import write_btsnoop
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.parquet import write_parquet
from anopticon_testbed.formats.pcap import write_pcap
from anopticon_testbed.formats.registry import FORMATS

MANIFEST = Manifest("bench", "bench", 0, 0, "gaen", 0xFD6F, "virtual", -10, None, None, "bench")
START = 1_700_000_000_000_000_000


def rows(count: int) -> Iterator[Row]:
    """A manifest and frames 250 microseconds apart, as a busy hall has them."""
    yield MANIFEST
    for number in range(count):
        sender = number % 50
        at = 250_000 * number + number * number % 97
        data = encode(0xFD6F, sender.to_bytes(20, "big"))
        kind, pdu = AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND
        rssi = -40 - number * 7 % 60
        yield HeardFrame(at, START + at, sender.to_bytes(6, "big"), kind, pdu, rssi, data, 37 + number % 3)


def cost(work: Callable[[], object], count: int) -> float:
    """CPU time a row, microseconds."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) / count * 1e6


def size_of(path: Path) -> int:
    """Bytes of a file or of a folder's files."""
    return sum(part.stat().st_size for part in (path.iterdir() if path.is_dir() else [path]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    count = parser.parse_args().rows
    print(f"{count:,} frames{'':10}write, us   read, us   bytes a frame")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = folder / "lines"
        writing = cost(lambda: store_rows(lines, rows(count)), count)
        reading = cost(lambda: sum(1 for _ in read_recording(lines)), count)
        print(f"{'lines of JSON':24}{writing:9.2f}{reading:11.2f}{size_of(lines) / count:12.1f}")
        writers: dict[str, Callable[[Path], object]] = {
            "parquet": lambda path: write_parquet(path, read_recording(lines)),
            "pcap": lambda path: write_pcap(path, read_recording(lines), Notes()),
            "btsnoop": lambda path: write_btsnoop(path, read_recording(lines), Notes()),
        }
        for form, write in writers.items():
            path = folder / form
            writing = cost(lambda write=write, path=path: write(path), count)  # type: ignore[misc]
            reader = FORMATS[form].reader
            reading = cost(
                lambda reader=reader, path=path: sum(1 for _ in reader(path, ImportOptions(), Notes())),  # type: ignore[misc]
                count,
            )
            print(f"{form:24}{writing:9.2f}{reading:11.2f}{size_of(path) / count:12.1f}")


if __name__ == "__main__":
    main()
