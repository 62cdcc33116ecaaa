"""export.bin read as a stream: anopticon_protocol.export.reader and what it stands on."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export import model, reader, wire
from anopticon_protocol.export.defects import SEVERITY, Defect, DefectCode, ExportError, Part, Severity
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.model import EXPORT_MAGIC, ExportedKey, ExportHeader, ExportSummary, KeyRecord
from anopticon_protocol.export.reader import read_export, scan_export
from anopticon_protocol.export.records import MAX_SKIPPED_KINDS
from anopticon_protocol.export.window import WINDOW_BYTES
from anopticon_protocol.export.writer import encode_export, encode_key
from tests.protocol.export_kit import (
    HEADER,
    chopped,
    codes_of,
    defects_of,
    export_of,
    headers,
    key,
    key_lists,
    keys_of,
    record,
    scan,
    small_export,
)

TEK = wire.bytes_field(1, bytes(range(16)))
RISK = wire.varint_field(2, 3)
START = wire.varint_field(3, 2_650_032)


def summary_of(data: bytes) -> ExportSummary:
    """The last event of a scan."""
    last = scan(data)[-1]
    assert isinstance(last, ExportSummary)
    return last


@given(headers, key_lists, key_lists)
def test_reading_undoes_writing(
    header: ExportHeader, primary: list[ExportedKey], revised: list[ExportedKey]
) -> None:
    """SPEC: EX-12. What was written reads back without a defect: header, both lists in key order, every byte."""
    data = encode_export(header, primary, revised)
    events = scan(data)
    records = [event for event in events if isinstance(event, KeyRecord)]
    assert events[:-1] == records
    assert [one.key for one in records if not one.revised] == sorted(primary, key=lambda one: one.key_data)
    assert [one.key for one in records if one.revised] == sorted(revised, key=lambda one: one.key_data)
    count = len(primary) + len(revised)
    assert events[-1] == ExportSummary(header, count, count, len(data), complete=True)
    assert [one.number for one in records] == list(range(1, count + 1))


@given(headers, key_lists, st.integers(1, 50))
def test_chunks_make_no_difference(header: ExportHeader, primary: list[ExportedKey], size: int) -> None:
    """A file gives the same events however it is cut into chunks."""
    data = encode_export(header, primary) + b"\x00"
    assert list(scan_export(chopped(data, size))) == scan(data)


def test_offsets_are_those_of_the_record() -> None:
    """A record's offset is where its tag stands in the file."""
    data = small_export()
    for event in scan(data):
        if isinstance(event, KeyRecord):
            assert data[event.offset] == (8 if event.revised else 7) << 3 | 2
            assert data[event.offset + 4 :].startswith(event.key.key_data)


@pytest.mark.parametrize("length", range(len(small_export())))
def test_a_file_cut_anywhere_is_refused_or_lacks_records(length: int) -> None:
    """A cut inside a field is `truncated`; between two fields the signature must tell."""
    whole = keys_of(small_export())
    data = small_export()[:length]
    codes = codes_of(data)
    if length < len(EXPORT_MAGIC):
        assert codes == [DefectCode.HEADER]
    elif DefectCode.TRUNCATED in codes:
        assert not summary_of(data).complete
    found = keys_of(data)
    assert found == whole[: len(found)]
    assert len(found) < len(whole)


def test_most_cuts_are_seen() -> None:
    """Of all places to cut the small file only the borders between its fields look like an end."""
    data = small_export()
    unseen = [
        length for length in range(16, len(data)) if DefectCode.TRUNCATED not in codes_of(data[:length])
    ]
    assert len(unseen) == sum(1 for _ in wire.fields(data[16:]))


