"""Measure the scorings: CPU time to score a phone's fortnight of matched packets, and what a worst case costs.

    python bench/scoring.py [--people 20] [--days 14]

Each of `people` is met once a day for 50 minutes: ten scans of four packets. The worst case is one key of which every
identifier of a day has as many packets as a phone keeps of one (MAX_READINGS), of which scoring looks at each.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence

from anopticon_client.scoring import PRESETS, Contact, KeyFacts, Packet, Scorer

DAY = 86_400
FIRST = 20_400
IDENTIFIERS = 144
WORST_PACKETS = 4_096
ROUNDS = 5


def fortnight(people: int, days: int) -> list[Contact]:
    """One contact for each person and day."""
    luck = random.Random(1)
    found = []
    for day in range(FIRST, FIRST + days):
        for _ in range(people):
            start = day * DAY + luck.randrange(20 * 3_600)
            packets = tuple(
                Packet(
                    (start + 300 * scan) // DAY,
                    -15 - luck.randrange(40, 80),
                    -15,
                    300,
                    start + 300 * scan + packet // 2,
                    (scan // 2).to_bytes(16, "big"),
                )
                for scan in range(10)
                for packet in range(4)
            )
            found.append(Contact(packets, KeyFacts(day * DAY, risk_level=luck.randrange(1, 9))))
    return found


def worst() -> list[Contact]:
    """One key whose every identifier fills what a phone keeps of it, packets spread over its ten minutes."""
    packets = tuple(
        Packet(
            FIRST,
            -60 - packet % 30,
            -15,
            300,
            FIRST * DAY + 600 * number + packet * 600 // WORST_PACKETS,
            number.to_bytes(16, "big"),
        )
        for number in range(IDENTIFIERS)
        for packet in range(WORST_PACKETS)
    )
    return [Contact(packets, KeyFacts(FIRST * DAY, risk_level=5))]


def cost(scorer: Scorer, contacts: Sequence[Contact], rounds: int) -> float:
    """Median CPU seconds of one scoring."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        scorer.score(contacts, now=(FIRST + 14) * DAY)
        times.append(time.process_time() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--days", type=int, default=14)
    options = parser.parse_args()
    usual, flood = fortnight(options.people, options.days), worst()
    count, most = (sum(len(one.packets) for one in contacts) for contacts in (usual, flood))
    print(f"| scoring | {count:,} packets, ms | us a packet | {most:,} packets, s |")
    print("|---|---|---|---|")
    for name, preset in PRESETS.items():
        once = cost(preset.scorer, usual, ROUNDS)
        print(
            f"| {name} | {once * 1e3:.1f} | {once / count * 1e6:.2f} | {cost(preset.scorer, flood, 1):.2f} |"
        )


if __name__ == "__main__":
    main()
