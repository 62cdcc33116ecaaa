"""A phone that stops between any two events loses nothing, and sends nothing twice that is not the same.

A story is told once without interruption; then again and again, each time with the process of one phone dying after
another event. A phone that died is made anew from what its store holds, in another order, and started at that second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.events import Scanned, ShowNotice, Sighting
from anopticon_client.state import Notice, NoticeKind, OwnKeyId
from anopticon_protocol.designs.records import SharedKey
from tests.client.drive import NEAR, Fate, Handset, Town, clock, each_design

CRASHES = (Fate.DIES_BEFORE_EFFECTS, Fate.DIES_BEFORE_ANSWERS)


class Ending(NamedTuple):
    """What must be the same however the story was interrupted."""

    notices: dict[str, Notice]
    minutes: dict[int, float]
    uploads: frozenset[bytes]
    accepted: dict[str, tuple[SharedKey, ...]]
    screen: dict[str, Notice]
    own_keys: frozenset[OwnKeyId]
    batches: dict[int, str]
    frames: frozenset[bytes]


def story(spec: str, crashes: dict[tuple[str, int], Fate], most: int = 1) -> tuple[list[int], list[Ending]]:
    """Ann and Bob meet, Ann reports while the server is away, Bob is warned: how it ends, and the events of each.

    `crashes` says which phone dies after which of its events, and when exactly. A crash can put off a download to the
    next poll, so the story is told until `most` polls more are over.
    """
    town = Town(spec, "ann", "bob", now=clock("08:55"))
    ann, bob = town.handsets
    town.fate = lambda handset: crashes.get((handset.name, handset.events), Fate.LIVES)
    for at in ("09:01", "09:06", "09:11", "09:16"):
        town.run(clock(at))
        frames = [ann.frame, bob.frame]
        for handset, frame in zip((bob, ann), frames, strict=True):
            town.tell(handset, Scanned((Sighting(frame, NEAR),)))
    town.run(clock("09:24"))
    ann.online = False
    town.report(ann, clock("00:00"))
    town.run(clock("09:28"))
    ann.online = True
    # Published at 10:00, and by Exposure Notification two hours after the end of the key.
    town.run(clock("12:06" if spec == "gaen" else "10:06") + most * 7_200)
    return [ann.events, bob.events], [ending_of(handset, town) for handset in (ann, bob)]


def ending_of(handset: Handset, town: Town) -> Ending:
    """The ending as one phone sees it."""
    saved = handset.saved
    shown = (effect.notice for effect in handset.effects if isinstance(effect, ShowNotice))
    # A process that dies does not learn that its last try failed: the server may be up before it was told to be down.
    screen = {notice.notice_id: notice for notice in shown if notice.kind is not NoticeKind.SERVER_DOWN}
    return Ending(
        dict(saved.notices),
        handset.minutes,
        frozenset(handset.uploads),
        dict(town.desk.accepted),
        screen,
        frozenset(key_id for key_id in handset.phone._memory.own_keys),
        dict(saved.batches),
        frozenset(frame for _, frame in handset.aired),
    )


@lru_cache
def uninterrupted(spec: str, most: int = 1) -> tuple[list[int], list[Ending]]:
    """The story without a crash."""
    return story(spec, {}, most)


@each_design
def test_the_story_has_something_to_lose(spec: str) -> None:
    """Without a crash Ann's report is taken and Bob is warned of twenty minutes, less what was not known."""
    _, (ann, bob) = uninterrupted(spec)
    assert set(ann.notices) == {"report"}
    assert len(ann.uploads) == len(ann.accepted) == 1
    assert bob.minutes == {0: 17}
    assert [notice.shown for notice in bob.notices.values()] == [True]
    assert bob.batches


@each_design
@pytest.mark.parametrize("fate", CRASHES, ids=["before effects", "before answers"])
@pytest.mark.parametrize("name", ["ann", "bob"])
def test_law_a_crash_after_any_event_changes_no_ending(spec: str, name: str, fate: Fate) -> None:
    """Wherever a phone dies, both stories end with the same notices, minutes, keys and frames, and the same upload.

    SPEC: PH-3, PH-4, PH-52.
    """
    events, endings = uninterrupted(spec)
    count = events[0 if name == "ann" else 1]
    assert count >= 25
    for number in range(1, count + 1):
        _, interrupted = story(spec, {(name, number): fate})
        assert interrupted == endings, f"after event {number} of {name}"


@each_design
@settings(max_examples=15)
@given(
    crashes=st.dictionaries(
        st.tuples(st.sampled_from(["ann", "bob"]), st.integers(1, 60)), st.sampled_from(CRASHES), max_size=4
    )
)
def test_law_many_crashes_change_no_ending(spec: str, crashes: dict[tuple[str, int], Fate]) -> None:
    """Phones that die again and again, also right after their start, end where they would have ended.

    Only the release may be a later one: each death can put off the upload.

    SPEC: PH-3, PH-4, PH-52.
    """
    interrupted, smooth = (story(spec, crashes, 4)[1], uninterrupted(spec, 4)[1])
    assert [ending._replace(batches={}) for ending in interrupted] == [
        ending._replace(batches={}) for ending in smooth
    ]
    assert [len(ending.batches) for ending in interrupted] == [len(ending.batches) for ending in smooth]
