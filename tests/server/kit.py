"""What the server's tests share: a server in virtual time, people with real keys, and their uploads."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from anopticon_protocol.batch import Batch
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.messages import BatchIndex, Upload
from anopticon_server.archive import Archive, DirectoryArchive, MemoryArchive
from anopticon_server.deployment import Deployment
from anopticon_server.service import KeyServer
from anopticon_server.storage import Store
from tests.protocol.strategies import schedule

DAY: Final = 86_400
HOUR: Final = 3_600
PERIOD: Final = 7_200
START: Final = 1_772_409_600 + 9 * HOUR
"""2026-03-02 09:00 UTC, a Monday."""
LOCKED_OUT: Final = b"""{"error":"code","field":"code","message":\
"this code is not valid: it was never issued, has expired or has been used"}"""

each_design = pytest.mark.parametrize("spec", list(DESIGNS))


class Hand:
    """A clock on the wall of a test: it shows what it is set to, also earlier than before."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        """Unix seconds."""
        return self.now


class Fresh:
    """Entropy that never repeats and is the same in every run."""

    def __init__(self, seed: int = 0) -> None:
        self._source = Entropy(seed.to_bytes(32, "big"))

    def __call__(self, length: int) -> bytes:
        """`length` bytes."""
        return self._source.take("test", length)


@dataclass
class Desk:
    """A key server with its clock, database and archive in reach."""

    server: KeyServer
    clock: Hand
    store: Store
    archive: Archive
    people: int = field(default=0)

    @property
    def design(self) -> Design:
        """The design it runs."""
        return self.server.deployment.design

    def body(self, code: str, keys: tuple[SharedKey, ...]) -> bytes:
        """An upload."""
        return Upload(self.design.spec, code, keys).encode(self.design)

    def report(self, keys: tuple[SharedKey, ...] | None = None) -> tuple[SharedKey, ...]:
        """Somebody tests positive: a code, an upload. Returns the keys, fresh ones unless given."""
        if keys is None:
            self.people += 1
            keys = keys_of(self.design.spec, self.people, self.clock.now)
        self.server.upload(self.body(self.server.issue_code().code, keys))
        return keys

    def index(self) -> BatchIndex:
        """The index as a phone reads it."""
        return BatchIndex.decode(self.server.index())

    def batches(self) -> dict[int, Batch]:
        """Every listed batch by release, verified."""
        deployment = self.server.deployment
        trusted = {deployment.key_id: deployment.signer.public}
        return {
            entry.release: Batch.decode(self.server.batch(entry.sha256), trusted, deployment.design)
            for entry in self.index().batches
        }

    def keys_held(self) -> dict[tuple[str, int, int], int]:
        """The release of every stored key."""
        rows = self.server.rows()["keys"]
        return {
            (str(r["secret"]), int(r["idx"] or 0), int(r["span"] or 0)): int(r["release"] or 0) for r in rows
        }


def open_desk(
    spec: str = "gaen",
    folder: Path | None = None,
    now: int = START,
    period: int = PERIOD,
    retention_days: int = 14,
) -> Desk:
    """A server in memory, or in `folder` where its files can be looked at."""
    store = Store.in_memory() if folder is None else Store.open(f"sqlite:///{folder / 'server.sqlite3'}")
    archive = MemoryArchive() if folder is None else DirectoryArchive(folder / "archive")
    clock = Hand(now)
    deployment = Deployment.rehearsal(spec, period, retention_days)
    return Desk(KeyServer(deployment, store, archive, clock, Fresh()), clock, store, archive)


@cache
def keys_of(spec: str, person: int, now: int, days: int = 2) -> tuple[SharedKey, ...]:
    """What a person uploads at `now` who has been contagious for `days`."""
    design = open_design(spec)
    since = now - days * DAY
    return design.uploadable(schedule(design, since, now, person), since, now, ())


def named(keys: tuple[SharedKey, ...]) -> set[tuple[str, int, int]]:
    """Keys as `Desk.keys_held` names them."""
    return {(key.secret.hex(), key.index, key.span) for key in keys}
