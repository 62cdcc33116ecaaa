"""Keys a second of each matching engine, beside plain Python and the bounds of this processor.

    python bench/matching.py [--keys 10000] [--rounds 7] [--observed 5000 50000] [--json]

The terms are those of the published measurement of Google's C++ matcher (gaen.md 9): random keys over 14 aligned days,
144 identifiers each, random observed identifiers and 20 true ones. Engines read an export file of these keys, which is
part of their time; the Python baselines are handed their keys ready. Below it the other designs, from the bytes
of a batch. CPU seconds of one process, the variants interleaved round by round: median, and best in brackets. The
bounds are `openssl speed` on the same core in the same run.
"""

from __future__ import annotations

import argparse
import hmac
import json
import random
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from anopticon_client.matching import (
    Contents,
    Engine,
    ExportJob,
    IndexedRows,
    PythonEngine,
    match_contents,
)
from anopticon_client.matching.engine import byte_array
from anopticon_client.native import engines
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.gaen import Gaen, rpis
from anopticon_protocol.designs.gaen_keys import encode_entry, padded_blocks
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, ReportType, SharedKey, Token
from anopticon_protocol.export.model import ExportedKey, ExportHeader, SignatureInfo
from anopticon_protocol.export.writer import encode_export

FIRST_DAY: Final = 2_650_032
NOW: Final = (FIRST_DAY + 14 * 144) * 600
TRUE_ONES: Final = 20
CHUNK: Final = 64 * 1024
SLOW: Final = {
    "a1: HKDF object, one AES call an identifier": 400,
    "a2: HKDF object, one AES call a key": 1_500,
}
"""Baselines that get fewer keys, or a round would take a minute."""


def make_keys(count: int, luck: random.Random) -> list[ExportedKey]:
    """Random keys of full days."""
    start = [FIRST_DAY + 144 * luck.randrange(14) for _ in range(count)]
    return [
        ExportedKey(luck.randbytes(16), one, transmission_risk=1, report_type=ReportType.CONFIRMED_TEST)
        for one in start
    ]


def observed(keys: list[ExportedKey], count: int, luck: random.Random) -> IndexedRows:
    """Random rows, and identifiers of TRUE_ONES keys in their own intervals."""
    heard = {luck.randbytes(16): FIRST_DAY for _ in range(count - TRUE_ONES)}
    for key in luck.sample(keys, TRUE_ONES):
        place = luck.randrange(144)
        heard[rpis(key.key_data, key.rolling_start, 144)[place]] = key.rolling_start + place
    reading = (Reading(0, -60, 300, bytes(4)),)
    return IndexedRows(
        {value: [Observation(Token(slot, value), SETTLED, reading)] for value, slot in heard.items()}
    )


def a1(keys: list[ExportedKey], known: frozenset[bytes]) -> int:
    """Straightforward: an HKDF object for each key, a cipher call for each identifier, a set."""
    found = 0
    for key in keys:
        rpik = HKDF(SHA256(), 16, None, b"EN-RPIK").derive(key.key_data)
        cipher = Cipher(AES(rpik), ECB()).encryptor()  # noqa: S305 - what the specification uses
        blocks = padded_blocks(key.rolling_start, 144)
        found += any(cipher.update(blocks[at : at + 16]) in known for at in range(0, 2_304, 16))
    return found


def a2(keys: list[ExportedKey], known: frozenset[bytes]) -> int:
    """The same with one cipher call for all identifiers of a key."""
    found = 0
    for key in keys:
        rpik = HKDF(SHA256(), 16, None, b"EN-RPIK").derive(key.key_data)
        cipher = Cipher(AES(rpik), ECB()).encryptor()  # noqa: S305 - what the specification uses
        stream = cipher.update(padded_blocks(key.rolling_start, 144))
        found += any(stream[at : at + 16] in known for at in range(0, 2_304, 16))
    return found


def expansion_only(keys: list[ExportedKey]) -> int:
    """What variant b spends on cryptography alone: hmac.digest twice and one call into a shared buffer."""
    buffer = memoryview(bytearray(2_304 + 15))
    blocks = {start: padded_blocks(start, 144) for start in {key.rolling_start for key in keys}}
    zero = bytes(32)
    for key in keys:
        rpik = hmac.digest(hmac.digest(zero, key.key_data, "sha256"), b"EN-RPIK\x01", "sha256")[:16]
        Cipher(AES(rpik), ECB()).encryptor().update_into(blocks[key.rolling_start], buffer)  # noqa: S305 - as above
    return 0


def by_entries(entries: bytes, stored: IndexedRows) -> int:
    """The Python engine with its keys handed over ready, which is variant b of the published measurement."""
    return len(PythonEngine().lookup(byte_array(list(stored.values()))).hits(Gaen().expansion(0), entries))


def by_export(engine: Engine, file: bytes, stored: IndexedRows) -> int:
    """An engine from the bytes of export.bin to the keys that hit."""
    chunks = (file[at : at + CHUNK] for at in range(0, len(file), CHUNK))
    job = ExportJob(engine, chunks, stored, now=NOW)
    while not job.step():
        pass
    return job.found


