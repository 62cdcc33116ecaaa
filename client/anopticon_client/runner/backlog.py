"""What a shell has not saved yet, and what it must not do before that (SPEC.md 9.1).

While a store cannot write, changes and effects wait here. Later ones replace earlier ones of the same thing,
so that a phone which cannot write for days holds no more than its own state twice.
"""

from __future__ import annotations

from typing import assert_never

from anopticon_client.events import (
    Advertise,
    Effect,
    FetchBatch,
    FetchIndex,
    KeepMatching,
    Outcome,
    SendUpload,
    ShowNotice,
    WakeAt,
    Warn,
)
from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    ObservationKey,
    OwnKeyId,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
)


class Backlog:
    """Changes to save, then effects to carry out."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._changes: dict[object, Change] = {}
        self._effects: dict[object, Effect] = {}

    def add(self, outcome: Outcome) -> None:
        """Put the outcome of one event behind what waits already."""
        for change in outcome.changes:
            self._changes[_subject(change)] = change
        for effect in outcome.effects:
            key = _errand(effect)
            self._effects.pop(key, None)
            self._effects[key] = effect

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is to be saved: the same in effect as every change since `saved`, whatever its order."""
        return tuple(self._changes.values())

    @property
    def rotates(self) -> bool:
        """Whether a new frame waits to take the place of the one on the air."""
        return Advertise in self._effects

    def saved(self) -> None:
        """The changes have been saved."""
        self._changes.clear()

    def take_effects(self) -> tuple[Effect, ...]:
        """What may be done now, in order; it waits no longer."""
        effects = tuple(self._effects.values())
        self._effects.clear()
        return effects

    def take_harmless(self) -> tuple[Effect, ...]:
        """What may be done though nothing is saved, since nobody outside sees it.

        That is planning to wake up, which the next try needs; warnings; and another turn of the batch at hand, which
        would have others pile up behind it.
        """
        found = {
            key: effect
            for key, effect in self._effects.items()
            if isinstance(effect, WakeAt | Warn | KeepMatching)
        }
        for key in found:
            del self._effects[key]
        return tuple(found.values())


def _subject(change: Change) -> object:  # noqa: PLR0911 - one line for each kind of change
    """What `change` is about: of two changes about the same thing only the later one counts."""
    match change:
        case PutOwnKey(key):
            return OwnKeyId, key.index, key.secret
        case DropOwnKey(key_id):
            return OwnKeyId, *key_id
        case PutObservation(row):
            return ObservationKey, row.token, row.received
        case DropObservation(row_key):
            return ObservationKey, *row_key
        case PutBatch(release) | DropBatch(release):
            return PutBatch, release
        case PutNotice(notice):
            return PutNotice, notice.notice_id
        case DropNotice(notice_id):
            return PutNotice, notice_id
        case SetUpload() | SetProgress():
            return type(change)
        case _:
            assert_never(change)


def _errand(effect: Effect) -> object:
    """What `effect` asks for: of two that ask for the same thing only the later one counts."""
    match effect:
        case FetchBatch(entry):
            return FetchBatch, entry.release
        case ShowNotice(notice):
            return ShowNotice, notice.notice_id
        case Warn(sentence):
            return Warn, sentence
        case Advertise() | FetchIndex() | KeepMatching() | SendUpload() | WakeAt():
            return type(effect)
        case _:
            assert_never(effect)
