"""Real phones run by hand in virtual time, with a key server made of protocol parts (desk.py).

A `Handset` is a Phone, a perfect store and a record of all that the phone asked for. A `Town` carries out what handsets
ask for, at once and in order, and knows no more of a design than a shell would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.events import (
    Advertise,
    BatchFetched,
    Effect,
    Event,
    FetchBatch,
    FetchFailed,
    FetchIndex,
    IndexFetched,
    KeepMatching,
    NoticeShown,
    Outcome,
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
from anopticon_client.exposure import ExposureRule
from anopticon_client.phone import Phone
from anopticon_client.state import (
    Change,
    Snapshot,
)
from anopticon_protocol.codes import make_code
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.designs.records import Observation
from tests.client.desk import KEY_ID, SIGNER, KeyDesk
from tests.client.saved import Saved

SPECS: Final = (
    *DESIGNS,
    "hybrid:window_minutes=15",
    "hybrid:window_minutes=240",
    "hybrid:window_minutes=1440",
)
"""Every design of the registry, and hybrid at the ends and in the middle of its range."""
DP3T: Final = tuple(spec for spec in SPECS if spec != "gaen")
DAY: Final = 86_400
START: Final = 20_514 * DAY
"""Midnight UTC of Monday 2 March 2026."""
NEAR: Final = -60
"""RSSI in dBm of a frame from the same table: 45 dB at the reference transmit power, within the bound of 63 dB."""
FAR: Final = -90
"""RSSI in dBm of a frame from across the hall: 75 dB, beyond the bound."""
CODE: Final = make_code(bytes(range(16)))
SECOND_CODE: Final = make_code(bytes(range(100, 116)))

each_design = pytest.mark.parametrize("spec", SPECS)
each_dp3t = pytest.mark.parametrize("spec", DP3T)


def clock(text: str, day: int = 0) -> int:
    """Unix seconds of "HH:MM" or "HH:MM:SS" on the `day`-th day from START."""
    hours, minutes, seconds = (*map(int, text.split(":")), 0)[:3]
    return START + day * DAY + hours * 3_600 + minutes * 60 + seconds


def bytes_of(*parts: object) -> bytes:
    """32 bytes that depend on `parts` alone."""
    return hashlib.sha256(repr(parts).encode()).digest()


class Handset:
    """One phone with its store, and everything it ever asked for."""

    def __init__(self, name: str, config: PhoneConfig) -> None:
        """A phone fresh from the shop, not yet started."""
        self.name = name
        self.config = config
        self.phone = Phone(config, Snapshot())
        self.saved = Saved()
        self.changes: list[Change] = []
        self.log: list[tuple[int, Effect]] = []
        """Every effect with its time."""
        self.aired: list[tuple[int, bytes]] = []
        self.wake = 0
        self.woken = 0
        self.online = True
        self.asleep = False
        self.events = 0
        self._asked: dict[tuple[int, str], int] = {}

    def handle(self, event: Event, now: int) -> Outcome:
        """One event, with entropy of its own; saves the changes, and carries out no effect."""
        self.events += 1
        what = (now, type(event).__name__)
        self._asked[what] = self._asked.get(what, 0) + 1
        entropy = bytes_of(self.name, *what, self._asked[what])
        outcome = self.phone.handle(event, now=now, entropy=entropy)
        self.saved.apply(outcome.changes)
        self.changes += outcome.changes
        self.log += [(now, effect) for effect in outcome.effects]
        if isinstance(event, Started | Woken):
            self.woken = now
        for effect in outcome.effects:
            if isinstance(effect, Advertise):
                self.aired.append((now, effect.frame))
            if isinstance(effect, WakeAt):
                self.wake = effect.time
        return outcome

    def crash(self) -> None:
        """Lose the process: all that is not saved is gone."""
        self.phone = Phone(self.config, self.saved.snapshot())

    def scan(self, now: int, *sightings: tuple[bytes, int]) -> Outcome:
        """A scan that heard these frames at these strengths."""
        return self.handle(Scanned(tuple(Sighting(*sighting) for sighting in sightings)), now)

    def hear(self, frame: bytes, now: int, rssi_dbm: int = NEAR) -> Outcome:
        """A scan that heard one frame."""
        return self.scan(now, (frame, rssi_dbm))

    @property
    def frame(self) -> bytes:
        """What is on the air now."""
        return self.aired[-1][1]

    @property
    def minutes(self) -> dict[int, float]:
        """Minutes within the bound near people who tested positive, by day from START."""
        seconds = self.phone.exposure_seconds()
        return {day - START // DAY: total / 60 for day, total in seconds.items()}

    @property
    def effects(self) -> list[Effect]:
        """All effects, in order."""
        return [effect for _, effect in self.log]

    @property
    def rows(self) -> list[Observation]:
        """All stored observations."""
        return list(self.saved.observations.values())

    @property
    def told(self) -> list[str]:
        """Ids of all notices asked to be shown, in order."""
        return [effect.notice.notice_id for effect in self.effects if isinstance(effect, ShowNotice)]

    @property
    def warnings(self) -> list[str]:
        """Sentences of all warnings, in order."""
        return [effect.sentence for effect in self.effects if isinstance(effect, Warn)]

    @property
    def uploads(self) -> list[bytes]:
        """All uploads asked to be sent, in order."""
        return [effect.body for effect in self.effects if isinstance(effect, SendUpload)]


class Fate(Enum):
    """What becomes of a phone's process after an event."""

    LIVES = "lives"
    DIES_BEFORE_EFFECTS = "dies before the effects are carried out"
    DIES_BEFORE_ANSWERS = "dies before it sees what the effects led to"


