"""Bounds of the phone's store that a flood must not cross."""

from __future__ import annotations

from anopticon_client.config import PhoneConfig
from anopticon_client.encounters import MAX_READINGS, MAX_SIGHTINGS_PER_SCAN
from anopticon_client.events import Scanned, Sighting, Started
from anopticon_client.phone import Phone
from anopticon_client.state import PutObservation, Snapshot
from anopticon_protocol.advert import encode
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.lowcost import LowCost, next_day_key
from anopticon_protocol.designs.records import SharedKey

NOON = 1_772_452_800
DAY = 86_400


def test_an_observation_keeps_a_bounded_number_of_readings() -> None:
    """SPEC: PH-16. Ten scans of one identifier, 5,000 frames each, leave MAX_READINGS readings and no more."""
    phone = Phone(PhoneConfig(open_design("gaen"), {}), Snapshot())
    phone.handle(Started(), now=NOON, entropy=bytes(32))
    frame = encode(0xFD6F, bytes(20))
    stored = []
    for second in range(10):
        scan = Scanned((Sighting(frame, -60),) * MAX_SIGHTINGS_PER_SCAN)
        outcome = phone.handle(scan, now=NOON + second, entropy=bytes(32))
        stored += [change for change in outcome.changes if isinstance(change, PutObservation)]
    assert len(stored) == 10
    assert [len(change.observation.readings) for change in stored] == [MAX_READINGS] * 10
    assert {reading.offset for reading in stored[-1].observation.readings} == {0}


def test_a_chain_ages_day_by_day_and_ends_with_its_report() -> None:
    """SPEC: PH-54. What is left of a chain's key is the key of the first day that is not too old."""
    design, first = LowCost(), SharedKey(bytes(32), NOON // DAY, 1)
    second = SharedKey(next_day_key(first.secret), first.index + 1, 1)
    end = (first.index + 1) * DAY + 14 * DAY
    assert design.remaining(first, end - 1, NOON + 2 * DAY) == first
    assert design.remaining(first, end, NOON + 2 * DAY) == second
    assert design.remaining(first, end + 2 * DAY, NOON + 2 * DAY) is None
    assert design.remaining(first, end, NOON) is None


def test_other_designs_drop_a_key_that_is_too_old() -> None:
    """SPEC: PH-54. A key of no chain is whole or gone."""
    design = open_design("gaen")
    key = SharedKey(bytes(16), NOON // 600, 144)
    end = design.key_range(key)[1] + 14 * DAY
    assert design.remaining(key, end - 1, NOON) == key
    assert design.remaining(key, end, NOON) is None
