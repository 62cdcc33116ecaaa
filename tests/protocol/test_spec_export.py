"""One test for each rule of SPEC.md 8.5; the suites beside this file go into the corners."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.export import DefectCode, ExportError, KeyRecord, Severity, load_export, write_export
from anopticon_protocol.export.defects import SEVERITY
from anopticon_protocol.export.duplicates import drop_duplicates
from anopticon_protocol.export.model import EXPORT_MAGIC, MAX_EXPORT_BYTES, SignatureInfo
from anopticon_protocol.export.reader import read_export, scan_export
from anopticon_protocol.export.wire import bytes_field, sint32_field, varint_field
from anopticon_protocol.export.writer import encode_archive, encode_export, encode_signatures
from tests.protocol.export_kit import (
    HEADER,
    INFO,
    SIGNER,
    STRANGER,
    codes_of,
    export_of,
    key,
    keys_of,
    record,
    scan,
    small_archive,
    small_export,
    zip_of,
)

SOUND = (bytes_field(1, bytes(range(16))), varint_field(3, 2_650_032))


def refused(archive: bytes) -> DefectCode:
    """Why an archive does not load."""
    with pytest.raises(ExportError) as caught:
        load_export(archive, [SIGNER.public])
    return caught.value.defect.code


@pytest.mark.parametrize("magic", [b"", b"EK Export v2    ", b"EK Export v1", EXPORT_MAGIC.lower()])
def test_every_byte_of_the_header_counts(magic: bytes) -> None:
    """SPEC: EX-1. A file that begins otherwise has no keys at all."""
    data = magic + small_export()[16:]
    assert codes_of(data)[0] is DefectCode.HEADER
    assert keys_of(data) == []


def test_a_file_without_end_is_cut_off_at_the_bound() -> None:
    """SPEC: EX-2. An endless file ends at MAX_EXPORT_BYTES, in memory of a few windows."""

    def endless() -> Iterator[bytes]:
        yield EXPORT_MAGIC
        while True:
            yield bytes_field(99, bytes(60_000))

    tracemalloc.start()
    events = list(scan_export(endless()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any(getattr(event, "code", None) is DefectCode.OVERSIZED for event in events)
    assert peak < 4_000_000 < MAX_EXPORT_BYTES


@pytest.mark.parametrize(
    ("tail", "code"),
    [(b"\x3a\x05abc", DefectCode.TRUNCATED), (b"\xff" * 20, DefectCode.MALFORMED), (b"\x3b", DefectCode.MALFORMED)],
    ids=["cut", "noise", "group"],
)  # fmt: skip
def test_what_is_not_protobuf_refuses_the_file(tail: bytes, code: DefectCode) -> None:
    """SPEC: EX-2, EX-3. A cut, noise and a group stop the reader, with the offset, and it ends."""
    whole = small_export()
    (defect,) = (event for event in scan(whole + tail) if getattr(event, "code", None) is code)
    assert f"offset {len(whole)}" in str(defect) or code is DefectCode.TRUNCATED
    with pytest.raises(ExportError):
        list(read_export([whole + tail]))


def test_fields_are_read_as_protobuf_has_it() -> None:
    """SPEC: EX-3. Any order, the last of repeated fields, unknown ones skipped, another wire type an error."""
    sound = record(SOUND[1], varint_field(4, 7), varint_field(99, 1), SOUND[0], varint_field(4, 9))
    (one,) = keys_of(export_of(sound))
    assert (one.key_data, one.rolling_start, one.rolling_period) == (bytes(range(16)), 2_650_032, 9)
    assert DefectCode.RECORD_FIELD_TYPE in codes_of(export_of(record(*SOUND, bytes_field(4, b"9"))))
    assert DefectCode.FIELD_TYPE in codes_of(export_of(varint_field(7, 1)))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ((bytes_field(1, bytes(15)), SOUND[1]), DefectCode.KEY_LENGTH),
        ((bytes_field(1, bytes(17)), SOUND[1]), DefectCode.KEY_LENGTH),
        ((SOUND[1],), DefectCode.KEY_LENGTH),
        ((SOUND[0],), DefectCode.ROLLING_START),
        ((SOUND[0], varint_field(3, 2**31 - 1), varint_field(3, 2**40)), DefectCode.ROLLING_START),
        ((*SOUND, varint_field(4, 0)), DefectCode.ROLLING_PERIOD),
        ((*SOUND, varint_field(4, 145)), DefectCode.ROLLING_PERIOD),
        ((*SOUND, varint_field(2, 9)), DefectCode.TRANSMISSION_RISK),
        ((*SOUND, varint_field(5, 6)), DefectCode.REPORT_TYPE),
        ((*SOUND, sint32_field(6, 15)), DefectCode.ONSET),
        ((*SOUND, sint32_field(6, -15)), DefectCode.ONSET),
        ((*SOUND, bytes_field(50, bytes(1_024))), DefectCode.RECORD_OVERSIZED),
        ((*SOUND, b"\xff"), DefectCode.RECORD_MALFORMED),
    ],
)
def test_a_bad_key_is_dropped_and_the_others_stay(bad: tuple[bytes, ...], code: DefectCode) -> None:
    """SPEC: EX-4. One beyond each bound, a missing field, and a key that Google's reader pads or hangs on."""
    data = export_of(record(*SOUND), record(*bad), record(bytes_field(1, b"\xff" * 16), SOUND[1]))
    assert codes_of(data).count(code) == 1
    assert [one.key_data for one in keys_of(data)] == [bytes(range(16)), b"\xff" * 16]
    assert SEVERITY[code] is Severity.DROP


