"""Rows as lines: the exact round trip, the quick way against the table, and what is refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.codec import RowDecoder, encode_row
from anopticon_client.recording.heard import decode_heard
from anopticon_client.recording.rows import PhoneInput, Row
from anopticon_client.recording.schema import KINDS, PIECE_BYTES
from tests.recording.strategies import heard, rows

FRAME = HeardFrame(
    1, 2, bytes(6), AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND, -61, b"\x02\x01\x06", 37
)


def decoded(text: str) -> list[Row]:
    """The rows of some lines."""
    decoder = RowDecoder()
    found = [decoder.decode(line) for line in text.encode().splitlines(keepends=True)]
    assert not decoder.waiting
    return [row for row in found if row is not None]


@given(rows)
def test_every_row_comes_back_as_it_was(row: Row) -> None:
    """SPEC: RC-1. Decoding the line of a row gives the row, and encoding that gives the same bytes."""
    text = encode_row(row)
    assert decoded(text) == [row]
    assert encode_row(decoded(text)[0]) == text
    assert text.endswith("\n")
    assert text.isascii()


@given(heard)
def test_quick_way_of_a_frame_writes_what_the_table_says(frame: HeardFrame) -> None:
    """The hand-built line of a frame is the object that the table of the schema describes, key by key."""
    said = json.loads(encode_row(frame))
    assert said.pop("k") == "heard"
    fields = KINDS["heard"].fields
    assert list(said) == [field.key for field in fields]
    assert [said[field.key] for field in fields] == [
        field.kind.encode(getattr(frame, field.attribute)) for field in fields
    ]


@given(heard, st.randoms(use_true_random=False))
def test_order_of_keys_and_blanks_do_not_matter_to_the_reader(frame: HeardFrame, luck: object) -> None:
    """A line of another program, with its keys in another order and with blanks, is the same frame."""
    items = list(json.loads(encode_row(frame)).items())
    luck.shuffle(items)  # type: ignore[attr-defined]
    line = json.dumps(dict(items), indent=1).replace("\n", " ")
    assert decoded(line) == [frame]


@pytest.mark.parametrize("size", [PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 10 * PIECE_BYTES + 7])
def test_long_inputs_are_spread_over_lines_and_come_back_whole(size: int) -> None:
    """SPEC: RC-2. An input of any length comes back whole, from lines none of which is long."""
    row = PhoneInput(1, 2, 3, "batch", 7, bytes(index % 251 for index in range(size)))
    text = encode_row(row)
    assert max(map(len, text.splitlines())) < 2 * PIECE_BYTES
    assert decoded(text) == [row]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"k": "herd"}, "herd"),
        ({"m": 2**63}, "m, which must be a whole number"),
        ({"w": 1.5}, "w, which must be a whole number"),
        ({"m": True}, "m, which must be a whole number"),
        ({"r": 128}, "r, which must be a whole number"),
        ({"r": -4294967234}, "r, which must be a whole number"),
        ({"r": "-61"}, "r, which must be a whole number"),
        ({"a": "C0ffee000001"}, "a, which must be at most 16 bytes"),
        ({"a": "c0 ff"}, "a, which must be at most 16 bytes"),
        ({"a": "00" * 17}, "a, which must be at most 16 bytes"),
        ({"d": "0"}, "d, which must be at most 1650 bytes"),
        ({"d": "00" * 1651}, "d, which must be at most 1650 bytes"),
        ({"t": "secret"}, "t, which must be one of public"),
        ({"p": 7}, "p, which must be one of ADV_IND"),
        ({"c": 40}, "c, which must be a whole number in 0..39"),
        ({"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused_by_name(changed: dict[str, object], complaint: str) -> None:
    """SPEC: RC-3. A line with a value outside its bound is refused, and the sentence names the key."""
    said = json.loads(encode_row(FRAME))
    line = json.dumps(said | changed, separators=(",", ":"))
    assert decode_heard(line.encode()) is None
    with pytest.raises(RecordingFileError, match=complaint):
        decoded(line)


@pytest.mark.parametrize("lost", ["m", "w", "a", "t", "p", "r", "d"])
def test_a_missing_key_is_refused_by_name(lost: str) -> None:
    """A line without a key that has no default is refused, and the sentence names the key (RC-3)."""
    said = json.loads(encode_row(FRAME))
    del said[lost]
    with pytest.raises(RecordingFileError, match=f"lacks the key {lost}"):
        decoded(json.dumps(said))


@pytest.mark.parametrize(
    "frame",
    [
        FRAME._replace(rssi_dbm=-4294967234),
        FRAME._replace(data=bytes(1_651)),
        FRAME._replace(address=bytes(17)),
        FRAME._replace(channel=40),
        FRAME._replace(mono_ns=2**63),
        FRAME._replace(wall_ns=-(2**63) - 1),
    ],
)
def test_what_the_reader_would_refuse_is_not_written(frame: HeardFrame) -> None:
    """A frame with a field out of its bound makes no line, but a sentence that names the field (RC-3)."""
    with pytest.raises(RecordingFileError, match=r"heard row, \w+ must be"):
        encode_row(frame)


@given(
    st.binary(max_size=300) | st.text(max_size=100).map(str.encode) | rows.map(encode_row).map(str.encode),
    st.data(),
)
def test_no_line_does_worse_than_be_refused(line: bytes, data: st.DataObject) -> None:
    """Any bytes, and any line with a byte changed, give a row or one RecordingFileError, nothing else (RC-3)."""
    if line:
        at = data.draw(st.integers(0, len(line) - 1))
        line = line[:at] + data.draw(st.binary(max_size=2)) + line[at + 1 :]
    with contextlib.suppress(RecordingFileError):
        row = RowDecoder().decode(line)
        assert row is None or decoded(encode_row(row)) == [row]