@pytest.mark.parametrize(
    "first", ["EK Export v2    ", "EK Export v1\0\0\0\0", "ek export v1    ", "", "PK\3\4"]
)
def test_a_wrong_header_refuses_the_file(first: str) -> None:
    """SPEC: EX-1. One other byte in the first sixteen refuses the whole file, at offset 0."""
    (defect,) = defects_of(first.encode() + small_export()[16:])
    assert (defect.code, defect.offset, defect.severity) == (DefectCode.HEADER, 0, Severity.REFUSE)


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        (
            [wire.bytes_field(1, bytes(15)), START],
            DefectCode.KEY_LENGTH,
            "key_data has 15 bytes; a key has 16 bytes",
        ),
        (
            [wire.bytes_field(1, bytes(17)), START],
            DefectCode.KEY_LENGTH,
            "key_data has 17 bytes; a key has 16 bytes",
        ),
        ([START], DefectCode.KEY_LENGTH, "key_data is missing; a key has 16 bytes"),
        (
            [wire.varint_field(1, 5), START],
            DefectCode.RECORD_FIELD_TYPE,
            "key_data has wire type 0, 2 needed",
        ),
        (
            [TEK, wire.bytes_field(3, b"abc")],
            DefectCode.RECORD_FIELD_TYPE,
            "rolling_start_interval_number has wire type 2, 0 needed",
        ),
        ([TEK], DefectCode.ROLLING_START, "rolling_start_interval_number is missing or 0, the year 1970"),
        (
            [TEK, wire.varint_field(3, 2**31)],
            DefectCode.ROLLING_START,
            f"rolling_start_interval_number {2**31} lies outside 0..{model.MAX_ROLLING_START}",
        ),
        (
            [TEK, wire.varint_field(3, 2**64 - 1)],
            DefectCode.ROLLING_START,
            f"rolling_start_interval_number -1 lies outside 0..{model.MAX_ROLLING_START}",
        ),
        (
            [TEK, START, wire.varint_field(4, 0)],
            DefectCode.ROLLING_PERIOD,
            "rolling_period 0 lies outside 1..144",
        ),
        (
            [TEK, START, wire.varint_field(4, 145)],
            DefectCode.ROLLING_PERIOD,
            "rolling_period 145 lies outside 1..144",
        ),
        (
            [TEK, START, wire.varint_field(2, 9)],
            DefectCode.TRANSMISSION_RISK,
            "transmission_risk_level 9 lies outside 0..8",
        ),
        ([TEK, START, wire.varint_field(5, 6)], DefectCode.REPORT_TYPE, "report_type 6 lies outside 0..5"),
        (
            [TEK, START, wire.sint32_field(6, -15)],
            DefectCode.ONSET,
            "days_since_onset_of_symptoms -15 lies outside -14..14",
        ),
        ([TEK, START, b"\x20"], DefectCode.RECORD_MALFORMED, "varint is cut off"),
        (
            [TEK, START, b"\x23"],
            DefectCode.RECORD_MALFORMED,
            "field 4 has wire type 3, which this format does not use",
        ),
        (
            [TEK, START, RISK * 15],
            DefectCode.RECORD_MALFORMED,
            "more than 16 fields (MAX_RECORD_FIELDS)",
        ),
        ([TEK, b"\x18" + b"\xff" * 10], DefectCode.RECORD_MALFORMED, "varint longer than 10 bytes"),
        (
            [TEK, START, wire.bytes_field(9, bytes(1001))],
            DefectCode.RECORD_OVERSIZED,
            "keys entry of 1,027 bytes, at most 1,024 (MAX_RECORD_BYTES)",
        ),
    ],
)
def test_a_bad_record_is_dropped_and_named(fields: list[bytes], code: DefectCode, sentence: str) -> None:
    """SPEC: EX-4. A record that breaks a rule is dropped, with number, offset and reason; its neighbours are kept."""
    good, last = record(encode_key(key(1))), record(encode_key(key(2)))
    data = export_of(good, record(*fields), last)
    (defect,) = defects_of(data)
    assert (defect.code, defect.sentence, defect.record, defect.part) == (code, sentence, 2, Part.EXPORT_BIN)
    assert defect.severity is Severity.DROP
    start = len(export_of(good))
    assert defect.offset is not None
    assert start <= defect.offset <= start + len(record(*fields))
    assert keys_of(data) == [key(1), key(2)]
    assert (summary_of(data).records, summary_of(data).sound) == (3, 2)


