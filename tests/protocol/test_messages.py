"""The upload as JSON: one length, strict reading, every fault with its field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.designs import MAX_SPEC_CHARS, open_design
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.errors import UploadError
from anopticon_protocol.messages import MAX_UPLOAD_BYTES, Upload, upload_bytes
from anopticon_protocol.params import MAX_UNIX_TIME
from tests.protocol.strategies import SPECS, json_values, specs, uploads

KEY: dict[str, Any] = {
    "secret": "AAAAAAAAAAAAAAAAAAAAAA==",
    "index": 2_642_976,
    "span": 144,
    "report_type": 1,
    "days_since_onset": -3,
}
UPLOAD: dict[str, Any] = {
    "version": 1,
    "design": "gaen",
    "code": "FG3T06C1A82GG3R5",
    "keys": [KEY],
    "padding": "...",
}
LENGTHS = {"lowcost": 208, "unlinkable": 184_531, "hybrid": 19_646, "gaen": 3_317}


def decode(**changes: object) -> Upload:
    """Read UPLOAD with fields changed."""
    return Upload.decode(json.dumps({**UPLOAD, **changes}).encode())


def decode_key(**changes: object) -> Upload:
    """Read UPLOAD with fields of its second key changed."""
    return decode(keys=[KEY, {**KEY, **changes}])


@given(specs.flatmap(lambda spec: uploads(open_design(spec))))
def test_what_is_written_is_read(upload: Upload) -> None:
    """SPEC: UP-9. Every upload in range survives its bytes."""
    assert Upload.decode(upload.encode(open_design(upload.design))) == upload


@given(specs.flatmap(lambda spec: uploads(open_design(spec))))
def test_every_upload_has_the_length_of_its_design(upload: Upload) -> None:
    """SPEC: UP-8. Number of keys and digits of their fields do not show in the length."""
    design = open_design(upload.design)
    assert len(upload.encode(design)) == upload_bytes(design)


@pytest.mark.parametrize(("spec", "length"), LENGTHS.items())
def test_the_lengths_of_the_specification(spec: str, length: int) -> None:
    """SPEC: UP-8. The lengths that SPEC.md prints, reached by an empty upload as by a full one of widest fields."""
    design = open_design(spec)
    widest = SharedKey(bytes(design.secret_bytes), MAX_UNIX_TIME // 600, 144)
    full = Upload(design.spec, "0" * 16, (widest,) * design.max_upload_keys)
    assert (
        len(full.encode(design))
        == len(replace(full, keys=()).encode(design))
        == upload_bytes(design)
        == length
    )


@pytest.mark.parametrize("spec", SPECS)
def test_every_upload_fits_the_bound(spec: str) -> None:
    """SPEC: UP-8, UP-9. The largest upload of each design is read."""
    design = open_design(spec)
    key = SharedKey(bytes(design.secret_bytes), MAX_UNIX_TIME // 600, 144, ReportType.REVOKED, None)
    upload = Upload(design.spec, "FG3T06C1A82GG3R5", (key,) * design.max_upload_keys)
    assert Upload.decode(upload.encode(design)) == upload
    assert upload_bytes(design) <= MAX_UPLOAD_BYTES


def test_an_upload_at_the_bound_is_read_and_one_byte_more_is_not() -> None:
    """SPEC: UP-9. MAX_UPLOAD_BYTES is the last length that is looked at."""
    spare = MAX_UPLOAD_BYTES - len(json.dumps({**UPLOAD, "padding": ""}))
    assert len(decode(padding="." * spare).keys) == 1
    with pytest.raises(UploadError, match="MAX_UPLOAD_BYTES"):
        decode(padding="." * (spare + 1))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"nothing", b"\xff\xfe", b"[" * 100_000, b'{"version":' + b"9" * 5_000 + b"}"],
    ids=["empty", "cut", "word", "no UTF-8", "deep", "digits"],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """SPEC: UP-9. Broken, deeply nested and absurdly long JSON ends in the same sentence."""
    with pytest.raises(UploadError, match="upload: not JSON"):
        Upload.decode(data)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    """SPEC: UP-9. JSON of another shape is named as such."""
    with pytest.raises(UploadError, match="upload: must be an object"):
        Upload.decode(data)


@pytest.mark.parametrize("name", sorted(UPLOAD))
def test_every_field_is_needed(name: str) -> None:
    """SPEC: UP-9. A missing field is named."""
    rest = {field: value for field, value in UPLOAD.items() if field != name}
    with pytest.raises(UploadError, match=rf"upload\.{name}: is missing"):
        Upload.decode(json.dumps(rest).encode())


@pytest.mark.parametrize("name", sorted(KEY))
def test_every_field_of_a_key_is_needed(name: str) -> None:
    """SPEC: UP-9. A missing field of a key is named with the number of the key."""
    rest = {field: value for field, value in KEY.items() if field != name}
    with pytest.raises(UploadError, match=rf"keys\[1\]\.{name}: is missing"):
        decode(keys=[KEY, rest])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 0), ("version", 2), ("version", True), ("version", 1.0), ("version", "1"),
        ("padding", 3), ("padding", None),
        ("design", 1), ("design", "x" * (MAX_SPEC_CHARS + 1)),
        ("code", 5), ("code", "FG3T06C1A82GG3R4"), ("code", ""),
        ("keys", {}), ("keys", "text"), ("keys", None),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(field: str, value: object) -> None:
    """SPEC: UP-9, UP-10. Another type or value is refused under the field's name."""
    with pytest.raises(UploadError) as caught:
        decode(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("index", "span", "report_type") for value in (-1, True, 1.0, "1", None)),
        *((name, MAX_UNIX_TIME + 1) for name in ("index", "span", "report_type")),
        ("report_type", 6),
        *(("days_since_onset", value) for value in (-15, 15, True, 0.0, "0")),
        *(("secret", value) for value in ("?", "AAA", "é", 5, None, ["AAAA"])),
    ],
)
def test_wrong_fields_of_a_key_are_named(field: str, value: object) -> None:
    """SPEC: UP-9, UP-10. One beyond each bound and every other type is refused, with key and field."""
    with pytest.raises(UploadError) as caught:
        decode_key(**{field: value})
    assert caught.value.field == f"keys[1].{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("index", 0), ("index", MAX_UNIX_TIME), ("span", 0), ("report_type", 0), ("report_type", 5),
        ("days_since_onset", -14), ("days_since_onset", 14), ("days_since_onset", None),
    ],
)  # fmt: skip
def test_fields_of_a_key_at_their_bounds_are_read(field: str, value: object) -> None:
    """SPEC: UP-9. The bounds themselves are in range."""
    assert getattr(decode_key(**{field: value}).keys[1], field) == value


