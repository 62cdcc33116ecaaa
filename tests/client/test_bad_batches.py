"""Batches that must not be used, and batches that must."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.events import (
    BatchFetched,
    IndexFetched,
    Warn,
    Woken,
)
from anopticon_client.memory import MAX_REMEMBERED_BATCHES, Memory
from anopticon_client.state import DropBatch, Snapshot
from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SETTLED, SharedKey
from anopticon_protocol.signing import SigningKey
from tests.client.by_hand import (
    FOREIGN_DESIGN,
    PERIOD,
    asked_for,
    index_of,
    lone,
    only_replans,
    some_key,
    warned,
)
from tests.client.desk import KEY_ID, SIGNER, entry_of
from tests.client.drive import Town, clock, each_design


def signed(design: Design, release: int, period: int = PERIOD) -> bytes:
    """A batch by the deployment's key."""
    return encode_batch(design, release, period, [some_key(design)], SIGNER, KEY_ID)


def resigned(body: bytes) -> bytes:
    """`body` with a good signature."""
    return body + SIGNER.sign_raw(body)


BAD: dict[str, tuple[Callable[[Design, int], bytes], str]] = {
    "signature by a stranger": (
        lambda design, at: encode_batch(
            design, at, PERIOD, [some_key(design)], SigningKey.from_secret(bytes(31) + b"\x07"), KEY_ID
        ),
        f"batch signature by '{KEY_ID}' does not verify",
    ),
    "unknown key id": (
        lambda design, at: encode_batch(design, at, PERIOD, [some_key(design)], SIGNER, "town-2"),
        "signed by key 'town-2', which is not trusted here",
    ),
    "a bit of the body turned": (
        lambda design, at: bytes(
            byte ^ (place == len(signed(design, at)) - 90) for place, byte in enumerate(signed(design, at))
        ),
        "",
    ),
    "another design": (
        lambda design, at: signed(open_design(FOREIGN_DESIGN.get(design.name, "gaen")), at),
        "this phone runs",
    ),
    "another release": (lambda design, at: signed(design, at + PERIOD), "not of the one the index lists"),
    "another period": (lambda design, at: signed(design, at, PERIOD // 2), "not of the one the index lists"),
    "cut short": (
        lambda design, at: signed(design, at)[:-1],
        "batch ends in the signature: 1 bytes are missing",
    ),
    "empty": (lambda design, at: b"", "batch ends in the magic"),
    "a byte more": (lambda design, at: signed(design, at) + b"\x00", "1 bytes behind the signature"),
    "another version": (
        lambda design, at: resigned(signed(design, at)[:7] + b"\x02" + signed(design, at)[8:-64]),
        "batch version 2",
    ),
    "a wrong count": (
        lambda design, at: resigned(
            signed(design, at)[: 9 + len(design.spec) + 12]
            + b"\x00\x00\x00\x02"
            + signed(design, at)[9 + len(design.spec) + 16 : -64]
        ),
        "",
    ),
}


@each_design
@pytest.mark.parametrize("kind", BAD)
def test_a_batch_that_must_not_be_used_is_dropped_and_stays_wanted(spec: str, kind: str) -> None:
    """A bad batch is said to be bad, changes nothing, and the good one is taken when it comes.

    SPEC: PH-22, BA-10.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    make, says = BAD[kind]
    town.meet(ann, bob, clock("09:00"), 20)
    own = next(key for key in ann.saved.own_keys.values() if town.design.key_range(key)[1] > clock("09:10"))
    key = SharedKey(own.secret, own.index, own.span)
    release, now = clock("12:00"), clock("12:30")
    bob.handle(Woken(), now)
    good, bad = town.desk.put(release, key), make(town.design, release)
    bob.handle(IndexFetched(index_of(town, entry_of(release, bad), until=release)), now)
    received = {row.received for row in bob.rows}
    outcome = bob.handle(BatchFetched(release, bad), now)
    (sentence,) = warned(outcome.effects)
    assert sentence.startswith(f"batch of release {release} refused: ")
    assert says in sentence
    assert only_replans(outcome)
    assert outcome.effects[0] == Warn(sentence)
    assert {row.received for row in bob.rows} == received, "fine times are kept for the good one"
    assert asked_for(bob.handle(IndexFetched(None), now + 1).effects) == [release]
    bob.handle(IndexFetched(index_of(town, entry_of(release, good), until=release)), now + 2)
    bob.handle(BatchFetched(release, good), now + 2)
    assert release in bob.saved.batches
    assert any(row.match for row in bob.rows)
    assert {row.received for row in bob.rows} == {SETTLED}


@each_design
def test_a_batch_with_another_hash_than_listed_is_dropped(spec: str) -> None:
    """A good batch in place of the listed one is not what the index promised: dropped, said, still wanted.

    SPEC: PH-22.
    """
    town, bob = lone(spec)
    release = clock("02:00")
    entry = entry_of(release, town.desk.put(release, some_key(town.design)))
    other = town.desk.put(release, some_key(town.design, "another"))
    bob.handle(IndexFetched(index_of(town, entry, until=release)), clock("03:00"))
    outcome = bob.handle(BatchFetched(release, other), clock("03:00"))
    assert only_replans(outcome)
    assert warned(outcome.effects) == [
        f"batch of release {release} refused: its bytes are not those that the index lists"
    ]
    assert asked_for(bob.handle(IndexFetched(None), clock("03:01")).effects) == [release]


@each_design
def test_a_batch_that_was_not_asked_for_is_ignored(spec: str) -> None:
    """A batch out of the blue, and one that comes a second time, change nothing.

    SPEC: PH-22, PH-25.
    """
    town, bob = lone(spec)
    release = clock("02:00")
    data = town.desk.put(release, some_key(town.design))
    assert bob.handle(BatchFetched(release, data), clock("03:00")).changes == ()
    bob.handle(IndexFetched(index_of(town, entry_of(release, data), until=release)), clock("03:00"))
    assert bob.handle(BatchFetched(release, data), clock("03:01")).changes != ()
    assert bob.handle(BatchFetched(release, data), clock("03:02")).changes == ()
    assert bob.warnings == [f"ignored a batch of release {release} that was not asked for"] * 2


@each_design
def test_an_empty_batch_is_processed(spec: str) -> None:
    """A batch without keys matches nothing and is not asked for again."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.desk.put(clock("10:00"))
    town.run(clock("12:30"))
    assert set(bob.saved.batches) == {clock("10:00")}
    assert bob.warnings == []


def test_only_so_many_processed_batches_are_remembered() -> None:
    """With the 401st processed batch the oldest is forgotten, in memory and in the store.

    SPEC: PH-8.
    """
    memory = Memory(Snapshot())
    for release in range(MAX_REMEMBERED_BATCHES):
        memory.put_batch(release, "")
    assert not any(isinstance(change, DropBatch) for change in memory.take_changes())
    memory.put_batch(MAX_REMEMBERED_BATCHES, "")
    assert set(memory.batches) == set(range(1, MAX_REMEMBERED_BATCHES + 1))
    assert DropBatch(0) in memory.take_changes()


def test_trusted_keys_are_found_by_their_id() -> None:
    """A phone that trusts two keys takes batches of both: a deployment can change its key."""
    town, bob = lone("lowcost")
    new = SigningKey.from_secret(bytes(range(1, 33)))
    config = PhoneConfig(town.design, {KEY_ID: SIGNER.public, "town-2": new.public})
    bob.config = config
    bob.crash()
    old = town.desk.put(clock("02:00"), some_key(town.design))
    latest = encode_batch(town.design, clock("04:00"), PERIOD, [some_key(town.design)], new, "town-2")
    entries = [entry_of(clock("02:00"), old), entry_of(clock("04:00"), latest)]
    bob.handle(IndexFetched(index_of(town, *entries, until=clock("04:00"))), clock("05:00"))
    bob.handle(BatchFetched(clock("04:00"), latest), clock("05:00"))
    bob.handle(BatchFetched(clock("02:00"), old), clock("05:00"))
    assert set(bob.saved.batches) == {clock("02:00"), clock("04:00")}
    assert json.loads(index_of(town, *entries, until=clock("04:00")))["version"] == 1
