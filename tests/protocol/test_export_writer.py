"""Writing exports: anopticon_protocol.export.writer."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.export import writer
from anopticon_protocol.export.archive import EXPORT_BIN, open_archive
from anopticon_protocol.export.model import ExportedKey, ExportHeader, ExportSummary, KeyRecord, SignatureInfo
from anopticon_protocol.export.reader import scan_export
from anopticon_protocol.export.writer import encode_archive, encode_export, encode_key, write_export
from anopticon_protocol.primitives import sha256
from tests.protocol.export_kit import HEADER, INFO, SIGNER, key, key_lists


@given(key_lists, st.randoms(use_true_random=False))
def test_the_order_of_uploads_leaves_no_trace(given_keys: list[ExportedKey], luck: random.Random) -> None:
    """SPEC: EX-11. The same keys in any order give the same archive, byte for byte."""
    shuffled = list(given_keys)
    luck.shuffle(shuffled)
    assert write_export(HEADER, given_keys, [(SIGNER, INFO)]) == write_export(
        HEADER, shuffled, [(SIGNER, INFO)]
    )


def test_the_bytes_of_an_archive_never_change() -> None:
    """SPEC: EX-11. The archive of a fixed set of keys has the digest it had when this was written, on every machine."""
    keys = [key(1), key(2, rolling_period=30, report_type=ReportType.CONFIRMED_TEST, days_since_onset=-2)]
    data = write_export(HEADER, keys, [(SIGNER, INFO)], revised_keys=[key(1, report_type=ReportType.REVOKED)])
    assert sha256(data).hex() == "3f7855942bcbe1ecc94dc99f7f29db1894fece5afd3a746ea348353da2fa0ded"


def test_defaults_are_left_out_and_risk_is_written() -> None:
    """SPEC: EX-11. A full day with nothing known takes 26 bytes: key, risk 0 and start."""
    assert encode_key(key(1)).hex() == "0a10" + key(1).key_data.hex() + "1000" + "18b0dfa101"
    full = key(1, rolling_period=143, report_type=ReportType.REVOKED, days_since_onset=-14)
    assert encode_key(full).hex().endswith("1000" + "18b0dfa101" + "208f01" + "2805" + "301b")


def test_batch_numbers_are_one_of_one_unless_given() -> None:
    """A header without batch numbers is written as 1 of 1."""
    header = replace(HEADER, batch_num=None, batch_size=None)
    assert encode_export(header, []) == encode_export(HEADER, [])


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (replace(HEADER, start_timestamp=None), "start_timestamp is missing or 0"),
        (replace(HEADER, end_timestamp=1), "lies before start_timestamp"),
        (replace(HEADER, batch_size=2), "batch 1 of 2"),
        (replace(HEADER, signature_infos=(SignatureInfo("v1", "310", "RSA"),)), 'signature_algorithm "RSA"'),
        (replace(HEADER, signature_infos=(SignatureInfo("", "310"),)), "verification_key_version empty"),
        (replace(HEADER, signature_infos=(INFO,) * 11), "11 signature infos, at most 10"),
        (replace(HEADER, region="x" * 257), "a text of the header is over 256 bytes"),
        (
            replace(HEADER, signature_infos=(SignatureInfo("v", "é" * 129),)),
            "a text of the header is over 256",
        ),
    ],
)
def test_a_header_that_would_be_refused_is_not_written(header: ExportHeader, sentence: str) -> None:
    """SPEC: EX-12. Writer and reader agree on what a header may say."""
    with pytest.raises(InvalidParameterError, match=sentence):
        encode_export(header, [])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (replace(key(1), key_data=bytes(15)), "key_data has 15 bytes"),
        (replace(key(1), rolling_start=0), "rolling_start_interval_number is missing or 0"),
        (replace(key(1), rolling_start=2**40), "rolling_start_interval_number 1099511627776"),
        (replace(key(1), rolling_period=0), "rolling_period 0"),
        (replace(key(1), transmission_risk=9), "transmission_risk_level 9"),
        (replace(key(1), days_since_onset=15), "days_since_onset_of_symptoms 15"),
    ],
)
def test_a_key_that_would_be_dropped_is_not_written(bad: ExportedKey, sentence: str) -> None:
    """SPEC: EX-12. Writer and reader agree on what a key may say."""
    with pytest.raises(InvalidParameterError, match=sentence):
        encode_export(HEADER, [bad])


def test_doubled_keys_unsigned_files_and_too_many_keys_are_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key stands once in each list, a file has a signer, and at most MAX_WRITTEN_KEYS records."""
    with pytest.raises(InvalidParameterError, match="is given twice"):
        encode_export(HEADER, [key(1), key(2), key(1, rolling_period=3)])
    with pytest.raises(InvalidParameterError, match="at least one signer"):
        write_export(HEADER, [key(1)], [])
    monkeypatch.setattr(writer, "MAX_WRITTEN_KEYS", 2)
    with pytest.raises(InvalidParameterError, match="3 keys, at most 2 in a file"):
        encode_export(HEADER, [key(1), key(2)], [key(1)])


def test_an_archive_holds_two_plain_entries() -> None:
    """SPEC: EX-11. Both files are stored as they are, one after the other, dated 1980."""
    data = encode_archive(b"bin", b"sig")
    assert [(entry.name, entry.method, entry.offset) for entry in open_archive(data).entries] == [
        ("export.bin", 0, 0),
        ("export.sig", 0, 43),
    ]
    assert len(data) == 2 * (30 + 10 + 3 + 46 + 10) + 22


@pytest.mark.parametrize("name", ["us_server_example_2020-05-23", "us_internals_sample_310-v1_2020-07-01"])
def test_files_of_the_reference_server_are_written_alike(shared: Callable[[str], Path], name: str) -> None:
    """export.bin of the reference server, read and written again, is the same bytes."""
    opened = open_archive(shared(f"exports/{name}.zip").read_bytes())
    entry = opened.find(EXPORT_BIN)
    assert entry is not None
    export_bin = b"".join(opened.chunks(entry))
    *events, summary = scan_export([export_bin])
    assert isinstance(summary, ExportSummary)
    records = [event for event in events if isinstance(event, KeyRecord)]
    assert len(records) == summary.records
    assert encode_export(summary.header, [one.key for one in records if not one.revised]) == export_bin
