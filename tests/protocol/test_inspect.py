"""What an inspection tells of files: anopticon_protocol.inspection."""

from __future__ import annotations

import json
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.export import wire
from anopticon_protocol.export.writer import (
    encode_archive,
    encode_export,
    encode_key,
    encode_signatures,
    write_export,
)
from anopticon_protocol.inspection import Inspection, inspect_bytes, printable, render
from anopticon_protocol.inspection.report import MAX_LISTED_DEFECTS
from anopticon_protocol.inspection.text import SHOWN_PER_CODE, SHOWN_VALUES
from tests.protocol.export_kit import (
    HEADER,
    INFO,
    SIGNER,
    STRANGER,
    export_of,
    key,
    record,
    small_archive,
    small_export,
    zip_of,
)

KEYS = {"the key": SIGNER.public}
OTHER = {"another": STRANGER.public}
RELEASE = 1_600_041_600


def codes(inspection: Inspection) -> list[str]:
    """The codes of all defects, in the order found."""
    return [finding.code for finding in inspection.defects]


def test_an_archive_is_told_in_full() -> None:
    """Header, counts, ranges and signature of a sound archive are all there, and the verdict is clean."""
    keys = [
        key(1, rolling_period=30, transmission_risk=3),
        key(2, report_type=ReportType.SELF_REPORT, days_since_onset=-3),
        key(3, report_type=ReportType.SELF_REPORT, days_since_onset=5),
    ]
    revised = [key(1, report_type=ReportType.REVOKED)]
    found = inspect_bytes("x.zip", write_export(HEADER, keys, [(SIGNER, INFO)], revised_keys=revised), KEYS)
    assert (found.kind, found.verdict, found.flawless, found.defects) == ("export archive", "clean", True, ())
    assert found.facts["start"] == {"unix": 1_600_000_200, "utc": "2020-09-13T12:30:00Z"}
    assert found.facts["region"] == "CH"
    assert found.facts["batch"] == "1 of 1"
    assert found.facts["lists"] == {"keys": 3, "revised_keys": 1}
    assert found.facts["rolling_periods"] == {"30": 1, "144": 3}
    assert found.facts["transmission_risks"] == {"0": 3, "3": 1}
    assert found.facts["report_types"] == {"revoked": 1, "self_report": 2, "unknown": 1}
    assert (found.facts["onset_days"], found.facts["without_onset"]) == ([-3, 5], 2)
    assert [one["utc"] for one in found.facts["valid"]] == ["2020-05-21T00:00:00Z", "2020-05-22T00:00:00Z"]
    (signature,) = found.signatures
    assert (signature.key, signature.form, signature.verdict) == ('"310-v1"', "DER", "verified")
    text = render(found)
    for line in (
        "window      2020-09-13T12:30:00Z to 2020-09-13T13:30:00Z",
        "keys        3 first published, 1 revised",
        "periods     30 (1), 144 (3)",
        "onset       -3 to 5 days (2 not stated)",
        "verified, with the key",
        "verdict     clean",
    ):
        assert line in text


def test_an_unchecked_signature_is_no_failure_and_is_told() -> None:
    """Without a key an archive is clean, and the text says what was not done."""
    found = inspect_bytes("x.zip", small_archive())
    assert (found.verdict, found.signatures[0].verdict) == ("clean", "not checked")
    assert "clean, signature not checked (give --key)" in render(found)


def test_a_signature_by_another_key_refuses() -> None:
    """With a key that did not sign, the archive is refused for that."""
    found = inspect_bytes("x.zip", small_archive(), OTHER)
    assert (found.verdict, codes(found)) == ("refused", ["signature-wrong"])
    assert found.signatures[0].verdict == "failed"


def test_one_of_two_signatures_is_enough() -> None:
    """A second signature by a key that was not given is reported as such and is no defect."""
    data = write_export(HEADER, [key(1)], [(STRANGER, INFO), (SIGNER, INFO)])
    found = inspect_bytes("x.zip", data, KEYS)
    assert (found.verdict, [one.verdict for one in found.signatures]) == ("clean", ["failed", "verified"])


def test_a_signature_without_the_header_is_recognised() -> None:
    """The commonest mistake of a new writer has a sentence of its own."""
    export_bin = small_export()
    data = encode_archive(export_bin, encode_signatures(export_bin[16:], [(SIGNER, INFO)]))
    found = inspect_bytes("x.zip", data, KEYS)
    assert "it does without the 16-byte header, which must be signed too" in found.defects[-1].sentence


def test_a_bare_export_has_no_signature() -> None:
    """An export.bin alone is inspected, the text says where its signature would be, and a key cannot verify it."""
    found = inspect_bytes("export.bin", small_export())
    assert (found.kind, found.verdict, found.signatures) == ("export.bin", "clean", ())
    assert "none in this file: it stands in export.sig" in render(found)
    asked = inspect_bytes("export.bin", small_export(), KEYS)
    assert (asked.verdict, asked.flawless) == ("unverified", False)
    assert "not verified with the given key" in render(asked)


