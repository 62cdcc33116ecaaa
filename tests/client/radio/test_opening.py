"""Radios chosen by a string: what texts mean, what is refused, and two radios as one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from anopticon_client.errors import RadioError
from anopticon_client.radio import GaenOnAir, RadioSettings, check_radio, opening
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.opening import BACKENDS, Backend, open_device, parse_radio, split_radios
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID
from tests.client.radio.listening import Ear, HandRadio, heard_frame

DP3T = encode(DP3T_SERVICE_UUID, bytes(range(16)))
GAEN = encode(GAEN_SERVICE_UUID, bytes(range(20)))
CARRIED = bytes.fromhex("02011a030368fd171668fd") + bytes(range(20))
OPENED: list[HandRadio] = []


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """This module is a backend too: its place is a name, and its options say what it cannot do."""
    del settings
    if place == "broken":
        raise RadioError("radio hand: it is broken: take another")
    OPENED.append(HandRadio(sink, place or "hand", "deaf" not in place, "deaf" in place or "mute" in options))
    OPENED[-1].sends = "mute" not in options
    OPENED[-1].hears = "deaf" not in options
    return OPENED[-1].device()


@pytest.fixture(autouse=True)
def hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more schemes: `hand`, which real phones would hear, and `glove`, which they would not."""
    OPENED.clear()
    more = {name: Backend(__name__, "ble", real_air=name == "hand") for name in ("hand", "glove")}
    monkeypatch.setattr(opening, "BACKENDS", {**BACKENDS, **more})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("bleak", [("bleak", "", {})]),
        ("bluez:hci0", [("bluez", "hci0", {})]),
        ("hci:serial:/dev/ttyACM0", [("hci", "serial:/dev/ttyACM0", {})]),
        ("hci:usb:0?power=4", [("hci", "usb:0", {"power": "4"})]),
        ("bleak?passive=yes&x=", [("bleak", "", {"passive": "yes", "x": ""})]),
        ("bluez:hci0?a=1+bleak:hci1?b=2", [("bluez", "hci0", {"a": "1"}), ("bleak", "hci1", {"b": "2"})]),
        ("replay:/data/a+b/c:d.jsonl", [("replay", "/data/a+b/c:d.jsonl", {})]),
    ],
)
def test_texts_name_scheme_place_and_options(text: str, parts: list[tuple[str, str, dict[str, str]]]) -> None:
    """A radio's text is a scheme, a place that may hold colons and plus signs, and options (RA-31)."""
    assert [tuple(parse_radio(one)) for one in split_radios(text)] == parts


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must begin with one of air, virtual, bleak, bluez"),
        ("hci0", "must begin with one of"),
        ("air+bleak", "must begin with one of"),
        ("bleak?passive", "options must be like"),
        ("bleak+bleak+bleak", "at most two"),
        ("replay:" + "x" * 400, "at most 400 characters"),
        ("hand:broken", "it is broken"),
    ],
)
async def test_bad_texts_get_a_sentence(text: str, sentence: str) -> None:
    """Whatever is wrong with a radio's text is said, with what would be right (RA-31)."""
    with pytest.raises(RadioError, match=sentence.replace("?", r"\?")):
        await open_device(text, Ear())


