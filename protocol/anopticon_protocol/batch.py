"""Published batches: what a key server signs and every phone downloads (SPEC.md 8).

One batch has one byte form, whoever makes it and however often:

    magic      8   "ANOPBAT" and the version byte 1
    design     u8 length, then ASCII: the text form of the design with its parameters
    release    u64 big-endian, Unix seconds, a multiple of the period
    period     u32 big-endian, seconds
    count      u32 big-endian: keys or filter entries
    length     u32 big-endian: bytes of the body
    body       as the design defines it
    key id     u8 length, then ASCII: which key signed
    signature  64: r and s of ECDSA P-256 with SHA-256 over everything before it, deterministic (RFC 6979)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from anopticon_protocol.designs import MAX_SPEC_CHARS, open_design
from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import BadSignatureError, BatchError, InvalidParameterError
from anopticon_protocol.params import DAY_SECONDS, MAX_BATCH_BYTES, MAX_UNIX_TIME
from anopticon_protocol.signing import RAW_SIGNATURE_BYTES, SigningKey, VerifyingKey

MAGIC: Final = b"ANOPBAT"
VERSION: Final = 1
MAX_KEY_ID_CHARS: Final = 32
MIN_PERIOD_SECONDS: Final = 60
MAX_PERIOD_SECONDS: Final = DAY_SECONDS
_FIXED = struct.Struct(">QIII")


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as read, with its signature checked or not: see `decode` and `decode_unverified`."""

    design: Design
    release: int
    period: int
    count: int
    body: bytes
    key_id: str
    signature: bytes
    signed: bytes
    """The bytes that the signature covers."""

    @classmethod
    def decode_unverified(cls, data: bytes) -> Batch:
        """Read a batch without checking who signed it: for tools. Raises BatchError."""
        reader = _Reader(data)
        if len(data) > MAX_BATCH_BYTES:
            raise BatchError(
                "oversized", f"batch of {len(data)} bytes, at most {MAX_BATCH_BYTES} (MAX_BATCH_BYTES)"
            )
        if reader.take(len(MAGIC), "magic") != MAGIC:
            raise BatchError("magic", "this is not an Anopticon batch: it does not begin with ANOPBAT")
        version = reader.take(1, "version")[0]
        if version != VERSION:
            raise BatchError("version", f"batch version {version}, this reader knows version {VERSION}")
        design = _open(reader.text(MAX_SPEC_CHARS, "design"))
        release, period, count, length = _FIXED.unpack(reader.take(_FIXED.size, "header"))
        _check_header(release, period)
        body = reader.take(length, "body")
        key_id = reader.text(MAX_KEY_ID_CHARS, "key id")
        if not key_id.isprintable():
            raise BatchError("key-id", "key id holds a character that cannot be printed")
        signed = data[: reader.offset]
        signature = reader.take(RAW_SIGNATURE_BYTES, "signature")
        if reader.offset != len(data):
            raise BatchError("trailing", f"{len(data) - reader.offset} bytes behind the signature")
        return cls(design, release, period, count, body, key_id, signature, signed)

    @classmethod
    def decode(cls, data: bytes, trusted: Mapping[str, VerifyingKey], design: Design) -> Batch:
        """Read a batch of `design` signed by a key in `trusted` (by key id); raises BatchError."""
        batch = cls.decode_unverified(data)
        batch.verify(trusted)
        if batch.design.spec != design.spec:
            raise BatchError("design", f"batch of design {batch.design.spec}, this phone runs {design.spec}")
        return batch

    def verify(self, trusted: Mapping[str, VerifyingKey]) -> None:
        """Raise BatchError unless the signature is by the trusted key that the batch names."""
        if self.key_id not in trusted:
            raise BatchError("key-id", f"signed by key {self.key_id!r}, which is not trusted here")
        try:
            trusted[self.key_id].verify_raw(self.signed, self.signature)
        except BadSignatureError as error:
            raise BatchError("signature", f"batch signature by {self.key_id!r} does not verify") from error

    def published(self) -> Published:
        """The keys or the filter inside; raises BatchError naming the entry at fault."""
        return self.design.read(self.count, self.body)


def encode_batch(
    design: Design, release: int, period: int, keys: Iterable[SharedKey], signer: SigningKey, key_id: str
) -> bytes:
    """Build and sign the batch of `keys` released at `release`; the same bytes for the same arguments."""
    if not (0 < len(key_id) <= MAX_KEY_ID_CHARS and key_id.isascii() and key_id.isprintable()):
        msg = (
            f"key id {key_id!r}: must be 1..{MAX_KEY_ID_CHARS} printable ASCII characters (MAX_KEY_ID_CHARS)"
        )
        raise InvalidParameterError(msg)
    if (
        not MIN_PERIOD_SECONDS <= period <= MAX_PERIOD_SECONDS
        or not 0 < release <= MAX_UNIX_TIME
        or release % period
    ):
        msg = f"release {release} and period {period}: the release must be a positive multiple of the period"
        raise InvalidParameterError(msg)
    count, body = design.publish(keys)
    spec, name = design.spec.encode("ascii"), key_id.encode("ascii")
    signed = b"".join(
        (
            MAGIC,
            bytes([VERSION, len(spec)]),
            spec,
            _FIXED.pack(release, period, count, len(body)),
            body,
            bytes([len(name)]),
            name,
        )
    )
    return signed + signer.sign_raw(signed)


class _Reader:
    """A cursor over the bytes of a batch."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, length: int, field: str) -> bytes:
        end = self.offset + length
        if end > len(self.data):
            missing = end - len(self.data)
            raise BatchError("truncated", f"batch ends in the {field}: {missing} bytes are missing")
        piece = self.data[self.offset : end]
        self.offset = end
        return piece

    def text(self, most: int, field: str) -> str:
        length = self.take(1, field)[0]
        if not 1 <= length <= most:
            raise BatchError("oversized", f"{field} of {length} characters, must be 1..{most}")
        raw = self.take(length, field)
        try:
            return raw.decode("ascii")
        except UnicodeDecodeError as error:
            raise BatchError(field.replace(" ", "-"), f"{field} is not ASCII") from error


def _open(spec: str) -> Design:
    try:
        design = open_design(spec)
    except InvalidParameterError as error:
        raise BatchError("design", str(error)) from error
    if design.spec != spec:
        raise BatchError("design", f"design {spec!r} is not in its one form, {design.spec!r}")
    return design


def _check_header(release: int, period: int) -> None:
    if not MIN_PERIOD_SECONDS <= period <= MAX_PERIOD_SECONDS:
        bounds = f"{MIN_PERIOD_SECONDS}..{MAX_PERIOD_SECONDS}"
        raise BatchError("release", f"release period {period} s, must be {bounds} (MAX_PERIOD_SECONDS)")
    if not 0 < release <= MAX_UNIX_TIME or release % period:
        raise BatchError("release", f"release {release} is not a multiple of its period of {period} s")