def test_every_fault_of_a_record_is_named() -> None:
    """A record with three wrong fields gives three defects, all of the one record."""
    bad = record(wire.bytes_field(1, bytes(53)), wire.varint_field(3, 0), wire.varint_field(4, 0))
    found = defects_of(export_of(bad))
    assert [defect.code for defect in found] == [
        DefectCode.KEY_LENGTH,
        DefectCode.ROLLING_START,
        DefectCode.ROLLING_PERIOD,
    ]
    assert {defect.record for defect in found} == {1}


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ([b"\x3b"], DefectCode.MALFORMED, "not protobuf after 1 whole records: field 7 has wire type 3"),
        ([b"\x00"], DefectCode.MALFORMED, "not protobuf after 1 whole records: field number 0 lies outside"),
        (
            [b"\xff" * 11],
            DefectCode.MALFORMED,
            "not protobuf after 1 whole records: varint longer than 5 bytes",
        ),
        (
            [b"\x3a\x20\x0a"],
            DefectCode.TRUNCATED,
            "cut off after 1 whole records: value of 32 bytes, only 1 are left",
        ),
        (
            [b"\x7a\x20\x0a"],
            DefectCode.TRUNCATED,
            "cut off after 1 whole records: the file ends 31 bytes before",
        ),
        ([b"\x7a\xff\xff\xff\xff\x0f"], DefectCode.TRUNCATED, "the file ends 4294967295 bytes before"),
    ],
)
def test_a_broken_stream_stops_the_scan(fields: list[bytes], code: DefectCode, sentence: str) -> None:
    """SPEC: EX-2, EX-3. Behind bytes that are no field nothing is taken for a record, and the summary says so."""
    data = export_of(record(encode_key(key(1))), *fields)
    (defect,) = defects_of(data)
    assert defect.code is code
    assert sentence in defect.sentence
    assert defect.offset is not None
    assert len(data) - sum(map(len, fields)) <= defect.offset <= len(data)
    assert not summary_of(data).complete
    assert keys_of(data) == [key(1)]


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ([wire.varint_field(1, 5)], DefectCode.FIELD_TYPE, "start_timestamp has wire type 0, 1 needed"),
        ([wire.bytes_field(4, b"1")], DefectCode.FIELD_TYPE, "batch_num has wire type 2, 0 needed"),
        ([wire.varint_field(7, 5)], DefectCode.FIELD_TYPE, "keys has wire type 0, 2 needed"),
        ([wire.bytes_field(3, b"\xff")], DefectCode.FIELD_TEXT, "region is not UTF-8"),
        (
            [wire.bytes_field(3, b"x" * 257)],
            DefectCode.FIELD_LENGTH,
            "region entry of 257 bytes, at most 256",
        ),
        ([wire.bytes_field(6, bytes(1025))], DefectCode.FIELD_LENGTH, "signature_infos entry of 1,025 bytes"),
        ([wire.bytes_field(6, b"\x1a\x05")], DefectCode.MALFORMED, "signature info: value of 5 bytes"),
        (
            [wire.bytes_field(6, wire.bytes_field(4, b"x" * 257))],
            DefectCode.FIELD_TEXT,
            "verification_key_id has 257 bytes, at most 256 (MAX_TEXT_BYTES)",
        ),
    ],
)
def test_a_wrong_header_field_refuses_but_reading_goes_on(
    fields: list[bytes], code: DefectCode, sentence: str
) -> None:
    """SPEC: EX-3. A header field of the wrong shape refuses the file, and the records behind it are still read."""
    data = export_of(*fields, record(encode_key(key(1))))
    (defect,) = defects_of(data)
    assert defect.code is code
    assert sentence in defect.sentence
    assert defect.severity is Severity.REFUSE
    assert keys_of(data) == [key(1)]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (ExportHeader(None, 1_600_000_000), DefectCode.WINDOW_MISSING),
        (ExportHeader(1_600_000_000, 0), DefectCode.WINDOW_MISSING),
        (ExportHeader(1_600_000_000, 1_500_000_000), DefectCode.WINDOW),
        (ExportHeader(1, 2**64 - 1), DefectCode.WINDOW),
        (ExportHeader(1, 2, None, 1, 7), DefectCode.BATCH),
        (ExportHeader(1, 2, None, 2, 1), DefectCode.BATCH),
        (ExportHeader(1, 2, None, None, 1), DefectCode.BATCH),
        (ExportHeader(1, 2, None, -1, -1), DefectCode.BATCH),
    ],
)
def test_header_values_out_of_range_refuse_the_file(header: ExportHeader, code: DefectCode) -> None:
    """A window that is missing, reversed or past the year 9999, and any batch but 1 of 1, refuse the file."""
    data = EXPORT_MAGIC
    for number, value in ((1, header.start_timestamp), (2, header.end_timestamp)):
        if value is not None:
            data += wire.fixed64_field(number, value)
    for number, value in ((4, header.batch_num), (5, header.batch_size)):
        if value is not None:
            data += wire.varint_field(number, value % 2**64)
    (defect,) = defects_of(data)
    assert (defect.code, defect.severity) == (code, Severity.REFUSE)
    assert summary_of(data).header == header
    with pytest.raises(ExportError) as caught:
        list(read_export([data]))
    assert caught.value.defect == defect


