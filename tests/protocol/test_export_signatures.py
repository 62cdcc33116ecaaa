"""export.sig, and a whole archive with its signature: anopticon_protocol.export.signatures and .loading."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_protocol.export import wire
from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Part, Severity
from anopticon_protocol.export.loading import load_export
from anopticon_protocol.export.model import MAX_SIGNATURES, ExportHeader, ExportSignature, SignatureInfo
from anopticon_protocol.export.reader import scan_export
from anopticon_protocol.export.signatures import (
    MAX_SIGNATURE_FILE_BYTES,
    SignatureForm,
    compare_signatures,
    key_name,
    read_signatures,
    signature_form,
    verify_signature,
)
from anopticon_protocol.export.writer import encode_archive, encode_export, encode_signatures, write_export
from tests.protocol.export_kit import (
    HEADER,
    INFO,
    SIGNER,
    STRANGER,
    export_of,
    infos,
    key,
    small_export,
    zip_of,
)

BIN = small_export()


def entry_of(
    signature: bytes, info: SignatureInfo = INFO, number: int | None = 1, size: int | None = 1
) -> ExportSignature:
    """One entry as read."""
    return ExportSignature(info, number, size, signature)


def sig_of(*entries: ExportSignature) -> bytes:
    """An export.sig of raw entries, whatever they hold."""
    out = b""
    for entry in entries:
        info = wire.bytes_field(3, entry.info.key_version.encode()) + wire.bytes_field(
            4, entry.info.key_id.encode()
        )
        info += wire.bytes_field(5, entry.info.algorithm.encode())
        body = wire.bytes_field(1, info)
        for number, value in ((2, entry.batch_num), (3, entry.batch_size)):
            body += wire.varint_field(number, value) if value is not None else b""
        out += wire.bytes_field(1, body + wire.bytes_field(4, entry.signature))
    return out


def codes(defects: list[Defect]) -> list[DefectCode]:
    """Their codes."""
    return [defect.code for defect in defects]


@given(st.lists(infos, min_size=1, max_size=4))
def test_signature_files_round_trip(signed_as: list[SignatureInfo]) -> None:
    """What was signed reads back in order, verifies, and agrees with its header."""
    data = encode_signatures(BIN, [(SIGNER, info) for info in signed_as])
    found, defects = read_signatures(data)
    assert defects == []
    assert [entry.info for entry in found] == signed_as
    assert compare_signatures(replace(HEADER, signature_infos=tuple(signed_as)), found) == []
    for entry in found:
        assert verify_signature(BIN, entry, [STRANGER.public, SIGNER.public]) == SIGNER.public


def test_offsets_of_entries_point_at_them() -> None:
    """Each entry knows where it starts in export.sig."""
    data = encode_signatures(BIN, [(SIGNER, INFO), (STRANGER, INFO)])
    first, second = read_signatures(data)[0]
    assert (first.offset, data[second.offset]) == (0, 0x0A)
    assert second.offset == len(encode_signatures(BIN, [(SIGNER, INFO)]))


@pytest.mark.parametrize(
    ("changed", "code", "sentence"),
    [
        ([], DefectCode.SIGNATURE_EMPTY, "it holds no signature; export.bin announces 1"),
        (
            [entry_of(SIGNER.sign(BIN))] * 2,
            DefectCode.SIGNATURE_COUNT,
            "2 signatures, but export.bin announces 1",
        ),
        (
            [entry_of(SIGNER.sign(BIN), replace(INFO, key_version="v2"))],
            DefectCode.SIGNATURE_INFO_MISMATCH,
            'signature by "310-v2" is not among the signature infos of export.bin',
        ),
        (
            [entry_of(SIGNER.sign(BIN), number=1, size=7)],
            DefectCode.SIGNATURE_BATCH_MISMATCH,
            "signature of batch 1 of 7, but export.bin is batch 1 of 1",
        ),
        (
            [entry_of(SIGNER.sign(BIN), number=None, size=None)],
            DefectCode.SIGNATURE_BATCH_MISMATCH,
            "signature of batch (missing) of (missing), but export.bin is batch 1 of 1",
        ),
        (
            [entry_of(SIGNER.sign_raw(BIN))],
            DefectCode.SIGNATURE_RAW,
            "signature is 64 bytes r||s, not the DER form",
        ),
        ([entry_of(b"")], DefectCode.SIGNATURE_NOT_DER, "signature of 0 bytes is not a DER SEQUENCE"),
        ([entry_of(bytes(65))], DefectCode.SIGNATURE_NOT_DER, "signature of 65 bytes is not a DER SEQUENCE"),
    ],
)
def test_what_is_wrong_with_a_signature_is_named(
    changed: list[ExportSignature], code: DefectCode, sentence: str
) -> None:
    """SPEC: EX-7. Every way in which export.sig and export.bin disagree has a code and a sentence of its own."""
    found, defects = read_signatures(sig_of(*changed))
    assert defects == []
    (defect,) = compare_signatures(HEADER, found)
    assert defect.code is code
    assert defect.sentence.startswith(sentence)
    assert (defect.part, defect.severity) == (Part.EXPORT_SIG, Severity.REFUSE)
    with pytest.raises(ExportError) as caught:
        load_export(encode_archive(encode_export(HEADER, [key(1)]), sig_of(*changed)), [SIGNER.public])
    assert caught.value.defect.code is code


def test_a_mismatched_info_tells_what_else_is_wrong_with_it() -> None:
    """An info that export.bin does not know is itself held against the rules."""
    info = SignatureInfo("v1", "", "ECDSA p-256 SHA-256")
    found = compare_signatures(HEADER, [entry_of(SIGNER.sign(BIN), info)])
    assert codes(found) == [
        DefectCode.SIGNATURE_INFO_MISMATCH,
        DefectCode.SIGNATURE_ALGORITHM,
        DefectCode.KEY_ID_EMPTY,
    ]
    assert 'signature_algorithm "ECDSA p-256 SHA-256" is not 1.2.840.10045.4.3.2' in found[1].sentence


@pytest.mark.parametrize(
    ("given_infos", "expected"),
    [
        ([SignatureInfo("v1", "310", "1.2.840.10045.4.3.4")], [DefectCode.SIGNATURE_ALGORITHM]),
        ([SignatureInfo("v1", "310", "")], [DefectCode.SIGNATURE_ALGORITHM]),
        ([SignatureInfo("", "")], [DefectCode.KEY_ID_EMPTY]),
        ([SignatureInfo("v1", "")], [DefectCode.KEY_ID_EMPTY]),
        ([INFO, SignatureInfo("", "310")], [DefectCode.SIGNATURE_KEY_ID]),
        ([INFO, SignatureInfo("", "")], [DefectCode.SIGNATURE_KEY_ID]),
    ],
)
def test_signature_infos_of_export_bin_are_judged(
    given_infos: list[SignatureInfo], expected: list[DefectCode]
) -> None:
    """SPEC: EX-6, EX-7. Another algorithm refuses; an empty name is tolerated if it is the only one."""
    fields = b""
    for info in given_infos:
        body = wire.bytes_field(3, info.key_version.encode()) + wire.bytes_field(4, info.key_id.encode())
        fields += wire.bytes_field(6, body + wire.bytes_field(5, info.algorithm.encode()))
    found = [event for event in scan_export([export_of(fields)]) if isinstance(event, Defect)]
    assert codes(found) == expected


def test_a_file_that_announces_no_signature_says_so() -> None:
    """An unsigned export is told apart from one whose signatures were lost."""
    (defect,) = compare_signatures(ExportHeader(), [])
    assert defect.sentence == "it holds no signature; export.bin announces none"


@pytest.mark.parametrize(
    ("signature", "form"),
    [
        (SIGNER.sign(BIN), SignatureForm.DER),
        (bytes.fromhex("3006020101020101"), SignatureForm.DER),
        (SIGNER.sign_raw(BIN), SignatureForm.RAW),
        (b"", SignatureForm.UNREADABLE),
        (b"\x30", SignatureForm.UNREADABLE),
        (bytes.fromhex("3006020001020101"), SignatureForm.UNREADABLE),
        (bytes.fromhex("3007020101020101"), SignatureForm.UNREADABLE),
        (bytes.fromhex("3006020101030101"), SignatureForm.UNREADABLE),
        (bytes.fromhex("3006020201020101"), SignatureForm.UNREADABLE),
        (bytes.fromhex("3006020401020101"), SignatureForm.UNREADABLE),
        (bytes.fromhex("300602010102010100"), SignatureForm.UNREADABLE),
        (b"\x30\x7f" + bytes(0x7F), SignatureForm.UNREADABLE),
    ],
)
def test_signature_forms_are_told_apart(signature: bytes, form: SignatureForm) -> None:
    """DER is two INTEGERs that fill a SEQUENCE; anything else of 64 bytes is taken for raw."""
    assert signature_form(signature) is form


def test_a_wrong_signature_and_a_raw_one_do_not_verify() -> None:
    """SPEC: EX-6. A signature by another key or over other bytes fails; a raw one tells if its key would be right."""
    for signature in (STRANGER.sign(BIN), SIGNER.sign(BIN + b"\0"), SIGNER.sign(BIN[16:])):
        with pytest.raises(ExportError, match='signature by "310-v1" does not verify with the given key'):
            verify_signature(BIN, entry_of(signature), [SIGNER.public])
    with pytest.raises(ExportError, match="not the DER form; read as such it verifies"):
        verify_signature(BIN, entry_of(SIGNER.sign_raw(BIN)), [STRANGER.public, SIGNER.public])
    with pytest.raises(ExportError, match=r"not the DER form$"):
        verify_signature(BIN, entry_of(STRANGER.sign_raw(BIN)), [SIGNER.public])
    with pytest.raises(ExportError, match="SEQUENCE"):
        verify_signature(BIN, entry_of(b"abc"), [SIGNER.public])
    with pytest.raises(ExportError, match="does not verify"):
        verify_signature(BIN, entry_of(SIGNER.sign(BIN)), [])


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (b"\x0a\x05", DefectCode.SIGNATURE_MALFORMED, "not protobuf: value of 5 bytes, only 0 are left"),
        (b"\x08\x05", DefectCode.SIGNATURE_MALFORMED, "signatures has wire type 0, 2 needed"),
        (
            wire.bytes_field(1, b"\x12\x01x"),
            DefectCode.SIGNATURE_MALFORMED,
            "batch_num has wire type 2, 0 needed",
        ),
        (
            wire.bytes_field(1, b"\x0a\x02\x1a\x05"),
            DefectCode.SIGNATURE_MALFORMED,
            "signature info: value of 5 bytes",
        ),
        (
            wire.bytes_field(1, b"\x20\x01"),
            DefectCode.SIGNATURE_MALFORMED,
            "signature has wire type 0, 2 needed",
        ),
        (bytes(MAX_SIGNATURE_FILE_BYTES + 1), DefectCode.SIGNATURE_MALFORMED, "16,385 bytes, at most 16,384"),
        (wire.bytes_field(1, b"") * 11, DefectCode.SIGNATURE_COUNT, f"more than {MAX_SIGNATURES} signatures"),
        (b"\x48\x05", DefectCode.UNKNOWN_FIELD, "TEKSignatureList field 9 is not used here; skipped once"),
        (wire.bytes_field(1, b"\x48\x05"), DefectCode.UNKNOWN_FIELD, "TEKSignature field 9 is not used here"),
    ],
)
def test_a_broken_signature_file_is_named(data: bytes, code: DefectCode, sentence: str) -> None:
    """What is wrong with the bytes of export.sig is one defect, with what came before it kept."""
    before = encode_signatures(BIN, [(SIGNER, INFO)])
    if len(data) <= MAX_SIGNATURE_FILE_BYTES:
        found, defects = read_signatures(before + data)
        assert found[0].info == INFO
    else:
        found, defects = read_signatures(data)
        assert found == []
    (defect,) = defects
    assert defect.code is code
    assert sentence in defect.sentence
    assert defect.part is Part.EXPORT_SIG


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_arbitrary_bytes_are_no_signature_file(data: bytes) -> None:
    """Whatever the bytes, export.sig gives entries and defects, and raises nothing."""
    for whole in (data, encode_signatures(BIN, [(SIGNER, INFO)])[:40] + data):
        found, defects = read_signatures(whole)
        assert len(found) <= MAX_SIGNATURES
        for entry in found:
            assert signature_form(entry.signature) in SignatureForm
        compare_signatures(HEADER, found)
        assert all(defect.part is Part.EXPORT_SIG for defect in defects)


def test_keys_have_names() -> None:
    """A signing key is called by id and version, or unnamed."""
    assert [key_name(INFO), key_name(SignatureInfo("", ""))] == ['"310-v1"', "an unnamed key"]


def test_a_signed_archive_loads() -> None:
    """A sound archive gives its header, who signed it, and its keys as often as asked."""
    data = write_export(HEADER, [key(2), key(1)], [(SIGNER, INFO)], revised_keys=[key(1)])
    loaded = load_export(data, [STRANGER.public, SIGNER.public])
    assert loaded.header == HEADER
    assert loaded.signed_by == SIGNER.public
    assert (loaded.records, loaded.dropped) == (3, 0)
    for _ in range(2):
        assert [(one.key, one.revised) for one in loaded.key_records()] == [
            (key(1), False),
            (key(2), False),
            (key(1), True),
        ]


def test_a_dropped_record_does_not_refuse_the_archive() -> None:
    """A short key is dropped and counted; the other keys are handed out."""
    export_bin = encode_export(HEADER, [key(1)]) + wire.bytes_field(7, wire.bytes_field(1, bytes(15)))
    loaded = load_export(
        encode_archive(export_bin, encode_signatures(export_bin, [(SIGNER, INFO)])), [SIGNER.public]
    )
    assert (loaded.records, loaded.dropped) == (2, 2 - len(list(loaded.key_records())))


def test_one_good_signature_of_two_is_enough() -> None:
    """SPEC: EX-7. During a change of keys a file carries two signatures, and each phone knows one of the keys."""
    second = SignatureInfo("v2", "310")
    data = write_export(HEADER, [key(1)], [(STRANGER, second), (SIGNER, INFO)])
    assert load_export(data, [SIGNER.public]).signed_by == SIGNER.public
    assert load_export(data, [STRANGER.public]).signed_by == STRANGER.public


@pytest.mark.parametrize(
    ("archive", "code"),
    [
        (b"no zip", DefectCode.NOT_ZIP),
        (zip_of([("export.bin", BIN)]), DefectCode.SIGNATURE_MISSING),
        (encode_archive(BIN, b""), DefectCode.SIGNATURE_EMPTY),
        (encode_archive(BIN, b"\x0a\x05"), DefectCode.SIGNATURE_MALFORMED),
        (encode_archive(BIN, encode_signatures(BIN, [(STRANGER, INFO)])), DefectCode.SIGNATURE_WRONG),
        (encode_archive(BIN[:-1], encode_signatures(BIN[:-1], [(SIGNER, INFO)])), DefectCode.TRUNCATED),
        (encode_archive(b"x" + BIN, encode_signatures(b"x" + BIN, [(SIGNER, INFO)])), DefectCode.HEADER),
    ],
)
def test_an_archive_that_breaks_a_rule_does_not_load(archive: bytes, code: DefectCode) -> None:
    """SPEC: EX-8. No key comes out of an archive that any rule refuses."""
    with pytest.raises(ExportError) as caught:
        load_export(archive, [SIGNER.public])
    assert caught.value.defect.code is code


def test_remarks_do_not_refuse_an_archive() -> None:
    """An unknown field in export.sig, signed or not, is skipped."""
    export_bin = encode_export(HEADER, [key(1)])
    export_sig = encode_signatures(export_bin, [(SIGNER, INFO)]) + wire.varint_field(9, 1)
    assert load_export(encode_archive(export_bin, export_sig), [SIGNER.public]).records == 1
