"""Readings, matches and pending keys as bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.storage.encoding import (
    MAX_NUMBER,
    decode_keys,
    decode_match,
    decode_readings,
    encode_keys,
    encode_match,
    encode_readings,
)
from anopticon_protocol.designs.records import Match, Reading, ReportType, SharedKey
from tests.client.states import matches, readings, shared_keys

DECODERS: list[Callable[[bytes], Any]] = [decode_readings, decode_match, decode_keys]
each_decoder = pytest.mark.parametrize("decode", DECODERS, ids=lambda decode: decode.__name__)


@given(st.lists(readings))
def test_law_readings_round_trip(found: list[Reading]) -> None:
    """Readings come back as they were, in their order."""
    assert decode_readings(encode_readings(found)) == tuple(found)


@given(matches)
def test_law_match_round_trips(match: Match) -> None:
    """A match comes back as it was."""
    assert decode_match(encode_match(match)) == match


@given(st.lists(shared_keys))
def test_law_keys_round_trip(keys: list[SharedKey]) -> None:
    """Pending keys come back as they were, in their order."""
    assert decode_keys(encode_keys(keys)) == tuple(keys)


def test_the_documented_bytes() -> None:
    """The byte forms are those that the module describes."""
    two = [Reading(5, -70, 300, b"meta"), Reading(200, -1, 0, b"meta")]
    assert encode_readings(two).hex() == "0102" + "05baac02" + "05" + b"meta".hex() + "c801ff00" + "00"
    assert encode_match(Match(-15, ReportType.SELF_REPORT, -14)).hex() == "01f10301"
    keyed = Match(-15, ReportType.SELF_REPORT, -14, b"pad!", b"key", 300, revised=True)
    assert (
        encode_match(keyed).hex() == "02f10301" + "ac02" + "01" + "03" + b"key".hex() + "04" + b"pad!".hex()
    )
    assert encode_keys([SharedKey(b"\xaa", 1, 144)]).hex() == "010101aa01900101" + "00"


def test_a_day_of_packets_is_small() -> None:
    """Sixteen packets of one scan take at most seven bytes each: the metadata is stored once."""
    packets = [Reading(599, -60 - n, 300, b"meta") for n in range(16)]
    assert len(encode_readings(packets)) <= 16 * 7 + 4


@each_decoder
@given(
    data=st.binary(max_size=64)
    | st.builds(bytes.__add__, st.sampled_from([b"\x01", b"\x02"]), st.binary(max_size=64))
)
def test_law_garbage_raises_value_error(decode: Callable[[bytes], Any], data: bytes) -> None:
    """Whatever bytes come, a decoder returns or raises ValueError, and nothing else."""
    with contextlib.suppress(ValueError):
        decode(data)


@given(st.binary(max_size=64))
def test_law_garbage_behind_a_keyed_match_raises_value_error(data: bytes) -> None:
    """The same for a match that carries a key."""
    with contextlib.suppress(ValueError):
        decode_match(b"\x02" + data)


@pytest.mark.parametrize(
    ("decode", "whole"),
    [
        (decode_readings, encode_readings([Reading(1, -2, 3, b"m"), Reading(4, -5, 6)])),
        (decode_match, encode_match(Match(1))),
        (decode_match, encode_match(Match(1, key_id=b"id", pad=b"pad"))),
        (decode_keys, encode_keys([SharedKey(b"key", 1, 2)])),
    ],
    ids=["readings", "match", "match with a key", "keys"],
)
def test_every_cut_and_every_tail_is_noticed(decode: Callable[[bytes], Any], whole: bytes) -> None:
    """Bytes that end early or go on too long are refused."""
    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"end too early|version"):
            decode(whole[:end])
    with pytest.raises(ValueError, match="1 bytes behind"):
        decode(whole + b"\x00")


@pytest.mark.parametrize(
    ("decode", "newest"), [(decode_readings, 1), (decode_match, 2), (decode_keys, 1)], ids=["r", "m", "k"]
)
def test_another_version_is_refused(decode: Callable[[bytes], Any], newest: int) -> None:
    """Bytes of a version to come are not guessed at."""
    says = f"encoding version 0{newest + 1}, this program knows version {newest}"
    with pytest.raises(ValueError, match=says):
        decode(bytes([newest + 1, 0]))


def test_numbers_are_bounded() -> None:
    """A number beyond what SQLite holds is refused in both directions."""
    with pytest.raises(ValueError, match="MAX_NUMBER"):
        encode_readings([Reading(MAX_NUMBER + 1, 0, 0)])
    with pytest.raises(ValueError, match="MAX_NUMBER"):
        encode_readings([Reading(-1, 0, 0)])
    with pytest.raises(ValueError, match="MAX_NUMBER"):
        decode_readings(b"\x01" + b"\xff" * 12 + b"\x01")


def test_an_onset_out_of_range_is_refused() -> None:
    """Days since onset that no design knows are not loaded."""
    with pytest.raises(ValueError, match="days since onset"):
        decode_match(b"\x01\x00\x01" + bytes([30]))