def test_a_key_counts_once_in_its_list() -> None:
    """SPEC: EX-5. A second copy is dropped, a revision of it is not, and a list out of order is remarked."""
    data = export_of(
        record(*SOUND), record(*SOUND), record(bytes_field(1, bytes(16)), SOUND[1]), record(*SOUND, number=8)
    )
    events = list(drop_duplicates(scan(data)))
    codes = [event.code for event in events if hasattr(event, "code")]
    assert codes.count(DefectCode.DUPLICATE_KEY) == codes.count(DefectCode.UNSORTED) == 1
    assert [event.revised for event in events if isinstance(event, KeyRecord)] == [False, False, True]


def test_the_signature_covers_every_byte() -> None:
    """SPEC: EX-6. A changed key, a stranger's key, raw bytes and another algorithm are refused."""
    export_bin = encode_export(HEADER, [key(1)])
    good = encode_signatures(export_bin, [(SIGNER, INFO)])
    assert load_export(encode_archive(export_bin, good), [SIGNER.public]).records == 1
    changed = export_bin.replace(key(1).key_data, key(2).key_data)
    assert refused(encode_archive(changed, good)) is DefectCode.SIGNATURE_WRONG
    foreign = encode_signatures(export_bin, [(STRANGER, INFO)])
    assert refused(encode_archive(export_bin, foreign)) is DefectCode.SIGNATURE_WRONG
    without_magic = encode_signatures(export_bin[16:], [(SIGNER, INFO)])
    assert refused(encode_archive(export_bin, without_magic)) is DefectCode.SIGNATURE_WRONG
    info = bytes_field(3, b"v1") + bytes_field(4, b"310") + bytes_field(5, INFO.algorithm.encode())
    numbers = varint_field(2, 1) + varint_field(3, 1)
    raw, der = (
        bytes_field(1, bytes_field(1, info) + numbers + bytes_field(4, signature))
        for signature in (SIGNER.sign_raw(export_bin), SIGNER.sign(export_bin))
    )
    assert der == good
    assert refused(encode_archive(export_bin, raw)) is DefectCode.SIGNATURE_RAW
    other = SignatureInfo("v1", "310", "1.2.840.10045.4.3.4")
    with pytest.raises(InvalidParameterError, match="signature_algorithm"):
        write_export(HEADER, [key(1)], [(SIGNER, other)])


