"""Promises about floods, damaged files and raw pages that no other module of tests looks at."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import StoreError
from anopticon_client.events import Scanned, Sighting, Started
from anopticon_client.phone import Phone
from anopticon_client.state import Progress, PutObservation, SetProgress, Snapshot
from anopticon_client.storage import SqliteStore
from anopticon_client.storage.sqlite import REBUILD_AFTER_SAVES
from anopticon_protocol.advert import encode
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, Token

HEADER_BYTES = 100
NOON = 1_772_452_800


def raw_pages(path: Path, saves: int, *, backwards: bool) -> bytes:
    """What lies behind the header of a phone's open file after so many saves, in one order or the other."""
    store = SqliteStore(path, "lowcost")
    rows = [Observation(Token(1, bytes([n]) * 16), SETTLED, (Reading(0, -60, 300),)) for n in range(saves)]
    for row in reversed(rows) if backwards else rows:
        store.apply([PutObservation(row)])
    raw = path.read_bytes()[HEADER_BYTES:]
    store.close()
    return raw


def test_pages_forget_the_order_although_nothing_is_deleted(tmp_path: Path) -> None:
    """SPEC: PH-13. After REBUILD_AFTER_SAVES saves the raw file is the same in whatever order rows came."""
    many = [
        raw_pages(tmp_path / f"many-{back}", REBUILD_AFTER_SAVES, backwards=back) for back in (False, True)
    ]
    few = [
        raw_pages(tmp_path / f"few-{back}", REBUILD_AFTER_SAVES - 1, backwards=back) for back in (False, True)
    ]
    assert many[0] == many[1]
    assert few[0] != few[1], "otherwise this test could not see an order"


def test_a_number_below_zero_is_damage(tmp_path: Path) -> None:
    """A file whose counters were tampered with is said to be damaged; it never reaches the phone."""
    path = tmp_path / "phone.sqlite3"
    store = SqliteStore(path, "lowcost")
    store.apply([SetProgress(Progress(last_scan=1))])
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE progress SET failed_uploads = -1")
    database.close()
    with pytest.raises(StoreError, match="below 0"):
        SqliteStore(path, "lowcost")


def observations(*scans: tuple[int, list[Sighting]], design: str = "gaen") -> list[Observation]:
    """What a fresh phone stores of scans at the given seconds: one entry for each time something is written."""
    phone = Phone(PhoneConfig(open_design(design), {}), Snapshot())
    phone.handle(Started(), now=NOON, entropy=bytes(32))
    written = []
    for at, sightings in scans:
        outcome = phone.handle(Scanned(tuple(sightings)), now=at, entropy=bytes(32))
        written += [one.observation for one in outcome.changes if isinstance(one, PutObservation)]
    return written


def test_one_scan_writes_an_observation_once() -> None:
    """An RPI that comes under a thousand different metadata is folded and written once, not a thousand times."""
    frames = [Sighting(encode(0xFD6F, bytes(16) + n.to_bytes(4, "big")), -60) for n in range(1_000)]
    (written,) = observations((NOON + 1, frames))
    assert len(written.readings) == 1_000


def test_two_scans_in_one_second_are_not_two_first_scans() -> None:
    """SPEC: DS-7. The second of them stands for a second, not for the 120 of a scan without a predecessor."""
    heard = [Sighting(encode(0xFD68, bytes(16)), -60)]
    first, both = observations((NOON + 1, heard), (NOON + 1, heard), design="lowcost")
    assert sum(reading.seconds for reading in first.readings) == 120
    assert sum(reading.seconds for reading in both.readings) == 121
