"""The working copy of a phone's state (SPEC.md 9.2).

Every mutation goes through one of its methods, which also records the Change, so that a store can never miss one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    Notice,
    ObservationKey,
    OwnKeyId,
    PendingUpload,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    Snapshot,
)
from anopticon_protocol.designs.records import Observation, OwnKey

MAX_REMEMBERED_BATCHES: Final = 400
"""As many as an index may list."""


class Memory:
    """The working copy of a phone's state, which records every change that is made to it."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Start from what a store held."""
        self.own_keys = {OwnKeyId(key.index, key.secret): key for key in snapshot.own_keys}
        self.observations: dict[ObservationKey, Observation] = {}
        self.by_value: dict[bytes, set[ObservationKey]] = {}
        self.matched: set[ObservationKey] = set()
        for observation in snapshot.observations:
            self._index(observation)
        self.batches = dict(snapshot.batches)
        self.notices = {notice.notice_id: notice for notice in snapshot.notices}
        self.upload = snapshot.upload
        self.progress = snapshot.progress
        self._changes: list[Change] = []

    def take_changes(self) -> tuple[Change, ...]:
        """The changes made since the last call."""
        changes, self._changes = tuple(self._changes), []
        return changes

    def put_own_key(self, key: OwnKey) -> None:
        """Keep one of the phone's own keys."""
        self.own_keys[OwnKeyId(key.index, key.secret)] = key
        self._changes.append(PutOwnKey(key))

    def drop_own_keys(self, keys: Iterable[OwnKey]) -> None:
        """Forget own keys."""
        for key in keys:
            key_id = OwnKeyId(key.index, key.secret)
            del self.own_keys[key_id]
            self._changes.append(DropOwnKey(key_id))

    def put_observation(self, observation: Observation) -> None:
        """Keep an observation."""
        self._index(observation)
        self._changes.append(PutObservation(observation))

    def drop_observation(self, key: ObservationKey) -> None:
        """Forget an observation."""
        del self.observations[key]
        self.matched.discard(key)
        siblings = self.by_value[key.token.value]
        siblings.discard(key)
        if not siblings:
            del self.by_value[key.token.value]
        self._changes.append(DropObservation(key))

    def put_batch(self, release: int, sha256: str) -> None:
        """Remember a processed batch; the oldest goes when there are more than MAX_REMEMBERED_BATCHES."""
        self.batches[release] = sha256
        self._changes.append(PutBatch(release, sha256))
        if len(self.batches) > MAX_REMEMBERED_BATCHES:
            self.drop_batch(min(self.batches))

    def drop_batch(self, release: int) -> None:
        """Forget a processed batch."""
        del self.batches[release]
        self._changes.append(DropBatch(release))

    def put_notice(self, notice: Notice) -> None:
        """Keep a notice."""
        self.notices[notice.notice_id] = notice
        self._changes.append(PutNotice(notice))

    def drop_notice(self, notice_id: str) -> None:
        """Forget a notice."""
        del self.notices[notice_id]
        self._changes.append(DropNotice(notice_id))

    def set_upload(self, upload: PendingUpload | None) -> None:
        """Keep or forget the pending report."""
        self.upload = upload
        self._changes.append(SetUpload(upload))

    def update_progress(self, **fields: int) -> None:
        """Set fields of Progress by name."""
        updated = replace(self.progress, **fields)
        if updated != self.progress:
            self.progress = updated
            self._changes.append(SetProgress(updated))

    def _index(self, observation: Observation) -> None:
        key = ObservationKey(observation.token, observation.received)
        self.observations[key] = observation
        self.by_value.setdefault(observation.token.value, set()).add(key)
        if observation.match is not None:
            self.matched.add(key)
