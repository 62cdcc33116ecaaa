"""What can happen to a phone, and what it asks for in return (SPEC.md 9.1).

`Phone.handle` takes one event, the time and fresh entropy; it returns an `Outcome`: changes to save, then effects to
carry out. A run is a list of these records: it can be printed, replayed and compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from anopticon_client.state import Change, Notice
from anopticon_protocol.designs.base import TimeRange
from anopticon_protocol.messages import BatchEntry

# -- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The process began. Whatever an earlier one left undone is taken up again."""


@dataclass(frozen=True, slots=True)
class Woken:
    """The time asked for with WakeAt has come."""


class Sighting(NamedTuple):
    """One frame as heard: the advertisement bytes and the signal strength in dBm."""

    frame: bytes
    rssi_dbm: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scan ended, having heard these frames (none is news as well: the next scan's gap counts from here)."""

    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class ReportRequested:
    """The person tested positive and typed a one-time code.

    `contagious_since` is in Unix seconds. `withheld` are time ranges whose keys must not be uploaded.
    """

    code: str
    contagious_since: int
    withheld: tuple[TimeRange, ...] = ()


class UploadResult(Enum):
    """How a key server answered an upload."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class UploadAnswered:
    """The key server answered an upload, or did not; `sentence` is for the person."""

    result: UploadResult
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class IndexFetched:
    """The list of published batches arrived; None: it has not changed since last time."""

    data: bytes | None


@dataclass(frozen=True, slots=True)
class BatchFetched:
    """A batch arrived."""

    release: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TurnGranted:
    """The phone may go on matching: the answer to KeepMatching."""


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """The index (`of_index`) or a batch could not be had."""

    sentence: str
    of_index: bool = False


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """A notice is now on the screen."""

    notice_id: str


Event = (
    Started
    | Woken
    | Scanned
    | ReportRequested
    | UploadAnswered
    | IndexFetched
    | BatchFetched
    | TurnGranted
    | FetchFailed
    | NoticeShown
)

# -- effects ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Advertise:
    """Broadcast this frame from now on, under a fresh radio address, until told otherwise."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class FetchIndex:
    """Ask the key server for the list of published batches."""


@dataclass(frozen=True, slots=True)
class FetchBatch:
    """Ask the key server for one batch."""

    entry: BatchEntry


@dataclass(frozen=True, slots=True)
class KeepMatching:
    """Give the phone another turn, once everybody else has had theirs: of this batch `done` of `total` are matched."""

    release: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SendUpload:
    """Send this upload. Sending it twice does no harm: the server answers the second as it did the first."""

    body: bytes


@dataclass(frozen=True, slots=True)
class ShowNotice:
    """Show a notice; one with the same id replaces it, so that showing it twice shows it once."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the person or the log about a problem that needs no answer."""

    sentence: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send Woken at this time (Unix seconds). A later WakeAt replaces an earlier one."""

    time: int


Effect = Advertise | FetchIndex | FetchBatch | KeepMatching | SendUpload | ShowNotice | Warn | WakeAt


class Outcome(NamedTuple):
    """What one event led to. `changes` are saved, all or none, before the first of `effects` is carried out."""

    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
