"""Pieces of entropy: named, distinct, repeatable from their root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.entropy import Entropy
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.primitives import hkdf_expand_sha256
from tests.protocol.strategies import roots

purposes = st.text("abcdefghij", max_size=6)


@given(roots, st.lists(purposes, min_size=2, max_size=12))
def test_no_two_pieces_are_the_same(root: bytes, wanted: list[str]) -> None:
    """SPEC: CR-8. Pieces differ, also for the same purpose asked for twice."""
    entropy = Entropy(root)
    pieces = [entropy.take(purpose, 16) for purpose in wanted]
    assert len(set(pieces)) == len(pieces)


@given(roots, purposes, st.integers(0, 100))
def test_the_same_root_and_requests_give_the_same_pieces(root: bytes, purpose: str, length: int) -> None:
    """SPEC: CR-8. A piece is HKDF-Expand of root, call number and purpose, of the wanted length."""
    piece = Entropy(root).take(purpose, length)
    info = b"anopticon entropy v1/" + (1).to_bytes(4, "big") + purpose.encode()
    assert piece == hkdf_expand_sha256(root, info, length)
    assert len(piece) == length


@given(roots, st.integers(1, 10_000))
def test_numbers_lie_below_their_bound(root: bytes, bound: int) -> None:
    """below() gives whole numbers from 0 to the bound, excluded."""
    entropy = Entropy(root)
    assert all(0 <= entropy.below("draw", bound) < bound for _ in range(5))


def test_every_number_below_a_bound_comes_up() -> None:
    """A few hundred draws below six show all six faces, none of them more than twice as often as its share."""
    entropy = Entropy(bytes(32))
    draws = [entropy.below("die", 6) for _ in range(600)]
    assert {draws.count(face) for face in range(6)} <= set(range(60, 200))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_root_of_another_length_is_refused(length: int) -> None:
    """SPEC: CR-8. Exactly 32 bytes are fresh entropy."""
    with pytest.raises(InvalidParameterError, match="ENTROPY_BYTES"):
        Entropy(bytes(length))
