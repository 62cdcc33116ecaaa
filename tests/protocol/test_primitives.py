"""Symmetric cryptography against published test vectors, and the shuffle's laws."""

from __future__ import annotations

from collections import Counter

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.primitives import (
    HKDF_MAX_BYTES,
    aes_ctr,
    aes_ctr_keystream,
    aes_ecb,
    hkdf_expand_sha256,
    hkdf_sha256,
    hmac_sha256,
    sha256,
    shuffled,
)
from tests.protocol.strategies import roots

keys = st.sampled_from([16, 32]).flatmap(lambda length: st.binary(min_size=length, max_size=length))


def test_sha256_of_abc() -> None:
    """SPEC: CR-1. FIPS 180-4, the one-block message."""
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_hmac_of_rfc_4231() -> None:
    """SPEC: CR-1. RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_hkdf_of_rfc_5869() -> None:
    """SPEC: CR-3. RFC 5869, test case 3: no salt, no info, 42 bytes."""
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert hkdf_sha256(b"\x0b" * 22, b"", 42).hex() == expected


@given(roots, st.binary(max_size=40), st.integers(1, 200))
def test_hkdf_agrees_with_another_implementation(key: bytes, info: bytes, length: int) -> None:
    """SPEC: CR-3. Any length and info give what pyca/cryptography's HKDF gives."""
    other = HKDF(hashes.SHA256(), length, None, info).derive(key)
    assert hkdf_sha256(key, info, length) == other


@pytest.mark.parametrize("length", [-1, HKDF_MAX_BYTES + 1])
def test_hkdf_refuses_lengths_beyond_its_bounds(length: int) -> None:
    """RFC 5869 allows 255 blocks and no more."""
    with pytest.raises(InvalidParameterError, match="HKDF_MAX_BYTES"):
        hkdf_expand_sha256(bytes(32), b"", length)


def test_hkdf_gives_its_longest_output() -> None:
    """255 blocks and no byte are both lengths."""
    assert len(hkdf_expand_sha256(bytes(32), b"", HKDF_MAX_BYTES)) == HKDF_MAX_BYTES
    assert hkdf_expand_sha256(bytes(32), b"", 0) == b""


def test_aes_of_fips_197() -> None:
    """FIPS 197, appendix C.1 and C.3."""
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes_ecb(bytes(range(16)), plain).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert aes_ecb(bytes(range(32)), plain).hex() == "8ea2b7ca516745bfeafc49904b496089"


@given(keys, st.integers(0, 40))
def test_keystream_block_j_is_the_cipher_of_j(key: bytes, number: int) -> None:
    """SPEC: CR-2. Block j of the PRG is AES of j as a 128-bit big-endian number, so it starts at 0."""
    stream = aes_ctr_keystream(key, 16 * (number + 1))
    assert stream[16 * number :] == aes_ecb(key, number.to_bytes(16, "big"))


@given(keys, st.integers(0, 100))
def test_a_short_keystream_is_the_start_of_a_long_one(key: bytes, length: int) -> None:
    """SPEC: CR-2. Length only cuts off."""
    assert aes_ctr_keystream(key, length) == aes_ctr_keystream(key, 200)[:length]


@given(keys, st.binary(min_size=16, max_size=16), st.binary(max_size=40))
def test_the_same_call_decrypts(key: bytes, counter: bytes, data: bytes) -> None:
    """CTR twice is the identity."""
    assert aes_ctr(key, counter, aes_ctr(key, counter, data)) == data


@given(st.integers(0, 256), roots)
def test_shuffle_is_a_permutation(count: int, seed: bytes) -> None:
    """SPEC: CR-7. Every place stands once."""
    assert sorted(shuffled(count, seed)) == list(range(count))


@given(roots, roots)
def test_different_seeds_give_different_orders(one: bytes, other: bytes) -> None:
    """SPEC: CR-7. Of 96! orders two seeds do not hit the same one."""
    assert (shuffled(96, one) == shuffled(96, other)) == (one == other)


def test_every_order_of_three_comes_up_alike() -> None:
    """SPEC: CR-7. 6,000 seeds spread over the six orders of three within five standard deviations (144)."""
    orders = Counter(shuffled(3, sha256(seed.to_bytes(4, "big"))) for seed in range(6_000))
    assert len(orders) == 6
    assert all(abs(seen - 1_000) < 144 for seen in orders.values())