def test_keys_must_be_objects() -> None:
    """SPEC: UP-9. A key that is a number is named."""
    with pytest.raises(UploadError, match=r"keys\[1\]: must be an object"):
        decode(keys=[KEY, 5])


@given(st.dictionaries(st.text(), st.just(0), min_size=1, max_size=3))
def test_unknown_fields_are_refused_in_a_sentence_that_can_be_sent(extra: dict[str, int]) -> None:
    """SPEC: UP-9, UP-10. Whatever an unknown field is called, the refusal is ASCII and short."""
    unknown = {f"{name}?": value for name, value in extra.items()}
    for data in ({**UPLOAD, **unknown}, {**UPLOAD, "keys": [{**KEY, **unknown}]}):
        with pytest.raises(UploadError, match="unknown; ") as caught:
            Upload.decode(json.dumps(data).encode())
        assert str(caught.value).isascii()
        assert len(str(caught.value)) < 700


def test_half_a_surrogate_pair_does_not_break_the_answer() -> None:
    """SPEC: UP-10. JSON can name a field with half a character; the refusal can be encoded all the same."""
    data = json.dumps(UPLOAD)[:-1] + ', "\\ud800": 1}'
    with pytest.raises(UploadError) as caught:
        Upload.decode(data.encode())
    assert str(caught.value).encode().startswith(b"upload.'\\ud800': unknown")


@given(json_values)
def test_any_json_is_an_upload_or_an_upload_error(value: object) -> None:
    """SPEC: UP-9. No JSON raises anything else."""
    with pytest.raises(UploadError):
        Upload.decode(json.dumps(value).encode())


@given(st.sampled_from(sorted(UPLOAD)), json_values)
def test_any_json_in_a_field_is_read_or_refused(field: str, value: object) -> None:
    """SPEC: UP-9. No JSON in any field raises anything but UploadError."""
    try:
        upload = decode(**{field: value})
    except UploadError:
        return
    assert isinstance(upload, Upload)
