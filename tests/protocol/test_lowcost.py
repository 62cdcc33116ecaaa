"""The low-cost design: day chain, EphIDs, chains that must stay short."""

from __future__ import annotations

from itertools import pairwise

import pytest

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.lowcost import (
    BROADCAST_LABEL,
    MAX_CHAIN_DAYS,
    day_ephids,
    next_day_key,
)
from anopticon_protocol.designs.records import OwnKey, SharedKey
from anopticon_protocol.primitives import hmac_sha256
from tests.protocol.strategies import DAY, NOON, fresh, on_air, published, schedule

DESIGN = open_design("lowcost")
TODAY = NOON // DAY


def test_the_label_is_lower_case() -> None:
    """SPEC: LC-1. 13 bytes; the stream key of the zero seed is not that of the dead variant."""
    assert BROADCAST_LABEL == b"broadcast key"
    assert hmac_sha256(bytes(32), BROADCAST_LABEL).hex().startswith("7c0e6321")
    assert hmac_sha256(bytes(32), b"Broadcast key").hex().startswith("d59d48e2")


def test_all_96_ephids_of_a_day_go_out_in_an_order_of_their_own() -> None:
    """SPEC: LC-2. The day's EphIDs, each once, and not in the order in which they are generated."""
    (key,) = schedule(DESIGN, NOON, NOON)
    start = NOON - NOON % DAY
    sent = [on_air(DESIGN, [key], start + 900 * epoch) for epoch in range(96)]
    assert sorted(sent) == sorted(day_ephids(key.secret))
    assert sent != list(day_ephids(key.secret))


def test_the_order_is_secret() -> None:
    """SPEC: CR-7, LC-2. The same day key under another order goes out otherwise, and an upload holds no order."""
    (key,) = schedule(DESIGN, NOON, NOON)
    other = OwnKey(key.index, key.span, key.secret, bytes(32))
    epochs = range(NOON - NOON % DAY, NOON - NOON % DAY + DAY, 900)
    assert [on_air(DESIGN, [key], at) for at in epochs] != [on_air(DESIGN, [other], at) for at in epochs]
    (shared,) = DESIGN.uploadable([key], NOON, NOON, ())
    assert key.order not in (shared.secret, b"")


def test_day_keys_are_a_chain() -> None:
    """SPEC: LC-3. Each day's key is the hash of the one before, with a fresh order."""
    keys = schedule(DESIGN, NOON - 5 * DAY, NOON)
    assert all(other.secret == next_day_key(one.secret) for one, other in pairwise(keys))
    assert len({key.order for key in keys}) == len(keys)


@pytest.mark.parametrize(("days", "chained"), [(1, True), (3, True), (15, True), (16, False), (400, False)])
def test_a_phone_that_slept_hashes_forward_or_starts_anew(days: int, chained: bool) -> None:
    """SPEC: LC-3. Up to 15 days later the chain goes on at today's link; after that it is a fresh one."""
    (key,) = schedule(DESIGN, NOON, NOON)
    later = DESIGN.next_key(key, NOON + days * DAY, fresh(9))
    secret = key.secret
    for _ in range(days):
        secret = next_day_key(secret)
    assert later.index == TODAY + days
    assert (later.secret == secret) is chained


def test_a_clock_set_back_starts_anew() -> None:
    """SPEC: LC-3. No key of the past is derived from a later one."""
    (key,) = schedule(DESIGN, NOON, NOON)
    for days in (0, -1):
        assert DESIGN.next_key(key, NOON + days * DAY, fresh(9)).secret == fresh(9).take("seed", 32)


def test_only_the_oldest_contagious_day_is_uploaded() -> None:
    """SPEC: LC-5. One key, of the day that holds the start of the contagious period."""
    keys = schedule(DESIGN, NOON - 9 * DAY, NOON)
    assert DESIGN.uploadable(keys, NOON - 4 * DAY, NOON, ()) == (SharedKey(keys[5].secret, TODAY - 4, 1),)


@pytest.mark.parametrize(
    ("index", "release", "days"),
    [
        (TODAY, NOON, [TODAY]),
        (TODAY - 2, NOON, [TODAY - 2, TODAY - 1, TODAY]),
        (TODAY - 1, TODAY * DAY, [TODAY - 1]),
        (TODAY - 1, TODAY * DAY + 1, [TODAY - 1, TODAY]),
        (TODAY + 1, NOON, []),
        (TODAY - 15, NOON, list(range(TODAY - 15, TODAY + 1))),
        (TODAY - 16, NOON, list(range(TODAY - 16, TODAY))),
        (0, NOON, list(range(MAX_CHAIN_DAYS))),
    ],
    ids=["today", "three days", "midnight", "after midnight", "tomorrow", "16 days", "17 days", "1970"],
)
def test_a_published_key_is_expanded_for_few_days(index: int, release: int, days: list[int]) -> None:
    """SPEC: LC-6, LC-7. From its day to the last before the release, at most 16; each EphID on its day only."""
    secret = bytes(range(32))
    expanded = list(DESIGN.candidates(SharedKey(secret, index, 1), release))
    assert [candidate.first_slot for candidate in expanded[::96]] == days
    assert all(candidate.first_slot == candidate.last_slot for candidate in expanded)
    assert len(expanded) == 96 * len(days)
    for candidates in (expanded[start : start + 96] for start in range(0, len(expanded), 96)):
        assert tuple(candidate.value for candidate in candidates) == day_ephids(secret)
        secret = next_day_key(secret)


def test_an_entry_is_key_and_day() -> None:
    """SPEC: LC-8, BA-7. 36 bytes each, ascending, and read back."""
    keys = [SharedKey(bytes([2]) * 32, 1, 1), SharedKey(bytes([1]) * 32, 2**32 - 1, 1)]
    body = bytes([1]) * 32 + b"\xff\xff\xff\xff" + bytes([2]) * 32 + b"\0\0\0\1"
    assert DESIGN.publish(keys) == (2, body)
    assert published(DESIGN, keys) == tuple(reversed(keys))
