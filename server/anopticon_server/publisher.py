"""From stored keys to published files, and their end: publish and purge.

A release is closed before it is read: from then on no upload can get into it, even if the clock steps back.
What is written for it is therefore the same however often it is tried, by whichever process, before or after
a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs.gaen import Gaen
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.timebase import release_bucket
from anopticon_server.archive import Archive, Kind
from anopticon_server.authorisation import RETRY_SECONDS
from anopticon_server.deployment import Deployment
from anopticon_server.exports import build_export
from anopticon_server.logs import Event, emit
from anopticon_server.reception import CLOSED_UNTIL, check_clock
from anopticon_server.storage import Store

Build = Callable[[Deployment, int, Sequence[SharedKey]], bytes]
"""Makes the file of one kind for a release."""


def build_batch(deployment: Deployment, release: int, keys: Sequence[SharedKey]) -> bytes:
    """The signed batch of a release."""
    return encode_batch(
        deployment.design, release, deployment.period, keys, deployment.signer, deployment.key_id
    )


class Purged(NamedTuple):
    """How much a purge deleted."""

    codes: int
    keys: int
    files: int


def kinds_of(deployment: Deployment) -> dict[Kind, Build]:
    """What this deployment publishes: batches, and export files where the design is Exposure Notification."""
    builders: dict[Kind, Build] = {Kind.BATCH: build_batch}
    if deployment.design.name == Gaen.name:
        builders[Kind.EXPORT] = build_export
    return builders


def publish(deployment: Deployment, store: Store, archive: Archive, clock: Callable[[], int]) -> list[int]:
    """Publish every release up to now that has keys and no file yet, oldest first; returns their times.

    Raises StorageError, ClockError.
    """
    with store.transaction() as transaction:
        # The time counts from here: it may have gone on while another publisher held the database.
        now = clock()
        closed = release_bucket(now, deployment.period)
        floor = int(transaction.facts().get(CLOSED_UNTIL, "0"))
        check_clock(now, floor, deployment.period)
        if closed > floor:
            transaction.set_fact(CLOSED_UNTIL, str(closed))
        closed = max(closed, floor)
        due = transaction.releases(now - deployment.retention_seconds, closed)
    published = []
    for kind, build in kinds_of(deployment).items():
        there = {entry.release for entry in archive.entries(kind)}
        for release in due:
            if release in there:
                continue
            with store.transaction() as transaction:
                keys = transaction.keys_of(release)
            data = build(deployment, release, keys)
            if archive.put(kind, release, data):
                published.append(release)
                emit(logging.INFO, Event.PUBLISHED, release=release, kind=kind.value, length=len(data))
    archive.complete(closed)
    return sorted(set(published))


def purge(deployment: Deployment, store: Store, archive: Archive, now: int) -> Purged:
    """Delete files and keys older than retention, and codes that open nothing. Raises StorageError."""
    oldest = now - deployment.retention_seconds
    files = 0
    for kind in Kind:
        for entry in archive.entries(kind):
            if entry.release <= oldest:
                archive.delete(kind, entry.release)
                files += 1
    with store.transaction() as transaction:
        keys = transaction.delete_keys(oldest)
        codes = transaction.delete_codes(now, now - RETRY_SECONDS)
    if files or keys or codes:
        emit(logging.INFO, Event.PURGED, rows=keys + codes, files=files)
    return Purged(codes, keys, files)
