"""Which filter for the unlinkable design: bytes, time, lost entries, false positives (docs/adr/0004-filter.md).

    python bench/filters.py [ITEMS ...]

Runs with the project alone. Where `scalable-cuckoo-filter` 1.1 (the DP-3T reference's choice) or `pyfusefilter` can be
imported they are measured beside ours; neither is a dependency of the project. Times are CPU seconds, best of three.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import math
import random
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from anopticon_protocol.fingerprints import FingerprintFilter, bucket_bits_for, false_positive_rate

SIZES = (480, 96_000, 667_200)
"""One patient of five days; 200 patients, one of the paper's batches on a bad day; 1,390, the Swiss peak."""
STORED = 5_000
"""Hashes that a phone asks for: what it heard in two weeks."""
PAPER_BITS = 48
"""Bits an entry in the white paper's cost figures."""
REFERENCE_RATE = 2**-42
SLOTS = 4
ROUNDS = 3
TOO_SLOW = 100_000
HIGH_LOAD = 0.9
"""With more entries than that at a higher load, a cuckoo filter spends minutes on kicks that fail: left out."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    size: int
    build: float
    lookup: float
    lost: int
    rate: str
    one_form: bool


def values(count: int, label: str = "in") -> list[bytes]:
    """Distinct 32-byte hashes."""
    return [hashlib.sha256(f"{label} {number}".encode()).digest() for number in range(count)]


def timed(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Best CPU seconds of a few rounds, and what the last one gave."""
    best = math.inf
    result: Any = None
    for _ in range(rounds):
        begun = time.process_time()
        result = work()
        best = min(best, time.process_time() - begun)
    return best, result


def power(rate: float) -> str:
    """A rate as a power of two."""
    return f"2^{math.log2(rate):.1f}"


@dataclass(frozen=True)
class Kind:
    """One way to make a filter: how it is built, how long it is when sent, what is sent, its rate."""

    name: str
    build: Callable[[Sequence[bytes]], Any]
    size: Callable[[Any], int]
    form: Callable[[Any], bytes]
    rate: str
    rounds: int = ROUNDS


def measure(kind: Kind, items: Sequence[bytes]) -> Row:
    """Build, look up what a phone stores, count what is lost, and build again from another order."""
    build, built = timed(lambda: kind.build(items), kind.rounds)
    asked = values(STORED, "stored")
    lookup, _ = timed(lambda: sum(value in built for value in asked))
    lost = sum(value not in built for value in items)
    one_form = kind.form(built) == kind.form(kind.build(items[::-1]))
    return Row(kind.name, kind.size(built), build, lookup, lost, kind.rate, one_form)


class SortedList:
    """The plainest filter: truncated hashes in order, nothing else."""

    def __init__(self, items: Collection[bytes], length: int) -> None:
        """Keep the first `length` bytes of each."""
        self.length = length
        self.entries = sorted({item[:length] for item in items})

    def __contains__(self, value: bytes) -> bool:
        """Binary search."""
        place = bisect_left(self.entries, value[: self.length])
        return place < len(self.entries) and self.entries[place] == value[: self.length]


def ours(items: Sequence[bytes]) -> Kind:
    """The bucketed, sorted fingerprint list of SPEC.md 8.4."""
    rate = power(false_positive_rate(len(items)))
    form = FingerprintFilter.encode
    return Kind("bucketed list, 7 bytes", FingerprintFilter.build, lambda one: len(form(one)), form, rate)


def plain(items: Sequence[bytes]) -> Kind:
    """A sorted list without buckets, with as many bits as ours: whole bytes have to hold the bucket too."""
    length = math.ceil((bucket_bits_for(len(items)) + 56) / 8)
    return Kind(
        f"sorted list, {length} bytes",
        lambda given: SortedList(given, length),
        lambda one: length * len(one.entries),
        lambda one: b"".join(one.entries),
        power(len(items) / 2 ** (8 * length)),
    )


