"""Writing export files that are the same bytes wherever they are written: SPEC.md 8.5.7.

Keys are sorted by their bytes, so that the order tells nothing of the uploads. Fields are written by
ascending number, rolling_period only if it is not 144, report type and onset only if known, the risk level
always. The signature is deterministic ECDSA (RFC 6979). The archive stores and does not deflate: compressed
bytes differ between builds of zlib, and transport compression does the same work. What the reader would not
accept is not written: InvalidParameterError.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.export import header as tags
from anopticon_protocol.export import records, signatures
from anopticon_protocol.export.archive import EXPORT_BIN, EXPORT_SIG
from anopticon_protocol.export.model import (
    DEFAULT_ROLLING_PERIOD,
    EXPORT_MAGIC,
    MAX_SIGNATURES,
    MAX_TEXT_BYTES,
    MAX_WRITTEN_KEYS,
    ExportedKey,
    ExportHeader,
    SignatureInfo,
    header_faults,
    length_faults,
    range_faults,
)
from anopticon_protocol.export.wire import (
    bytes_field,
    fixed64_field,
    sint32_field,
    varint_field,
)
from anopticon_protocol.export.zip_layout import (
    DIRECTORY_ENTRY,
    DIRECTORY_MAGIC,
    END_MAGIC,
    END_RECORD,
    LOCAL_HEADER,
    LOCAL_MAGIC,
    STORED,
)
from anopticon_protocol.signing import SigningKey

_ZIP_VERSION: Final = 20
"""PKWARE 2.0: what every reader knows."""
_DOS_DATE: Final = 1 << 5 | 1
"""1 January 1980, the first day that zip can say; the time of day is 0."""


def encode_export(
    header: ExportHeader, keys: Iterable[ExportedKey], revised_keys: Iterable[ExportedKey] = ()
) -> bytes:
    """Return export.bin; raises InvalidParameterError for what a reader would refuse, drop or remark upon.

    `batch_num` and `batch_size` are written as 1 of 1 if the header leaves them out.
    """
    if header.batch_num is None and header.batch_size is None:
        header = replace(header, batch_num=1, batch_size=1)
    _check_header(header)
    primary, revised = sorted(keys, key=_key_data), sorted(revised_keys, key=_key_data)
    if (count := len(primary) + len(revised)) > MAX_WRITTEN_KEYS:
        raise InvalidParameterError(
            f"{count:,} keys, at most {MAX_WRITTEN_KEYS:,} in a file (MAX_WRITTEN_KEYS)"
        )
    parts = [EXPORT_MAGIC, _encode_header(header)]
    for number, group in ((tags.KEYS, primary), (tags.REVISED_KEYS, revised)):
        last = b""
        for key in group:
            if key.key_data == last:
                raise InvalidParameterError(f"key {last.hex()} is given twice")
            last = key.key_data
            parts.append(bytes_field(number, encode_key(key)))
    return b"".join(parts)


def encode_key(key: ExportedKey) -> bytes:
    """Return one TemporaryExposureKey; raises InvalidParameterError."""
    faults = length_faults(key.key_data) + range_faults(
        key.rolling_start, key.rolling_period, key.transmission_risk, key.report_type, key.days_since_onset
    )
    if faults:
        raise InvalidParameterError(f"key {key.key_data.hex()}: {faults[0][1]}")
    out = bytes_field(records.KEY_DATA, key.key_data)
    out += varint_field(records.TRANSMISSION_RISK, key.transmission_risk)
    out += varint_field(records.ROLLING_START, key.rolling_start)
    if key.rolling_period != DEFAULT_ROLLING_PERIOD:
        out += varint_field(records.ROLLING_PERIOD, key.rolling_period)
    if key.report_type is not ReportType.UNKNOWN:
        out += varint_field(records.REPORT_TYPE, key.report_type)
    if key.days_since_onset is not None:
        out += sint32_field(records.ONSET, key.days_since_onset)
    return out


def encode_signatures(
    export_bin: bytes,
    signers: Sequence[tuple[SigningKey, SignatureInfo]],
    *,
    batch_num: int = 1,
    batch_size: int = 1,
) -> bytes:
    """Return export.sig: one DER signature over `export_bin` for each signer, in the order given."""
    out = b""
    for key, info in signers:
        entry = bytes_field(signatures.INFO, _encode_info(info))
        entry += varint_field(signatures.BATCH_NUM, batch_num) + varint_field(
            signatures.BATCH_SIZE, batch_size
        )
        entry += bytes_field(signatures.SIGNATURE, key.sign(export_bin))
        out += bytes_field(signatures.SIGNATURES, entry)
    return out


def encode_archive(export_bin: bytes, export_sig: bytes) -> bytes:
    """Return the zip of both files: stored, dated 1980-01-01, without extra fields or a comment."""
    body = directory = b""
    pieces: list[bytes] = []
    offset = 0
    for name, data in ((EXPORT_BIN.encode(), export_bin), (EXPORT_SIG.encode(), export_sig)):
        shared = (0, STORED, 0, _DOS_DATE, zlib.crc32(data), len(data), len(data), len(name), 0)
        directory += (
            DIRECTORY_ENTRY.pack(DIRECTORY_MAGIC, _ZIP_VERSION, _ZIP_VERSION, *shared, 0, 0, 0, 0, offset)
            + name
        )
        body = LOCAL_HEADER.pack(LOCAL_MAGIC, _ZIP_VERSION, *shared) + name
        pieces += [body, data]
        offset += len(body) + len(data)
    end = END_RECORD.pack(END_MAGIC, 0, 0, len(pieces) // 2, len(pieces) // 2, len(directory), offset, 0)
    return b"".join([*pieces, directory, end])


def write_export(
    header: ExportHeader,
    keys: Iterable[ExportedKey],
    signers: Sequence[tuple[SigningKey, SignatureInfo]],
    *,
    revised_keys: Iterable[ExportedKey] = (),
) -> bytes:
    """Return a whole signed archive; its signature infos are those of `signers`, newest key first."""
    if not signers:
        raise InvalidParameterError("an export needs at least one signer")
    header = replace(header, signature_infos=tuple(info for _, info in signers))
    export_bin = encode_export(header, keys, revised_keys)
    return encode_archive(export_bin, encode_signatures(export_bin, signers))


def _key_data(key: ExportedKey) -> bytes:
    return key.key_data


def _check_header(header: ExportHeader) -> None:
    if faults := header_faults(header):
        raise InvalidParameterError(f"export header: {faults[0][1]}")
    if len(header.signature_infos) > MAX_SIGNATURES:
        given = len(header.signature_infos)
        raise InvalidParameterError(f"{given} signature infos, at most {MAX_SIGNATURES} (MAX_SIGNATURES)")
    texts = [header.region or ""]
    for info in header.signature_infos:
        texts += [info.key_id, info.key_version]
    if any(len(text.encode()) > MAX_TEXT_BYTES for text in texts):
        raise InvalidParameterError(f"a text of the header is over {MAX_TEXT_BYTES} bytes (MAX_TEXT_BYTES)")


def _encode_header(header: ExportHeader) -> bytes:
    out = fixed64_field(tags.START_TIMESTAMP, header.start_timestamp or 0)
    out += fixed64_field(tags.END_TIMESTAMP, header.end_timestamp or 0)
    if header.region is not None:
        out += bytes_field(tags.REGION, header.region.encode())
    out += varint_field(tags.BATCH_NUM, header.batch_num or 0) + varint_field(
        tags.BATCH_SIZE, header.batch_size or 0
    )
    for info in header.signature_infos:
        out += bytes_field(tags.SIGNATURE_INFOS, _encode_info(info))
    return out


def _encode_info(info: SignatureInfo) -> bytes:
    out = bytes_field(records.KEY_VERSION, info.key_version.encode())
    out += bytes_field(records.KEY_ID, info.key_id.encode())
    return out + bytes_field(records.ALGORITHM, info.algorithm.encode())
