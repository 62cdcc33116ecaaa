"""export.sig: read it, hold it against export.bin, verify it: SPEC.md 8.5.4.

A signature is ECDSA P-256 with SHA-256 in DER form over every byte of export.bin, the 16-byte header
included.

>>> read_signatures(b"")
([], [])
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from anopticon_protocol.errors import BadSignatureError
from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Part
from anopticon_protocol.export.model import (
    EXPORT_MAGIC,
    MAX_SIGNATURES,
    ExportHeader,
    ExportSignature,
    SignatureInfo,
    batch_text,
    info_faults,
)
from anopticon_protocol.export.records import (
    MessageFaultError,
    SkippedFields,
    bytes_of,
    decode_info,
    number_of,
)
from anopticon_protocol.export.wire import Field, WireError, as_int32, fields
from anopticon_protocol.signing import RAW_SIGNATURE_BYTES, VerifyingKey

MAX_SIGNATURE_FILE_BYTES: Final = 16 * 1024
"""Ten signatures with the longest info come to 11,600 bytes."""
SIGNATURES: Final = 1
INFO: Final = 1
BATCH_NUM: Final = 2
BATCH_SIZE: Final = 3
SIGNATURE: Final = 4
_DER_SEQUENCE: Final = 0x30
_DER_INTEGER: Final = b"\x02"
_MIN_DER_BYTES: Final = 8
_MAX_DER_BYTES: Final = 72
"""Two INTEGERs of 1 to 33 bytes each, and the heads."""


class SignatureForm(StrEnum):
    """What the bytes of a signature look like."""

    DER = "DER"
    RAW = "raw r||s"
    UNREADABLE = "unreadable"


def read_signatures(data: bytes) -> tuple[list[ExportSignature], list[Defect]]:
    """Read a TEKSignatureList as far as it goes; the defects are those of its bytes alone."""
    if len(data) > MAX_SIGNATURE_FILE_BYTES:
        sentence = f"{len(data):,} bytes, at most {MAX_SIGNATURE_FILE_BYTES:,} (MAX_SIGNATURE_FILE_BYTES)"
        return [], [_defect(DefectCode.SIGNATURE_MALFORMED, sentence)]
    found: list[ExportSignature] = []
    defects: list[Defect] = []
    skipped = SkippedFields()
    try:
        for field in fields(data):
            if field.number != SIGNATURES:
                skipped.add("TEKSignatureList", field.number)
                continue
            if len(found) == MAX_SIGNATURES:
                sentence = f"more than {MAX_SIGNATURES} signatures (MAX_SIGNATURES)"
                defects.append(_defect(DefectCode.SIGNATURE_COUNT, sentence, field.offset))
                break
            found.append(_decode(bytes_of(field, "signatures"), field, skipped))
    except MessageFaultError as error:
        ((_, sentence, offset),) = error.faults
        defects.append(_defect(DefectCode.SIGNATURE_MALFORMED, sentence, offset))
    except WireError as error:
        defects.append(_defect(DefectCode.SIGNATURE_MALFORMED, f"not protobuf: {error.reason}", error.offset))
    return found, defects + skipped.remarks(Part.EXPORT_SIG)


def _decode(body: bytes, outer: Field, skipped: SkippedFields) -> ExportSignature:
    info = SignatureInfo(algorithm="")
    numbers: dict[int, int] = {}
    signature = b""
    for field in fields(body, outer.value_offset):
        if field.number == INFO:
            info = decode_info(bytes_of(field, "signature_info"), field.value_offset, skipped)
        elif field.number in (BATCH_NUM, BATCH_SIZE):
            name = "batch_num" if field.number == BATCH_NUM else "batch_size"
            numbers[field.number] = as_int32(number_of(field, name))
        elif field.number == SIGNATURE:
            signature = bytes_of(field, "signature")
        else:
            skipped.add("TEKSignature", field.number)
    return ExportSignature(info, numbers.get(BATCH_NUM), numbers.get(BATCH_SIZE), signature, outer.offset)


def compare_signatures(header: ExportHeader, signatures: Sequence[ExportSignature]) -> list[Defect]:
    """Hold export.sig against the header of export.bin: counts, key names, batch numbers, form."""
    if not signatures:
        announced = len(header.signature_infos) or "none"
        sentence = f"it holds no signature; export.bin announces {announced}"
        return [_defect(DefectCode.SIGNATURE_EMPTY, sentence)]
    defects: list[Defect] = []
    if len(signatures) != len(header.signature_infos):
        sentence = f"{len(signatures)} signatures, but export.bin announces {len(header.signature_infos)}"
        defects.append(_defect(DefectCode.SIGNATURE_COUNT, sentence))
    for entry in signatures:
        if entry.info not in header.signature_infos:
            sentence = f"signature by {key_name(entry.info)} is not among the signature infos of export.bin"
            defects.append(_defect(DefectCode.SIGNATURE_INFO_MISMATCH, sentence, entry.offset))
            for code, sentence in info_faults(entry.info, alone=len(signatures) == 1):
                defects.append(_defect(code, sentence, entry.offset))
        ours, theirs = (entry.batch_num, entry.batch_size), (header.batch_num, header.batch_size)
        if ours != theirs:
            sentence = (
                f"signature of batch {batch_text(*ours)}, but export.bin is batch {batch_text(*theirs)}"
            )
            defects.append(_defect(DefectCode.SIGNATURE_BATCH_MISMATCH, sentence, entry.offset))
        if fault := _form_fault(entry):
            defects.append(fault)
    return defects


def signature_form(signature: bytes) -> SignatureForm:
    """Say what a signature looks like: a DER SEQUENCE of two INTEGERs, 64 bytes, or neither."""
    if _is_der(signature):
        return SignatureForm.DER
    return SignatureForm.RAW if len(signature) == RAW_SIGNATURE_BYTES else SignatureForm.UNREADABLE


def verify_signature(export_bin: bytes, entry: ExportSignature, keys: Sequence[VerifyingKey]) -> VerifyingKey:
    """Return the key under which a signature verifies; raises ExportError if none of `keys` does.

    Bytes that are not DER never verify. If they would as raw r||s, the sentence says so: the key is right.
    """
    if fault := _form_fault(entry):
        if any(_verifies(key, export_bin, entry.signature) for key in keys):
            sentence = f"{fault.sentence}; read as such it verifies"
            fault = _defect(fault.code, sentence, entry.offset)
        raise ExportError(fault)
    for key in keys:
        if _verifies(key, export_bin, entry.signature):
            return key
    sentence = f"signature by {key_name(entry.info)} does not verify with the given key"
    if any(_verifies(key, export_bin[len(EXPORT_MAGIC) :], entry.signature) for key in keys):
        sentence += "; it does without the 16-byte header, which must be signed too"
    raise ExportError(_defect(DefectCode.SIGNATURE_WRONG, sentence, entry.offset))


def key_name(info: SignatureInfo) -> str:
    """The name of a signing key as Android has it: id, hyphen, version."""
    return f'"{info.key_id}-{info.key_version}"' if info.key_id or info.key_version else "an unnamed key"


def _verifies(key: VerifyingKey, message: bytes, signature: bytes) -> bool:
    raw = signature_form(signature) is SignatureForm.RAW
    try:
        (key.verify_raw if raw else key.verify)(message, signature)
    except BadSignatureError:
        return False
    return True


def _form_fault(entry: ExportSignature) -> Defect | None:
    form = signature_form(entry.signature)
    if form is SignatureForm.DER:
        return None
    if form is SignatureForm.RAW:
        sentence = "signature is 64 bytes r||s, not the DER form"
        return _defect(DefectCode.SIGNATURE_RAW, sentence, entry.offset)
    sentence = f"signature of {len(entry.signature)} bytes is not a DER SEQUENCE of two INTEGERs"
    return _defect(DefectCode.SIGNATURE_NOT_DER, sentence, entry.offset)


def _is_der(signature: bytes) -> bool:
    """Whether two INTEGERs in a SEQUENCE fill the bytes exactly; P-256 needs no long form of length."""
    if not _MIN_DER_BYTES <= len(signature) <= _MAX_DER_BYTES:
        return False
    if signature[:2] != bytes([_DER_SEQUENCE, len(signature) - 2]):
        return False
    position = 2
    for _ in range(2):
        head = signature[position : position + 2]
        if head[:1] != _DER_INTEGER or head[1:] in (b"", b"\0"):
            return False
        position += 2 + head[1]
    return position == len(signature)


def _defect(code: DefectCode, sentence: str, offset: int | None = None) -> Defect:
    return Defect(code, sentence, Part.EXPORT_SIG, offset)
