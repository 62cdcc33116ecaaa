"""Reading export.bin as a stream: SPEC.md 8.5.2 to 8.5.5.

`scan_export` takes the file in chunks and yields, in file order, each sound key (KeyRecord) and each defect
(Defect), and last an ExportSummary. It needs one window of 64 KiB whatever the size of the file, never raises
for what the file holds, and stops at the first defect behind which nothing can be trusted to be a record.
`read_export` is the same for those who will use the keys: it raises ExportError for any defect that refuses
the file. Some of those show only at the end, so use nothing before the iterator is exhausted.

Fields may come in any order and unknown ones are skipped, as protobuf has it. Stricter than protobuf, on
purpose: a known field with another wire type is a defect and not an unknown field, text must be UTF-8,
numbers must be in range. No clock is looked at: whether a key is too old or of the future is for the caller
to say. Nor are keys compared with each other: see duplicates.py.

>>> [str(event) for event in scan_export([b"EK Export v2    "]) if isinstance(event, Defect)]
['export.bin, offset 0: the file does not start with "EK Export v1" and four spaces']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Part, Severity
from anopticon_protocol.export.header import DELIMITED, KEYS, REGION, REVISED_KEYS, HeaderFields
from anopticon_protocol.export.model import (
    EXPORT_MAGIC,
    MAX_EXPORT_BYTES,
    MAX_EXPORT_KEYS,
    MAX_OTHER_FIELDS,
    MAX_RECORD_BYTES,
    TEK_BYTES,
    ExportedKey,
    ExportSummary,
    KeyRecord,
    header_faults,
)
from anopticon_protocol.export.records import MessageFaultError, decode_key
from anopticon_protocol.export.window import ChunkWindow, OversizedError
from anopticon_protocol.export.wire import (
    MAX_SHORT_VARINT_BYTES,
    CutOffError,
    Field,
    WireError,
    WireType,
    read_tag,
    read_value,
    read_varint,
)

Event: TypeAlias = KeyRecord | Defect | ExportSummary
"""What a scan yields."""

_LOOKAHEAD: Final = 2 * MAX_SHORT_VARINT_BYTES + MAX_RECORD_BYTES
"""In the window before a field is read: any field that is not refused or skipped for its length fits."""
KEY_TAG: Final = KEYS << 3 | WireType.BYTES
KEY_DATA_HEAD: Final = bytes([0x0A, TEK_BYTES])
KEY_DATA_AT: Final = 4
SUFFIX_AT: Final = KEY_DATA_AT + TEK_BYTES
_MAX_SHORT_LENGTH: Final = 0x7F
"""The longest record whose length fits one byte, as _familiar_record takes it to."""
MAX_KNOWN_SUFFIXES: Final = 4_096
"""Different endings of records that are remembered: real files have some hundreds."""


def scan_export(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield every sound key and every defect of an export.bin given in chunks, and last an ExportSummary."""
    return Scan(chunks).run()


def read_export(chunks: Iterable[bytes]) -> Iterator[Event]:
    """As scan_export, but raise ExportError at the first defect that refuses the file."""
    for event in scan_export(chunks):
        if isinstance(event, Defect) and event.severity is Severity.REFUSE:
            raise ExportError(event)
        yield event


