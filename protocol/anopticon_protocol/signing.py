"""ECDSA on P-256 with SHA-256: signatures over batches and export files (SPEC.md 8.3, 8.5.4).

Signing is deterministic (RFC 6979), so that two servers with the same rows publish the same bytes.
Verification raises; it never returns a flag.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from anopticon_protocol.errors import BadSignatureError, InvalidParameterError, KeyTextError

SECRET_BYTES = 32
RAW_SIGNATURE_BYTES = 64
MAX_KEY_TEXT_CHARS = 4096
"""A P-256 key as PEM is about 250 characters."""
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ALGORITHM = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A P-256 public key."""

    _key: ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def from_der(cls, der: bytes) -> VerifyingKey:
        """Read a DER SubjectPublicKeyInfo (RFC 5480); raises KeyTextError unless it holds a P-256 key."""
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            msg = "public key: not a DER SubjectPublicKeyInfo of a kind known here"
            raise KeyTextError(msg) from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            msg = "public key: not on curve P-256"
            raise KeyTextError(msg)
        return cls(key)

    @classmethod
    def from_text(cls, text: str) -> VerifyingKey:
        """Read PEM, or the base64 of the DER form; raises KeyTextError."""
        if len(text) > MAX_KEY_TEXT_CHARS:
            msg = f"public key: {len(text)} characters, at most {MAX_KEY_TEXT_CHARS} (MAX_KEY_TEXT_CHARS)"
            raise KeyTextError(msg)
        body = "".join(line for line in text.split() if line) if "-----" not in text else _pem_body(text)
        try:
            der = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            msg = "public key: neither PEM nor base64"
            raise KeyTextError(msg) from error
        return cls.from_der(der)

    def to_der(self) -> bytes:
        """DER SubjectPublicKeyInfo, 91 bytes."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_bytes(serialization.Encoding.DER, form)

    def to_text(self) -> str:
        """Base64 of the DER form, one line."""
        return base64.b64encode(self.to_der()).decode("ascii")

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a DER signature over SHA-256 of `message`; raises BadSignatureError."""
        try:
            self._key.verify(signature, message, _ALGORITHM)
        except (InvalidSignature, ValueError) as error:
            msg = "the signature does not verify under this key"
            raise BadSignatureError(msg) from error

    def verify_raw(self, message: bytes, signature: bytes) -> None:
        """Check a 64-byte r||s signature (each 32 bytes, big-endian); raises BadSignatureError."""
        if len(signature) != RAW_SIGNATURE_BYTES:
            msg = f"signature of {len(signature)} bytes, {RAW_SIGNATURE_BYTES} needed (RAW_SIGNATURE_BYTES)"
            raise BadSignatureError(msg)
        half = RAW_SIGNATURE_BYTES // 2
        pair = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        self.verify(message, encode_dss_signature(*pair))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 private key. Its representation never shows the secret."""

    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def from_secret(cls, secret: bytes) -> SigningKey:
        """Make a key from 32 uniform secret bytes, reduced into 1..n-1 (bias below 2**-32)."""
        if len(secret) != SECRET_BYTES:
            msg = f"signing secret of {len(secret)} bytes given, {SECRET_BYTES} needed (SECRET_BYTES)"
            raise InvalidParameterError(msg)
        scalar = int.from_bytes(secret, "big") % (_ORDER - 1) + 1
        return cls(ec.derive_private_key(scalar, ec.SECP256R1()))

    @property
    def public(self) -> VerifyingKey:
        """The key that verifies what this one signs."""
        return VerifyingKey(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Deterministic DER signature over SHA-256 of `message` (RFC 6979)."""
        return self._key.sign(message, _ALGORITHM)

    def sign_raw(self, message: bytes) -> bytes:
        """The same signature as 64 bytes r||s."""
        r, s = decode_dss_signature(self.sign(message))
        half = RAW_SIGNATURE_BYTES // 2
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def _pem_body(text: str) -> str:
    return "".join(line.strip() for line in text.strip().splitlines() if "-----" not in line)