async def test_fault_of_our_own_is_not_taken_for_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails for another reason is shown as it is."""
    monkeypatch.setitem(
        opening.BACKENDS, "hand", Backend("anopticon_client.radio.nowhere", "ble", real_air=True)
    )
    with pytest.raises(ImportError, match="nowhere"):
        await open_device("hand", Ear())


async def test_two_radios_are_one_that_sends_and_one_that_listens() -> None:
    """Of "a+b" the first sends and the second listens, capabilities say whose is what, and both are closed (RA-31)."""
    ear = Ear()
    device = await open_device("glove:one+glove:two", ear)
    assert device.advertiser is not None
    assert device.scanner is not None
    await device.advertiser.start(DP3T)
    await device.scanner.start()
    assert [radio.log for radio in OPENED] == [["start"], ["scan"]]
    assert device.capabilities.backend == "one+two"
    assert device.capabilities.works_while_scanning
    assert device.capabilities.remarks == ("by one", "by two")
    await device.close()
    assert [radio.log[-1] for radio in OPENED] == ["close", "close"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("glove?mute=1+glove", "cannot send"),
        ("glove+glove?deaf=1", "cannot listen"),
        ("glove+glove:broken", "it is broken"),
    ],
)
async def test_a_half_that_does_not_fit_closes_both(text: str, sentence: str) -> None:
    """A pair whose first cannot send, or whose second cannot listen or open, leaves nothing open."""
    with pytest.raises(RadioError, match=sentence):
        await open_device(text, Ear())
    assert all(radio.log[-1] == "close" for radio in OPENED)


async def test_real_air_refuses_exposure_notification_by_default() -> None:
    """A frame of 0xFD6F never leaves a real radio unasked, and the frame before stays on the air (RA-32)."""
    device = await open_device("hand", Ear())
    assert device.advertiser is not None
    await device.advertiser.start(DP3T)
    for send in (device.advertiser.start, device.advertiser.rotate):
        with pytest.raises(RadioError, match="--carry-0xfd6f"):
            await send(GAEN)
    assert OPENED[0].on_air == DP3T
    assert OPENED[0].log == ["start"]


async def test_carried_frames_leave_and_arrive_as_another_service() -> None:
    """Carried, a frame of 0xFD6F travels as 0xFD68 with 20 bytes, and comes back as it was (RA-32)."""
    ear = Ear()
    device = await open_device("hand", ear, RadioSettings(gaen=GaenOnAir.CARRY))
    assert device.advertiser is not None
    await device.advertiser.rotate(GAEN)
    assert OPENED[0].on_air == CARRIED
    OPENED[0].sink.heard(heard_frame(CARRIED))
    OPENED[0].sink.heard(heard_frame(DP3T))
    OPENED[0].sink.heard(heard_frame(GAEN))
    assert [frame.data for frame in ear.frames] == [GAEN, DP3T], "a passer-by's phone is not one of ours"
    assert "0xFD68 with 20 bytes" in device.capabilities.remarks[-1]


async def test_transmitting_is_remarked() -> None:
    """Really transmitted, a frame of 0xFD6F leaves as it is, and the recording's capabilities say so (RA-32)."""
    device = await open_device("hand", Ear(), RadioSettings(gaen=GaenOnAir.TRANSMIT))
    assert device.advertiser is not None
    await device.advertiser.start(GAEN)
    assert OPENED[0].on_air == GAEN
    assert "transmits on 0xFD6F" in device.capabilities.remarks[-1]


async def test_virtual_air_needs_no_flag() -> None:
    """On an air without real phones, frames of 0xFD6F need no flag (RA-32)."""
    device = await open_device("glove", Ear())
    assert device.advertiser is not None
    await device.advertiser.start(GAEN)
    assert OPENED[0].on_air == GAEN


def test_phone_is_told_before_it_starts() -> None:
    """Whether a design's frames would be refused is known before anything is opened (RA-32)."""
    for text in ("air", "virtual", "replay:x"):
        check_radio(text, GAEN_SERVICE_UUID, GaenOnAir.REFUSE)
    for gaen in (GaenOnAir.CARRY, GaenOnAir.TRANSMIT):
        check_radio("bluez:hci0+bleak", GAEN_SERVICE_UUID, gaen)
    check_radio("bluez:hci0", DP3T_SERVICE_UUID, GaenOnAir.REFUSE)
    for text in ("bluez:hci0", "hci:usb:0+replay:x"):
        with pytest.raises(RadioError, match="0xFD6F"):
            check_radio(text, GAEN_SERVICE_UUID, GaenOnAir.REFUSE)