def test_reading_goes_on_behind_a_third_entry() -> None:
    """An archive that is refused for an extra entry is told in full all the same, its signature verified."""
    export_bin = small_export()
    export_sig = encode_signatures(export_bin, [(SIGNER, INFO)])
    data = zip_of([("export.bin", export_bin), ("export.sig", export_sig), ("readme.txt", b"hi")])
    found = inspect_bytes("x.zip", data, KEYS)
    assert (found.verdict, codes(found)) == ("refused", ["entry-extra"])
    assert found.facts["records"] == 4
    assert found.signatures[0].verdict == "verified"
    assert "'readme.txt' does not belong" in render(found)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([("export.sig", b"")], ["export-missing"]),
        ([("export.bin", small_export())], ["signature-missing"]),
        ([], ["export-missing", "signature-missing"]),
        ([("export.bin", b""), ("export.sig", b"")], ["header", "signature-empty"]),
        (
            [("export.bin", small_export()), ("export.sig", b"\x0a\x05")],
            ["signature-malformed", "signature-empty"],
        ),
    ],
)
def test_what_is_missing_is_named(files: list[tuple[str, bytes]], expected: list[str]) -> None:
    """A missing or empty part of an archive is a defect, and what is left is looked at."""
    found = inspect_bytes("x.zip", zip_of(files))
    assert codes(found) == expected
    assert render(found)


def test_entries_that_cannot_be_read_are_told_once() -> None:
    """An unreadable entry is one defect, whether it shows in the directory or while reading."""
    packed = zip_of([("export.bin", small_export()), ("export.sig", b"")], zipfile.ZIP_BZIP2)
    assert codes(inspect_bytes("x.zip", packed)) == ["entry-method", "entry-method"]
    corrupt = small_archive().replace(key(2).key_data, bytes(16))
    found = inspect_bytes("x.zip", corrupt)
    assert codes(found)[0] == "entry-corrupt"
    assert found.facts["records"] == 3


def test_duplicates_and_disorder_show() -> None:
    """A doubled key counts as dropped; a file with nothing worse is usable."""
    data = export_of(*(record(encode_key(key(number))) for number in (2, 1, 2)))
    found = inspect_bytes("export.bin", data)
    assert (found.verdict, codes(found)) == ("usable", ["unsorted", "duplicate-key"])
    assert (found.facts["records"], found.facts["dropped"]) == (3, 1)
    assert "usable, without the records that were dropped" in render(found)
    assert "2 first published, 0 revised, 1 dropped" in render(found)


def test_a_million_defects_are_counted_and_not_listed() -> None:
    """Lists are bounded, counts are exact, and the text groups what is alike."""
    bad = record(wire.bytes_field(1, bytes(15)), wire.varint_field(3, 2_650_032))
    found = inspect_bytes("export.bin", export_of(bad * 3_000))
    assert found.defect_counts == {"key-length": 3_000}
    assert len(found.defects) == MAX_LISTED_DEFECTS
    text = render(found)
    assert text.count("[key-length]") == SHOWN_PER_CODE + 1
    assert "and 2,995 more of [key-length]" in text


def test_many_different_periods_are_cut_short_in_the_text() -> None:
    """A file with every period there is stays readable."""
    keys = [key(number, rolling_period=number) for number in range(1, 145)]
    found = inspect_bytes("export.bin", encode_export(HEADER, keys))
    assert len(found.facts["rolling_periods"]) == 144
    assert f"and {144 - SHOWN_VALUES} more" in render(found)


