"""A store that does not fail, against which phones and stores can be compared."""

from __future__ import annotations

from collections.abc import Iterable

from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    Notice,
    ObservationKey,
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


class Saved:
    """What a perfect store holds after the changes it was given. Knows nothing of Memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.own_keys: dict[tuple[int, bytes], OwnKey] = {}
        self.observations: dict[ObservationKey, Observation] = {}
        self.batches: dict[int, str] = {}
        self.notices: dict[str, Notice] = {}
        self.upload: PendingUpload | None = None
        self.progress = Progress()

    def apply(self, changes: Iterable[Change]) -> None:
        """Carry out `changes`; to drop what is not there is an error."""
        for change in changes:
            match change:
                case PutOwnKey(key):
                    self.own_keys[key.index, key.secret] = key
                case DropOwnKey(key_id):
                    del self.own_keys[key_id]
                case PutObservation(row):
                    self.observations[ObservationKey(row.token, row.received)] = row
                case DropObservation(row_key):
                    del self.observations[row_key]
                case PutBatch(release, digest):
                    self.batches[release] = digest
                case DropBatch(release):
                    del self.batches[release]
                case PutNotice(notice):
                    self.notices[notice.notice_id] = notice
                case DropNotice(notice_id):
                    del self.notices[notice_id]
                case SetUpload(upload):
                    self.upload = upload
                case SetProgress(progress):
                    self.progress = progress

    def snapshot(self) -> Snapshot:
        """All of it, in an order that nobody may rely on."""
        return Snapshot(
            tuple(sorted(self.own_keys.values(), key=lambda key: key.secret)),
            tuple(sorted(self.observations.values(), key=lambda row: (row.token.value[::-1], -row.received))),
            tuple(sorted(self.batches.items(), reverse=True)),
            tuple(sorted(self.notices.values(), key=lambda notice: notice.sentence)),
            self.upload,
            self.progress,
        )
