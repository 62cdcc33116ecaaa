"""Keeping up with the key server: the index, the batches, exact replay rules, backoff (SPEC.md 9.4).

Batches may be handed over in any order. A batch counts only against what was received before it was released, and the
fine time of receipt is kept exactly as long as a batch that needs it is still missing.
"""

from __future__ import annotations

import hashlib
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.encounters import Encounters
from anopticon_client.events import (
    BatchFetched,
    Effect,
    FetchBatch,
    FetchFailed,
    FetchIndex,
    IndexFetched,
    KeepMatching,
    Warn,
)
from anopticon_client.matching import Contents, Engine, MatchJob
from anopticon_client.memory import Memory
from anopticon_client.notices import Notices
from anopticon_protocol.batch import Batch
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.errors import BatchError, BatchIndexError
from anopticon_protocol.messages import BatchEntry, BatchIndex
from anopticon_protocol.params import DAY_SECONDS, MAX_BATCH_BYTES, RETENTION_DAYS
from anopticon_protocol.timebase import next_release, release_bucket

POLL_SPREAD_SECONDS: Final = 300
"""Each poll comes a random time of up to this after a release, so that phones do not all ask at once."""
RETRY_FIRST_SECONDS: Final = 60
RETRY_LONGEST_SECONDS: Final = 6 * 3_600
MAX_POLL_BYTES: Final = 128 * 1024 * 1024
"""Bytes of batches that one poll asks for: two of the longest, and five of the white paper's worst days."""
TELL_AFTER_FAILURES: Final = 3
"""The person is told that the server is down after this many failures in a row."""


