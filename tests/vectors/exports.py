"""Vectors of Exposure Notification exports: export.bin alone, and whole archives."""

from __future__ import annotations

import zlib
from typing import Any, Final

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export import ExportedKey, ExportHeader, SignatureInfo, wire, write_export
from anopticon_protocol.export.model import EXPORT_MAGIC
from anopticon_protocol.export.writer import encode_export, encode_key, encode_signatures
from anopticon_protocol.export.zip_layout import (
    DIRECTORY_ENTRY,
    DIRECTORY_MAGIC,
    END_MAGIC,
    END_RECORD,
    LOCAL_HEADER,
    LOCAL_MAGIC,
)
from tests.vectors.made import HOUR, MIDNIGHT, PUBLIC, SIGNER, STRANGER, Case, VectorFile, made

INFO: Final = SignatureInfo("v1", "228")
HEADER: Final = ExportHeader(MIDNIGHT - 2 * HOUR, MIDNIGHT, "CH", 1, 1, (INFO,))
HEAD: Final = EXPORT_MAGIC + wire.fixed64_field(1, MIDNIGHT - 2 * HOUR) + wire.fixed64_field(2, MIDNIGHT)
TEK: Final = wire.bytes_field(1, bytes(16))
START: Final = wire.varint_field(3, MIDNIGHT // 600)


def export_file() -> VectorFile:
    """Exports of both shapes."""
    return VectorFile(
        "export",
        (
            "A case has a whole archive with the key to verify it, or an export.bin alone.",
            "`dropped` lists records that are not used; the file is valid all the same.",
        ),
        {"Dropped": "A record is dropped, the others are kept.", "Refused": "The whole file is refused."},
        [*sound_bins(), *dropped_records(), *broken_bins(), *archives()],
    )


def export_key(number: int, **fields: Any) -> ExportedKey:
    """A sound key."""
    return ExportedKey(made(f"export {number}", 16), MIDNIGHT // 600 - 144, **fields)


GOOD: Final = wire.bytes_field(7, encode_key(export_key(0)))


def bin_case(comment: str, data: bytes, code: str = "", flag: str = "") -> Case:
    """An export.bin; `code` is why it must be refused, if it must."""
    why = {"error": "ExportError", "code": code} if code else None
    flags = ("Refused",) if code else (flag,) if flag else ()
    return Case(comment, {"export_bin": data.hex()}, flags, why)


def sound_bins() -> list[Case]:
    """Files without a fault."""
    revised = [export_key(0, report_type=ReportType.REVOKED)]
    unknown = b"\x78\x01\x79" + bytes(8) + b"\x7a\x01x\x7d" + bytes(4)
    two = [export_key(0), export_key(1, report_type=ReportType.SELF_REPORT)]
    return [
        bin_case("two keys", encode_export(HEADER, two)),
        bin_case("no keys", encode_export(HEADER, [])),
        bin_case("a revised key", encode_export(HEADER, [export_key(0)], revised)),
        bin_case("keys in front of the header fields", EXPORT_MAGIC + GOOD + HEAD[len(EXPORT_MAGIC) :]),
        bin_case("unknown fields of every wire type", HEAD + unknown + GOOD),
    ]


def dropped_records() -> list[Case]:
    """A bad record in front of a good one."""

    def case(comment: str, *fields: bytes) -> Case:
        return bin_case(comment, HEAD + wire.bytes_field(7, b"".join(fields)) + GOOD, flag="Dropped")

    return [
        case("a key of 15 bytes", wire.bytes_field(1, bytes(15)), START),
        case("a key of 17 bytes", wire.bytes_field(1, bytes(17)), START),
        case("a record without a key", START),
        case("rolling period 0", TEK, START, wire.varint_field(4, 0)),
        case("rolling period 145", TEK, START, wire.varint_field(4, 145)),
        case("no rolling start", TEK),
        case("risk level 9", TEK, START, wire.varint_field(2, 9)),
        case("report type 6", TEK, START, wire.varint_field(5, 6)),
        case("onset of 15 days", TEK, START, wire.sint32_field(6, 15)),
        case("a record that ends in a varint", TEK, b"\x18\x80"),
        case("a record of 1,025 bytes", TEK, START, wire.bytes_field(9, bytes(999))),
        bin_case("the same key twice", HEAD + GOOD + GOOD, flag="Dropped"),
    ]


def broken_bins() -> list[Case]:
    """Files that are refused as a whole."""
    sound = encode_export(HEADER, [export_key(0)])
    backwards = wire.fixed64_field(1, 9) + wire.fixed64_field(2, 8)
    old_text = wire.bytes_field(6, wire.bytes_field(5, b"ECDSA p-256 SHA-256"))
    return [
        bin_case("a byte of the magic changed", b"ek" + sound[2:], "header"),
        bin_case("nothing", b"", "header"),
        bin_case("cut inside the last record", sound[:-3], "truncated"),
        bin_case("a length beyond the end", HEAD + b"\x3a\xff\xff\xff\x07", "truncated"),
        bin_case("a length of eleven bytes", HEAD + b"\x3a" + b"\xff" * 11, "malformed"),
        bin_case("a group", HEAD + b"\x3b\x3c", "malformed"),
        bin_case("field number 0", HEAD + b"\x00\x00", "malformed"),
        bin_case("keys as a number", HEAD + b"\x38\x05", "field-type"),
        bin_case("no window", EXPORT_MAGIC + GOOD, "window-missing"),
        bin_case("a window that ends before it starts", EXPORT_MAGIC + backwards, "window"),
        bin_case("batch 1 of 7", HEAD + b"\x20\x01\x28\x07" + GOOD, "batch"),
        bin_case("an algorithm as text", HEAD + old_text, "signature-algorithm"),
    ]


def archives() -> list[Case]:
    """Archives, whole and broken."""
    keys = [export_key(0), export_key(1)]
    export_bin = encode_export(HEADER, keys)
    export_sig = encode_signatures(export_bin, [(SIGNER, INFO)])
    der = SIGNER.sign(export_bin)

    def case(comment: str, archive: bytes, code: str = "") -> Case:
        why = {"error": "ExportError", "code": code} if code else None
        given = {"archive": archive.hex(), "public_key": PUBLIC}
        return Case(comment, given, ("Refused",) if code else (), why)

    def with_sig(export_sig: bytes) -> bytes:
        return stored_zip(("export.bin", export_bin), ("export.sig", export_sig))

    both = (("export.bin", export_bin), ("export.sig", export_sig))
    flipped = der[:-1] + bytes([der[-1] ^ 1])
    headless = encode_signatures(export_bin[len(EXPORT_MAGIC) :], [(SIGNER, INFO)])
    return [
        case("as written", write_export(HEADER, keys, [(SIGNER, INFO)])),
        case("the entries the other way round", stored_zip(*both[::-1])),
        case("no zip", b"PK", "not-zip"),
        case("cut off", stored_zip(*both)[:-1], "not-zip"),
        case("no export.sig", stored_zip(both[0]), "signature-missing"),
        case("no export.bin", stored_zip(both[1]), "export-missing"),
        case("a third entry", stored_zip(*both, ("content.sig", b"")), "entry-extra"),
        case("an entry that leads out", stored_zip(*both, ("../export.bin", b"")), "entry-name"),
        case("export.bin twice", stored_zip(*both, both[0]), "entry-duplicate"),
        case("an empty export.sig", with_sig(b""), "signature-empty"),
        case("a signature of 64 bytes r||s", with_sig(raw_signature(export_bin)), "signature-raw"),
        case("a bit of the signature changed", with_sig(export_sig.replace(der, flipped)), "signature-wrong"),
        case("signed without the header", with_sig(headless), "signature-wrong"),
        case("signed by somebody else", write_export(HEADER, keys, [(STRANGER, INFO)]), "signature-wrong"),
        case("two signatures, one announced", with_sig(export_sig * 2), "signature-count"),
    ]


def raw_signature(export_bin: bytes) -> bytes:
    """An export.sig as early German and Dutch files had it."""
    info = wire.bytes_field(3, INFO.key_version.encode()) + wire.bytes_field(4, INFO.key_id.encode())
    entry = wire.bytes_field(1, info + wire.bytes_field(5, INFO.algorithm.encode()))
    entry += wire.varint_field(2, 1) + wire.varint_field(3, 1)
    return wire.bytes_field(1, entry + wire.bytes_field(4, SIGNER.sign_raw(export_bin)))


def stored_zip(*files: tuple[str, bytes]) -> bytes:
    """A zip of stored entries, whatever their names."""
    out, directory = b"", b""
    for name, data in files:
        shared = (0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        directory += DIRECTORY_ENTRY.pack(DIRECTORY_MAGIC, 20, 20, *shared, 0, 0, 0, 0, len(out))
        directory += name.encode()
        out += LOCAL_HEADER.pack(LOCAL_MAGIC, 20, *shared) + name.encode() + data
    counts = (0, 0, len(files), len(files))
    return out + directory + END_RECORD.pack(END_MAGIC, *counts, len(directory), len(out), 0)