def test_the_last_of_repeated_fields_counts() -> None:
    """SPEC: EX-3. A field that occurs twice has its last value, in the header and inside a record (protobuf's rule)."""
    body = [wire.bytes_field(1, bytes(16)), RISK, START, TEK, wire.varint_field(2, 5)]
    data = export_of(wire.bytes_field(3, b"AT"), wire.bytes_field(3, b"CH"), record(*body))
    assert summary_of(data).header.region == "CH"
    assert keys_of(data) == [ExportedKey(bytes(range(16)), 2_650_032, 144, 5)]


def test_unknown_fields_are_skipped_and_counted() -> None:
    """SPEC: EX-3. Fields with other numbers cost nothing but a remark, at every level and in every wire type."""
    unknown = [
        wire.varint_field(9, 1),
        wire.fixed64_field(9, 1),
        wire.bytes_field(9, bytes(300)),
        b"\x4d" + bytes(4),
    ]
    body = [TEK, wire.varint_field(8, 2), RISK, START, wire.bytes_field(7, b"x")]
    data = export_of(*unknown, record(*body), wire.bytes_field(6, info_fields()))
    remarks = defects_of(data)
    assert [str(defect) for defect in remarks] == [
        "export.bin: SignatureInfo field 1 (app_bundle_id) is not used here; skipped once",
        "export.bin: TemporaryExposureKey field 7 (reserved) is not used here; skipped once",
        "export.bin: TemporaryExposureKey field 8 is not used here; skipped once",
        "export.bin: TemporaryExposureKeyExport field 9 is not used here; skipped 4 times",
    ]
    assert {defect.severity for defect in remarks} == {Severity.REMARK}
    assert keys_of(data) == [ExportedKey(bytes(range(16)), 2_650_032, 144, 3)]


def info_fields() -> bytes:
    """A signature info with a retired field."""
    return (
        wire.bytes_field(1, b"com.example")
        + wire.bytes_field(3, b"v1")
        + wire.bytes_field(4, b"310")
        + wire.bytes_field(5, model.OID_ECDSA_SHA256.encode())
    )


def test_kinds_of_unknown_fields_are_bounded() -> None:
    """A file with thousands of different unknown fields gives a bounded number of remarks that add up."""
    data = export_of(*(wire.varint_field(number, 1) for number in range(10, 510)))
    remarks = defects_of(data)
    assert len(remarks) == MAX_SKIPPED_KINDS + 1
    assert "numbers beyond the first kinds is not used here; skipped 468 times" in remarks[0].sentence


def test_fields_beside_the_keys_are_bounded() -> None:
    """A file of thousands of tiny fields, known or not, is given up at MAX_OTHER_FIELDS; keys do not count."""
    for field in (
        wire.varint_field(9, 1),
        wire.bytes_field(9, b""),
        wire.bytes_field(3, b""),
        wire.varint_field(7, 1),
    ):
        data = export_of(record(encode_key(key(1))), field * 5_000)
        refused = [defect for defect in defects_of(data) if defect.severity is Severity.REFUSE]
        assert refused[-1].code is DefectCode.FIELD_COUNT
        assert refused[-1].sentence == "more than 1,000 fields beside the keys (MAX_OTHER_FIELDS)"
        assert len(refused) in (1, 999)
        assert not summary_of(data).complete
    assert codes_of(export_of(*(record(encode_key(key(number))) for number in range(1_500)))) == []


def test_a_long_unknown_field_is_skipped_without_being_kept() -> None:
    """A field larger than the window is passed over chunk by chunk, and the key behind it is read."""
    filler = wire.bytes_field(9, bytes(5 * WINDOW_BYTES + 7))
    data = export_of(filler, record(encode_key(key(1))))
    found = [event for event in scan_export(chopped(data, 1000)) if isinstance(event, KeyRecord)]
    assert [one.key for one in found] == [key(1)]
    assert found[0].offset == len(export_of(filler))


