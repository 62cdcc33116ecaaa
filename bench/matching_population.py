"""One batch against a million phones at once, beside phone by phone: rows and keys a second, memory.

    python bench/matching_population.py [--phones 1000000] [--each 10] [--keys 2000] [--sample 200]

Every phone stores `each` identifiers; a few hundred of them belong to published keys. Phone by phone is measured on a
sample of phones and scaled up. CPU seconds; memory is the process's peak.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from typing import Final

import numpy as np

from anopticon_client.matching import (
    Contents,
    IndexedRows,
    PopulationMatcher,
    PopulationRows,
    match_contents,
)
from anopticon_client.native import engines
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SETTLED, SharedKey

DAY: Final = 18_500
RELEASE: Final = (DAY + 5) * 86_400


def population(phones: int, each: int, known: list[tuple[bytes, int]], slots: int) -> PopulationRows:
    """Random rows, of which some hold identifiers of published keys."""
    luck = np.random.default_rng(3)
    count = phones * each
    value = luck.integers(0, 256, (count, 16), dtype=np.uint8)
    slot = np.full(count, DAY * slots, np.int64) + luck.integers(0, slots, count)
    for place, (identifier, own) in zip(
        luck.choice(count, len(known), replace=False).tolist(), known, strict=True
    ):
        value[place] = np.frombuffer(identifier, np.uint8)
        slot[place] = own
    phone = np.repeat(np.arange(phones, dtype=np.int64), each)
    return PopulationRows(phone, value, slot, np.full(count, SETTLED, np.int64), slot * 86_400 // slots)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phones", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--keys", type=int, default=2_000)
    parser.add_argument("--sample", type=int, default=200)
    arguments = parser.parse_args()
    luck = random.Random(4)
    head = f"{'ready, s':>10}{'batch, s':>10}{'pairs':>8}{'phone by phone, s':>20}{'peak, MiB':>11}"
    print(f"{'design':10}{'engine':10}{head}")
    for spec in ("gaen", "lowcost", "hybrid"):
        design = open_design(spec)
        slots = 86_400 // design.slot_seconds
        span = slots if spec == "gaen" else 1
        keys = [
            SharedKey(luck.randbytes(design.secret_bytes), DAY * slots, span) for _ in range(arguments.keys)
        ]
        batch = Contents(*design.publish(keys))
        known = [
            (one.value, (one.first_slot + one.last_slot) // 2)
            for one in (next(iter(design.candidates(key, RELEASE))) for key in keys[:500])
        ]
        rows = population(arguments.phones, arguments.each, known, slots)
        for engine in engines():
            start = time.process_time()
            matcher = PopulationMatcher(engine, rows)
            ready = time.process_time()
            hits = matcher.match(design, batch, RELEASE)
            done = time.process_time()
            for number in range(arguments.sample):
                mine = rows.value[number * arguments.each : (number + 1) * arguments.each]
                match_contents(
                    engine, design, batch, RELEASE, IndexedRows({one.tobytes(): [] for one in mine})
                )
            alone = (time.process_time() - done) / arguments.sample * arguments.phones
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
            times = (
                f"{ready - start:>10.2f}{done - ready:>10.3f}{len(hits.row):>8}{alone:>20,.0f}{peak:>11,.0f}"
            )
            print(f"{spec:10}{engine.name:10}{times}", flush=True)


if __name__ == "__main__":
    main()
