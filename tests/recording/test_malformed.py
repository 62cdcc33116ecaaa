"""Malformed AD structures, from the air to the recording and back through every filter."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anopticon_client.radio.board_lines import parse_board_line
from anopticon_client.radio.frames import carries
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.replay import ReplayScanner
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual_time import LoopTimestamps, run_virtual
from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.rows import Row
from anopticon_protocol.advert import AD_SERVICE_DATA_UUID16, encode, parse, structures
from anopticon_protocol.errors import AdvertisementError
from tests.recording.kit import frame, read, write
from tests.recording.waiting import WaitingEar

SERVICES = (0xFD68, 0xFD6F)


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """AD structures of this protocol with something wrong, or nothing: lengths, order, ends, other services."""
    good = draw(st.sampled_from([encode(0xFD68, bytes(16)), encode(0xFD6F, bytes(range(20)), flags=False)]))
    pieces = [bytes([1 + len(data), kind]) + data for kind, data in structures(good)]
    pieces += draw(st.lists(st.binary(max_size=6), max_size=2))
    data = bytearray(b"".join(draw(st.permutations(pieces))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data[: draw(st.integers(0, 60))])


payloads = nearly() | st.binary(max_size=60)


def wanted(data: bytes) -> bool:
    """Whether whole AD structures hold service data of ours, by the reader of the specification."""
    try:
        found = structures_of_any_length(data)
    except AdvertisementError:
        return False
    return any(
        kind == AD_SERVICE_DATA_UUID16 and int.from_bytes(held[:2], "little") in SERVICES and len(held) >= 2
        for kind, held in found
    )


def structures_of_any_length(data: bytes) -> list[tuple[int, bytes]]:
    """As `structures`, which takes at most 31 bytes, for those of an extended PDU: walked in whole structures."""
    found, rest = [], data
    while rest and rest[0]:
        if len(rest) < 1 + rest[0]:
            raise AdvertisementError("runs past the end")
        found += structures(rest[: 1 + rest[0]]) if rest[0] <= 30 else [(rest[1], rest[2 : 1 + rest[0]])]
        rest = rest[1 + rest[0] :]
    if any(rest):
        raise AdvertisementError("data behind the end mark")
    return found


@example(bytes([3, 0x16, 0x68, 0xFD]))
@example(bytes([2, 0x16, 0x68]))
@given(payloads)
def test_a_filter_and_a_parser_agree_on_what_is_ours(data: bytes) -> None:
    """The radios' filter takes what the parser of the protocol takes, and never raises (RC-14)."""
    assert carries(data, SERVICES) == wanted(data)
    try:
        parse(data)
    except AdvertisementError as error:
        assert str(error)  # noqa: PT017 - most draws are malformed, and each is to say how
    else:
        assert carries(data, SERVICES)


@settings(max_examples=30)
@given(st.lists(payloads, max_size=20))
def test_malformed_frames_are_recorded_as_heard_and_replayed_by_the_filter(
    tmp_path_factory: pytest.TempPathFactory, heard: list[bytes]
) -> None:
    """A recorder keeps any bytes as they were; a replay gives out exactly those that the filter takes (RC-4, RC-14)."""
    folder = tmp_path_factory.mktemp("malformed")
    frames = [frame(number)._replace(data=data) for number, data in enumerate(heard)]
    rows: list[Row] = list(frames)
    write(folder, rows)
    assert read(folder) == (rows, [])
    assert run_virtual(replayed(str(folder))) == [row for row in frames if wanted(row.data)]


async def replayed(folder: str) -> list[HeardFrame]:
    """What a replay at full speed gives out."""
    ear = WaitingEar(news=asyncio.Event())
    settings = RadioSettings(timestamps=LoopTimestamps(), service_uuids=SERVICES)
    device = await open_device(f"replay:{folder}?speed=max", ear, settings)
    assert isinstance(device.scanner, ReplayScanner)
    await device.scanner.start()
    await device.scanner.ended.wait()
    await device.close()
    return ear.frames


@given(payloads)
def test_a_board_may_print_any_bytes(data: bytes) -> None:
    """AD structures that a board prints reach the filter as they are, well-formed or not (RC-11)."""
    assert parse_board_line(json.dumps({"rssi": -50, "data": data.hex()}).encode()).data == data