class Sync:
    """One phone's view of what has been published."""

    def __init__(
        self,
        config: PhoneConfig,
        memory: Memory,
        encounters: Encounters,
        notices: Notices,
        engine: Engine,
    ) -> None:
        """Work on `memory`, matching with `engine`; nothing is wanted until the first index arrives."""
        self._config = config
        self._engine = engine
        self._memory = memory
        self._encounters = encounters
        self._notices = notices
        self._wanted: dict[int, BatchEntry] = {}
        self._under_way: dict[int, tuple[BatchEntry, MatchJob]] = {}
        """The batches at hand, by release; the first is being matched."""
        self._complete_until = 0
        self._batch_failed = False
        """Whether a failure of a batch has been counted since the latest index."""
        self._longest_wait = max(config.release_period + POLL_SPREAD_SECONDS, RETRY_LONGEST_SECONDS)

    def poll_if_due(self, now: int, entropy: Entropy) -> list[Effect]:
        """Ask for the index when its time has come, and plan the next time."""
        # A time further ahead than any plan was made by a clock that has since been set back.
        if now < self._memory.progress.next_poll <= now + self._longest_wait:
            return []
        self._plan_next_poll(now, entropy)
        return [FetchIndex()]

    def index_fetched(self, event: IndexFetched, now: int, entropy: Entropy) -> list[Effect]:
        """Take note of what there is and ask for what is new."""
        warnings: list[Effect] = []
        self._forget_the_future(now)
        if event.data is not None:
            try:
                warnings = self._read_index(BatchIndex.decode(event.data), now)
            except BatchIndexError as error:
                return [Warn(str(error)), *self._count_failure(str(error), now, entropy)]
        self._batch_failed = False
        self._advance()
        if not self._wanted:
            self._all_well()
        return [*warnings, *self._fetches()]

    def batch_fetched(self, event: BatchFetched, now: int, entropy: Entropy) -> list[Effect]:
        """Match a batch, or begin to. A batch that must not be used is dropped and stays wanted."""
        entry = self._wanted.get(event.release)
        if entry is None or event.release in self._under_way:
            return [Warn(f"ignored a batch of release {event.release} that was not asked for")]
        try:
            batch = self._check(event, entry)
        except BatchError as error:
            return self._refused(f"batch of release {event.release} refused: {error}", now, entropy)
        contents, power = Contents(batch.count, batch.body), self._config.reference_tx_power_dbm
        job = MatchJob(self._engine, batch.design, contents, batch.release, self._encounters, power)
        self._under_way[event.release] = entry, job
        return self.go_on(now, entropy)

    def go_on(self, now: int, entropy: Entropy) -> list[Effect]:
        """Match another piece of the batch at hand; until its end it changes nothing (SPEC.md MT-6)."""
        for release, (entry, job) in list(self._under_way.items())[:1]:
            try:
                finished = job.step()
            except BatchError as error:
                del self._under_way[release]
                refused = self._refused(f"batch of release {release} refused: {error}", now, entropy)
                return [*refused, *self._keep_matching()]
            if finished:
                del self._under_way[release]
                return [*self._matched(release, entry, job, now), *self._keep_matching()]
        return self._keep_matching()

    def _keep_matching(self) -> list[Effect]:
        return [
            KeepMatching(release, job.done, job.total)
            for release, (_, job) in list(self._under_way.items())[:1]
        ]

    def _matched(self, release: int, entry: BatchEntry, job: MatchJob, now: int) -> list[Effect]:
        if self._wanted.get(release) != entry:
            return []  # an index that came meanwhile does not list it any more, or it turned too old
        self._all_well()
        rows = job.rows()
        for row in rows:
            self._memory.put_observation(row)
        self._memory.put_batch(release, entry.sha256)
        del self._wanted[release]
        self._advance()
        return self._notices.exposures(self._encounters.matched(), now) if rows else []

    def failed(self, event: FetchFailed, now: int, entropy: Entropy) -> list[Effect]:
        """Plan another try, later each time; tell the person when it has failed several times.

        Batches that fail count once after each index, however many they are. Nothing here asks when the phone polled:
        what a person is told follows from the events alone, so that a replay tells the same (SPEC.md TB-29).
        """
        if not event.of_index:
            if self._batch_failed:
                return []
            self._batch_failed = True
        return self._count_failure(event.sentence, now, entropy) or [Warn(event.sentence)]

    def _refused(self, sentence: str, now: int, entropy: Entropy) -> list[Effect]:
        """A batch that came must not be used: a failure of the server like silence, but each is named."""
        counted = [] if self._batch_failed else self._count_failure(sentence, now, entropy)
        self._batch_failed = True
        return [Warn(sentence), *counted]

    def _count_failure(self, sentence: str, now: int, entropy: Entropy) -> list[Effect]:
        failures = self._memory.progress.failed_polls + 1
        self._memory.update_progress(
            failed_polls=failures, next_poll=now + backoff_seconds(failures, entropy)
        )
        return self._notices.server_down(sentence, now) if failures == TELL_AFTER_FAILURES else []

    def _forget_the_future(self, now: int) -> None:
        """What a clock that ran ahead has settled must not make later batches look late."""
        present = release_bucket(now, self._config.release_period)
        if self._memory.progress.settled_until > present:
            self._memory.update_progress(settled_until=present)

    def _fetches(self) -> list[Effect]:
        """The wanted batches, oldest first, as many as one poll may fetch; the rest comes with later polls."""
        fetches: list[Effect] = []
        length = 0
        for release in sorted(self._wanted.keys() - self._under_way.keys()):
            length += self._wanted[release].length
            if fetches and length > MAX_POLL_BYTES:
                break
            fetches.append(FetchBatch(self._wanted[release]))
        return fetches

    def expire(self, now: int) -> None:
        """Forget batches that are older than retention."""
        oldest = now - RETENTION_DAYS * DAY_SECONDS
        for release in [release for release in self._memory.batches if release <= oldest]:
            self._memory.drop_batch(release)

    def next_expiry(self) -> int | None:
        """When the oldest remembered batch turns too old, or None if there is none."""
        return min(self._memory.batches) + RETENTION_DAYS * DAY_SECONDS if self._memory.batches else None

    def _all_well(self) -> None:
        """The server gave what was asked for. An index alone is no proof: its batches may still fail, every time."""
        self._notices.server_answers()
        self._memory.update_progress(failed_polls=0)

    def _plan_next_poll(self, now: int, entropy: Entropy) -> None:
        after = next_release(now, self._config.release_period)
        self._memory.update_progress(next_poll=after + 1 + entropy.below("poll", POLL_SPREAD_SECONDS))

    def _read_index(self, index: BatchIndex, now: int) -> list[Effect]:
        config = self._config
        if index.design != config.design.spec or index.period != config.release_period:
            offered = f"{index.design} every {index.period} s"
            return [Warn(f"the key server publishes {offered}, this phone runs {config.design.spec}")]
        # A server cannot be complete for a time that has not come, whatever it says.
        self._complete_until = min(index.complete_until, release_bucket(now, config.release_period))
        oldest = now - RETENTION_DAYS * DAY_SECONDS
        self._wanted = {}
        changed: list[Effect] = []
        for entry in index.batches:
            known = self._memory.batches.get(entry.release)
            if known is not None and known != entry.sha256:
                changed.append(Warn(f"the key server changed its batch of release {entry.release}: ignored"))
            late = entry.release <= self._memory.progress.settled_until or entry.release <= oldest
            fits = entry.length <= MAX_BATCH_BYTES and entry.release % config.release_period == 0
            if known is None and not late and entry.release <= now and fits:
                self._wanted[entry.release] = entry
        return changed

    def _advance(self) -> None:
        """Settle up to the last release before the oldest batch that is still missing."""
        until = self._complete_until
        if self._wanted:
            until = min(until, min(self._wanted) - self._config.release_period)
        self._encounters.settle(until)

    def _check(self, event: BatchFetched, entry: BatchEntry) -> Batch:
        if hashlib.sha256(event.data).hexdigest() != entry.sha256:
            raise BatchError("signature", "its bytes are not those that the index lists")
        batch = Batch.decode(event.data, self._config.trusted, self._config.design)
        if batch.release != event.release or batch.period != self._config.release_period:
            raise BatchError("release", f"it is of release {batch.release}, not of the one the index lists")
        return batch


def backoff_seconds(failures: int, entropy: Entropy) -> int:
    """Doubling from RETRY_FIRST_SECONDS to RETRY_LONGEST_SECONDS, of which a random half is taken off."""
    longest = min(RETRY_FIRST_SECONDS << min(failures - 1, 16), RETRY_LONGEST_SECONDS)
    return longest // 2 + entropy.below("backoff", longest // 2 + 1)
