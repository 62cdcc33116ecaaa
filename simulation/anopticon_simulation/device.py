"""One simulated person's phone: the real `Phone`, tied to the world's clock, air and key server.

The shell of a simulation. It carries out what the core asks for within the same virtual second; nothing in the core
knows that it is simulated. State lives in the core's own memory: a simulated phone does not crash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from anopticon_client.config import PhoneConfig
from anopticon_client.events import (
    Advertise,
    BatchFetched,
    Effect,
    Event,
    FetchBatch,
    FetchIndex,
    IndexFetched,
    KeepMatching,
    NoticeShown,
    ReportRequested,
    Scanned,
    SendUpload,
    ShowNotice,
    Sighting,
    Started,
    TurnGranted,
    UploadAnswered,
    UploadResult,
    WakeAt,
    Warn,
    Woken,
)
from anopticon_client.native import best_engine
from anopticon_client.phone import Phone
from anopticon_client.state import NoticeKind, Snapshot
from anopticon_simulation.keyserver import Edge, ServerLink, UploadRefused


@dataclass(slots=True)
class Tally:
    """What one phone cost and said, in world time."""

    bytes_downloaded: int = 0
    bytes_uploaded: int = 0
    warnings: list[str] = field(default_factory=list)
    warned_at: dict[int, int] = field(default_factory=dict)
    """For each UTC day that the phone warned of: when it did."""
    counted: dict[int, int] = field(default_factory=dict)
    """For each UTC day: the most seconds within the bound that the phone ever counted; it forgets them in time."""
    uploaded_at: int | None = None


class Device:
    """A phone in the world. `skew` is how many seconds its clock runs ahead of the world's."""

    def __init__(
        self,
        config: PhoneConfig,
        entropy: Callable[[], bytes],
        edge: Edge,
        link: ServerLink,
        skew: int = 0,
    ) -> None:
        self.frame = b""
        self.wake_at = 0
        self.tally = Tally()
        self.skew = skew
        self.phone = Phone(config, Snapshot(), best_engine())
        self._entropy = entropy
        self._edge = edge
        self._link = link
        self._index_tag: str | None = None

    def start(self, now: int) -> None:
        """Switch on at world time `now`."""
        self._run(Started(), now)

    def wake(self, now: int) -> None:
        """Do what is due."""
        self._run(Woken(), now)

    def scan(self, sightings: tuple[Sighting, ...], now: int) -> None:
        """End a scan."""
        self._run(Scanned(sightings), now)

    def report(self, code: str, contagious_since: int, now: int) -> None:
        """Its owner types a one-time code; `contagious_since` is in world time."""
        self._run(ReportRequested(code, contagious_since + self.skew), now)

    def _run(self, first: Event, now: int) -> None:
        events: deque[Event] = deque([first])
        while events:
            event = events.popleft()
            outcome = self.phone.handle(event, now=now + self.skew, entropy=self._entropy())
            if isinstance(event, BatchFetched | TurnGranted):
                self._count()
            for effect in outcome.effects:
                answer = self._carry_out(effect, now)
                if answer is not None:
                    events.append(answer)

    def _carry_out(self, effect: Effect, now: int) -> Event | None:  # noqa: C901 - one case an effect
        match effect:
            case Advertise(frame):
                self.frame = frame
            case WakeAt(time):
                self.wake_at = time - self.skew
            case FetchIndex():
                return self._fetch_index()
            case FetchBatch(entry):
                data = self._edge.batch(entry.sha256)
                self.tally.bytes_downloaded += len(data)
                return BatchFetched(entry.release, data)
            case KeepMatching():
                return TurnGranted()
            case SendUpload(body):
                return self._upload(body, now)
            case ShowNotice(notice):
                if notice.kind is NoticeKind.EXPOSURE:
                    self.tally.warned_at[notice.day] = now
                elif notice.kind is NoticeKind.REPORT_REFUSED:
                    self.tally.warnings.append(notice.sentence)
                return NoticeShown(notice.notice_id)
            case Warn(sentence):
                self.tally.warnings.append(sentence)
        return None

    def _count(self) -> None:
        for day, seconds in self.phone.exposure_seconds().items():
            self.tally.counted[day] = max(seconds, self.tally.counted.get(day, 0))

    def _fetch_index(self) -> Event:
        self._index_tag, data = self._edge.index(self._index_tag)
        self.tally.bytes_downloaded += len(data or b"")
        return IndexFetched(data)

    def _upload(self, body: bytes, now: int) -> Event:
        self.tally.bytes_uploaded += len(body)
        try:
            self._link.upload(body)
        except UploadRefused as refused:
            return UploadAnswered(UploadResult.REFUSED, str(refused))
        self.tally.uploaded_at = now
        return UploadAnswered(UploadResult.ACCEPTED)