def test_more_signature_infos_than_the_bound_refuse() -> None:
    """Each signature info beyond the tenth is a defect; the first ten are kept."""
    data = export_of(*[wire.bytes_field(6, info_fields())] * 12)
    refusals = [defect for defect in defects_of(data) if defect.severity is Severity.REFUSE]
    assert [defect.code for defect in refusals] == [DefectCode.SIGNATURE_INFO_COUNT] * 2
    assert len(summary_of(data).header.signature_infos) == model.MAX_SIGNATURES


def test_the_bound_on_keys_stops_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """One record more than MAX_EXPORT_KEYS stops the scan, on the common path and on the slow one."""
    monkeypatch.setattr(reader, "MAX_EXPORT_KEYS", 3)
    usual = [record(encode_key(key(number))) for number in range(5)]
    for data in (
        export_of(*usual),
        export_of(*usual[:3], record(START)),
        export_of(*usual[:3], record(bytes(2000))),
    ):
        (defect,) = defects_of(data)
        assert (defect.code, defect.record) == (DefectCode.KEY_COUNT, 4)
        assert len(keys_of(data)) == 3
        assert not summary_of(data).complete


def test_the_bound_on_bytes_stops_an_endless_file() -> None:
    """SPEC: EX-2. A file that never ends is given up at MAX_EXPORT_BYTES, and not read further."""
    handed_out = 0

    def endless() -> Iterator[bytes]:
        nonlocal handed_out
        yield export_of()
        while True:
            handed_out += 1
            yield wire.bytes_field(9, bytes(1 << 20))

    oversized, remark, last = scan_export(endless())
    assert isinstance(oversized, Defect)
    assert oversized.code is DefectCode.OVERSIZED
    assert isinstance(remark, Defect)
    assert isinstance(last, ExportSummary)
    assert handed_out <= model.MAX_EXPORT_BYTES // (1 << 20) + 1


def test_a_familiar_ending_in_a_cut_or_oversized_record_is_not_taken() -> None:
    """The short cut for known endings never sees a record that the slow path would not accept."""
    whole = record(TEK, RISK, START)
    longer = record(TEK, RISK, START, wire.varint_field(4, 100))
    cut = export_of(whole, longer[:-2])
    assert codes_of(cut) == [DefectCode.TRUNCATED]
    repeated = record(TEK, *[b"\x10\x83" + b"\x80" * 8 + b"\x00"] * 14, START)
    ambiguous = bytes([0x3A, len(repeated) - 3]) + repeated[3:]
    data = export_of(whole, repeated, ambiguous)
    assert keys_of(data) == [ExportedKey(bytes(range(16)), 2_650_032, 144, 3)] * 2
    assert DefectCode.TRUNCATED in codes_of(data)


def test_an_ending_that_means_more_is_never_remembered() -> None:
    """Endings with unknown fields are counted each time, and one that holds another key gives that key each time."""
    other, behind = wire.bytes_field(1, b"\x07" * 16), wire.varint_field(9, 1)
    data = export_of(*[record(TEK, RISK, START, behind)] * 3, record(TEK, START, other))
    data += record(wire.bytes_field(1, bytes(16)), START, other)
    (remark,) = defects_of(data)
    assert remark.sentence.endswith("field 9 is not used here; skipped 3 times")
    assert [one.key_data for one in keys_of(data)] == [bytes(range(16))] * 3 + [b"\x07" * 16] * 2
    twice = record(other, START, other)
    again = record(TEK, START, other)
    assert [one.key_data for one in keys_of(export_of(twice, again, twice))] == [b"\x07" * 16] * 3