def by_batch(engine: Engine, spec: str, batch: Contents, release: int, stored: IndexedRows) -> int:
    """An engine from the contents of a batch to the rows that match."""
    return len(match_contents(engine, open_design(spec), batch, release, stored))


def measure(ways: dict[str, tuple[int, Callable[[], int]]], rounds: int) -> dict[str, list[float]]:
    """Keys per CPU second of each way, round by round."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (count, work) in ways.items():
            start = time.process_time()
            work()
            rates[name].append(count / (time.process_time() - start))
    return rates


def gaen_ways(keys: list[ExportedKey], stored: IndexedRows) -> dict[str, tuple[int, Callable[[], int]]]:
    """Every engine and baseline on one set of keys; checks first that they find the same."""
    header = ExportHeader(1_600_000_200, 1_600_003_800, "CH", 1, 1, (SignatureInfo("v1", "228"),))
    file = encode_export(header, keys)
    known = frozenset(stored.values())
    ways: dict[str, tuple[int, Callable[[], int]]] = {}
    for name, baseline in zip(SLOW, (a1, a2), strict=True):
        few = keys[: SLOW[name]]
        ways[name] = len(few), partial(baseline, few, known)
    ways["b: its cryptography alone, no search"] = len(keys), partial(expansion_only, keys)
    entries = b"".join(encode_entry(key.to_shared()) for key in keys)
    ways["b: the same and a search, keys ready"] = len(keys), partial(by_entries, entries, stored)
    for engine in engines():
        work = partial(by_export, engine, file, stored)
        ways[f"engine {engine.name}, export file read"] = len(keys), work
        if work() != TRUE_ONES:
            raise SystemExit(f"{engine.name} found {work()} of {TRUE_ONES}")
    return ways


def other_ways(count: int, values: int, luck: random.Random) -> dict[str, tuple[int, Callable[[], int]]]:
    """Every engine on batches of the other designs: 10 days a low-cost key, 8 identifiers a window, a filter."""
    ways: dict[str, tuple[int, Callable[[], int]]] = {}
    day = FIRST_DAY // 144
    release = (day + 10) * 86_400
    for spec, keys, slot in (
        ("lowcost", count // 10, day),
        ("hybrid", count * 4, day * 12),
        ("unlinkable", count, day * 96),
    ):
        design = open_design(spec)
        made = [SharedKey(luck.randbytes(design.secret_bytes), slot, 1) for _ in range(keys)]
        batch = Contents(*design.publish(made))
        width = 32 if spec == "unlinkable" else 16
        stored = IndexedRows({luck.randbytes(width): [] for _ in range(values)})
        for engine in engines():
            work = partial(by_batch, engine, spec, batch, release, stored)
            ways[f"{spec}, engine {engine.name}"] = keys, work
    return ways


def bounds() -> dict[str, float]:
    """Keys a second that the processor's AES and SHA-256 allow, one after the other, by `openssl speed`."""
    program = shutil.which("openssl")
    if program is None:
        return {}

    def speed(algorithm: str, length: int) -> float:
        command = [program, "speed", "-seconds", "1", "-bytes", str(length), "-evp", algorithm]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
        found = re.search(r"(\d+\.\d+)k\s*$", done.stdout)
        return float(found[1]) * 1_000 if found else float("nan")

    aes = speed("aes-128-ecb", 2_304) / 2_304
    compressions = speed("sha256", 16_384) / 64
    hkdf = compressions / 6
    return {
        "AES alone, 144 blocks": aes,
        "HKDF alone, 6 compressions": hkdf,
        "one after the other": 1 / (1 / aes + 1 / hkdf),
    }


def table(title: str, rates: dict[str, list[float]], json_: dict[str, object]) -> None:
    """Print medians and bests."""
    json_[title] = {name: {"median": statistics.median(one), "best": max(one)} for name, one in rates.items()}
    print(f"\n{title}\n{'keys per CPU second':48}{'median':>12}{'(best)':>14}")
    for name, one in rates.items():
        print(f"  {name:46}{statistics.median(one):>12,.0f}{f'({max(one):,.0f})':>14}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--observed", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    luck, result = random.Random(9), dict[str, object]()
    keys = make_keys(arguments.keys, luck)
    for count in arguments.observed:
        rates = measure(gaen_ways(keys, observed(keys, count, luck)), arguments.rounds)
        table(f"gaen, {arguments.keys:,} keys, {count:,} observed identifiers", rates, result)
    limits = bounds()
    result["bounds"] = limits
    print("\nbounds of this core (openssl speed)")
    for name, rate in limits.items():
        print(f"  {name:46}{rate:>12,.0f}")
    count = arguments.observed[0]
    rates = measure(other_ways(arguments.keys, count, luck), arguments.rounds)
    table(f"other designs, batch read, {count:,} stored values", rates, result)
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
