"""ECDSA P-256: deterministic, both forms, and keys from text of any kind."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.errors import BadSignatureError, InvalidParameterError, KeyTextError
from anopticon_protocol.signing import MAX_KEY_TEXT_CHARS, SigningKey, VerifyingKey
from tests.protocol.strategies import SIGNER, STRANGER, roots

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
messages = st.binary(max_size=80)


def der_of(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    """SubjectPublicKeyInfo of any kind of key."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_signature_of_rfc_6979() -> None:
    """SPEC: CR-4. RFC 6979, appendix A.2.5, P-256 with SHA-256, message "sample"."""
    scalar = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    key = SigningKey.from_secret((scalar - 1).to_bytes(32, "big"))
    r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    s = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    assert key.sign_raw(b"sample").hex() == r + s


@given(roots, messages)
def test_signing_is_deterministic_and_verifies(secret: bytes, message: bytes) -> None:
    """SPEC: CR-4. Two signatures over the same bytes are the same, in both forms, and verify."""
    one, other = SigningKey.from_secret(secret), SigningKey.from_secret(secret)
    assert one.sign(message) == other.sign(message)
    assert one.sign_raw(message) == other.sign_raw(message)
    one.public.verify(message, one.sign(message))
    one.public.verify_raw(message, one.sign_raw(message))


@given(messages, st.integers(0, 511))
def test_one_flipped_bit_of_the_signature_does_not_verify(message: bytes, bit: int) -> None:
    """SPEC: CR-6. Any other 64 bytes raise."""
    signature = bytearray(SIGNER.sign_raw(message))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignatureError):
        SIGNER.public.verify_raw(message, bytes(signature))


@given(messages, messages.filter(bool))
def test_another_message_or_key_does_not_verify(message: bytes, more: bytes) -> None:
    """SPEC: CR-6. A signature is for its bytes and its key alone."""
    signature = SIGNER.sign(message)
    with pytest.raises(BadSignatureError):
        SIGNER.public.verify(message + more, signature)
    with pytest.raises(BadSignatureError):
        STRANGER.public.verify(message, signature)


@pytest.mark.parametrize("signature", [b"", bytes(64), b"\xff" * 64, bytes(63), bytes(65)])
def test_bytes_that_are_no_signature_raise(signature: bytes) -> None:
    """SPEC: CR-6. Zeros, numbers beyond the group order and other lengths raise like a wrong signature."""
    with pytest.raises(BadSignatureError):
        SIGNER.public.verify_raw(b"message", signature)
    with pytest.raises(BadSignatureError):
        SIGNER.public.verify(b"message", signature)


@pytest.mark.parametrize("secret", [0, ORDER - 2, ORDER - 1, ORDER, 2**256 - 1])
def test_every_secret_is_a_key(secret: int) -> None:
    """SPEC: CR-4. Secrets at and beyond the group order are reduced into 1..n-1."""
    key = SigningKey.from_secret(secret.to_bytes(32, "big"))
    scalar = secret % (ORDER - 1) + 1
    assert key.public == VerifyingKey.from_der(
        der_of(ec.derive_private_key(scalar, ec.SECP256R1()).public_key())
    )


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(length: int) -> None:
    """A signing secret has 32 bytes."""
    with pytest.raises(InvalidParameterError, match="SECRET_BYTES"):
        SigningKey.from_secret(bytes(length))


def test_public_keys_survive_text() -> None:
    """SPEC: CR-5. DER of 91 bytes, one line of base64, broken base64 and PEM are the same key."""
    der, text = SIGNER.public.to_der(), SIGNER.public.to_text()
    pem = f"-----BEGIN PUBLIC KEY-----\n{text[:64]}\n{text[64:]}\n-----END PUBLIC KEY-----\n"
    assert (len(der), base64.b64decode(text)) == (91, der)
    for given_text in (text, f"  {text[:40]}\n{text[40:]}\n", pem, pem.replace("\n", "\r\n")):
        assert VerifyingKey.from_text(given_text) == SIGNER.public


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("not base64!", "neither PEM nor base64"),
        ("é", "neither PEM nor base64"),
        ("", "not a DER"),
        ("AAAA", "not a DER"),
        ("A" * (MAX_KEY_TEXT_CHARS + 4), "MAX_KEY_TEXT_CHARS"),
    ],
    ids=["words", "not ASCII", "empty", "zeros", "long"],
)
def test_text_that_is_no_key_is_refused(text: str, sentence: str) -> None:
    """SPEC: CR-5. The sentence says what the text is not."""
    with pytest.raises(KeyTextError, match=sentence):
        VerifyingKey.from_text(text)


def test_keys_of_another_kind_are_refused() -> None:
    """SPEC: CR-5. Another curve, Ed25519, an unknown curve and an unknown algorithm raise KeyTextError."""
    unknown_algorithm = bytes.fromhex("30 1f 30 06 06 04 2a 03 04 05 03 15 00") + bytes(20)
    unknown_curve = bytes.fromhex("30 3e 30 10 06 07 2a8648ce3d0201 06 05 2b81040009 03 2a 00 04") + bytes(40)
    foreign = [
        der_of(ec.generate_private_key(ec.SECP384R1()).public_key()),
        der_of(ed25519.Ed25519PrivateKey.generate().public_key()),
        unknown_algorithm,
        unknown_curve,
    ]
    for der in foreign:
        with pytest.raises(KeyTextError, match="public key: not"):
            VerifyingKey.from_der(der)


@given(st.binary(max_size=120))
def test_random_bytes_raise_no_other_error(der: bytes) -> None:
    """SPEC: CR-5. Bytes from outside are a key or a KeyTextError."""
    with pytest.raises(KeyTextError):
        VerifyingKey.from_der(der)


def test_secret_does_not_show() -> None:
    """The representation of a signing key holds no bytes of it."""
    assert repr(SIGNER) == "SigningKey()"