class Cuckoo:
    """The reference's library with a number of buckets; an entry that it refuses counts as not put in."""

    def __init__(self, library: ModuleType, buckets: int, items: Sequence[bytes]) -> None:
        """Insert in the given order; kicks draw from the global generator, which is seeded here to be repeatable."""
        random.seed(len(items))
        self.filter = library.CuckooFilter(capacity=buckets, error_rate=REFERENCE_RATE)
        full = importlib.import_module("cuckoo.exception").CapacityException
        self.refused = 0
        for item in items:
            try:
                self.filter.insert(item)
            except full:
                self.refused += 1

    def __contains__(self, value: bytes) -> bool:
        """Ask the library."""
        return value in self.filter

    def packed(self) -> bytes:
        """Fingerprints bucket by bucket, which is what would be sent."""
        return b"".join(
            b"".join(one.tobytes() for one in bucket.bucket) + b"|" if bucket else b"|"
            for bucket in self.filter.buckets
        )


def cuckoo(library: ModuleType, items: Sequence[bytes]) -> list[Kind]:
    """At the size that the reference allocates, at the size of the paper, and with a power of two of buckets."""
    bits = math.ceil(-math.log2(REFERENCE_RATE) + math.log2(2 * SLOTS))
    paper = len(items) * PAPER_BITS // (bits * SLOTS)
    shapes = {
        "as allocated": int(1.2 * len(items)),
        "paper's size": paper,
        "power of two": 1 << math.ceil(math.log2(paper)),
    }
    return [
        Kind(
            f"cuckoo, {name} (load {len(items) / (buckets * SLOTS):.2f})",
            partial(Cuckoo, library, buckets),
            partial(_constant, buckets * SLOTS * bits // 8),
            Cuckoo.packed,
            "2^-42",
            rounds=1,
        )
        for name, buckets in shapes.items()
        if len(items) <= TOO_SLOW or len(items) <= HIGH_LOAD * buckets * SLOTS
    ]


def fuse(library: ModuleType) -> list[Kind]:
    """Binary fuse filters: the kept library has fingerprints of 8 and 16 bits only."""
    return [
        Kind(f"binary fuse, {bits} bits", kind, lambda one: len(_sent(one)), _sent, f"2^-{bits}.0")
        for bits, kind in ((8, library.Fuse8), (16, library.Fuse16))
    ]


def _constant(number: int, _: object) -> int:
    return number


def _sent(fused: Any) -> bytes:  # noqa: ANN401 - of a library that need not be there
    return bytes(fused.serialize())


def measured_rates() -> None:
    """False positives of ours at short remainders against the formula, which each byte divides by 256."""
    print("\nFalse positives of the bucketed list, measured among 400,000 strangers")
    strangers = [random.randbytes(32) for _ in range(400_000)]
    for count in (480, 4_095, 4_096, 96_000):
        for length in (1, 2):
            built = FingerprintFilter.build(values(count), remainder_bytes=length)
            hits = sum(value in built for value in strangers)
            expected = len(strangers) * false_positive_rate(len(built), length)
            print(f"  {count:>7,} entries, {length} byte(s): {hits:>6,} found, {expected:>9,.1f} expected")


def library(name: str) -> ModuleType | None:
    """A library that need not be there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name}: not installed, left out", file=sys.stderr)
        return None


def main() -> None:
    """Print a table for each size, then the measured rates."""
    parser = argparse.ArgumentParser(description="Compare filters for the unlinkable design.")
    parser.add_argument(
        "items", nargs="*", type=int, default=SIZES, help="entries (default: 480 96000 667200)"
    )
    sizes = parser.parse_args().items
    random.seed(1)
    reference, fused = library("cuckoo.filter"), library("pyfusefilter")
    for count in sizes:
        items = values(count)
        kinds = [ours(items), plain(items)]
        kinds += cuckoo(reference, items) if reference else []
        kinds += fuse(fused) if fused else []
        print(f"\n{count:,} entries")
        print(f"  {'':38} {'B/entry':>8} {'build s':>8} {'look up':>8} {'lost':>7} {'rate':>7} one form")
        for row in (measure(kind, items) for kind in kinds):
            form = "yes" if row.one_form else "no"
            print(
                f"  {row.name:38} {row.size / count:8.2f} {row.build:8.3f} {row.lookup * 1e6 / STORED:6.2f}us"
                f" {row.lost:7,} {row.rate:>7} {form:>8}"
            )
    measured_rates()


if __name__ == "__main__":
    main()
