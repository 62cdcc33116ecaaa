"""A store that ends with the process: for tests, for the simulator, and for a phone that must leave no trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

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
    Progress,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    Snapshot,
)
from anopticon_protocol.designs.records import Observation, OwnKey


class MemoryStore:
    """Everything a phone saves, in dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        self._deployment: str | None = None
        self._clear()

    def load(self) -> Snapshot:
        """Everything that is stored."""
        return Snapshot(
            tuple(self._own_keys.values()),
            tuple(self._observations.values()),
            tuple(self._batches.items()),
            tuple(self._notices.values()),
            self._upload,
            self._progress,
        )

    def apply(self, changes: Sequence[Change]) -> None:
        """Save `changes`."""
        for change in changes:
            self._apply_one(change)

    def wipe(self) -> None:
        """Delete everything, the pinned deployment too."""
        self._deployment = None
        self._clear()

    def close(self) -> None:
        """Nothing to let go of; what is stored stays readable until the process ends."""

    def deployment(self) -> str | None:
        """The deployment this phone joined, as `pin` was given it."""
        return self._deployment

    def pin(self, deployment: str) -> None:
        """Remember the deployment this phone joined."""
        self._deployment = deployment

    def _clear(self) -> None:
        self._own_keys: dict[OwnKeyId, OwnKey] = {}
        self._observations: dict[ObservationKey, Observation] = {}
        self._batches: dict[int, str] = {}
        self._notices: dict[str, Notice] = {}
        self._upload: PendingUpload | None = None
        self._progress = Progress()

    def _apply_one(self, change: Change) -> None:  # noqa: C901 - one line for each kind of change
        match change:
            case PutObservation(row):
                self._observations[ObservationKey(row.token, row.received)] = row
            case DropObservation(key):
                self._observations.pop(key, None)
            case SetProgress(progress):
                self._progress = progress
            case PutOwnKey(own):
                self._own_keys[OwnKeyId(own.index, own.secret)] = own
            case DropOwnKey(key_id):
                self._own_keys.pop(key_id, None)
            case PutBatch(release, sha256):
                self._batches[release] = sha256
            case DropBatch(release):
                self._batches.pop(release, None)
            case PutNotice(notice):
                self._notices[notice.notice_id] = notice
            case DropNotice(notice_id):
                self._notices.pop(notice_id, None)
            case SetUpload(upload):
                self._upload = upload
            case _:
                assert_never(change)
