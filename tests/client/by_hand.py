"""A phone that nobody answers but the test: indexes and keys made by hand, and what the phone asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from anopticon_client.events import Effect, FetchBatch, Outcome, WakeAt, Warn, Woken
from anopticon_client.state import SetProgress
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.messages import BatchEntry, BatchIndex
from tests.client.drive import DAY, SECOND_CODE, START, Handset, Town, bytes_of, clock

PERIOD: Final = 7_200
FOREIGN_DESIGN: Final = {"gaen": "lowcost"}
"""Of which other design a batch for this one is, if not of gaen."""


def some_key(design: Design, name: object = "key") -> SharedKey:
    """A key of day 0 that nobody here broadcasts under."""
    return SharedKey(bytes_of(name)[: design.secret_bytes], START // design.slot_seconds, 1)


def index_of(
    town: Town, *entries: BatchEntry, until: int, design: str | None = None, period: int = PERIOD
) -> bytes:
    """An index with these lines, true or not."""
    return BatchIndex(design or town.design.spec, period, until, entries).encode()


def asked_for(effects: tuple[Effect, ...]) -> list[int]:
    """Releases of the batches that were asked for."""
    return [effect.entry.release for effect in effects if isinstance(effect, FetchBatch)]


def warned(effects: tuple[Effect, ...]) -> list[str]:
    """Sentences of the warnings."""
    return [effect.sentence for effect in effects if isinstance(effect, Warn)]


def lone(spec: str) -> tuple[Town, Handset]:
    """A town with one phone, settled until START, which from now on nobody answers but the test."""
    town = Town(spec, "bob")
    (bob,) = town.handsets
    return town, bob


class Said(NamedTuple):
    """A frame as broadcast by one of two people who reported, and the release of its key."""

    frame: bytes
    at: int
    release: int


@lru_cache
def published(spec: str) -> tuple[Town, tuple[Said, ...]]:
    """Two people live for a day and a half and report: what they broadcast, and the desk that published their keys."""
    town = Town(spec, "ann", "cid")
    ann, cid = town.handsets
    said: list[Said] = []
    for handset, report, code in (
        (ann, clock("09:59:30", 1), "0" * 15 + "G"),
        (cid, clock("13:30", 1), SECOND_CODE),
    ):
        town.run(report)
        frames = list(handset.aired)
        town.report(handset, START, code=code)
        said += [Said(frame, at, report - report % PERIOD + PERIOD) for at, frame in frames]
    town.run(clock("00:01", 2))
    return town, tuple(said)


def listen(spec: str, said: int, heard: int, report: int) -> Handset:
    """Bob hears at `heard` what Ann broadcast at `said`; Ann reports at `report`; two days later Bob has it all."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    bob.asleep = True
    town.run(said)
    frame = ann.frame
    town.run(report)
    town.report(ann, START)
    bob.hear(frame, heard)
    town.now = max(report, heard) + 2 * DAY
    town.tell(bob, Woken())
    assert town.desk.files
    return bob


def only_replans(outcome: Outcome) -> bool:
    """Whether nothing came of it but a warning, a failure counted, and another plan for the next poll."""
    return all(isinstance(change, SetProgress) for change in outcome.changes) and all(
        isinstance(effect, Warn | WakeAt) for effect in outcome.effects
    )
