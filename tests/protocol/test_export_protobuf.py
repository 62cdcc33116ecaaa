"""The export reader and writer against Google's protobuf library, both ways.

The message types are described at run time from the field table of the format; no generated code is kept.
"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export.defects import Severity
from anopticon_protocol.export.model import (
    EXPORT_MAGIC,
    ExportedKey,
    ExportHeader,
    ExportSummary,
    SignatureInfo,
)
from anopticon_protocol.export.signatures import read_signatures
from anopticon_protocol.export.writer import encode_export, encode_signatures
from tests.protocol.export_kit import (
    SIGNER,
    defects_of,
    headers,
    infos,
    key_lists,
    keys,
    keys_of,
    scan,
    small_export,
)

TYPES = descriptor_pb2.FieldDescriptorProto
OPTIONAL, REPEATED = TYPES.LABEL_OPTIONAL, TYPES.LABEL_REPEATED
SCHEMA: dict[str, list[tuple[int, str, Any, Any, str | None]]] = {
    "SignatureInfo": [
        (3, "verification_key_version", TYPES.TYPE_STRING, OPTIONAL, None),
        (4, "verification_key_id", TYPES.TYPE_STRING, OPTIONAL, None),
        (5, "signature_algorithm", TYPES.TYPE_STRING, OPTIONAL, None),
    ],
    "TemporaryExposureKey": [
        (1, "key_data", TYPES.TYPE_BYTES, OPTIONAL, None),
        (2, "transmission_risk_level", TYPES.TYPE_INT32, OPTIONAL, None),
        (3, "rolling_start_interval_number", TYPES.TYPE_INT32, OPTIONAL, None),
        (4, "rolling_period", TYPES.TYPE_INT32, OPTIONAL, "144"),
        (5, "report_type", TYPES.TYPE_INT32, OPTIONAL, None),
        (6, "days_since_onset_of_symptoms", TYPES.TYPE_SINT32, OPTIONAL, None),
    ],
    "TemporaryExposureKeyExport": [
        (1, "start_timestamp", TYPES.TYPE_FIXED64, OPTIONAL, None),
        (2, "end_timestamp", TYPES.TYPE_FIXED64, OPTIONAL, None),
        (3, "region", TYPES.TYPE_STRING, OPTIONAL, None),
        (4, "batch_num", TYPES.TYPE_INT32, OPTIONAL, None),
        (5, "batch_size", TYPES.TYPE_INT32, OPTIONAL, None),
        (6, "signature_infos", "SignatureInfo", REPEATED, None),
        (7, "keys", "TemporaryExposureKey", REPEATED, None),
        (8, "revised_keys", "TemporaryExposureKey", REPEATED, None),
    ],
    "TEKSignature": [
        (1, "signature_info", "SignatureInfo", OPTIONAL, None),
        (2, "batch_num", TYPES.TYPE_INT32, OPTIONAL, None),
        (3, "batch_size", TYPES.TYPE_INT32, OPTIONAL, None),
        (4, "signature", TYPES.TYPE_BYTES, OPTIONAL, None),
    ],
    "TEKSignatureList": [(1, "signatures", "TEKSignature", REPEATED, None)],
}


def build_types() -> dict[str, Any]:
    """Describe the messages to the library and get a class for each."""
    file = descriptor_pb2.FileDescriptorProto(name="export.proto", package="peer", syntax="proto2")
    for message_name, message_fields in SCHEMA.items():
        message = file.message_type.add(name=message_name)
        for number, name, kind, label, default in message_fields:
            field = message.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = TYPES.TYPE_MESSAGE, f".peer.{kind}"
            else:
                field.type = kind
            if default is not None:
                field.default_value = default
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"peer.{name}")) for name in SCHEMA
    }


PEER = build_types()


def peer_key(key: ExportedKey) -> Any:
    """Our key as the library's message, with every field set."""
    out = PEER["TemporaryExposureKey"](
        key_data=key.key_data,
        transmission_risk_level=key.transmission_risk,
        rolling_start_interval_number=key.rolling_start,
        rolling_period=key.rolling_period,
        report_type=key.report_type,
    )
    if key.days_since_onset is not None:
        out.days_since_onset_of_symptoms = key.days_since_onset
    return out