@given(st.lists(st.binary(max_size=40), max_size=8), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_remembered_endings_change_nothing(noise: list[bytes], luck: object) -> None:
    """A file scanned with and without the memory of endings gives the same events."""
    shapes = [
        record(TEK, RISK, START),
        record(TEK, START),
        record(wire.bytes_field(1, bytes(16)), RISK, START),
    ]
    pieces = [*shapes * 3, *(record(TEK, one) for one in noise), *(wire.bytes_field(7, one) for one in noise)]
    luck.shuffle(pieces)  # type: ignore[attr-defined]
    data = export_of(*pieces)
    fresh = scan(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MAX_KNOWN_SUFFIXES", 0)
        assert scan(data) == fresh


@given(st.binary(max_size=400))
def test_arbitrary_bytes_end_in_a_summary(data: bytes) -> None:
    """SPEC: EX-2. Whatever follows a sound header, a scan raises nothing and ends with one summary."""
    for whole in (data, EXPORT_MAGIC + data, export_of(record(encode_key(key(1))), data)):
        events = scan(whole)
        assert isinstance(events[-1], ExportSummary)
        assert sum(isinstance(event, ExportSummary) for event in events) == 1
        assert events[-1].sound == sum(isinstance(event, KeyRecord) for event in events)


@given(st.data())
@settings(max_examples=500)
def test_a_mutated_file_is_read_or_refused(data: st.DataObject) -> None:
    """Bytes changed, inserted and removed: no exception but ExportError, and every key is in range."""
    mutated = bytearray(small_export())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, max(len(mutated) - 1, 0)))
        mutated[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for one in keys_of(bytes(mutated)):
        assert len(one.key_data) == 16
        assert 1 <= one.rolling_period <= 144
    refused = any(
        isinstance(event, Defect) and event.severity is Severity.REFUSE for event in scan(bytes(mutated))
    )
    with pytest.raises(ExportError) if refused else contextlib.nullcontext():
        list(read_export([bytes(mutated)]))


def test_strict_reading_passes_on_what_does_not_refuse() -> None:
    """read_export yields dropped records and remarks as scan_export does."""
    data = export_of(record(START), wire.varint_field(9, 1), record(encode_key(key(1))))
    assert list(read_export([data])) == scan(data)


def test_duplicates_are_dropped_and_disorder_is_remarked_once() -> None:
    """SPEC: EX-5. The second record of a key in one list is dropped; the same key in the other list is a revision."""
    order = [3, 1, 1, 2, 3, 0]
    data = export_of(
        *(record(encode_key(key(number))) for number in order),
        record(encode_key(key(1, report_type=ReportType.REVOKED)), number=8),
        record(encode_key(key(1)), number=8),
        wire.varint_field(9, 1),
    )
    events = list(drop_duplicates(scan(data)))
    kept = [event.key.key_data[1] for event in events if isinstance(event, KeyRecord)]
    assert kept == [3, 1, 2, 0, 1]
    found = [(event.code, event.record) for event in events if isinstance(event, Defect)]
    assert found == [
        (DefectCode.UNSORTED, 2),
        (DefectCode.DUPLICATE_KEY, 3),
        (DefectCode.DUPLICATE_KEY, 5),
        (DefectCode.DUPLICATE_KEY, 8),
        (DefectCode.UNKNOWN_FIELD, None),
    ]
    assert "revised_keys" in [str(event) for event in events if isinstance(event, Defect)][-2]


def test_memory_does_not_grow_with_the_file() -> None:
    """SPEC: EX-2. Four times the keys need the same memory: one window, whatever the size of the file."""
    peaks = []
    for count in (10_000, 40_000):
        tracemalloc.start()
        scanned = sum(1 for _ in scan_export(generated(count)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert scanned == count + 1
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 1024 * 1024


def generated(count: int) -> Iterator[bytes]:
    """An export.bin of `count` keys with 56 different endings, never in memory as a whole."""
    yield export_of()
    for first in range(0, count, 1000):
        yield b"".join(
            record(
                wire.bytes_field(1, number.to_bytes(16, "big")),
                wire.varint_field(2, number % 4),
                wire.varint_field(3, 2_650_032 + 144 * (number % 14)),
            )
            for number in range(first, first + 1000)
        )


def test_every_code_has_a_severity_and_a_line_says_where() -> None:
    """SPEC: EX-8. The table of severities is total, and a defect prints as part, record, offset and sentence."""
    assert set(SEVERITY) == set(DefectCode)
    assert set(SEVERITY.values()) == set(Severity)
    defect = Defect(DefectCode.ONSET, "onset", Part.EXPORT_BIN, 7, 2)
    assert str(defect) == "export.bin, record 2, offset 7: onset"
    assert str(ExportError(defect)) == str(defect)


def test_export_keys_and_keys_of_the_design_are_one() -> None:
    """A key of the gaen design survives the way into an export and back."""
    shared = key(5, rolling_period=20, report_type=ReportType.SELF_REPORT, days_since_onset=2).to_shared()
    (found,) = keys_of(encode_export(HEADER, [ExportedKey.from_shared(shared)]))
    assert found.to_shared() == shared
