"""What a phone remembers, and the closed set of changes that a store must be able to save (SPEC.md 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from anopticon_protocol.designs.records import Observation, OwnKey, SharedKey, Token


class ObservationKey(NamedTuple):
    """What identifies a stored observation."""

    token: Token
    received: int


class OwnKeyId(NamedTuple):
    """What identifies one of the phone's own keys."""

    first_slot: int
    secret: bytes


class UploadState(Enum):
    """Where a report stands."""

    SENDING = "sending"
    NEEDS_CODE = "needs-code"


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A report that the server has not accepted yet. Its keys were fixed, and replaced on the phone, at `made_at`."""

    code: str
    keys: tuple[SharedKey, ...]
    made_at: int
    state: UploadState = UploadState.SENDING


class NoticeKind(Enum):
    """What a notice is about."""

    EXPOSURE = "exposure"
    REPORT_DONE = "report-done"
    REPORT_REFUSED = "report-refused"
    SERVER_DOWN = "server-down"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the person, once. `day` is the UTC day it is about."""

    notice_id: str
    kind: NoticeKind
    day: int
    sentence: str
    seconds: int = 0
    """Exposure notices: seconds of that day within the attenuation bound."""
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the phone stands, in times of Unix seconds."""

    last_scan: int = 0
    """End of the last scan; 0 if there was none."""
    settled_until: int = 0
    """Every batch released up to here has been processed."""
    next_poll: int = 0
    next_upload_try: int = 0
    failed_polls: int = 0
    failed_uploads: int = 0


# -- changes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PutOwnKey:
    """Save one of the phone's own keys, replacing one with the same index and secret."""

    key: OwnKey


@dataclass(frozen=True, slots=True)
class DropOwnKey:
    """Delete one of the phone's own keys."""

    key_id: OwnKeyId


@dataclass(frozen=True, slots=True)
class PutObservation:
    """Save an observation, replacing one with the same key."""

    observation: Observation


@dataclass(frozen=True, slots=True)
class DropObservation:
    """Delete an observation."""

    key: ObservationKey


@dataclass(frozen=True, slots=True)
class PutBatch:
    """Remember that the batch of `release` with this SHA-256 was processed."""

    release: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DropBatch:
    """Forget a processed batch."""

    release: int


@dataclass(frozen=True, slots=True)
class PutNotice:
    """Save a notice, replacing one with the same id."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class DropNotice:
    """Delete a notice."""

    notice_id: str


@dataclass(frozen=True, slots=True)
class SetUpload:
    """Save the pending report, or delete it."""

    upload: PendingUpload | None


@dataclass(frozen=True, slots=True)
class SetProgress:
    """Save where the phone stands."""

    progress: Progress


Change = (
    PutOwnKey
    | DropOwnKey
    | PutObservation
    | DropObservation
    | PutBatch
    | DropBatch
    | PutNotice
    | DropNotice
    | SetUpload
    | SetProgress
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a store holds, as it loads it; in no order that means anything."""

    own_keys: tuple[OwnKey, ...] = ()
    observations: tuple[Observation, ...] = ()
    batches: tuple[tuple[int, str], ...] = ()
    notices: tuple[Notice, ...] = ()
    upload: PendingUpload | None = None
    progress: Progress = field(default_factory=Progress)