def our_key(message: Any) -> ExportedKey:
    """The library's message as our key."""
    onset = message.days_since_onset_of_symptoms if message.HasField("days_since_onset_of_symptoms") else None
    return ExportedKey(
        message.key_data,
        message.rolling_start_interval_number,
        message.rolling_period,
        message.transmission_risk_level,
        ReportType(message.report_type),
        onset,
    )


def peer_header(header: ExportHeader) -> Any:
    """Our header as the library's message."""
    out = PEER["TemporaryExposureKeyExport"]()
    for name in ("start_timestamp", "end_timestamp", "region", "batch_num", "batch_size"):
        if (value := getattr(header, name)) is not None:
            setattr(out, name, value)
    for info in header.signature_infos:
        out.signature_infos.add(
            verification_key_version=info.key_version,
            verification_key_id=info.key_id,
            signature_algorithm=info.algorithm,
        )
    return out


@given(headers, key_lists, key_lists)
def test_the_library_reads_what_we_write(
    header: ExportHeader, primary: list[ExportedKey], revised: list[ExportedKey]
) -> None:
    """Every field that we write is the same field to Google's library."""
    data = encode_export(header, primary, revised)
    message = PEER["TemporaryExposureKeyExport"].FromString(data[len(EXPORT_MAGIC) :])
    by_bytes = sorted(primary, key=lambda key: key.key_data), sorted(revised, key=lambda key: key.key_data)
    assert [our_key(key) for key in message.keys] == by_bytes[0]
    assert [our_key(key) for key in message.revised_keys] == by_bytes[1]
    del message.keys[:], message.revised_keys[:]
    assert message == peer_header(header)


@given(headers, st.lists(keys, max_size=8), st.lists(keys, max_size=3))
def test_we_read_what_the_library_writes(
    header: ExportHeader, primary: list[ExportedKey], revised: list[ExportedKey]
) -> None:
    """Every field that Google's library writes is the same field to us, defaults written out or not."""
    message = peer_header(header)
    message.keys.extend(map(peer_key, primary))
    message.revised_keys.extend(map(peer_key, revised))
    data = EXPORT_MAGIC + message.SerializeToString()
    assert defects_of(data) == []
    assert keys_of(data) == primary + revised
    *_, summary = scan(data)
    assert isinstance(summary, ExportSummary)
    assert summary.header == header


@given(st.lists(infos, max_size=4))
def test_signature_lists_are_alike(signed_as: list[SignatureInfo]) -> None:
    """export.sig is the same list to both."""
    data = encode_signatures(b"export", [(SIGNER, info) for info in signed_as])
    message = PEER["TEKSignatureList"].FromString(data)
    ours, defects = read_signatures(message.SerializeToString())
    assert defects == []
    assert [(one.info.key_id, one.info.key_version, one.signature) for one in ours] == [
        (one.signature_info.verification_key_id, one.signature_info.verification_key_version, one.signature)
        for one in message.signatures
    ]
    assert [one.info for one in ours] == signed_as


@given(st.data())
@settings(max_examples=500)
def test_of_mutated_files_we_accept_no_more_than_the_library(data: st.DataObject) -> None:
    """A file that we read without a defect is read by the library too, with the same keys."""
    mutated = bytearray(small_export()[len(EXPORT_MAGIC) :])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    whole = EXPORT_MAGIC + bytes(mutated)
    defects = [defect for defect in defects_of(whole) if defect.severity is not Severity.REMARK]
    if defects:
        return
    message = PEER["TemporaryExposureKeyExport"].FromString(bytes(mutated))
    assert sorted(map(our_key, [*message.keys, *message.revised_keys]), key=repr) == sorted(
        keys_of(whole), key=repr
    )


@pytest.mark.parametrize("length", range(len(small_export()) - len(EXPORT_MAGIC)))
def test_cuts_that_the_library_refuses_are_refused(length: int) -> None:
    """Wherever Google's library finds a message cut off, so do we."""
    body = small_export()[len(EXPORT_MAGIC) :][:length]
    try:
        PEER["TemporaryExposureKeyExport"].FromString(body)
    except DecodeError:
        *_, summary = scan(EXPORT_MAGIC + body)
        assert isinstance(summary, ExportSummary)
        assert not summary.complete
