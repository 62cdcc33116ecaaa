"""The phone's whole behaviour as a pure function of events, time and entropy (SPEC.md 9).

The same core runs in simulated time, on a virtual radio and on real Bluetooth. It does no I/O: it says what to save
and what to do, and a shell carries that out in this order.

    outcome = phone.handle(Scanned(sightings), now=now, entropy=fresh_32_bytes)
    store.apply(outcome.changes)
    for effect in outcome.effects: ...
"""

from __future__ import annotations

from anopticon_client.config import PhoneConfig
from anopticon_client.encounters import Encounters
from anopticon_client.events import (
    BatchFetched,
    Effect,
    Event,
    FetchFailed,
    IndexFetched,
    Outcome,
    ReportRequested,
    Scanned,
    Started,
    TurnGranted,
    UploadAnswered,
    WakeAt,
    Warn,
    Woken,
)
from anopticon_client.exposure import day_scores
from anopticon_client.matching import Engine, PythonEngine
from anopticon_client.memory import Memory
from anopticon_client.notices import Notices
from anopticon_client.reporting import Reporting
from anopticon_client.schedule import Schedule
from anopticon_client.scoring import DayScore
from anopticon_client.state import Notice, NoticeKind, Snapshot
from anopticon_client.sync import Sync
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import DAY_SECONDS
from anopticon_protocol.timebase import check_time, day_start


class Phone:
    """One phone. Feed it events in the order in which they happen."""

    def __init__(self, config: PhoneConfig, snapshot: Snapshot, engine: Engine | None = None) -> None:
        """Take up from what a store held; the first event must be Started. `engine` matches, by default in Python."""
        self._config = config
        self._memory = Memory(snapshot)
        self._schedule = Schedule(config, self._memory)
        self._encounters = Encounters(config, self._memory)
        self._notices = Notices(config, self._memory)
        self._sync = Sync(config, self._memory, self._encounters, self._notices, engine or PythonEngine())
        self._reporting = Reporting(config, self._memory, self._schedule, self._notices)
        self._next_expiry = 0
        self._now = 0

    def handle(self, event: Event, *, now: int, entropy: bytes) -> Outcome:
        """Go through one event at `now` (Unix seconds) with 32 fresh secret bytes; returns what to save and do."""
        fresh = Entropy(entropy)
        self._now = check_time(now)
        planned = self._memory.progress.next_poll
        effects = self._handle(event, now, fresh)
        replanned = self._memory.progress.next_poll != planned
        if replanned or isinstance(event, Started | Woken | ReportRequested | UploadAnswered | FetchFailed):
            effects += [WakeAt(self._next_wake(now))]
        return Outcome(self._memory.take_changes(), tuple(effects))

    @property
    def exposure_notices(self) -> tuple[Notice, ...]:
        """Every exposure notice of the last 14 days, oldest day first."""
        exposures = (one for one in self._memory.notices.values() if one.kind is NoticeKind.EXPOSURE)
        return tuple(sorted(exposures, key=lambda notice: notice.day))

    @property
    def observation_count(self) -> int:
        """How many observations the phone keeps."""
        return len(self._memory.observations)

    def exposure_seconds(self) -> dict[int, int]:
        """Seconds near people who tested positive that count, by UTC day. Never leaves the phone."""
        return {score.day: score.seconds for score in self.day_scores() if score.seconds}

    def day_scores(self) -> tuple[DayScore, ...]:
        """What the phone's scoring makes of each UTC day, as of the last event. Never leaves the phone."""
        config = self._config
        return day_scores(
            config.design, config.rule, self._encounters.matched(), self._now, config.calibration
        )

    def _handle(self, event: Event, now: int, entropy: Entropy) -> list[Effect]:  # noqa: PLR0911 - one line an event
        match event:
            case Scanned(sightings):
                return [Warn(sentence) for sentence in self._encounters.hear(sightings, now, entropy)]
            case Woken():
                return self._wake(now, entropy)
            case Started():
                return [*self._wake(now, entropy), *self._notices.unshown()]
            case IndexFetched():
                return self._sync.index_fetched(event, now, entropy)
            case BatchFetched():
                return self._matching(self._sync.batch_fetched(event, now, entropy))
            case TurnGranted():
                return self._matching(self._sync.go_on(now, entropy))
            case FetchFailed():
                return self._sync.failed(event, now, entropy)
            case ReportRequested():
                return self._reporting.request(event, now, entropy)
            case UploadAnswered():
                return self._reporting.answered(event, now, entropy)
        self._notices.shown(event.notice_id)
        return []

    def _matching(self, effects: list[Effect]) -> list[Effect]:
        # A batch may come when it is nearly too old: the memory of it goes before all that was known so far.
        self._next_expiry = min(self._next_expiry, self._sync.next_expiry() or self._next_expiry)
        return effects

    def _wake(self, now: int, entropy: Entropy) -> list[Effect]:
        # Never planned more than a day ahead: if it lies further, the clock has been set back since.
        if now >= self._next_expiry or now < self._next_expiry - DAY_SECONDS:
            self._expire(now)
        return [
            *self._schedule.rotate(now, entropy),
            *self._reporting.retry_if_due(now, entropy),
            *self._sync.poll_if_due(now, entropy),
        ]

    def _expire(self, now: int) -> None:
        for part in (self._schedule, self._encounters, self._notices, self._sync, self._reporting):
            part.expire(now)
        # Nothing that comes in later can expire before what is oldest now, or before a day has passed.
        parts = (self._schedule, self._encounters, self._sync, self._reporting)
        known = [time for part in parts if (time := part.next_expiry()) is not None]
        self._next_expiry = min([day_start(now) + DAY_SECONDS, *known])

    def _next_wake(self, now: int) -> int:
        times = [self._schedule.next_rotation(now), self._memory.progress.next_poll, self._next_expiry]
        retry = self._reporting.next_time()
        if retry is not None:
            times.append(retry)
        return max(now + 1, min(times))
