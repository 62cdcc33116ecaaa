"""An Exposure Notification export against stored rows, in one pass and bounded memory (SPEC.md 15.4).

    job = ExportJob(engine, chunks_of_export_bin, stored, now=now)
    while not job.step():
        show(job.records)
    result = job.result()

Of a key that stands in its list twice the first counts; one in the list of revised keys counts in place of the one in
the list of keys; one that ended more than 14 days ago is not looked for. For that 17 bytes of each key are kept.
Whether the file is signed is not asked here: see anopticon_protocol.export.load_export.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from anopticon_client.errors import ResumeError
from anopticon_client.matching.engine import Engine, byte_array
from anopticon_client.matching.job import SLICE_IDENTIFIERS
from anopticon_client.matching.reference import Hit, admitted
from anopticon_client.matching.rows import StoredRows
from anopticon_protocol.designs.gaen import ROLLING_PERIOD, Gaen
from anopticon_protocol.designs.records import Candidate, Observation, SharedKey
from anopticon_protocol.export.defects import Defect, Severity
from anopticon_protocol.export.entry_runs import EntryRun, read_runs
from anopticon_protocol.export.model import ExportHeader, ExportSummary
from anopticon_protocol.params import DAY_SECONDS, EPHID_BYTES, INTERVAL_SECONDS, RETENTION_DAYS

MAX_DEFECTS_KEPT: Final = 100
"""Defects that are told apart; of the others only the number is."""

_OTHER_FILE: Final = "this is another file, or there are other rows, than when the match stopped"


class _ExportHit(NamedTuple):
    record: int
    revised: bool
    key: SharedKey
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class ExportCheckpoint:
    """Where a job stood: good for the same file and the same stored values only."""

    subject: bytes
    """A hash of both, the file up to `records`."""
    records: int
    hits: tuple[_ExportHit, ...]


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The rows that match, and what became of the records."""

    rows: list[Observation]
    header: ExportHeader
    records: int
    old: int
    """Keys that ended more than RETENTION_DAYS ago."""
    dropped: int
    """Records that could not be used; `defects` names the first of them."""
    defects: tuple[Defect, ...]


class ExportJob:
    """A match under way. Raises ExportError from `step` where the file is refused: then nothing of it counts."""

    def __init__(
        self,
        engine: Engine,
        chunks: Iterable[bytes],
        stored: StoredRows,
        *,
        now: int,
        resume: ExportCheckpoint | None = None,
    ) -> None:
        """Match export.bin, given in chunks, with the values that `stored` holds now.

        With a checkpoint the file is read again from its start, but only what comes behind is expanded.
        """
        self._stored = stored
        self._oldest_end = (now - RETENTION_DAYS * DAY_SECONDS) // INTERVAL_SECONDS
        self._values = [value for value in stored.values() if len(value) == EPHID_BYTES]
        self._lookup = engine.lookup(byte_array(self._values))
        self._expansion = Gaen().expansion(0)
        self._events = read_runs(chunks, engine.take_records)
        self._unproved = resume if resume and resume.records else None
        """The checkpoint, until the file was seen to be the one that it is of."""
        self._seen = hashlib.sha256()
        self._runs: list[EntryRun] = []
        """The keys of all runs, without the rest of their entries."""
        self._hits: list[_ExportHit] = list(resume.hits) if resume else []
        self._defects: list[Defect] = []
        self._summary: ExportSummary | None = None
        self.records = 0
        self.old = 0
        self.dropped = 0

    def step(self) -> bool:
        """Read and match some runs of the file; True once it is all read."""
        room = SLICE_IDENTIFIERS // ROLLING_PERIOD
        while room > 0 and self._summary is None:
            event = next(self._events)
            if isinstance(event, EntryRun):
                room -= sum(map(self._run, self._cut(event)))
            elif isinstance(event, ExportSummary):
                if self._unproved is not None:
                    raise ResumeError(_OTHER_FILE)
                self._summary = event
                self.records = event.records
            elif event.severity is Severity.DROP:
                self.dropped += 1
                if len(self._defects) < MAX_DEFECTS_KEPT:
                    self._defects.append(event)
        return self._summary is not None

    @property
    def found(self) -> int:
        """How many identifiers were found to be stored so far; not all of them need count in the end."""
        return len(self._hits)

    def checkpoint(self) -> ExportCheckpoint:
        """What another job needs to go on from here."""
        return ExportCheckpoint(self._subject(), self.records, tuple(self._hits))

    def result(self) -> ExportResult:
        """The rows that match, as they are stored now; call it when `step` has said that all is read."""
        if self._summary is None:
            raise RuntimeError("result() before step() said that the file is read")
        rows = admitted(Gaen(), self._valid_hits(), 0, self._stored, 0)
        header, records = self._summary.header, self._summary.records
        return ExportResult(rows, header, records, self.old, self.dropped, tuple(self._defects))

    def _cut(self, run: EntryRun) -> list[EntryRun]:
        """The run in two where the checkpoint lies in it: runs end elsewhere when a file comes in other chunks."""
        done = self._unproved.records - run.first + 1 if self._unproved else 0
        at = done * self._expansion.entry_bytes
        if not 0 < at < len(run.entries):
            return [run]
        return [
            run._replace(entries=run.entries[:at]),
            run._replace(entries=run.entries[at:], first=run.first + done),
        ]

    def _run(self, run: EntryRun) -> int:
        expansion = self._expansion
        table = np.frombuffer(run.entries, np.uint8).reshape(-1, expansion.entry_bytes)
        self._runs.append(run._replace(entries=table[:, :EPHID_BYTES].tobytes()))
        self._seen.update(run.entries)
        self.records = run.first + len(table) - 1
        ends = expansion.slots(table) + table[:, expansion.secret_bytes + 4]
        numbers = run.first + np.flatnonzero(ends > self._oldest_end)
        self.old += len(table) - len(numbers)
        point = self._unproved
        if point is not None:
            if self.records >= point.records:
                if (self.records, self._subject()) != (point.records, point.subject):
                    raise ResumeError(_OTHER_FILE)
                self._unproved = None
            return len(table)
        fresh = table[numbers - run.first].tobytes()
        for entry, position, number in self._lookup.hits(expansion, fresh).tolist() if self._values else ():
            key = expansion.decode(fresh[entry * expansion.entry_bytes :][: expansion.entry_bytes])
            candidate = expansion.candidate(key, position, self._values[number])
            self._hits.append(_ExportHit(int(numbers[entry]), run.revised, key, candidate))
        return len(table)

    def _subject(self) -> bytes:
        return hashlib.sha256(self._seen.digest() + b"".join(sorted(self._values))).digest()

    def _valid_hits(self) -> list[Hit]:
        """The hits of keys that count: the first of its list, and not revised."""
        wanted = {hit.key.secret for hit in self._hits}
        heads = np.frombuffer(b"".join(secret[:8] for secret in sorted(wanted)), np.uint64)
        first: dict[tuple[bytes, bool], int] = {}
        for keys, start, revised in self._runs:
            found = np.flatnonzero(np.isin(np.frombuffer(keys, np.uint64)[::2], heads)).tolist()
            for number in found:
                secret = keys[number * EPHID_BYTES : (number + 1) * EPHID_BYTES]
                first.setdefault((secret, revised), start + number)
        return [
            (hit.key, hit.candidate, hit.candidate.value)
            for hit in self._hits
            if first[hit.key.secret, hit.revised] == hit.record
            and (hit.revised or (hit.key.secret, True) not in first)
        ]