class Town:
    """Handsets and a key desk under one clock."""

    def __init__(self, spec: str, *names: str, now: int = START, rule: ExposureRule | None = None) -> None:
        """Start a handset for each name at `now`."""
        self.design = open_design(spec)
        self.config = PhoneConfig(self.design, {KEY_ID: SIGNER.public}, rule or ExposureRule())
        self.desk = KeyDesk(self.design)
        self.now = now
        self.handsets = [Handset(name, self.config) for name in names]
        self.fate: Callable[[Handset], Fate] = lambda handset: Fate.LIVES
        """Asked after each event, when its changes are saved: what becomes of the process."""
        for handset in self.handsets:
            self.tell(handset, Started())

    def tell(self, handset: Handset, event: Event) -> None:
        """Hand over an event and carry out what it leads to, and what that leads to."""
        waiting = [event]
        while waiting:
            outcome = handset.handle(waiting.pop(0), self.now)
            fate = self.fate(handset)
            if fate is not Fate.DIES_BEFORE_EFFECTS:
                for effect in outcome.effects:
                    waiting += self._answer(handset, effect)
            if fate is not Fate.LIVES:
                handset.crash()
                waiting = [Started()]

    def run(self, until: int) -> None:
        """Let time pass; phones that are awake wake up when they asked to."""
        while True:
            awake = [handset for handset in self.handsets if not handset.asleep]
            due = min(awake, key=lambda handset: handset.wake, default=None)
            if due is None or due.wake > until:
                break
            self.now = max(self.now, due.wake)
            self.tell(due, Woken())
        self.now = until

    def meet(self, one: Handset, other: Handset, at: int, minutes: int, rssi_dbm: int = NEAR) -> None:
        """Both hear each other from `at` on, in scans five minutes apart that stand for `minutes` in all."""
        self.run(at)
        for handset in (one, other):
            handset.scan(at)
        for scan in range(at + 300, at + minutes * 60 + 1, 300):
            self.run(scan)
            one.hear(other.frame, scan, rssi_dbm)
            other.hear(one.frame, scan, rssi_dbm)

    def report(
        self, handset: Handset, since: int, withheld: Sequence[tuple[int, int]] = (), code: str = CODE
    ) -> None:
        """The person tested positive, and enters a code now."""
        self.tell(handset, ReportRequested(code, since, tuple(withheld)))

    def _answer(self, handset: Handset, effect: Effect) -> list[Event]:
        if isinstance(effect, ShowNotice):
            return [NoticeShown(effect.notice.notice_id)]
        if isinstance(effect, SendUpload):
            unreachable = UploadAnswered(UploadResult.UNREACHABLE, "no route to the server")
            return [self.desk.take(effect.body, self.now) if handset.online else unreachable]
        if isinstance(effect, FetchIndex | FetchBatch) and not handset.online:
            return [FetchFailed("no route to the server", of_index=isinstance(effect, FetchIndex))]
        if isinstance(effect, FetchIndex):
            return [IndexFetched(self.desk.index(self.now))]
        if isinstance(effect, FetchBatch):
            return [BatchFetched(effect.entry.release, self.desk.fetch(effect.entry.release))]
        return [TurnGranted()] if isinstance(effect, KeepMatching) else []
