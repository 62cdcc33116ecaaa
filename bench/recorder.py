"""Measure the recorder: CPU share at 20,000 sightings a second, the most it sustains, and reading speed.

    python bench/recorder.py [--rows 400000] [--rate 20000] [--seconds 5] [--json]

The first table is CPU time of this process over rows: writing (with and without sync, in a thread of its own and
inline) and reading. The last lines offer `rate` frames a second in real time for some seconds, in bursts of a
hundredth of it, and count what was dropped; the share is CPU time of all threads over the time it took.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.codec import RowDecoder, encode_row
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import Manifest
from anopticon_client.recording.writer import RecordingWriter
from anopticon_protocol.advert import encode

MANIFEST = Manifest(
    "bench", "bench", 0, 0, "gaen", 0xFD6F, "virtual", -10, None, None, "bench", about={"chip": "none"}
)
BURSTS = 100


def machine_time() -> tuple[int, int]:
    """Both clocks of this machine."""
    return time.monotonic_ns(), time.time_ns()


def frames(count: int) -> list[HeardFrame]:
    """Frames of 50 senders, as on a busy day."""
    luck = random.Random(1)
    senders = [(luck.randbytes(6), encode(0xFD6F, luck.randbytes(20))) for _ in range(50)]
    start = 1_700_000_000_000_000_000
    made = []
    for number in range(count):
        address, data = senders[number % 50]
        at = 123_456_789_000 + 50_000 * number
        pdu, kind = PduType.ADV_NONCONN_IND, AddressType.NON_RESOLVABLE
        made.append(HeardFrame(at, start + at, address, kind, pdu, luck.randrange(-100, -30), data, 37))
    return made


def per_row(work: Callable[[], object], rows: int, rounds: int = 3) -> float:
    """Best CPU time of some rounds, microseconds a row."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best / rows * 1e6


def write(folder: Path, heard: list[HeardFrame], policy: WriterPolicy) -> RecordingWriter:
    """Record these frames as fast as they come."""
    with RecordingWriter(folder, MANIFEST, machine_time, policy) as writer:
        for frame in heard:
            writer.heard(frame)
    return writer


def sustained(heard: list[HeardFrame], rate: int, seconds: float) -> dict[str, float]:
    """Offer `rate` frames a second in real time; what was dropped, and the CPU share."""
    burst = max(1, rate // BURSTS)
    with tempfile.TemporaryDirectory() as name:
        writer = RecordingWriter(Path(name), MANIFEST, machine_time)
        cpu, begun, late, offered = time.process_time(), time.perf_counter(), 0.0, 0
        while (passed := time.perf_counter() - begun) < seconds:
            due = offered / rate
            if due > passed:
                time.sleep(due - passed)
            late = max(late, passed - due)
            for frame in heard[offered % len(heard) : offered % len(heard) + burst]:
                writer.heard(frame)
                offered += 1
        writer.close()
        took = time.perf_counter() - begun
        counters = writer.counters
    share = (time.process_time() - cpu) / took
    return {
        "offered": offered,
        "rate": offered / took,
        "written": counters.written,
        "dropped": counters.dropped,
        "cpu": share,
        "late": late,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    heard = frames(options.rows)
    lines = [encode_row(frame).encode() for frame in heard[:20_000]]
    decoder = RowDecoder()
    table: dict[str, float] = {
        "encode a frame": per_row(lambda: [encode_row(frame) for frame in heard[:20_000]], 20_000),
        "decode a frame": per_row(lambda: [decoder.decode(line) for line in lines], 20_000),
    }
    roomy = options.rows + 1
    ways = {
        "write, own thread, sync": WriterPolicy(buffer_rows=roomy),
        "write, own thread": WriterPolicy(buffer_rows=roomy, sync=False),
        "write, inline": WriterPolicy(buffer_rows=roomy, sync=False, background=False),
    }
    with tempfile.TemporaryDirectory() as name:
        for number, (way, policy) in enumerate(ways.items()):
            folder = Path(name) / str(number)

            def work(folder: Path = folder, policy: WriterPolicy = policy) -> None:
                write(folder, heard, policy)

            table[way] = per_row(work, options.rows, 1)
        folder = Path(name) / "0"
        size = sum(path.stat().st_size for path in folder.iterdir())
        table["read"] = per_row(lambda: sum(1 for _ in read_recording(folder)), options.rows, 2)
    live = sustained(heard, options.rate, options.seconds)
    if options.json:
        print(json.dumps({"us_a_row": table, "bytes_a_row": size / options.rows, "live": live}))
        return
    print(f"{options.rows:,} frames, {size / options.rows:.0f} bytes each")
    for way, cost in table.items():
        print(f"{way:26}{cost:8.2f} us CPU a row{1e6 / cost:>12,.0f} rows/s")
    print(
        f"offered {live['offered']:,.0f} at {live['rate']:,.0f} a second: dropped {live['dropped']:.0f}, "
        f"written {live['written']:,.0f}, {100 * live['cpu']:.0f} % of a core, source late by at most "
        f"{1e3 * live['late']:.0f} ms"
    )


if __name__ == "__main__":
    main()
