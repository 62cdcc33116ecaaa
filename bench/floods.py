"""A flood of made-up identifiers against one phone: what a flooded scan costs, and what is left of honest people."""

from __future__ import annotations

import hashlib
import time

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Scanned, Sighting, Started
from anopticon_client.phone import Phone
from anopticon_client.state import Snapshot
from anopticon_protocol.advert import encode
from anopticon_protocol.designs import open_design
from anopticon_protocol.params import GAEN_SERVICE_UUID

MIDNIGHT = 20_514 * 86_400
HONEST = 100
"""People around the phone in each epoch: each is heard in each of its scans."""
SCANS_PER_EPOCH = 3
HOURS = 12


def named(design_uuid: int, *name: object) -> Sighting:
    """A made-up frame."""
    length = 20 if design_uuid == GAEN_SERVICE_UUID else 16
    return Sighting(encode(design_uuid, hashlib.sha256(repr(name).encode()).digest()[:length]), -60)


def day(spec: str, bogus_per_scan: int) -> tuple[float, float, float, int]:
    """Share of honest identifiers kept in the first flooded epoch and in all, CPU ms for each scan, observations."""
    design = open_design(spec)
    phone = Phone(PhoneConfig(design, {}), Snapshot())
    phone.handle(Started(), now=MIDNIGHT, entropy=bytes(32))
    kept, spent, epochs = [], 0.0, HOURS * 3_600 // design.epoch_seconds
    for epoch in range(epochs):
        honest = [named(design.service_uuid, "honest", epoch, n) for n in range(HONEST)]
        start = MIDNIGHT + epoch * design.epoch_seconds
        for scan in range(SCANS_PER_EPOCH):
            bogus = (named(design.service_uuid, "bogus", epoch, scan, n) for n in range(bogus_per_scan))
            event = Scanned((*bogus, *honest))
            entropy = hashlib.sha256(repr((epoch, scan)).encode()).digest()
            now = start + scan * 120
            begun = time.process_time()
            phone.handle(event, now=now, entropy=entropy)
            spent += time.process_time() - begun
        names = {design.observe(one.frame[-len(one.frame) + 11 :], start).value for one in honest}
        kept.append(len(names & set(phone._encounters.values())) / HONEST)  # noqa: SLF001 - looked at from behind
    return kept[0], sum(kept) / epochs, spent / epochs / SCANS_PER_EPOCH * 1_000, phone.observation_count


def main() -> None:
    """Print one line for each design and size of flood."""
    print(f"{HONEST} honest people an epoch, {SCANS_PER_EPOCH} scans an epoch, {HOURS} hours of flood")
    print(
        f"{'design':<12}{'bogus a scan':>13}{'kept, first epoch':>19}{'kept, all':>11}{'ms a scan':>11}{'stored':>8}"
    )
    for spec in ("lowcost", "unlinkable", "gaen"):
        for bogus in (0, 300, 1_000, 4_900):
            first, mean, cost, stored = day(spec, bogus)
            print(f"{spec:<12}{bogus:>13,}{first:>19.1%}{mean:>11.1%}{cost:>11.1f}{stored:>8,}")


if __name__ == "__main__":
    main()
