"""Exports through the engines: the same records and defects as the reader's, and what counts of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.errors import ResumeError
from anopticon_client.matching import ExportJob, ExportResult, IndexedRows, exports, match
from anopticon_protocol.designs.gaen import Gaen, encrypt_metadata, rpis
from anopticon_protocol.designs.gaen_keys import ENTRY_BYTES, encode_entry
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, ReportType
from anopticon_protocol.export import wire
from anopticon_protocol.export.defects import Defect, DefectCode, ExportError, Severity
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.entry_runs import EntryRun, TakeRecords, read_runs
from anopticon_protocol.export.model import MAX_EXPORT_KEYS, ExportedKey, ExportSummary, KeyRecord
from anopticon_protocol.export.reader import read_export, scan_export
from anopticon_protocol.export.writer import encode_export
from tests.client.matching.kit import each_engine, engine_of, indexed
from tests.protocol.export_kit import HEADER, chopped, export_of, key_lists, record, small_export

START = 2_650_032
NOW = START * 600 + 3 * 86_400
METADATA = bytes([0x40, 0xF1, 0, 0])


def flat(events: Iterable[object]) -> list[object]:
    """Events as values that compare: each key with its number and list, each defect, the summary."""
    found: list[object] = []
    try:
        for event in events:
            if isinstance(event, EntryRun):
                for place in range(len(event.entries) // ENTRY_BYTES):
                    entry = event.entries[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES]
                    found.append((entry, event.first + place, event.revised))
            elif isinstance(event, KeyRecord):
                found.append((encode_entry(event.key.to_shared()), event.number, event.revised))
            else:
                found.append(event)
    except ExportError as error:
        found.append(str(error))
    return found


def take_of(engine: str) -> TakeRecords | None:
    """How an engine reads plain records."""
    return engine_of(engine).take_records


raw_fields = st.one_of(
    st.builds(wire.varint_field, st.integers(2, 9), st.integers(0, 2**64 - 1)),
    st.builds(wire.varint_field, st.integers(2, 6), st.integers(0, 200)),
    st.builds(wire.bytes_field, st.integers(1, 9), st.binary(max_size=20)),
)
raw_records = st.builds(
    lambda key_data, fields, number: record(wire.bytes_field(1, key_data), *fields, number=number),
    st.binary(min_size=15, max_size=17) | st.binary(min_size=16, max_size=16),
    st.lists(raw_fields, max_size=6) | st.just([wire.varint_field(3, START)]),
    st.sampled_from([7, 7, 7, 8]),
)
raw_files = st.lists(raw_records, max_size=12).map(lambda records: export_of(*records, *records[:3]))
sound_files = st.builds(lambda keys, revised: encode_export(HEADER, keys, revised), key_lists, key_lists)


@each_engine
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_runs_hold_what_the_reader_reads(engine: str, data: st.DataObject) -> None:
    """For any file, sound or not, in any chunks: the same keys, numbers, defects and summary (MT-10)."""
    file = data.draw(raw_files | sound_files | sound_files.map(lambda one: one * 2))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(file) - 1))
        file = file[:at] + data.draw(st.binary(max_size=2)) + file[at + 1 :]
    size = data.draw(st.sampled_from([7, 64, 100_000]))
    runs = flat(read_runs(chopped(file, size), take_of(engine)))
    assert runs == flat(read_export(chopped(file, size)))


def rows_near(keys: list[ExportedKey], every: int = 1) -> IndexedRows:
    """What a phone stored that heard some identifiers of each key."""
    rows: list[Observation] = []
    for number, key in enumerate(keys[::every]):
        place = number * 7 % key.rolling_period
        heard = rpis(key.key_data, key.rolling_start, key.rolling_period)[place]
        token = Gaen().observe(heard, (key.rolling_start + place) * 600 + 5)
        metadata = encrypt_metadata(key.key_data, heard, METADATA)
        rows.append(Observation(token, SETTLED, (Reading(5, -60, 300, metadata),)))
    return indexed(rows)


def run(engine: str, file: bytes, stored: IndexedRows, now: int = NOW, size: int = 500) -> ExportResult:
    """All of an ExportJob."""
    one = ExportJob(engine_of(engine), chopped(file, size), stored, now=now)
    finish(one)
    return one.result()


def finish(one: ExportJob) -> None:
    """Step to the end."""
    while not one.step():
        pass


def expected_rows(file: bytes, stored: IndexedRows, now: int) -> list[Observation]:
    """The same by way of the reader, the filter of duplicates and the reference."""
    records = [one for one in drop_duplicates(read_export([file])) if isinstance(one, KeyRecord)]
    revised = {one.key.key_data for one in records if one.revised}
    counted = [
        one.key.to_shared()
        for one in records
        if (one.revised or one.key.key_data not in revised)
        and (one.key.rolling_start + one.key.rolling_period) * 600 + 14 * 86_400 > now
    ]
    return match(Gaen(), tuple(counted), 0, stored)


near_exported = st.builds(
    ExportedKey,
    key_data=st.sampled_from([bytes([number]) * 16 for number in range(6)]),
    rolling_start=st.integers(START - 16 * 144, START),
    rolling_period=st.sampled_from([1, 50, 144]),
    report_type=st.sampled_from(ReportType),
)


@each_engine
@settings(max_examples=60, deadline=None)
@given(
    primary=st.lists(near_exported, max_size=8),
    revised=st.lists(near_exported, max_size=4),
)
def test_an_export_matches_as_its_records_do(
    engine: str, primary: list[ExportedKey], revised: list[ExportedKey]
) -> None:
    """Repeated, revised, revoked and old keys count as they do one by one; hits are the reference's (MT-10, MT-11)."""
    fields = [plain(key, 7) for key in primary] + [plain(key, 8) for key in revised]
    file = export_of(*fields)
    stored = rows_near(primary + revised)
    assert run(engine, file, stored).rows == expected_rows(file, stored, NOW)


