"""A recording through the phone core: what it shows now against what was shown then (SPEC.md 20.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.events import (
    BatchFetched,
    Effect,
    Event,
    IndexFetched,
    KeepMatching,
    Scanned,
    ShowNotice,
    Started,
    TurnGranted,
    Warn,
)
from anopticon_client.phone import Phone
from anopticon_client.radio_records import RadioEvent
from anopticon_client.recording.reader import Recording
from anopticon_client.recording.rows import NoticeRow
from anopticon_client.storage.memory import MemoryStore
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.replaying.lives import NO_PHONE, Handled, phone_config, phone_rows

_BOUNDS: Final = ("(MAX_SIGHTINGS_PER_SCAN)", "(MAX_NEW_OBSERVATIONS_PER_DAY)")
"""Named in what a phone says when it left something out by lot."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as the person saw it, and when; two that differ in time alone are the same."""

    notice_id: str
    kind: str
    day: int
    seconds: int
    sentence: str
    now: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first notice of a life of the phone that is not the same; None where one side has no more."""

    life: int
    live: Shown | None
    replayed: Shown | None

    def __str__(self) -> str:
        """The sentence for a person."""
        return f"process {self.life}: live {_said(self.live)}; replayed {_said(self.replayed)}"


@dataclass(slots=True)
class Replay:
    """What a replay came to."""

    node: str
    run: str
    inputs: int = 0
    scans: int = 0
    first: int = 0
    last: int = 0
    live: int = 0
    replayed: int = 0
    differences: list[Difference] = field(default_factory=list)
    unseen: int = 0
    """Notices replayed out of the last input of a process that ended there: nobody knows whether they were seen."""
    lost: int = 0
    """Rows that the recorder could not write."""
    drawn_by_lot: int = 0
    """Events at which the phone left something out at random (9.3): from then on a replay may differ."""

    @property
    def exact(self) -> bool:
        """Whether the replay showed what the live phone did."""
        return not self.differences


def replay(recording: Recording, seed: bytes = b"") -> Replay:
    """Run the phone of a recording again; raises RecordingError if it has none, or rows are missing.

    `seed` makes the entropy, which is not recorded: what is shown does not depend on it.
    """
    manifest = recording.manifest
    if manifest.design in NO_PHONE:
        raise RecordingError(f"{manifest.node}: no phone ran on it, so there is nothing to replay")
    result = Replay(manifest.node, manifest.run)
    player = _Player(phone_config(manifest), result, seed, forgets=manifest.about.get("store") == "memory")
    player.play(phone_rows(recording.rows(), manifest.node))
    return result


class _Player:
    """One recording's phone, process after process."""

    def __init__(self, config: PhoneConfig, result: Replay, seed: bytes, *, forgets: bool) -> None:
        self._forgets = forgets
        self._config = config
        self._result = result
        self._seed = seed
        self._store = MemoryStore()
        self._phone: Phone | None = None
        self._live: list[Shown] = []
        self._shown: list[Shown] = []
        self._before_last = 0
        """How many notices had been shown before the latest input."""
        self._life = 0
        self._matching = False

    def play(self, rows: Iterable[Handled | NoticeRow | RadioEvent]) -> None:
        for row in rows:
            if isinstance(row, RadioEvent):
                # Frames that a radio lost never reached the phone; rows that the recorder lost did.
                self._result.lost += row.count * (row.details.get("where") == "recorder")
                continue
            if isinstance(row, NoticeRow):
                self._finish_matching()
                self._live.append(Shown(row.notice_id, row.kind, row.day, row.seconds, row.sentence, row.now))
            else:
                self._handle(row)
        self._end_life()

    def _handle(self, row: Handled) -> None:
        result = self._result
        if isinstance(row.event, IndexFetched | BatchFetched):
            self._finish_matching()
        if isinstance(row.event, Started):
            self._end_life()
            self._life += 1
            if self._forgets:
                self._store.wipe()
            self._phone = Phone(self._config, self._store.load())
        if self._phone is None:
            raise RecordingError(
                f"{result.node}: its phone had begun before the recording, so nobody knows what it held"
            )
        result.inputs += 1
        result.scans += isinstance(row.event, Scanned)
        result.first, result.last = result.first or row.now, row.now
        self._before_last = len(self._shown)
        self._carry_out(self._tell(row.event, row.now), row.now)

    def _finish_matching(self) -> None:
        """Give the turns that this engine needs beyond those of the live one, which may have been a faster one."""
        while self._matching and self._phone is not None:
            self._carry_out(self._tell(TurnGranted(), self._result.last), self._result.last)

    def _tell(self, event: Event, now: int) -> tuple[Effect, ...]:
        assert self._phone is not None  # noqa: S101 - made by the first event
        fresh = hashlib.sha256(self._seed + self._result.inputs.to_bytes(8, "big")).digest()
        outcome = self._phone.handle(event, now=now, entropy=fresh)
        self._store.apply(outcome.changes)
        if isinstance(event, BatchFetched | TurnGranted):
            self._matching = any(isinstance(effect, KeepMatching) for effect in outcome.effects)
        return outcome.effects

    def _carry_out(self, effects: Iterable[Effect], now: int) -> None:
        for effect in effects:
            if isinstance(effect, ShowNotice):
                notice = effect.notice
                self._shown.append(
                    Shown(
                        notice.notice_id, notice.kind.value, notice.day, notice.seconds, notice.sentence, now
                    )
                )
            elif isinstance(effect, Warn) and any(bound in effect.sentence for bound in _BOUNDS):
                self._result.drawn_by_lot += 1

    def _end_life(self) -> None:
        """Compare what was shown in a process that is over."""
        self._matching = False
        result, live, shown = self._result, self._live, self._shown
        # What the last input of a process leads to may not have been shown any more.
        while len(shown) > max(len(live), self._before_last):
            shown.pop()
            result.unseen += 1
        result.live += len(live)
        result.replayed += len(shown)
        for place in range(max(len(live), len(shown))):
            one = live[place] if place < len(live) else None
            other = shown[place] if place < len(shown) else None
            if one != other:
                result.differences.append(Difference(self._life, one, other))
                break
        self._live, self._shown, self._before_last = [], [], 0


def _said(shown: Shown | None) -> str:
    return (
        "showed nothing more"
        if shown is None
        else f"showed {shown.notice_id!r} at {shown.now}: {shown.sentence}"
    )