def test_signatures_are_those_that_the_file_announces() -> None:
    """SPEC: EX-7. As many as announced, by announced keys; an empty id only where there is one signature."""
    second = SignatureInfo("v2", "999")
    both = write_export(HEADER, [key(1)], [(STRANGER, second), (SIGNER, INFO)])
    assert load_export(both, [SIGNER.public]).signed_by == SIGNER.public
    export_bin = encode_export(HEADER, [key(1)])
    doubled = encode_signatures(export_bin, [(SIGNER, INFO), (STRANGER, second)])
    assert refused(encode_archive(export_bin, doubled)) is DefectCode.SIGNATURE_COUNT
    unannounced = encode_signatures(export_bin, [(SIGNER, second)])
    assert refused(encode_archive(export_bin, unannounced)) is DefectCode.SIGNATURE_INFO_MISMATCH
    with pytest.raises(InvalidParameterError, match="needed with several"):
        write_export(HEADER, [key(1)], [(SIGNER, INFO), (STRANGER, SignatureInfo())])


def test_every_code_has_one_severity_and_refusal_wins() -> None:
    """SPEC: EX-8. Keys in front of a defect that refuses are not given to who will use them."""
    assert set(SEVERITY) == set(DefectCode)
    assert set(SEVERITY.values()) == set(Severity)
    events = read_export([small_export()[:-3]])
    with pytest.raises(ExportError):
        list(events)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([("export.bin", b"x")], DefectCode.SIGNATURE_MISSING),
        ([("export.sig", b"x")], DefectCode.EXPORT_MISSING),
        ([("export.bin", b"x"), ("export.sig", b"x"), ("content.sig", b"x")], DefectCode.ENTRY_EXTRA),
        ([("../export.bin", b"x"), ("export.bin", b"x"), ("export.sig", b"x")], DefectCode.ENTRY_NAME),
        ([(f"{n}", b"x") for n in range(17)], DefectCode.ENTRY_COUNT),
    ],
    ids=["no sig", "no bin", "third", "name", "many"],
)
def test_an_archive_holds_its_two_files_only(files: list[tuple[str, bytes]], code: DefectCode) -> None:
    """SPEC: EX-9. A missing, a foreign and a dangerous entry, and more entries than there may be."""
    assert refused(zip_of(files)) is code


def test_a_damaged_entry_is_refused() -> None:
    """SPEC: EX-9. One flipped bit of a key does not fit the checksum."""
    data = bytearray(small_archive())
    data[data.index(key(2).key_data)] ^= 1
    assert refused(bytes(data)) is DefectCode.ENTRY_CORRUPT


def test_a_zip_bomb_is_refused_before_it_is_held() -> None:
    """SPEC: EX-10. Ten million zeros in ten thousand bytes cost less than a megabyte."""
    bomb = zip_of(
        [("export.bin", EXPORT_MAGIC + bytes(10_000_000)), ("export.sig", b"")], zipfile.ZIP_DEFLATED
    )
    tracemalloc.start()
    code = refused(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code is DefectCode.ENTRY_RATIO
    assert peak < 2_000_000


def test_the_same_keys_give_the_same_bytes() -> None:
    """SPEC: EX-11. In any order; entries are stored, with the oldest date that a zip can say."""
    keys = [key(number) for number in range(1, 20)]
    data = write_export(HEADER, keys, [(SIGNER, INFO)])
    assert write_export(HEADER, keys[::-1], [(SIGNER, INFO)]) == data
    entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert [entry.filename for entry in entries] == ["export.bin", "export.sig"]
    assert {(entry.compress_type, entry.date_time) for entry in entries} == {(0, (1980, 1, 1, 0, 0, 0))}


@pytest.mark.parametrize(
    "bad", [key(0, rolling_period=0), key(0, transmission_risk=9), key(0, days_since_onset=15)]
)
def test_nothing_is_written_that_would_not_be_read(bad: object) -> None:
    """SPEC: EX-12. What is written has no defect and no remark; a key out of range is not written."""
    assert codes_of(small_export()) == []
    with pytest.raises(InvalidParameterError, match="outside"):
        encode_export(HEADER, [bad])  # type: ignore[list-item]