def test_a_batch_of_keys_is_told() -> None:
    """Design, release, validity and report types of a batch of keys are there; its signature verifies."""
    keys = [
        SharedKey(bytes(16), RELEASE // 600 - 144, 144, ReportType.CONFIRMED_TEST, 2),
        SharedKey(bytes(15) + b"\1", RELEASE // 600 - 288, 144, ReportType.REVOKED),
    ]
    data = encode_batch(open_design("gaen"), RELEASE, 7200, keys, SIGNER, "k-1")
    found = inspect_bytes("some.batch", data, {**OTHER, **KEYS})
    assert (found.kind, found.verdict) == ("batch", "clean")
    assert found.signatures[0].sentence == "with the key"
    text = render(found)
    for line in (
        "design      gaen",
        "release     2020-09-14T00:00:00Z, every 7,200 s",
        "count       2 in 46 bytes",
        "valid       2020-09-12T00:00:00Z to 2020-09-14T00:00:00Z",
        "reports     confirmed test (1), revoked (1)",
        "verdict     clean",
    ):
        assert line in text


def test_a_batch_with_a_filter_is_told() -> None:
    """An unlinkable batch shows its entries and the rate of false positives, an empty one no dates."""
    keys = [SharedKey(bytes(31) + bytes([number]), RELEASE // 900, 1) for number in range(100)]
    found = inspect_bytes("b", encode_batch(open_design("unlinkable"), RELEASE, 7200, keys, SIGNER, "k-1"))
    assert found.facts["count"] == 100
    assert 0 < found.facts["false_positive_rate"] < 2**-52
    assert "false positives" in render(found)
    empty = inspect_bytes("b", encode_batch(open_design("lowcost"), RELEASE, 7200, [], SIGNER, "k-1"))
    assert (empty.verdict, empty.facts["valid"]) == ("clean", None)
    assert "valid" not in render(empty)


def test_a_broken_batch_is_named() -> None:
    """A batch that is cut, wrongly signed or out of order has one defect with the reason as its code."""
    design = open_design("lowcost")
    data = encode_batch(design, RELEASE, 7200, [SharedKey(bytes(32), RELEASE // 86_400, 1)], SIGNER, "k-1")
    cut = inspect_bytes("b", data[:-1])
    assert (cut.verdict, codes(cut)) == ("refused", ["batch-truncated"])
    assert "refused     batch: batch ends in the signature" in render(cut)
    wrong = inspect_bytes("b", data, OTHER)
    assert (wrong.verdict, codes(wrong)) == ("refused", ["batch-signature"])
    longer = data.replace((36).to_bytes(4, "big") + bytes(32), (35).to_bytes(4, "big") + bytes(31))
    assert codes(inspect_bytes("b", longer)) == ["batch-count"]


@pytest.mark.parametrize(
    ("name", "data", "kind", "code"),
    [
        ("a.txt", b"", "unknown", "unrecognised"),
        ("a.txt", b"hello", "unknown", "unrecognised"),
        ("a.zip", b"hello", "export archive", "not-zip"),
        ("a.bin", b"hello", "export.bin", "header"),
        ("a.bin", b"PK\5\6", "export archive", "not-zip"),
        ("a.txt", b"EK Export v2    ", "export.bin", "header"),
        ("a.zip", b"EK ", "export.bin", "header"),
        ("a", b"ANOPBAT", "batch", "batch-truncated"),
    ],
)
def test_kinds_are_recognised_by_their_first_bytes(name: str, data: bytes, kind: str, code: str) -> None:
    """What a file starts with decides; its name only where that says nothing."""
    found = inspect_bytes(name, data)
    assert (found.kind, codes(found), found.verdict) == (kind, [code], "refused")
    assert kind in render(found)


def test_a_hostile_file_cannot_steer_a_terminal() -> None:
    """Control characters, escapes and bidirectional marks in texts of a file come out as escapes."""
    nasty = "\x1b[31mred\u202e\n"
    data = export_of(wire.bytes_field(3, nasty.encode()), record(encode_key(key(1))))
    text = render(inspect_bytes(f"{nasty}.bin", data))
    assert "\\x1b[31mred\\u202e\\n" in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert printable("Zürich") == "Zürich"


def test_times_beyond_the_calendar_are_told() -> None:
    """A timestamp past the year 9999 is shown as such and does not stop the inspection."""
    data = b"EK Export v1    " + wire.fixed64_field(1, 2**64 - 1) + wire.fixed64_field(2, 2**64 - 1)
    found = inspect_bytes("export.bin", data)
    assert set(codes(found)) == {"window"}
    assert "after the year 9999" in render(found)


def test_the_json_form_is_plain_json() -> None:
    """Every field of the documented form survives a trip through JSON."""
    found = inspect_bytes("x.zip", small_archive() + b"", OTHER)
    told = json.loads(json.dumps(found.to_json()))
    assert set(told) == {
        "file",
        "kind",
        "bytes",
        "verdict",
        "facts",
        "signatures",
        "defects",
        "defect_counts",
        "error",
    }
    assert set(told["signatures"][0]) == {"key", "algorithm", "form", "bytes", "verdict", "sentence"}
    assert set(told["defects"][0]) == {"code", "severity", "part", "offset", "record", "sentence"}
    assert told["defects"][0]["severity"] == "refuse"


@given(st.data())
@settings(max_examples=300)
def test_no_file_breaks_an_inspection(data: st.DataObject) -> None:
    """Arbitrary and mutated files of every kind are inspected and rendered, whatever they hold."""
    design = open_design("lowcost")
    batch = encode_batch(design, RELEASE, 7200, [SharedKey(bytes(32), RELEASE // 86_400, 1)], SIGNER, "k-1")
    mutated = bytearray(data.draw(st.sampled_from([small_archive(), small_export(), batch, b""])))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(mutated)))
        mutated[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    name = data.draw(st.sampled_from(["a.zip", "a.bin", "a"]))
    found = inspect_bytes(name, bytes(mutated), KEYS)
    assert found.verdict in {"clean", "usable", "unverified", "refused"}
    json.dumps(found.to_json())
    render(found)


def test_inspecting_needs_no_more_memory_than_the_file_explains() -> None:
    """20,000 keys are inspected in less than 200 bytes a key."""
    count = 20_000
    data = export_of(*(record(encode_key(key(number))) for number in range(1_000))) + b"".join(
        record(wire.bytes_field(1, number.to_bytes(16, "big")), wire.varint_field(3, 2_650_032))
        for number in range(1_000, count)
    )
    tracemalloc.start()
    found = inspect_bytes("export.bin", data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.facts["records"] == count
    assert peak < 200 * count
