"""Vectors of batches: one of every design, and each way in which one must be refused."""

from __future__ import annotations

import struct
from typing import Any, Final

from anopticon_protocol.batch import MAGIC, encode_batch
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.signing import SigningKey
from tests.vectors.made import DAY, HOUR, KEY_ID, MIDNIGHT, PUBLIC, SIGNER, STRANGER, Case, VectorFile, made

REASONS: Final = {
    "count": "The number of entries and the length of the body do not agree.",
    "design": "Not the design that the phone runs, or none that is known, or not in its one form.",
    "duplicate": "An entry stands twice.",
    "key-id": "The key that signed is not trusted.",
    "magic": "Not a batch.",
    "order": "Entries must ascend, so that a batch has one form.",
    "oversized": "A field is empty or longer than its bound.",
    "release": "The release must be a positive multiple of a period of 60..86400 s.",
    "signature": "The signature does not verify.",
    "trailing": "Bytes behind the signature.",
    "truncated": "The batch ends too early.",
    "version": "A version that is not known.",
}


def batch_file() -> VectorFile:
    """Batches as downloaded, with the key and the design of the phone."""
    notes = ("Keys are P-256. The signature is r and s over all bytes before it, deterministic (RFC 6979).",)
    return VectorFile("batch", notes, REASONS, [*sound_batches(), *broken_batches()])


def case(comment: str, data: bytes, reason: str = "", design: str = "lowcost", key_id: str = KEY_ID) -> Case:
    """A case; `reason` is why it must be refused, if it must."""
    given = {"batch": data.hex(), "design": design, "key_id": key_id, "public_key": PUBLIC}
    why = {"error": "BatchError", "reason": reason} if reason else None
    return Case(comment, given, (reason,) if reason else (), why)


def sound_batches() -> list[Case]:
    """A batch of every design, an empty one, and one that the package's writer had no part in."""
    sample = {
        "lowcost": [SharedKey(made("b1"), MIDNIGHT // DAY, 1), SharedKey(made("b2"), MIDNIGHT // DAY - 3, 1)],
        "unlinkable": [SharedKey(made(f"b{number}"), MIDNIGHT // 900 - number, 1) for number in range(20)],
        "hybrid:window_minutes=120": [SharedKey(made("b3", 16), MIDNIGHT // 7200 - 1, 1)],
        "gaen": [
            SharedKey(made("b4", 16), MIDNIGHT // 600 - 144, 144, ReportType.CONFIRMED_TEST, -2),
            SharedKey(made("b5", 16), MIDNIGHT // 600 - 144, 30, ReportType.REVOKED, None),
        ],
    }
    cases = [
        case(spec, encode_batch(open_design(spec), MIDNIGHT, 7200, keys, SIGNER, KEY_ID), design=spec)
        for spec, keys in sample.items()
    ]
    return [
        *cases,
        case("an empty batch", encode_batch(open_design("lowcost"), MIDNIGHT, 7200, [], SIGNER, KEY_ID)),
        case("put together by hand", raw_batch()),
    ]


def broken_batches() -> list[Case]:
    """Every reason to refuse, all but three of them correctly signed."""
    whole = raw_batch()
    ordered = sorted(made(f"batch {number}") + (MIDNIGHT // DAY).to_bytes(4, "big") for number in range(3))
    flipped = bytes([whole[40] ^ 1])

    return [
        case("nothing", b"", "truncated"),
        case("the first ten bytes", whole[:10], "truncated"),
        case("cut inside the body", whole[:60], "truncated"),
        case("the last byte of the signature is missing", whole[:-1], "truncated"),
        case("a length that runs past the end", raw_batch(length=10_000), "truncated"),
        case("another magic", raw_batch(magic=b"ANOPBAX"), "magic"),
        case("version 2", raw_batch(version=2), "version"),
        case("a design that nobody knows", raw_batch(design=b"lowcosT"), "design"),
        case("a design in another form than its one", raw_batch(design=b"hybrid"), "design"),
        case("a design of the phone's neighbour", whole, "design", design="gaen"),
        case("an empty design", raw_batch(design=b""), "oversized"),
        case("a release off the period", raw_batch(release=MIDNIGHT + 1), "release"),
        case("release 0", raw_batch(release=0), "release"),
        case("period 0", raw_batch(period=0), "release"),
        case("more entries than there are", raw_batch(count=4), "count"),
        case("fewer entries than there are", raw_batch(count=2), "count"),
        case("entries out of order", raw_batch(entries=ordered[::-1]), "order"),
        case("an entry twice", raw_batch(entries=[ordered[0], *ordered]), "duplicate"),
        case("a byte behind the signature", whole + b"\x00", "trailing"),
        case("a bit of the body changed", whole[:40] + flipped + whole[41:], "signature"),
        case("a bit of the signature changed", whole[:-1] + bytes([whole[-1] ^ 1]), "signature"),
        case("signed by somebody else", raw_batch(signer=STRANGER), "signature"),
        case("a key id that is not trusted", whole, "key-id", key_id="vectors-2"),
    ]


def raw_batch(**changed: Any) -> bytes:
    """A batch of the low-cost design put together by hand, signed over whatever it holds."""
    entries = [made(f"batch {number}") + (MIDNIGHT // DAY).to_bytes(4, "big") for number in range(3)]
    fields: dict[str, Any] = {
        "magic": MAGIC,
        "version": 1,
        "design": b"lowcost",
        "release": MIDNIGHT,
        "period": 2 * HOUR,
        "entries": sorted(entries),
        "count": None,
        "length": None,
        "key_id": KEY_ID.encode(),
        "signer": SIGNER,
    } | changed
    body = b"".join(fields["entries"])
    count = len(fields["entries"]) if fields["count"] is None else fields["count"]
    length = len(body) if fields["length"] is None else fields["length"]
    signed = b"".join(
        (
            fields["magic"],
            bytes([fields["version"], len(fields["design"])]),
            fields["design"],
            struct.pack(">QIII", fields["release"], fields["period"], count, length),
            body,
            bytes([len(fields["key_id"])]),
            fields["key_id"],
        )
    )
    signer: SigningKey = fields["signer"]
    return signed + signer.sign_raw(signed)
