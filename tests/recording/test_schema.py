"""What each field of a row refuses, both ways, and what a decoder refuses between pieces."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import Capabilities, HeardFrame, RadioEvent, RadioEventKind, Rotation
from anopticon_client.recording import codec
from anopticon_client.recording.codec import RowDecoder, encode_row
from anopticon_client.recording.rows import Moved, PhoneInput, Row, Sent, Truth
from anopticon_client.recording.schema import PIECE_BYTES
from tests.recording.kit import MANIFEST, frame

CAN = Capabilities(
    backend="virtual",
    rotation=Rotation.ATOMIC,
    every_pdu=True,
    rssi_bias="",
    duty=0.5,
    interval_ms=(200.0, 270.0),
    interval_honoured=True,
    exact_bytes_sent=True,
    exact_bytes_heard=True,
    works_while_scanning=True,
)
GOOD = replace(MANIFEST, capabilities=CAN, about={"height_m": 1.5})


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (replace(GOOD, node=""), "node must match"),
        (replace(GOOD, node="a" * 65), "node must match"),
        (replace(GOOD, run="a/b"), "run must match"),
        (replace(GOOD, part=0), "part must be a whole number in 1..999999"),
        (replace(GOOD, design="x" * 4_097), "design must be text of at most 4096"),
        (replace(GOOD, design="\ud800"), "half characters"),
        (replace(GOOD, service_uuid=0x10000), "service_uuid must be"),
        (replace(GOOD, position=(0.0, float("nan"), 0.0)), "position must be a number"),
        (replace(GOOD, position=(0.0, 2e6, 0.0)), "position must be a number"),
        (replace(GOOD, about={"x": float("inf")}), "about must be a whole number"),
        (replace(GOOD, about={"x" * 65: 1}), "about must have printable names"),
        (replace(GOOD, about={"\n": 1}), "about must have printable names"),
        (replace(GOOD, about={str(number): 1 for number in range(65)}), "about must be at most 64"),
        (replace(GOOD, about={str(number): "\u00e9" * 4_000 for number in range(20)}), "manifest row of"),
        (replace(GOOD, capabilities=replace(CAN, duty=1.5)), "capabilities must be a number in 0..1"),
        (replace(GOOD, capabilities=replace(CAN, interval_ms=(0.0, -1.0))), "capabilities must be a number"),
        (replace(GOOD, capabilities=replace(CAN, remarks=("x",) * 33)), "at most 32 remarks"),
        (RadioEvent(0, 0, RadioEventKind.RESET, {"reason": "x" * 4_097}), "details must be text"),
        (Sent(0, 0, bytes(1_651), b"", 0), "frame must be at most 1650 bytes"),
        (Sent(0, 0, b"", b"", -129), "tx_power_dbm must be"),
        (Moved(2**63, 0, (0.0, 0.0, 0.0)), "mono_ns must be"),
        (Truth(0, 0, bytes(6), -0.5, None), "distance_m must be"),
        (PhoneInput(0, 0, -1, "x"), "now must be"),
    ],
)
def test_a_row_out_of_bounds_is_refused_by_its_attribute(row: Row, complaint: str) -> None:
    """SPEC: RC-3. Nothing is written that the reader would refuse; the sentence names the attribute."""
    with pytest.raises(RecordingFileError, match=complaint):
        encode_row(row)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"v": 2}, "of a version other than 1"),
        ({"at": [1.0, 2.0]}, "at, which must be three coordinates"),
        ({"at": "here"}, "at, which must be three coordinates"),
        ({"can": {}}, "can, which must be an object with backend"),
        ({"can": 1}, "can, which must be an object"),
        ({"about": []}, "about, which must be at most 64 names"),
        ({"about": {"x": None}}, "about, which must be a whole number"),
        ({"about": {"x": True}}, "about, which must be a whole number"),
        ({"node": 5}, "node, which must be text"),
        ({"tx": 1.0}, "tx, which must be a whole number"),
    ],
)
def test_a_manifest_out_of_bounds_is_refused_by_its_key(changed: dict[str, object], complaint: str) -> None:
    """SPEC: RC-3. What is read is held to the same bounds; the sentence names the key."""
    said = json.loads(encode_row(GOOD)) | changed
    with pytest.raises(RecordingFileError, match=complaint):
        RowDecoder().decode(json.dumps(said).encode())


@pytest.mark.parametrize("name", list(json.loads(encode_row(GOOD))["can"]))
def test_every_capability_has_its_type(name: str) -> None:
    """A capability of another type is refused: a recording that lies about its radio is worse than none (RC-3)."""
    said = json.loads(encode_row(GOOD))
    said["can"][name] = {"an": "object"}
    with pytest.raises(RecordingFileError, match="has can, which must"):
        RowDecoder().decode(json.dumps(said).encode())


def piece(data: bytes) -> bytes:
    """A line with the next bytes of an input."""
    return json.dumps({"k": "piece", "d": base64.b64encode(data).decode()}).encode()


def test_pieces_belong_to_the_input_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC: RC-2. Another row between the pieces, a piece that is none, and too many of them are refused."""
    for line in (encode_row(frame(1)), encode_row(MANIFEST)):
        decoder = RowDecoder()
        assert decoder.decode(piece(b"abc")) is None
        with pytest.raises(RecordingFileError, match="where the rest of an input was due"):
            decoder.decode(line.encode())
    for bad in (b'{"k":"piece","d":"!"}', b'{"k":"piece","d":7}', b'{"k":"piece"}'):
        with pytest.raises(RecordingFileError, match="piece whose d must be"):
            RowDecoder().decode(bad)
    monkeypatch.setattr(codec, "MAX_INPUT_BYTES", 5)
    decoder = RowDecoder()
    decoder.decode(piece(b"abc"))
    with pytest.raises(RecordingFileError, match="input of more than 5 bytes"):
        decoder.decode(piece(b"def"))
    with pytest.raises(RecordingFileError, match="at most 5"):
        encode_row(PhoneInput(0, 0, 0, "batch", 0, bytes(PIECE_BYTES + 1)))


@pytest.mark.parametrize(
    "line", [b"[]", b"7", b'"heard"', b"[" * 100_000, b"\xff", b'{"k":["heard"]}', b'{"k":7}']
)
def test_json_of_another_shape_is_refused(line: bytes) -> None:
    """Lists, numbers, depths without end and kinds that are no text are one error each (RC-3)."""
    with pytest.raises(RecordingFileError):
        RowDecoder().decode(line)


@pytest.mark.parametrize(
    "odd",
    [
        {"rssi_dbm": -61.5},
        {"mono_ns": 1.0},
        {"wall_ns": "now"},
        {"channel": 37.0},
        {"channel": None},
        {"address": "c0ffee"},
        {"data": None},
        {"pdu": "ADV_IND"},
        {"address_type": None},
    ],
)
def test_a_frame_of_another_type_makes_no_line(odd: dict[str, object]) -> None:
    """SPEC: RC-9. A backend that is wrong about a type cannot make a recording unreadable."""
    with pytest.raises(RecordingFileError, match="heard row, "):
        encode_row(frame(1)._replace(**odd))  # type: ignore[arg-type]


def test_what_is_no_row_is_refused() -> None:
    """A value of another class makes no line."""
    with pytest.raises(RecordingFileError, match="tuple is no row"):
        encode_row(())  # type: ignore[arg-type]
    with pytest.raises(RecordingFileError, match="address_type must be a AddressType"):
        encode_row(HeardFrame(0, 0, b"", "random", frame(1).pdu, 999, b""))  # type: ignore[arg-type]