def plain(key: ExportedKey, number: int) -> bytes:
    """A record as a writer makes it, in either list and however often."""
    return record(
        wire.bytes_field(1, key.key_data),
        wire.varint_field(3, key.rolling_start),
        wire.varint_field(4, key.rolling_period),
        wire.varint_field(5, key.report_type),
        number=number,
    )


KEY = ExportedKey(bytes(range(16)), START)


@each_engine
def test_revised_revoked_repeated_and_old_keys(engine: str) -> None:
    """A revision counts for its key, a revoked one not at all, the first of two, none older than 14 days (MT-11)."""
    stored = rows_near([KEY])
    confirmed = replace(KEY, report_type=ReportType.CONFIRMED_TEST)
    revoked = replace(KEY, report_type=ReportType.REVOKED)
    clinical = replace(KEY, report_type=ReportType.CLINICAL_DIAGNOSIS)

    def said(*fields: bytes, now: int = NOW) -> list[str]:
        rows = run(engine, export_of(*fields), stored, now).rows
        return [row.match.report_type.name for row in rows if row.match]

    assert said(plain(confirmed, 7)) == ["CONFIRMED_TEST"]
    assert said(plain(clinical, 7), plain(confirmed, 8)) == ["CONFIRMED_TEST"]
    assert said(plain(confirmed, 8), plain(clinical, 7)) == ["CONFIRMED_TEST"]
    assert said(plain(confirmed, 7), plain(revoked, 8)) == []
    assert said(plain(clinical, 7), plain(confirmed, 7)) == ["CLINICAL_DIAGNOSIS"]
    last = (START + 144) * 600 + 14 * 86_400
    assert said(plain(confirmed, 7), now=last - 1) == ["CONFIRMED_TEST"]
    assert said(plain(confirmed, 7), now=last) == []
    assert run(engine, export_of(plain(confirmed, 7)), stored, last).old == 1


BAD = {
    "15 bytes": (record(wire.bytes_field(1, bytes(15)), wire.varint_field(3, START)), DefectCode.KEY_LENGTH),
    "17 bytes": (record(wire.bytes_field(1, bytes(17)), wire.varint_field(3, START)), DefectCode.KEY_LENGTH),
    "period 0": (plain(replace(KEY, rolling_period=0), 7), DefectCode.ROLLING_PERIOD),
    "period 145": (plain(replace(KEY, rolling_period=145), 7), DefectCode.ROLLING_PERIOD),
    "no start": (plain(replace(KEY, rolling_start=0), 7), DefectCode.ROLLING_START),
}


@each_engine
@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_named_and_the_others_count(engine: str, name: str) -> None:
    """A record that cannot be used is dropped with its number and reason, nothing is padded, nothing hangs (MT-10)."""
    bad, code = BAD[name]
    good = replace(KEY, report_type=ReportType.CONFIRMED_TEST)
    result = run(
        engine, export_of(plain(good, 7), bad, plain(replace(good, key_data=bytes(16)), 7)), rows_near([KEY])
    )
    assert len(result.rows) == 1
    assert (result.records, result.dropped) == (3, 1)
    (defect,) = result.defects
    assert (defect.code, defect.record, defect.severity) == (code, 2, Severity.DROP)


@each_engine
def test_a_truncated_file_is_refused_wherever_it_ends(engine: str) -> None:
    """Cut at any byte, a file is refused where it does not end as a file may, and nothing of it counts (MT-12)."""
    file = small_export()
    whole = [event for event in scan_export([file]) if isinstance(event, ExportSummary)]
    for length in range(len(file)):
        refused = [
            one
            for one in scan_export([file[:length]])
            if isinstance(one, Defect) and one.severity is Severity.REFUSE
        ]
        one = ExportJob(engine_of(engine), [file[:length]], rows_near([KEY]), now=NOW)
        if refused:
            with pytest.raises(ExportError):
                finish(one)
            with pytest.raises(RuntimeError, match="before step"):
                one.result()
        else:
            assert run(engine, file[:length], rows_near([KEY])).records <= whole[0].records


