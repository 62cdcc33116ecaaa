"""One batch against the rows of a phone, a bounded piece of work at a time (SPEC.md 15.2).

    job = MatchJob(engine, design, Contents(batch.count, batch.body), batch.release, stored)
    while not job.step():       # about SLICE_IDENTIFIERS at a time
        show(job.done, job.total)
    rows = job.rows()

Whoever does not call `step` again has cancelled the job. `checkpoint` says what a later job needs to go on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from anopticon_client.matching.engine import Engine, byte_array
from anopticon_client.matching.reference import Hit, admitted, key_hits
from anopticon_client.matching.rows import StoredRows
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.entries import check_list
from anopticon_protocol.designs.expansion import Expansion, Hashed
from anopticon_protocol.designs.records import Observation
from anopticon_protocol.fingerprints import VALUE_BYTES
from anopticon_protocol.params import EPHID_BYTES, REFERENCE_TX_POWER_DBM

SLICE_IDENTIFIERS: Final = 400_000
"""Identifiers that one step expands: 25 ms of Python on a server's core, 0.2 s on a small board."""
GENERIC_KEYS: Final = 256
"""Keys that one step expands of a design that engines know nothing of."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a batch holds, unread: the count of its head and its body."""

    count: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a job stood: good for the same batch and the same stored values only."""

    subject: bytes
    """A hash of both."""
    done: int
    hits: tuple[Hit, ...]


Walk = Iterator[tuple[int, list[Hit]]]
"""Pieces of work: how many entries are done behind each, and the hits that it found."""


class MatchJob:
    """A match under way. Raises BatchError from `step` where the body is not what it should be."""

    def __init__(  # noqa: PLR0913 - all that matching depends on
        self,
        engine: Engine,
        design: Design,
        contents: Contents,
        release: int,
        stored: StoredRows,
        reference_tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
        *,
        resume: Checkpoint | None = None,
    ) -> None:
        """Match `contents`, released at `release`, with the values that `stored` holds now.

        A checkpoint of another batch, or of other values, is not used: the job begins at the beginning.
        """
        self._design = design
        self._release = release
        self._stored = stored
        self._power = reference_tx_power_dbm
        self._contents = contents
        self._values = list(stored.values())
        fits = resume is not None and resume.subject == self._subject()
        self.done = resume.done if resume and fits else 0
        self._hits: list[Hit] = list(resume.hits) if resume and fits else []
        self.total = contents.count
        self._walk = _walk(engine, design, contents, release, self._values, self.done)

    def step(self) -> bool:
        """Do a piece of the work; True once there is none left."""
        piece = next(self._walk, None)
        if piece is None:
            return True
        self.done, found = piece
        self._hits += found
        return self.done == self.total

    def checkpoint(self) -> Checkpoint:
        """What another job needs to go on from here."""
        return Checkpoint(self._subject(), self.done, tuple(self._hits))

    def rows(self) -> list[Observation]:
        """The rows that match, as they are stored now. Of a value that was not stored at the start none does."""
        return admitted(self._design, self._hits, self._release, self._stored, self._power)

    def _subject(self) -> bytes:
        head = f"{self._design.spec} {self._release} {self._contents.count}".encode()
        digest = hashlib.sha256(hashlib.sha256(head).digest() + hashlib.sha256(self._contents.body).digest())
        for value in sorted(self._values):
            digest.update(hashlib.sha256(value).digest())
        return digest.digest()


def match_contents(
    engine: Engine,
    design: Design,
    contents: Contents,
    release: int,
    stored: StoredRows,
    reference_tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
) -> list[Observation]:
    """All of a MatchJob at once; raises BatchError."""
    job = MatchJob(engine, design, contents, release, stored, reference_tx_power_dbm)
    while not job.step():
        pass
    return job.rows()


def _walk(
    engine: Engine, design: Design, contents: Contents, release: int, values: list[bytes], skip: int
) -> Walk:
    match design.expansion(release):
        case Expansion() as expansion:
            yield from _list(engine, expansion, contents, values, skip)
        case Hashed(remainder_bytes):
            hashes = [value for value in values if len(value) == VALUE_BYTES]
            array = byte_array(hashes, VALUE_BYTES)
            held = engine.filter_hits(contents.count, contents.body, array, remainder_bytes)
            yield contents.count, [(None, None, hashes[number]) for number in held.tolist()]
        case _:
            yield from _generic(design, contents, release, values, skip)


def _list(engine: Engine, expansion: Expansion, contents: Contents, values: list[bytes], skip: int) -> Walk:
    count, body = contents.count, contents.body
    size = expansion.entry_bytes
    check_list(count, body, size)
    known = [value for value in values if len(value) == EPHID_BYTES]
    lookup = engine.lookup(byte_array(known))
    run = max(1, SLICE_IDENTIFIERS // expansion.most_identifiers)
    for first in range(skip, count, run):
        entries = body[first * size : (first + run) * size]
        expansion.check(entries, first, body[max(0, first - 1) * size : first * size])
        found: list[Hit] = []
        # A phone that has heard nobody still refuses a batch that is not sound.
        for entry, position, number in lookup.hits(expansion, entries).tolist() if known else ():
            key = expansion.decode(entries[entry * size : (entry + 1) * size])
            found.append((key, expansion.candidate(key, position, known[number]), known[number]))
        yield first + len(entries) // size, found


def _generic(design: Design, contents: Contents, release: int, values: list[bytes], skip: int) -> Walk:
    published = design.read(contents.count, contents.body)
    if not isinstance(published, tuple):
        yield contents.count, [(None, None, value) for value in values if value in published]
        return
    known = frozenset(values)
    for first in range(skip, len(published), GENERIC_KEYS):
        keys = published[first : first + GENERIC_KEYS]
        yield first + len(keys), list(key_hits(design, keys, release, known))
