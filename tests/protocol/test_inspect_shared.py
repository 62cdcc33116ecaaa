"""The published export files kept beside the checkout: what inspection must find in each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anopticon_protocol.inspection import Inspection, inspect_bytes
from anopticon_protocol.signing import VerifyingKey

Shared = Callable[[str], Path]

DEFECTS = {
    "it_immuni_production_2020-08-23_export.bin": [],
    "us_server_example_2020-05-23.zip": [],
    "us_internals_sample_310-v1_2020-07-01.zip": [],
    "us_server_v15_fields_unsigned_2020-11-20.zip": [
        ("signature-empty", "it holds no signature; export.bin announces none"),
    ],
    "nl_backend_signed_2021-06-22.zip": [
        ("entry-extra", "entry 'content.sig' does not belong: only export.bin and export.sig may be there"),
        ("key-length", "key_data has 53 bytes; a key has 16 bytes"),
        ("rolling-start", "rolling_start_interval_number is missing or 0, the year 1970"),
        ("rolling-period", "rolling_period 0 lies outside 1..144"),
    ],
    "de_cwa_ios_day_2020-05-16_rawsig.zip": [
        ("signature-raw", "signature is 64 bytes r||s, not the DER form"),
    ],
    "nl_android_test_2020-06-26.zip": [
        ("duplicate-key", "key 2b08adbf618956508ee72913b76ff9f6 stands in keys already"),
        ("duplicate-key", "key 972933b16bb5d1dd7e0efe381fc19d55 stands in keys already"),
        ("duplicate-key", "key b499b56209b206183a437d2bb68f8dd0 stands in keys already"),
        ("batch", "batch 1 of 7: only files that are complete alone, 1 of 1, are accepted"),
        ("signature-batch-mismatch", "signature of batch 1 of 1, but export.bin is batch 1 of 7"),
        ("signature-raw", "signature is 64 bytes r||s, not the DER form"),
    ],
    "de_companion_demo_unsigned_2392keys.zip": [
        ("signature-missing", "the archive has no export.sig: nothing is signed"),
        ("window-missing", "start_timestamp is missing or 0: the window covered is unknown"),
        ("window-missing", "end_timestamp is missing or 0: the window covered is unknown"),
    ],
}
"""Everything in each file that is worse than a remark, in the order of reading."""

VERIFIED = {
    "us_internals_sample_310-v1_2020-07-01.zip": "US-310",
    "us_server_example_2020-05-23.zip": "SERVER-EX",
    "nl_backend_signed_2021-06-22.zip": "NL-TEST",
}

FACTS: dict[str, dict[str, Any]] = {
    "it_immuni_production_2020-08-23_export.bin": {
        "region": "222",
        "records": 3,
        "transmission_risks": {"8": 3},
        "rolling_periods": {"144": 3},
        "signature_infos": [{"key_id": "222", "key_version": "v2", "algorithm": "1.2.840.10045.4.3.2"}],
    },
    "us_server_example_2020-05-23.zip": {
        "region": "US",
        "records": 2,
        "rolling_periods": {"1": 1, "114": 1},
        "not_starting_at_midnight": 2,
    },
    "us_internals_sample_310-v1_2020-07-01.zip": {
        "region": "US",
        "records": 140,
        "not_starting_at_midnight": 0,
        "batch": "1 of 1",
    },
    "us_server_v15_fields_unsigned_2020-11-20.zip": {
        "records": 50,
        "report_types": {"clinical_diagnosis": 37, "confirmed_test": 13},
        "onset_days": [-11, 10],
        "signature_infos": [],
    },
    "nl_backend_signed_2021-06-22.zip": {"region": "NL", "records": 1, "usable": 0, "dropped": 1},
    "de_cwa_ios_day_2020-05-16_rawsig.zip": {
        "region": "DE",
        "records": 13,
        "rolling_periods": {"24": 2, "144": 11},
        "signature_infos": [{"key_id": "", "key_version": "", "algorithm": "1.2.840.10045.4.3.2"}],
    },
    "nl_android_test_2020-06-26.zip": {"records": 7, "usable": 4, "batch": "1 of 7"},
    "de_companion_demo_unsigned_2392keys.zip": {
        "records": 2392,
        "usable": 2392,
        "region": None,
        "start": None,
        "batch": None,
    },
}

WINDOWS = {
    "it_immuni_production_2020-08-23_export.bin": ("2020-08-23T15:00:04Z", "2020-08-23T19:00:06Z"),
    "us_server_example_2020-05-23.zip": ("2020-05-22T15:00:00Z", "2020-05-23T15:00:00Z"),
    "us_internals_sample_310-v1_2020-07-01.zip": ("2020-07-01T20:00:00Z", "2020-07-01T20:05:00Z"),
    "us_server_v15_fields_unsigned_2020-11-20.zip": ("2020-11-19T20:45:00Z", "2020-11-19T20:50:00Z"),
    "de_cwa_ios_day_2020-05-16_rawsig.zip": ("2020-05-16T16:00:00Z", "2020-05-16T19:00:00Z"),
}


def published_keys(shared: Shared) -> dict[str, VerifyingKey]:
    """The public keys that stand beside the files, by name."""
    text = shared("exports/README.md").read_text(encoding="utf-8")
    return {
        name: VerifyingKey.from_text(body)
        for name, body in re.findall(r"^- (\S+) `(\S+)`$", text, re.MULTILINE)
    }


def inspected(shared: Shared, name: str) -> Inspection:
    """One file, with every published key."""
    return inspect_bytes(name, shared(f"exports/{name}").read_bytes(), published_keys(shared))


def test_every_published_file_is_looked_at(shared: Shared) -> None:
    """The tables of this module name exactly the files that are there."""
    there = {path.name for path in shared("exports").iterdir()} - {"README.md"}
    assert there == set(DEFECTS) == set(FACTS)


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_of_published_files_are_named(shared: Shared, name: str) -> None:
    """Each file has exactly the defects that its history explains, each with its sentence."""
    found = [(one.code, one.sentence) for one in inspected(shared, name).defects if one.severity != "remark"]
    assert found == DEFECTS[name]


@pytest.mark.parametrize("name", DEFECTS)
def test_signatures_of_published_files(shared: Shared, name: str) -> None:
    """The three files whose key is known verify with that key; no other file does."""
    found = inspected(shared, name)
    verified = [one.sentence for one in found.signatures if one.verdict == "verified"]
    assert verified == ([f"with {VERIFIED[name]}"] if name in VERIFIED else [])
    if name in VERIFIED and not DEFECTS[name]:
        assert found.verdict == "clean"
    elif DEFECTS[name]:
        assert found.verdict == "refused"
    else:
        assert found.verdict == "unverified"


@pytest.mark.parametrize("name", FACTS)
def test_contents_of_published_files(shared: Shared, name: str) -> None:
    """Regions, windows, counts, periods, report types and onsets are those that the provenance list gives."""
    facts = inspected(shared, name).facts
    assert {field: facts[field] for field in FACTS[name]} == FACTS[name]
    assert facts["complete"]
    if name in WINDOWS:
        assert (facts["start"]["utc"], facts["end"]["utc"]) == WINDOWS[name]


def test_retired_fields_and_disorder_are_remarks(shared: Shared) -> None:
    """Fields of 2020 that were retired, an unnamed key and unsorted keys are told without refusing for them."""
    found = inspected(shared, "de_cwa_ios_day_2020-05-16_rawsig.zip")
    assert found.defect_counts == {"key-id-empty": 1, "retired-field": 4, "signature-raw": 1, "unsorted": 1}
