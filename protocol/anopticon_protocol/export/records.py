"""The messages inside an export file, from bytes to records: SPEC.md 8.5.2.

A field that occurs twice counts as protobuf has it: the last one. Raises MessageFaultError for a field that
is known and wrong and for bytes that are not protobuf; offsets count from the start of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeAlias

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export.defects import Defect, DefectCode, Part
from anopticon_protocol.export.model import (
    DEFAULT_ROLLING_PERIOD,
    MAX_RECORD_FIELDS,
    MAX_TEXT_BYTES,
    ExportedKey,
    SignatureInfo,
    length_faults,
    range_faults,
)
from anopticon_protocol.export.wire import Field, WireError, WireType, as_int32, as_sint32, fields

KEY_DATA: Final = 1
TRANSMISSION_RISK: Final = 2
ROLLING_START: Final = 3
ROLLING_PERIOD: Final = 4
REPORT_TYPE: Final = 5
ONSET: Final = 6
_KEY_FIELDS: Final = {
    TRANSMISSION_RISK: "transmission_risk_level",
    ROLLING_START: "rolling_start_interval_number",
    ROLLING_PERIOD: "rolling_period",
    REPORT_TYPE: "report_type",
    ONSET: "days_since_onset_of_symptoms",
}
KEY_VERSION: Final = 3
KEY_ID: Final = 4
ALGORITHM: Final = 5
_INFO_FIELDS: Final = {
    KEY_VERSION: "verification_key_version",
    KEY_ID: "verification_key_id",
    ALGORITHM: "signature_algorithm",
}
_RETIRED: Final = {
    ("SignatureInfo", 1): "app_bundle_id",
    ("SignatureInfo", 2): "android_package",
    ("TemporaryExposureKey", 7): "reserved",
}
MAX_SKIPPED_KINDS: Final = 32
"""Different unknown fields that are told apart in the remarks; a hostile file may hold millions."""


Fault: TypeAlias = tuple[DefectCode, str, int]
"""A defect in the making: code, sentence and offset."""


class MessageFaultError(Exception):
    """A message that is not protobuf, or whose known fields are wrong; each fault becomes a Defect."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0][1])
        self.faults = faults


class SkippedFields:
    """Counts the fields that were skipped, by message and number."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count: Counter[tuple[str, int]] = Counter()

    @property
    def total(self) -> int:
        """How many fields were skipped."""
        return self._count.total()

    def add(self, message: str, number: int) -> None:
        """Count one field; behind MAX_SKIPPED_KINDS kinds all further ones count as number 0."""
        kind = (message, number)
        if kind not in self._count and len(self._count) >= MAX_SKIPPED_KINDS:
            kind = (message, 0)
        self._count[kind] += 1

    def remarks(self, part: Part) -> list[Defect]:
        """One remark for each kind of field."""
        found: list[Defect] = []
        for (message, number), count in sorted(self._count.items()):
            retired = _RETIRED.get((message, number))
            name = (
                f"{number} ({retired})"
                if retired
                else str(number)
                if number
                else "numbers beyond the first kinds"
            )
            code = DefectCode.RETIRED_FIELD if retired else DefectCode.UNKNOWN_FIELD
            times = "once" if count == 1 else f"{count:,} times"
            found.append(Defect(code, f"{message} field {name} is not used here; skipped {times}", part))
        return found


def decode_key(body: bytes, base: int, skipped: SkippedFields) -> tuple[ExportedKey, bool]:
    """Read a TemporaryExposureKey; the flag says that key_data stood in it once and nothing was skipped."""
    key_data, key_data_at, seen = b"", base, 0
    skipped_before = skipped.total
    numbers: dict[int, int] = {}
    try:
        for field in _bounded(fields(body, base)):
            if field.number == KEY_DATA:
                key_data, key_data_at, seen = bytes_of(field, "key_data"), field.offset, seen + 1
            elif field.number in _KEY_FIELDS:
                numbers[field.number] = number_of(field, _KEY_FIELDS[field.number])
            else:
                skipped.add("TemporaryExposureKey", field.number)
    except MessageFaultError as error:
        ((_, sentence, offset),) = error.faults
        raise MessageFaultError((DefectCode.RECORD_FIELD_TYPE, sentence, offset)) from error
    except WireError as error:
        raise MessageFaultError((DefectCode.RECORD_MALFORMED, error.reason, error.offset)) from error
    start = as_int32(numbers.get(ROLLING_START, 0))
    period = as_int32(numbers.get(ROLLING_PERIOD, DEFAULT_ROLLING_PERIOD))
    risk = as_int32(numbers.get(TRANSMISSION_RISK, 0))
    report = as_int32(numbers.get(REPORT_TYPE, 0))
    onset = as_sint32(numbers[ONSET]) if ONSET in numbers else None
    faults = [(code, sentence, key_data_at) for code, sentence in length_faults(key_data)]
    faults += [(code, sentence, base) for code, sentence in range_faults(start, period, risk, report, onset)]
    if faults:
        raise MessageFaultError(*faults)
    key = ExportedKey(key_data, start, period, risk, ReportType(report), onset)
    return key, seen == 1 and skipped.total == skipped_before


def _bounded(found: Iterator[Field]) -> Iterator[Field]:
    for count, field in enumerate(found, start=1):
        if count > MAX_RECORD_FIELDS:
            raise WireError(field.offset, f"more than {MAX_RECORD_FIELDS} fields (MAX_RECORD_FIELDS)")
        yield field


def decode_info(body: bytes, base: int, skipped: SkippedFields) -> SignatureInfo:
    """Read a SignatureInfo."""
    texts: dict[int, str] = {}
    try:
        for field in fields(body, base):
            if field.number in _INFO_FIELDS:
                texts[field.number] = text_of(field, _INFO_FIELDS[field.number])
            else:
                skipped.add("SignatureInfo", field.number)
    except WireError as error:
        fault = (DefectCode.MALFORMED, f"signature info: {error.reason}", error.offset)
        raise MessageFaultError(fault) from error
    return SignatureInfo(texts.get(KEY_VERSION, ""), texts.get(KEY_ID, ""), texts.get(ALGORITHM, ""))


def number_of(field: Field, name: str, wire_type: WireType = WireType.VARINT) -> int:
    """The value of a field that must be a number."""
    if field.wire_type is not wire_type or not isinstance(field.value, int):
        raise _wrong_type(field, name, wire_type)
    return field.value


def bytes_of(field: Field, name: str) -> bytes:
    """The value of a field that must be length-delimited."""
    if not isinstance(field.value, bytes):
        raise _wrong_type(field, name, WireType.BYTES)
    return field.value


def text_of(field: Field, name: str) -> str:
    """The value of a field that must be a short UTF-8 text."""
    value = bytes_of(field, name)
    if len(value) > MAX_TEXT_BYTES:
        sentence = f"{name} has {len(value)} bytes, at most {MAX_TEXT_BYTES} (MAX_TEXT_BYTES)"
        raise MessageFaultError((DefectCode.FIELD_TEXT, sentence, field.offset))
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MessageFaultError((DefectCode.FIELD_TEXT, f"{name} is not UTF-8", field.offset)) from error


def _wrong_type(field: Field, name: str, wanted: WireType) -> MessageFaultError:
    sentence = f"{name} has wire type {field.wire_type.value}, {wanted.value} needed"
    return MessageFaultError((DefectCode.FIELD_TYPE, sentence, field.offset))