class _StopError(Exception):
    """A defect behind which nothing can be trusted to be a record."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(str(defect))
        self.defect = defect


class Scan:
    """One pass over one file; entry_runs.py has a pass that makes no object a key."""

    __slots__ = ("_header", "_known", "_others", "_records", "_sound", "_window")

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._window = ChunkWindow(chunks, MAX_EXPORT_BYTES)
        self._header = HeaderFields()
        self._known: dict[bytes, tuple[int, int, int, ReportType, int | None]] = {}
        self._others = 0
        self._records = 0
        self._sound = 0

    def run(self) -> Iterator[Event]:
        """Yield what the file holds; see scan_export."""
        complete = False
        try:
            yield from self._fields()
            complete = True
        except _StopError as stop:
            yield stop.defect
        except OversizedError:
            sentence = f"the file is longer than {MAX_EXPORT_BYTES:,} bytes (MAX_EXPORT_BYTES)"
            yield _defect(DefectCode.OVERSIZED, sentence)
        except CutOffError as error:
            sentence = f"the file is cut off after {self._records:,} whole records: {error.reason}"
            yield _defect(DefectCode.TRUNCATED, sentence, error.offset)
        except WireError as error:
            sentence = f"not protobuf after {self._records:,} whole records: {error.reason}"
            yield _defect(DefectCode.MALFORMED, sentence, error.offset)
        header = self._header.finish()
        if complete:
            for fault in header_faults(header):
                yield _defect(*fault)
        yield from self._header.skipped.remarks(Part.EXPORT_BIN)
        yield ExportSummary(header, self._records, self._sound, self._window.offset, complete)

    def _fields(self) -> Iterator[KeyRecord | Defect]:
        window = self._window
        window.reach(_LOOKAHEAD)
        if not window.data.startswith(EXPORT_MAGIC):
            sentence = 'the file does not start with "EK Export v1" and four spaces'
            raise _StopError(_defect(DefectCode.HEADER, sentence, 0))
        window.position = len(EXPORT_MAGIC)
        while window.reach(_LOOKAHEAD):
            record = self._quickly()
            if record is not None:
                yield record
                continue
            try:
                yield from self._field()
            except MessageFaultError as error:
                for fault in error.faults:
                    yield _defect(*fault)

    def _quickly(self) -> KeyRecord | None:
        return self._familiar_record()

    def _familiar_record(self) -> KeyRecord | None:
        """Take a key whose bytes behind key_data were decoded before, the common case; None if new."""
        data, at = self._window.data, self._window.position
        if data[at] != KEY_TAG or data[at + 2 : at + KEY_DATA_AT] != KEY_DATA_HEAD:
            return None
        end = at + 2 + data[at + 1]
        facts = self._known.get(data[at + SUFFIX_AT : end])
        if facts is None or end > len(data):
            return None
        offset = self._window.base + at
        self._count_record(offset)
        self._window.position = end
        self._sound += 1
        key = ExportedKey(data[at + KEY_DATA_AT : at + SUFFIX_AT], *facts)
        return KeyRecord(key, self._records, offset, revised=False)

    def _field(self) -> Iterator[KeyRecord | Defect]:
        window = self._window
        at = window.offset
        number, kind, position = read_tag(window.data, window.position, window.base)
        if kind is not WireType.BYTES or number not in (KEYS, REVISED_KEYS):
            self._count_other(at)
        value_at = window.base + position
        value: int | bytes = b""
        if kind is WireType.BYTES:
            length, window.position = read_varint(
                window.data, position, window.base, most=MAX_SHORT_VARINT_BYTES
            )
            if number in DELIMITED:
                yield from self._delimited(number, length, at)
                return
            window.skip(length)
        else:
            value, window.position = read_value(window.data, kind, position, window.base)
        self._header.scalar(Field(number, kind, value, at, value_at))

    def _delimited(self, number: int, length: int, at: int) -> Iterator[KeyRecord | Defect]:
        name, bound, bound_name = DELIMITED[number]
        is_record = number in (KEYS, REVISED_KEYS)
        if length > bound:
            self._window.skip(length)
            sentence = f"{name} entry of {length:,} bytes, at most {bound:,} ({bound_name})"
            if is_record:
                self._count_record(at)
                yield _defect(DefectCode.RECORD_OVERSIZED, sentence, at, self._records)
            else:
                yield _defect(DefectCode.FIELD_LENGTH, sentence, at)
            return
        body_at = self._window.offset
        body = self._window.take(length)
        if is_record:
            self._count_record(at)
            yield from self._record(body, body_at, at, revised=number == REVISED_KEYS)
        elif number == REGION:
            self._header.region(Field(number, WireType.BYTES, body, at, body_at))
        else:
            self._header.signature_info(body, body_at)

    def _count_other(self, at: int) -> None:
        self._others += 1
        if self._others > MAX_OTHER_FIELDS:
            sentence = f"more than {MAX_OTHER_FIELDS:,} fields beside the keys (MAX_OTHER_FIELDS)"
            raise _StopError(_defect(DefectCode.FIELD_COUNT, sentence, at))

    def _count_record(self, at: int) -> None:
        if self._records == MAX_EXPORT_KEYS:
            sentence = f"more than {MAX_EXPORT_KEYS:,} key records (MAX_EXPORT_KEYS)"
            raise _StopError(_defect(DefectCode.KEY_COUNT, sentence, at, self._records + 1))
        self._records += 1

    def _record(self, body: bytes, body_at: int, at: int, *, revised: bool) -> Iterator[KeyRecord | Defect]:
        try:
            key, plain = decode_key(body, body_at, self._header.skipped)
        except MessageFaultError as error:
            for fault in error.faults:
                yield _defect(*fault, self._records)
            return
        short = len(body) <= _MAX_SHORT_LENGTH and len(self._known) < MAX_KNOWN_SUFFIXES
        if plain and short and body.startswith(KEY_DATA_HEAD):
            self._known[body[SUFFIX_AT - 2 :]] = (
                key.rolling_start,
                key.rolling_period,
                key.transmission_risk,
                key.report_type,
                key.days_since_onset,
            )
        self._sound += 1
        yield KeyRecord(key, self._records, at, revised)


def _defect(code: DefectCode, sentence: str, offset: int | None = None, record: int | None = None) -> Defect:
    return Defect(code, sentence, Part.EXPORT_BIN, offset, record)
