"""The index of batches as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.errors import BatchIndexError
from anopticon_protocol.messages import BatchEntry, BatchIndex
from anopticon_protocol.params import MAX_INDEX_BATCHES, MAX_INDEX_BYTES, MAX_UNIX_TIME
from tests.protocol.strategies import indexes, json_values

ENTRY: dict[str, Any] = {"release": 1_700_006_400, "sha256": "0a" * 32, "length": 143}
INDEX: dict[str, Any] = {
    "version": 1,
    "design": "lowcost",
    "period": 7_200,
    "complete_until": 1_700_006_400,
    "batches": [ENTRY],
}


def decode(**changes: object) -> BatchIndex:
    """Read INDEX with fields changed."""
    return BatchIndex.decode(json.dumps({**INDEX, **changes}).encode())


def decode_entry(**changes: object) -> BatchIndex:
    """Read INDEX with fields of its batch changed."""
    return decode(batches=[{**ENTRY, **changes}])


@given(indexes())
def test_what_is_written_is_read(index: BatchIndex) -> None:
    """SPEC: IX-1, IX-3. Every index in range survives its bytes."""
    assert BatchIndex.decode(index.encode()) == index


def test_written_bytes_are_those_of_the_specification() -> None:
    """SPEC: IX-1. Fields ascend and no space stands between them."""
    index = BatchIndex("lowcost", 7_200, 1_700_006_400, (BatchEntry(1_700_006_400, "0a" * 32, 143),))
    assert index.encode().decode() == (
        '{"batches":[{"length":143,"release":1700006400,"sha256":"' + "0a" * 32 + '"}],'
        '"complete_until":1700006400,"design":"lowcost","period":7200,"version":1}'
    )
    assert decode() == index


def test_two_weeks_of_hourly_batches_fit() -> None:
    """SPEC: IX-3. MAX_INDEX_BATCHES batches are read and fit MAX_INDEX_BYTES; one more is refused."""
    entries = [{**ENTRY, "release": 3_600 * n, "length": 60_000_000} for n in range(MAX_INDEX_BATCHES + 1)]
    full = BatchIndex(
        "unlinkable", 3_600, 3_600 * MAX_INDEX_BATCHES, tuple(BatchEntry(**one) for one in entries[1:])
    )
    assert len(full.encode()) <= MAX_INDEX_BYTES
    assert BatchIndex.decode(full.encode()) == full
    with pytest.raises(BatchIndexError, match="MAX_INDEX_BATCHES"):
        decode(batches=entries)


def test_an_index_at_the_bound_is_read_and_one_byte_more_is_not() -> None:
    """SPEC: IX-3. White space up to MAX_INDEX_BYTES does no harm."""
    data = json.dumps(INDEX).encode().ljust(MAX_INDEX_BYTES)
    assert len(BatchIndex.decode(data).batches) == 1
    with pytest.raises(BatchIndexError, match="MAX_INDEX_BYTES"):
        BatchIndex.decode(data + b" ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 0), ("version", True), ("version", 1.0), ("version", "1"),
        ("design", 5), ("design", None), ("design", "x" * 65),
        ("period", 0), ("period", -1), ("period", "2h"), ("period", True),
        ("complete_until", 1_700_006_399), ("complete_until", MAX_UNIX_TIME + 1), ("complete_until", None),
        ("batches", None), ("batches", {}), ("batches", [5]), ("batches", [[]]), ("batches", [ENTRY, ENTRY]),
        ("batches", [ENTRY, {**ENTRY, "release": 1_699_999_200}]),
        ("unknown", 1),
    ],
)  # fmt: skip
def test_wrong_fields_are_refused(field: str, value: object) -> None:
    """SPEC: IX-2, IX-3. Another type, a value beyond its bound, and batches that do not ascend."""
    with pytest.raises(BatchIndexError, match="index of batches: "):
        decode(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("release", -1), ("release", "x"), ("release", True), ("length", -1), ("length", 1.5),
        ("sha256", 5), ("sha256", "0a" * 31), ("sha256", "0A" * 32), ("sha256", "0g" * 32),
        ("unknown", 1),
    ],
)  # fmt: skip
def test_wrong_fields_of_a_batch_are_refused(field: str, value: object) -> None:
    """SPEC: IX-3. A batch is a release, a length and 64 lower-case hex digits."""
    with pytest.raises(BatchIndexError, match="index of batches: "):
        decode_entry(**{field: value})


@pytest.mark.parametrize("field", sorted(INDEX))
def test_every_field_is_needed(field: str) -> None:
    """SPEC: IX-3. A missing field is refused."""
    rest = {name: value for name, value in INDEX.items() if name != field}
    with pytest.raises(BatchIndexError, match="with exactly"):
        BatchIndex.decode(json.dumps(rest).encode())


@pytest.mark.parametrize("field", sorted(ENTRY))
def test_every_field_of_a_batch_is_needed(field: str) -> None:
    """SPEC: IX-3. A missing field of a batch is refused."""
    with pytest.raises(BatchIndexError, match="with exactly"):
        decode(batches=[{name: value for name, value in ENTRY.items() if name != field}])


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[" * 60_000, b"9" * 5_000], ids=["", "cut", "ff", "deep", "long"]
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """SPEC: IX-3. Broken and absurd JSON raise the same error."""
    with pytest.raises(BatchIndexError):
        BatchIndex.decode(data)


@given(json_values)
def test_any_json_is_an_index_or_an_index_error(value: object) -> None:
    """SPEC: IX-3. No JSON raises anything else."""
    with pytest.raises(BatchIndexError):
        BatchIndex.decode(json.dumps(value).encode())


@given(st.sampled_from(sorted(INDEX)), json_values)
def test_any_json_in_a_field_is_read_or_refused(field: str, value: object) -> None:
    """SPEC: IX-3. No JSON in any field raises anything but BatchIndexError."""
    try:
        index = decode(**{field: value})
    except BatchIndexError:
        return
    assert index.period >= 1
