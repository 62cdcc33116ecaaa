"""Measure the export reader: keys per second and peak memory for a file of many keys.

    python bench/read_export.py [--keys 500000] [--rounds 5] [--json]

Times are CPU seconds of this process, best of the rounds. Memory is what Python allocated at its peak while
reading, taken in a pass of its own because tracing slows the reader; the file itself is on disk and read in
chunks of 64 KiB, except in the row `load_export`, which takes the archive as bytes and verifies its
signature.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export import ExportedKey, ExportHeader, SignatureInfo, load_export, write_export
from anopticon_protocol.export.archive import EXPORT_BIN, open_archive
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.reader import read_export
from anopticon_protocol.signing import SigningKey

CHUNK_BYTES = 64 * 1024
FIRST_DAY = 2_650_032
SIGNER = SigningKey.from_secret(bytes(range(32)))


def make_archive(count: int) -> bytes:
    """Sign and zip `count` random keys over 14 days, with the fields that real files have."""
    luck = random.Random(2)
    keys = [
        ExportedKey(
            luck.randbytes(16),
            FIRST_DAY + 144 * luck.randrange(14),
            transmission_risk=luck.randrange(1, 9),
            report_type=ReportType.CONFIRMED_TEST,
            days_since_onset=luck.randrange(-5, 11),
        )
        for _ in range(count)
    ]
    return write_export(
        ExportHeader(1_600_000_200, 1_600_003_800, "CH"), keys, [(SIGNER, SignatureInfo("v1", "228"))]
    )


def chunks(path: Path) -> Iterator[bytes]:
    """The file, a chunk at a time."""
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk


def measure(work: Callable[[], int], count: int, rounds: int) -> dict[str, float]:
    """Best CPU time of `rounds` passes, and the peak of one more under tracing."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        seen = work()
        best = min(best, time.process_time() - start)
        if seen < count:
            message = f"read {seen} of {count} keys"
            raise SystemExit(message)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "seconds": round(best, 3),
        "keys_per_second": round(count / best),
        "peak_mib": round(peak / 2**20, 2),
    }


def main() -> None:
    """Write the file, read it in three ways, print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    started = time.process_time()
    archive = make_archive(arguments.keys)
    written = time.process_time() - started
    opened = open_archive(archive)
    entry = next(entry for entry in opened.entries if entry.name == EXPORT_BIN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / EXPORT_BIN
        path.write_bytes(b"".join(opened.chunks(entry)))
        ways: dict[str, Callable[[], int]] = {
            "read_export, streamed": lambda: sum(1 for _ in read_export(chunks(path))),
            "drop_duplicates, streamed": lambda: sum(1 for _ in drop_duplicates(read_export(chunks(path)))),
            "load_export, two passes": lambda: sum(
                1 for _ in load_export(archive, [SIGNER.public]).key_records()
            ),
        }
        rows = {name: measure(work, arguments.keys, arguments.rounds) for name, work in ways.items()}
        size = path.stat().st_size
    if arguments.json:
        result = {"keys": arguments.keys, "bytes": size, "write_seconds": round(written, 3), "read": rows}
        print(json.dumps(result))
        return
    each = size / arguments.keys
    print(f"{arguments.keys:,} keys, {size:,} bytes ({each:.1f} a key), written in {written:.2f} s")
    for name, row in rows.items():
        rate, seconds, peak = row["keys_per_second"], row["seconds"], row["peak_mib"]
        print(f"{name:28}{rate:>10,} keys/s {seconds:>8.3f} s {peak:>8.2f} MiB")


if __name__ == "__main__":
    main()
