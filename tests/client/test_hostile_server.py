"""A key server that answers, but badly: refused answers count as failures, and its appetite is bounded."""

from __future__ import annotations

from anopticon_client.events import FetchBatch, IndexFetched, ShowNotice, WakeAt, Woken
from anopticon_client.state import NoticeKind
from anopticon_client.sync import MAX_POLL_BYTES
from anopticon_protocol.messages import BatchEntry, BatchIndex
from anopticon_protocol.params import MAX_BATCH_BYTES
from tests.client.by_hand import lone
from tests.client.drive import clock

PERIOD = 7_200


def test_rubbish_is_told_like_silence() -> None:
    """SPEC: PH-29. After three polls that were answered with rubbish the person is told, once."""
    _, bob = lone("gaen")
    told, now = [], clock("02:10")
    for _ in range(6):
        bob.handle(Woken(), now)
        outcome = bob.handle(IndexFetched(b"no index"), now)
        told += [one.notice.kind for one in outcome.effects if isinstance(one, ShowNotice)]
        now = next((one.time for one in outcome.effects if isinstance(one, WakeAt)), now) + 6 * 3_600
    assert told == [NoticeKind.SERVER_DOWN]


def test_one_poll_asks_for_a_bounded_number_of_bytes() -> None:
    """SPEC: PH-21. Of a hundred batches of the greatest length a poll asks for the oldest two, later polls for more."""
    town, bob = lone("gaen")
    now = clock("02:10", day=12)
    first = now // PERIOD * PERIOD - 99 * PERIOD
    entries = tuple(BatchEntry(first + n * PERIOD, f"{n:064x}", MAX_BATCH_BYTES) for n in range(100))
    index = BatchIndex(town.design.spec, PERIOD, entries[-1].release, entries).encode()
    asked = [one.entry for one in bob.handle(IndexFetched(index), now).effects if isinstance(one, FetchBatch)]
    assert asked == list(entries[:2])
    assert sum(entry.length for entry in asked) <= MAX_POLL_BYTES


def test_a_release_that_is_none_is_never_asked_for() -> None:
    """SPEC: PH-21. A batch whose release is no multiple of the period cannot be one, and is not fetched."""
    town, bob = lone("gaen")
    now = clock("06:10")
    odd = BatchEntry(now // PERIOD * PERIOD - 1, "0" * 64, 100)
    index = BatchIndex(town.design.spec, PERIOD, now // PERIOD * PERIOD, (odd,)).encode()
    assert not [one for one in bob.handle(IndexFetched(index), now).effects if isinstance(one, FetchBatch)]


def test_what_a_fast_clock_settled_is_forgotten_with_it() -> None:
    """SPEC: PH-26. A clock that was 20 days ahead when it polled does not make the batches of 20 days look late."""
    town, bob = lone("gaen")
    ahead, now = clock("02:10", day=25), clock("02:10", day=5)
    empty = BatchIndex(town.design.spec, PERIOD, ahead // PERIOD * PERIOD, ()).encode()
    bob.handle(IndexFetched(empty), ahead)
    later = now + PERIOD
    release = later // PERIOD * PERIOD
    index = BatchIndex(town.design.spec, PERIOD, release, (BatchEntry(release, "0" * 64, 100),)).encode()
    bob.handle(IndexFetched(empty), now)
    asked = [
        one.entry.release
        for one in bob.handle(IndexFetched(index), later).effects
        if isinstance(one, FetchBatch)
    ]
    assert asked == [release]
