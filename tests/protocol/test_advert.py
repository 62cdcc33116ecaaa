"""Advertisement bytes: what is written, what is read, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from anopticon_protocol.advert import MAX_FRAME_BYTES, Advertisement, encode, parse, structures
from anopticon_protocol.errors import AdvertisementError, InvalidParameterError
from tests.protocol.strategies import frames

EPHID = bytes(range(16))
DP3T = bytes.fromhex("02011a 030368fd 131668fd") + EPHID
GAEN = bytes.fromhex("02011a 03036ffd 17166ffd") + EPHID + b"\xa0\xa1\xa2\xa3"


@given(frames(), st.booleans())
def test_what_is_written_is_read(frame: tuple[int, bytes], flags: bool) -> None:
    """SPEC: AD-1, AD-2. Every frame with and without flags gives its service and data back, and fits a PDU."""
    uuid, data = frame
    written = encode(uuid, data, flags=flags)
    assert len(written) <= MAX_FRAME_BYTES
    assert parse(written) == Advertisement(uuid, data, 0x1A if flags else None)


def test_written_bytes_are_those_of_the_specification() -> None:
    """SPEC: AD-1. 27 bytes of DP-3T and the 31 bytes of Exposure Notification, three fewer without flags."""
    assert encode(0xFD68, EPHID) == DP3T
    assert encode(0xFD6F, GAEN[11:]) == GAEN
    assert [len(DP3T), len(GAEN), len(encode(0xFD6F, GAEN[11:], flags=False))] == [27, 31, 28]


@pytest.mark.parametrize(
    ("uuid", "length"), [(0xFD68, 15), (0xFD68, 17), (0xFD6F, 16), (0xFD6F, 21), (0xFD6E, 16)]
)
def test_other_services_and_lengths_are_not_written(uuid: int, length: int) -> None:
    """SPEC: AD-1. Only the two services exist, each with data of one length."""
    with pytest.raises(InvalidParameterError, match="not one of"):
        encode(uuid, bytes(length))


@pytest.mark.parametrize(
    "frame",
    [
        DP3T[7:],
        DP3T[3:],
        DP3T[:3] + DP3T[7:],
        DP3T[7:] + DP3T[:7],
        DP3T[7:] + bytes([2, 0x0A, 0xF1]),
        bytes([4, 0x09, 65, 66, 67]) + DP3T[7:],
        bytes([1, 0x16, 3, 0x16, 0x09, 0x18]) + DP3T[7:],
        bytes([2, 0x01, 0x06, 3, 0x01, 0x06, 0x00]) + DP3T[7:],
        DP3T + bytes(4),
    ],
    ids=["data", "no flags", "no list", "order", "power", "name", "other data", "odd flags", "end"],
)
def test_other_surroundings_are_read(frame: bytes) -> None:
    """SPEC: AD-2. Structures may be missing, swapped, unknown, or followed by zeros."""
    assert parse(frame).service_data == EPHID


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (b"", "without service data"),
        (bytes(31), "without service data"),
        (DP3T[:7], "without service data"),
        (bytes([2, 0x16, 0x68]), "without service data"),
        (bytes(32), "MAX_FRAME_BYTES"),
        (DP3T[:-1], "offset 7: AD structure of 19 bytes runs past the end"),
        (DP3T + b"\x05", "offset 27: AD structure of 5 bytes runs past the end"),
        (DP3T + b"\x00\x01", "offset 27: data behind the end mark"),
        (bytes([18]) + DP3T[8:-1], "with 15 bytes of data, 16 needed"),
        (bytes([20]) + DP3T[8:] + b"\x00", "with 17 bytes of data, 16 needed"),
        (bytes([19]) + GAEN[8:-4], "with 16 bytes of data, 20 needed"),
        (bytes([3]) + DP3T[8:11], "with 0 bytes of data, 16 needed"),
        (DP3T[7:] + bytes([3]) + DP3T[8:11], "two service data structures"),
    ],
    ids=[
        "empty", "zeros", "no data", "half a UUID", "long", "cut", "tail", "behind the end",
        "short", "one more", "no metadata", "nothing", "two",
    ],
)  # fmt: skip
def test_malformed_frames_are_refused(frame: bytes, sentence: str) -> None:
    """SPEC: AD-3. Each fault has a sentence of its own, with the offset where there is one."""
    with pytest.raises(AdvertisementError, match=sentence):
        parse(frame)


@given(st.binary(max_size=40))
@example(b"\x01")
@example(b"\x00\x00")
def test_any_bytes_are_a_frame_or_an_advertisement_error(frame: bytes) -> None:
    """SPEC: AD-3. Noise from the air raises nothing else."""
    try:
        found = parse(frame)
    except AdvertisementError:
        return
    assert found.service_data in frame


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=10)), max_size=4))
def test_structures_come_back_as_they_were_laid_out(rows: list[tuple[int, bytes]]) -> None:
    """SPEC: AD-2. Length, type and data of each structure are read in order."""
    frame = b"".join(bytes([1 + len(data), kind]) + data for kind, data in rows)
    assume(len(frame) <= MAX_FRAME_BYTES)
    assert structures(frame) == rows
