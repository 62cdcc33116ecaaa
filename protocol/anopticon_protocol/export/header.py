"""The fields that an export states once, gathered as they pass: SPEC.md 8.5.1 and 8.5.2."""

from __future__ import annotations

from typing import Final

from anopticon_protocol.export.defects import DefectCode
from anopticon_protocol.export.model import (
    MAX_RECORD_BYTES,
    MAX_SIGNATURE_INFO_BYTES,
    MAX_SIGNATURES,
    MAX_TEXT_BYTES,
    ExportHeader,
    SignatureInfo,
)
from anopticon_protocol.export.records import (
    MessageFaultError,
    SkippedFields,
    bytes_of,
    decode_info,
    number_of,
    text_of,
)
from anopticon_protocol.export.wire import Field, WireType, as_int32

START_TIMESTAMP: Final = 1
END_TIMESTAMP: Final = 2
REGION: Final = 3
BATCH_NUM: Final = 4
BATCH_SIZE: Final = 5
SIGNATURE_INFOS: Final = 6
KEYS: Final = 7
REVISED_KEYS: Final = 8
NUMBERS: Final = {
    START_TIMESTAMP: ("start_timestamp", WireType.FIXED64),
    END_TIMESTAMP: ("end_timestamp", WireType.FIXED64),
    BATCH_NUM: ("batch_num", WireType.VARINT),
    BATCH_SIZE: ("batch_size", WireType.VARINT),
}
DELIMITED: Final = {
    REGION: ("region", MAX_TEXT_BYTES, "MAX_TEXT_BYTES"),
    SIGNATURE_INFOS: ("signature_infos", MAX_SIGNATURE_INFO_BYTES, "MAX_SIGNATURE_INFO_BYTES"),
    KEYS: ("keys", MAX_RECORD_BYTES, "MAX_RECORD_BYTES"),
    REVISED_KEYS: ("revised_keys", MAX_RECORD_BYTES, "MAX_RECORD_BYTES"),
}
"""Name and longest content of every length-delimited field of the outer message."""


class HeaderFields:
    """What was read so far. Raises MessageFaultError for a field that is wrong."""

    __slots__ = ("_infos", "_numbers", "_region", "skipped")

    def __init__(self) -> None:
        """Start with nothing; `skipped` counts unknown fields of all messages of the file."""
        self._numbers: dict[int, int] = {}
        self._region: str | None = None
        self._infos: list[SignatureInfo] = []
        self.skipped = SkippedFields()

    def scalar(self, field: Field) -> None:
        """Take a field of the outer message that is none of DELIMITED, or has not their wire type."""
        if field.number in NUMBERS:
            name, wanted = NUMBERS[field.number]
            value = number_of(field, name, wanted)
            self._numbers[field.number] = as_int32(value) if wanted is WireType.VARINT else value
        elif field.number in DELIMITED:
            bytes_of(field, DELIMITED[field.number][0])
        else:
            self.skipped.add("TemporaryExposureKeyExport", field.number)

    def region(self, field: Field) -> None:
        """Take the region."""
        self._region = text_of(field, "region")

    def signature_info(self, body: bytes, base: int) -> None:
        """Take a SignatureInfo."""
        if len(self._infos) == MAX_SIGNATURES:
            sentence = f"more than {MAX_SIGNATURES} signature infos (MAX_SIGNATURES)"
            raise MessageFaultError((DefectCode.SIGNATURE_INFO_COUNT, sentence, base))
        self._infos.append(decode_info(body, base, self.skipped))

    def finish(self) -> ExportHeader:
        """Return the header as far as it was read."""
        return ExportHeader(
            start_timestamp=self._numbers.get(START_TIMESTAMP),
            end_timestamp=self._numbers.get(END_TIMESTAMP),
            region=self._region,
            batch_num=self._numbers.get(BATCH_NUM),
            batch_size=self._numbers.get(BATCH_SIZE),
            signature_infos=tuple(self._infos),
        )