@each_engine
def test_no_keys_and_too_many(engine: str) -> None:
    """A file without keys matches nothing; the record that is one too many refuses it, with its number (MT-10)."""
    assert run(engine, export_of(), rows_near([KEY])).rows == []
    one = plain(replace(KEY, report_type=ReportType.CONFIRMED_TEST), 7)
    most = export_of(*[one] * MAX_EXPORT_KEYS)
    old = (START + 144) * 600 + 15 * 86_400
    result = run(engine, most, rows_near([KEY]), old, size=65_536)
    assert (result.records, result.old) == (MAX_EXPORT_KEYS, MAX_EXPORT_KEYS)
    with pytest.raises(ExportError, match="more than 750,000 key records"):
        run(engine, most + one, rows_near([KEY]), old, size=65_536)


@each_engine
def test_an_export_is_taken_up_where_it_stopped(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a checkpoint only what comes behind is expanded, with the same result; another file is told (MT-13)."""
    monkeypatch.setattr(exports, "SLICE_IDENTIFIERS", 144)
    keys = [
        replace(KEY, key_data=bytes([number]) * 16, report_type=ReportType.SELF_REPORT) for number in range(9)
    ]
    file = export_of(*(plain(key, 7 + number % 2) for number, key in enumerate(keys)))
    stored = rows_near(keys, 2)
    first = ExportJob(engine_of(engine), [file], stored, now=NOW)
    for _ in range(4):
        first.step()
    point = first.checkpoint()
    assert 0 < point.records < 9
    second = ExportJob(engine_of(engine), [file], stored, now=NOW, resume=point)
    finish(second)
    assert second.result().rows == run(engine, file, stored).rows
    assert len(second.result().rows) == second.found == 5
    assert 0 < first.found < 5
    other = ExportJob(
        engine_of(engine), [file.replace(b"\x01" * 16, b"\x51" * 16)], stored, now=NOW, resume=point
    )
    with pytest.raises(ResumeError, match="another file"):
        finish(other)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(0, 10),
    sizes=st.tuples(*[st.sampled_from([7, 31, 64, 90, 100_000])] * 2),
    other=st.integers(0, 8),
)
def test_a_stop_anywhere_and_any_chunks_change_nothing(
    steps: int, sizes: tuple[int, int], other: int
) -> None:
    """Wherever a pass stopped and however the file is cut: the same end; another or a shorter file is told (MT-13)."""
    keys = [replace(KEY, key_data=bytes([number]) * 16) for number in range(9)]
    file = export_of(*(plain(key, 7) for key in keys))
    stored = rows_near(keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "SLICE_IDENTIFIERS", 144)
        first = ExportJob(engine_of("python"), chopped(file, sizes[0]), stored, now=NOW)
        while steps and not first.step():
            steps -= 1
        point = first.checkpoint()
        second = ExportJob(engine_of("python"), chopped(file, sizes[1]), stored, now=NOW, resume=point)
        finish(second)
        assert second.result().rows == run("python", file, stored).rows
        assert second.found == 9
        cut = export_of(*(plain(key, 7) for key in keys[:other]))
        changed = file.replace(bytes([other]) * 16, b"\x51" * 16)
        for foreign in (cut, changed) if point.records > other else ():
            job = ExportJob(engine_of("python"), chopped(foreign, sizes[1]), stored, now=NOW, resume=point)
            with pytest.raises(ResumeError, match="another file"):
                finish(job)


def test_a_checkpoint_may_lie_within_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that comes in larger chunks than before is cut at the checkpoint: nothing twice, nothing lost (MT-13)."""
    monkeypatch.setattr(exports, "SLICE_IDENTIFIERS", 144)
    keys = [replace(KEY, key_data=number.to_bytes(2, "big") * 8) for number in range(3_000)]
    file = export_of(*(plain(key, 7) for key in keys))
    stored = rows_near([keys[5], keys[2_900]])
    first = ExportJob(engine_of("python"), chopped(file, 15_000), stored, now=NOW)
    for _ in range(2):
        first.step()
    point = first.checkpoint()
    assert 5 < point.records < 2_900
    second = ExportJob(engine_of("python"), [file], stored, now=NOW, resume=point)
    finish(second)
    whole = ExportJob(engine_of("python"), [file], stored, now=NOW)
    finish(whole)
    assert whole.found == 2
    assert second.checkpoint() == whole.checkpoint(), "the same keys under the same record numbers"
    assert second.result().rows == whole.result().rows


def test_many_defects_are_counted_and_the_first_are_kept() -> None:
    """A file of nothing but bad records costs no more memory than its first hundred defects (MT-10)."""
    file = export_of(*[BAD["15 bytes"][0]] * 300)
    result = run("python", file, IndexedRows({}))
    assert (result.dropped, len(result.defects), result.rows) == (300, 100, [])


def test_remarks_do_not_count_as_dropped() -> None:
    """What the reader only remarks upon, such as a field of tomorrow, drops nothing (MT-10)."""
    odd = record(wire.bytes_field(1, KEY.key_data), wire.varint_field(3, START), wire.varint_field(9, 1))
    result = run("python", export_of(odd), rows_near([KEY]))
    assert (result.records, result.dropped, result.defects) == (1, 0, ())
