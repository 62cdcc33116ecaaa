"""The unlinkable design: a seed for each epoch, hashes that bind it."""

from __future__ import annotations

import pytest

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SharedKey, Token
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from anopticon_protocol.errors import UploadError
from anopticon_protocol.primitives import sha256
from tests.protocol.strategies import DAY, NOON, heard, matches, on_air, published, schedule

DESIGN = open_design("unlinkable")
EPOCH = NOON // 900
SEED = bytes(range(32))


def test_the_stored_value_binds_the_epoch_not_the_second() -> None:
    """SPEC: UL-2, UL-3. The same EphID is stored alike within an epoch, otherwise in the next, and never as it is."""
    ephid = ephid_of_seed(SEED)
    tokens = [DESIGN.observe(ephid, at) for at in (NOON, NOON + 899, NOON + 900)]
    assert tokens[0] == tokens[1] == Token(NOON // DAY, sha256(ephid + EPOCH.to_bytes(4, "big")))
    assert tokens[2].value == hashed_observation(ephid, EPOCH + 1) != tokens[0].value


def test_seconds_in_place_of_the_epoch_would_be_another_value() -> None:
    """SPEC: UL-3. A profile of April 2020 hashed u32 seconds; a phone that did would match nobody."""
    ephid = ephid_of_seed(bytes(32))
    seconds = sha256(ephid + NOON.to_bytes(4, "big"))
    assert DESIGN.observe(ephid, NOON).value == hashed_observation(ephid, EPOCH) != seconds


def test_an_ephid_heard_in_its_epoch_and_the_next_matches_once() -> None:
    """SPEC: UL-2, UL-6. The row of the second epoch holds another hash."""
    keys = schedule(DESIGN, NOON, NOON)
    data = on_air(DESIGN, keys, NOON)
    rows = [heard(DESIGN, data, at) for at in (NOON + 899, NOON + 900)]
    shared = DESIGN.uploadable(keys, NOON, NOON, ())
    assert [row.token for row in matches(DESIGN, published(DESIGN, shared), NOON + 7_200, *rows)] == [
        rows[0].token
    ]


def test_seeds_are_not_published() -> None:
    """SPEC: UL-4. The body is a filter of the hashes, and no seed or EphID stands in it."""
    keys = [SharedKey(bytes([n]) * 32, EPOCH + n, 1) for n in range(1, 40)]
    count, body = DESIGN.publish(keys)
    assert count == 39
    assert not any(key.secret[:8] in body or ephid_of_seed(key.secret)[:7] in body for key in keys)
    read = DESIGN.read(count, body)
    assert not isinstance(read, tuple)
    assert all(hashed_observation(ephid_of_seed(key.secret), key.index) in read for key in keys)


def test_a_seed_waits_for_the_end_of_its_epoch() -> None:
    """SPEC: UL-5. Not before the last second of the epoch has passed."""
    assert DESIGN.release_from(SharedKey(SEED, EPOCH, 1)) == NOON + 900


def test_one_seed_for_an_epoch() -> None:
    """SPEC: UL-7. Two seeds of one epoch are refused."""
    keys = [SharedKey(bytes(32), EPOCH, 1), SharedKey(SEED, EPOCH, 1)]
    with pytest.raises(UploadError, match=r"keys\[1\]\.index: more than 1 keys with the same index"):
        DESIGN.check_upload(keys, NOON)
