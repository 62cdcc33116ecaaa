"""The symmetric cryptography of SPEC.md 4; with signing.py the only door to a cryptographic library.

SHA-256 and HMAC come from the standard library (OpenSSL underneath), AES from pyca/cryptography.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

from anopticon_protocol.errors import InvalidParameterError

_ZERO_SALT = bytes(32)
_ZERO_COUNTER = CTR(bytes(16))
_ECB = ECB()  # noqa: S305 - one block per identifier is what Exposure Notification v1.2 specifies
HKDF_BLOCK_BYTES = 32
HKDF_MAX_BYTES = 255 * HKDF_BLOCK_BYTES
"""RFC 5869 section 2.3."""
AES_SLACK_BYTES: Final = 15
"""How much longer than its last block the library wants a buffer that it writes to."""


def sha256(message: bytes) -> bytes:
    """SHA-256 of `message`, 32 bytes (FIPS 180-4)."""
    return hashlib.sha256(message).digest()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes (RFC 2104)."""
    return hmac.digest(key, message, "sha256")


def hkdf_expand_sha256(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256: `length` bytes, at most HKDF_MAX_BYTES (RFC 5869 section 2.3)."""
    if not 0 <= length <= HKDF_MAX_BYTES:
        msg = f"HKDF output of {length} bytes lies outside 0..{HKDF_MAX_BYTES} (HKDF_MAX_BYTES)"
        raise InvalidParameterError(msg)
    output = block = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]


def hkdf_sha256(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 with no salt, which RFC 5869 section 2.2 defines as 32 zero bytes."""
    return hkdf_expand_sha256(hmac.digest(_ZERO_SALT, key, "sha256"), info, length)


def aes_ctr_keystream(key: bytes, length: int) -> bytes:
    """`length` bytes of AES-CTR keystream under a 128-bit big-endian counter that starts at 0."""
    return Cipher(AES(key), _ZERO_COUNTER).encryptor().update(bytes(length))


def aes_ctr(key: bytes, counter_block: bytes, data: bytes) -> bytes:
    """AES-CTR over `data` with a 16-byte initial counter block; the same call decrypts (NIST SP 800-38A)."""
    return Cipher(AES(key), CTR(counter_block)).encryptor().update(data)


def aes_ecb(key: bytes, blocks: bytes) -> bytes:
    """AES of each 16-byte block of `blocks` on its own (NIST SP 800-38A)."""
    return Cipher(AES(key), _ECB).encryptor().update(blocks)


def hkdf_aes_many(secrets: Iterable[bytes], label: bytes, blocks: Iterable[bytes], out: memoryview) -> None:
    """For each secret in turn write AES-128 of its blocks, under HKDF(secret, no salt, label, 16), to `out`.

    `out` needs room for AES_SLACK_BYTES more. One call for many secrets: what costs is making objects.
    """
    digest, info, at = hmac.digest, label + b"\x01", 0
    for secret, plain in zip(secrets, blocks, strict=True):
        key = digest(digest(_ZERO_SALT, secret, "sha256"), info, "sha256")[:16]
        at += Cipher(AES(key), _ECB).encryptor().update_into(plain, out[at:])


def prf_aes_many(secrets: Iterable[bytes], label: bytes, blocks: bytes, out: memoryview) -> None:
    """For each secret in turn write AES-256 of `blocks`, under HMAC-SHA256(secret, label), to `out`; see hkdf_aes_many.

    With the counters from 0 as blocks this is the keystream of AES-256-CTR.
    """
    digest, at = hmac.digest, 0
    for secret in secrets:
        at += Cipher(AES(digest(secret, label, "sha256")), _ECB).encryptor().update_into(blocks, out[at:])


def shuffled(count: int, seed: bytes) -> tuple[int, ...]:
    """A permutation of 0..count-1 drawn from a 32-byte secret `seed` by Fisher and Yates; `count` up to 256.

    Each draw takes four keystream bytes. 2**32 modulo a bound of at most 256 leaves a bias below 2**-24.
    """
    order = list(range(count))
    stream = aes_ctr_keystream(seed, 4 * count)
    for position in range(count - 1, 0, -1):
        draw = int.from_bytes(stream[4 * position : 4 * position + 4], "big") % (position + 1)
        order[position], order[draw] = order[draw], order[position]
    return tuple(order)
