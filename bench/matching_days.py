"""What a national day of keys costs a phone, in every design, beside the white paper's figures.

    python bench/matching_days.py [--keys 10000 100000 358105] [--observed 5000 140000] [--rounds 1]

358,105 keys is the German record day of Exposure Notification; 5,000 and 140,000 stored identifiers are two weeks of
the published measurement and of the white paper. A low-cost key is expanded for five days, as the white paper has it;
of the filter a key is one entry. CPU seconds from the verified batch to the rows that match, this core; a phone is
five to eight times slower. Bytes are those of our batches; the paper's are its figures for as many patients: 32 bytes
(low-cost), 2,880 (unlinkable, 480 entries), 960 (hybrid, 60 windows of two hours), 80 (five keys of Exposure
Notification). The paper gives no figure for time but "a few seconds" for 40,000 low-cost keys.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from typing import Final

from anopticon_client.matching import Contents, IndexedRows, match_contents
from anopticon_client.native import engines
from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.signing import SigningKey

DAY: Final = 18_500
RELEASE: Final = (DAY + 5) * 86_400
MIB: Final = 2**20


@dataclass(frozen=True)
class Paper:
    """Keys of one patient, and bytes of one patient in the paper's figures."""

    keys: int
    bytes: int


PAPER: Final = {
    "lowcost": Paper(1, 32),
    "unlinkable": Paper(480, 2_880),
    "hybrid": Paper(60, 960),
    "gaen": Paper(5, 80),
}


def make_keys(spec: str, count: int, luck: random.Random) -> list[SharedKey]:
    """Random keys of the first day, spread over it where a key is shorter than a day."""
    design = open_design(spec)
    first, slots = DAY * 86_400 // design.slot_seconds, 86_400 // design.slot_seconds
    if spec == "gaen":
        return [SharedKey(luck.randbytes(16), first, slots) for _ in range(count)]
    return [
        SharedKey(luck.randbytes(design.secret_bytes), first + number % slots, 1) for number in range(count)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, nargs="+", default=[10_000, 100_000, 358_105])
    parser.add_argument("--observed", type=int, nargs="+", default=[5_000, 140_000])
    parser.add_argument("--rounds", type=int, default=1, help="best of so many")
    arguments = parser.parse_args()
    luck, signer, ours = random.Random(5), SigningKey.from_secret(bytes(range(32))), engines()
    names = "".join(f"{f'{engine.name}, s':>14}" for engine in ours)
    print(f"{'design':12}{'keys':>9}{'patients':>10}{'batch, MiB':>12}{'paper, MiB':>12}{'stored':>9}{names}")
    for spec, paper in PAPER.items():
        design = open_design(spec)
        for count in arguments.keys:
            keys = make_keys(spec, count, luck)
            size = len(encode_batch(design, RELEASE - RELEASE % 7_200, 7_200, keys, signer, "bench"))
            batch = Contents(*design.publish(keys))
            patients = count / paper.keys
            for observed in arguments.observed:
                width = 32 if spec == "unlinkable" else 16
                stored = IndexedRows({luck.randbytes(width): [] for _ in range(observed)})
                cells = ""
                for engine in ours:
                    best = float("inf")
                    for _ in range(arguments.rounds):
                        start = time.process_time()
                        match_contents(engine, design, batch, RELEASE, stored)
                        best = min(best, time.process_time() - start)
                    cells += f"{best:>14.3f}"
                facts = f"{patients:>10,.0f}{size / MIB:>12.2f}{patients * paper.bytes / MIB:>12.2f}"
                print(f"{spec:12}{count:>9,}{facts}{observed:>9,}{cells}", flush=True)


if __name__ == "__main__":
    main()
