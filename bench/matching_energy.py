"""Instructions a key and peak memory of each matching engine: what a battery feels of it.

    python bench/matching_energy.py [--keys 500] [--file-keys 500000]

Instructions are counted by `valgrind --tool=callgrind` over a whole process that matches an export of so many keys, and
one of twice as many: the difference is what the keys cost, without the start of Python. Valgrind shows programs a
processor with AES and AVX2 instructions, but without SHA, VAES and AVX-512, so a real one with those needs fewer. Peak
memory is that of a process of its own which reads an export of `file-keys` from disk, less that of one that reads none.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from anopticon_client.matching import ExportJob, IndexedRows
from anopticon_client.native import engines
from anopticon_protocol.export.model import ExportedKey, ExportHeader, SignatureInfo
from anopticon_protocol.export.writer import encode_export

FIRST_DAY = 2_650_032
NOW = (FIRST_DAY + 14 * 144) * 600
OBSERVED = 5_000
CHUNK = 64 * 1024


def child(engine_name: str, path: Path) -> None:
    """What is measured: an export from disk against rows in memory."""
    (engine,) = (one for one in engines() if one.name == engine_name)
    luck = random.Random(1)
    stored = IndexedRows({luck.randbytes(16): [] for _ in range(OBSERVED)})
    with path.open("rb") as opened:
        job = ExportJob(engine, iter(lambda: opened.read(CHUNK), b""), stored, now=NOW)
        while not job.step():
            pass
    job.result()


def write(path: Path, count: int) -> None:
    """An export of random keys."""
    luck = random.Random(count)
    keys = [ExportedKey(luck.randbytes(16), FIRST_DAY + 144 * luck.randrange(14)) for _ in range(count)]
    header = ExportHeader(1_600_000_200, 1_600_003_800, "CH", 1, 1, (SignatureInfo("v1", "228"),))
    path.write_bytes(encode_export(header, keys))


def instructions(engine: str, path: Path) -> int:
    """Instructions of a whole process."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise SystemExit("there is no valgrind here: on Debian 'apt-get install valgrind'")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, __file__, "--child", engine, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this program
    found = re.search(r"Collected\s*: (\d+)", done.stderr)
    assert found  # noqa: S101 - a run that did not fail says it
    return int(found[1])


def peak_mib(engine: str, path: Path) -> float:
    """Peak memory of a whole process, as it says itself: what its parent held before it does not count."""
    command = [sys.executable, __file__, "--child", engine, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this program
    return float(done.stdout)


def own_peak_mib() -> float:
    """Peak memory of this process (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1_024 if found else float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--file-keys", type=int, default=500_000)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], Path(arguments.child[1]))
        print(own_peak_mib())
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {count: Path(folder) / str(count) for count in (0, arguments.keys, 2 * arguments.keys)}
        paths[arguments.file_keys] = Path(folder) / str(arguments.file_keys)
        for count, path in paths.items():
            write(path, count)
        print(
            f"{'engine':10}{'instructions a key':>20}{f'MiB above start, {arguments.file_keys:,} keys':>36}"
        )
        for engine in engines():
            few = instructions(engine.name, paths[arguments.keys])
            more = instructions(engine.name, paths[2 * arguments.keys])
            above = peak_mib(engine.name, paths[arguments.file_keys]) - peak_mib(engine.name, paths[0])
            print(f"{engine.name:10}{(more - few) / arguments.keys:>20,.0f}{above:>36.1f}", flush=True)


if __name__ == "__main__":
    main()
