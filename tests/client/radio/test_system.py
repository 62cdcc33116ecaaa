"""Listening through an operating system: rebuilt frames, bounded tables, thinned samples, and the raw tap's parser."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio.bleak_frames import Rebuilder
from anopticon_client.radio.bleak_scanning import BleakScan
from anopticon_client.radio.bleak_table import MAX_SEEN_DEVICES
from anopticon_client.radio.bleak_trouble import sentence
from anopticon_client.radio.bluez.tap import Tap
from anopticon_client.radio.interfaces import Moment
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.telling import Teller
from anopticon_client.radio.thinning import ENOUGH_PAIRS, ThinningSink
from anopticon_client.radio_records import AddressType, HeardFrame, PduType, RadioEvent, RadioEventKind
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID
from tests.client.radio.listening import Ear

LONG = {
    uuid: f"0000{uuid:04x}-0000-1000-8000-00805f9b34fb" for uuid in (DP3T_SERVICE_UUID, GAEN_SERVICE_UUID)
}
SECOND = 1_000_000_000
FRAME = encode(DP3T_SERVICE_UUID, bytes(16))


def said(service_data: dict[str, bytes], rssi: int = -60, *platform: object) -> AdvertisementData:
    """What bleak tells of an advertisement."""
    return AdvertisementData(None, {}, service_data, list(service_data), None, rssi, platform)


def rebuilt(advertisement: AdvertisementData, address: str = "12:34:56:78:9A:BC") -> list[HeardFrame]:
    """The frames of an advertisement."""
    return list(
        Rebuilder(RadioSettings()).frames(Moment(1, 2), BLEDevice(address, None, None), advertisement)
    )


@given(
    st.sampled_from([(DP3T_SERVICE_UUID, 16), (GAEN_SERVICE_UUID, 20)]).flatmap(
        lambda kind: st.tuples(st.just(kind[0]), st.binary(min_size=kind[1], max_size=kind[1]))
    )
)
def test_rebuilt_frames_say_what_was_sent(service: tuple[int, bytes]) -> None:
    """Whatever service data a phone sends comes out of the rebuilt frame, for each service (RA-39)."""
    uuid, data = service
    (frame,) = rebuilt(said({LONG[uuid]: data, "0000180f-0000-1000-8000-00805f9b34fb": b"x"}))
    assert (parse(frame.data).service_uuid, parse(frame.data).service_data) == (uuid, data)


@pytest.mark.parametrize(
    ("address", "platform", "kind"),
    [
        ("12:34:56:78:9A:BC", ({"AddressType": "random"},), AddressType.NON_RESOLVABLE),
        ("52:34:56:78:9A:BC", ("path", {"AddressType": "random"}), AddressType.RESOLVABLE),
        ("12:34:56:78:9A:BC", ({"AddressType": "public"},), AddressType.PUBLIC),
        ("12:34:56:78:9A:BC", (), AddressType.UNKNOWN),
        ("D7B0E8A5-5C1B-4F6B-9B1E-6C1D5B0E4A11", (), AddressType.PLATFORM),
        ("D7B0E8A55C1B4F6B9B1E6C1D5B0E4A11", (), AddressType.PLATFORM),
    ],
)
def test_addresses_are_what_the_system_tells(
    address: str, platform: tuple[Any, ...], kind: AddressType
) -> None:
    """The kind of an address is the system's word, and a handle of the system is no address (RA-39)."""
    (frame,) = rebuilt(said({LONG[DP3T_SERVICE_UUID]: bytes(16)}, -60, *platform), address)
    assert frame.address_type is kind
    assert frame.address == (b"" if kind is AddressType.PLATFORM else bytes.fromhex(address.replace(":", "")))


def test_unknown_strengths_and_oversized_data_are_no_frames_to_trust() -> None:
    """-127 and 127 dBm become None; data longer than a structure is dropped (RA-39)."""
    for rssi in (-127, 127):
        assert rebuilt(said({LONG[DP3T_SERVICE_UUID]: bytes(16)}, rssi))[0].rssi_dbm is None
    assert rebuilt(said({LONG[DP3T_SERVICE_UUID]: bytes(253)})) == []


class Platform(BaseBleakScanner):
    """A platform's scanner whose advertisements come from a test."""

    latest: Platform | None = None
    trouble: list[Exception]

    def __init__(self, callback: Any, uuids: list[str] | None, mode: str, **rest: object) -> None:
        """Be built as bleak builds one."""
        super().__init__(callback, uuids)
        self.mode, self.rest = mode, rest

    async def start(self) -> None:
        """Begin."""
        if Platform.trouble:
            raise Platform.trouble.pop(0)
        self.seen_devices = {}
        Platform.latest = self

    async def stop(self) -> None:
        """End."""

    def hear(self, number: int) -> None:
        """An advertisement of a new address arrives."""
        advertisement = said({LONG[DP3T_SERVICE_UUID]: number.to_bytes(16, "big")})
        address = ":".join(f"{byte:02X}" for byte in number.to_bytes(6, "big"))
        device = self.create_or_update_device(address, address, None, None, advertisement)
        self.call_detection_callbacks(device, advertisement)


@pytest.fixture(autouse=True)
def platform() -> Iterator[None]:
    """No trouble unless a test makes some."""
    Platform.trouble = []
    yield
    Platform.latest = None


def scan_into(ear: Ear) -> BleakScan:
    """A scan on the platform of the test."""
    settings = RadioSettings()
    return BleakScan(Teller(ear, settings.timestamps), settings, platform=Platform)


async def test_table_of_devices_stays_bounded() -> None:
    """However many addresses rotate past, bleak's own table keeps the newest few, and every frame arrives (RA-39)."""
    ear = Ear()
    scan = scan_into(ear)
    await scan.start()
    scanner = Platform.latest
    assert scanner is not None
    for number in range(3 * MAX_SEEN_DEVICES):
        scanner.hear(number)
    assert len(scanner.seen_devices) == MAX_SEEN_DEVICES
    assert next(reversed(scanner.seen_devices)).endswith(f"{(3 * MAX_SEEN_DEVICES - 1) & 255:02X}")
    assert len(ear.frames) == 3 * MAX_SEEN_DEVICES
    await scan.stop()


async def test_scan_asks_for_its_services_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scan names its service UUIDs; it is renewed, also after a renewal that failed (RA-38, RA-39)."""
    monkeypatch.setattr("anopticon_client.radio.bleak_scanning.RENEW_SECONDS", 0.01)
    ear = Ear()
    scan = scan_into(ear)
    await scan.start()
    first = Platform.latest
    assert first is not None
    assert first._service_uuids == list(LONG.values())
    Platform.trouble = [BleakError("a bad moment")]
    async with asyncio.timeout(30):
        while ear.kinds().count(RadioEventKind.SCAN_ON) < 2:  # noqa: ASYNC110 - a sink wakes nobody
            await asyncio.sleep(0.01)
    assert Platform.latest is not first
    assert RadioEventKind.FAILED in ear.kinds()
    await scan.stop()
    await scan.stop()
    assert ear.kinds()[-1] is RadioEventKind.SCAN_OFF


@pytest.mark.parametrize(
    ("trouble", "todo"),
    [(BleakBluetoothNotAvailableError("x", reason), "") for reason in BleakBluetoothNotAvailableReason]
    + [
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), "bluetoothctl power on"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", []), "usermod -aG bluetooth"),
        (PermissionError(13, "denied"), "user who may use Bluetooth"),
        (FileNotFoundError(2, "none"), "D-Bus" if sys.platform == "linux" else "none"),
        (BleakError("adapter 'hci9' not found"), "bluetoothctl list"),
        (BleakError("passive scanning on Linux requires"), "--experimental"),
        (AssertionError(), "switch Bluetooth off and on"),
    ],
)
async def test_trouble_becomes_a_sentence(trouble: Exception, todo: str) -> None:
    """Whatever bleak raises when a scan begins becomes one sentence that says what to do (RA-38)."""
    Platform.trouble = [trouble]
    with pytest.raises(RadioError) as caught:
        await scan_into(Ear()).start()
    assert str(caught.value) == sentence(trouble)
    assert todo in str(caught.value)
    assert len(str(caught.value)) > len("radio bleak: ") + 10


def passed(frames: list[tuple[float, int, int]]) -> list[str]:
    """What is found in frames given as second, sender, dBm, within one scan."""
    ear = Ear()
    sink = ThinningSink(ear, lambda: Moment(0, 0))
    sink.happened(RadioEvent(0, 0, RadioEventKind.SCAN_ON))
    for second, sender, rssi in frames:
        moment = round(second * SECOND)
        address = sender.to_bytes(6, "big")
        sink.heard(
            HeardFrame(moment, moment, address, AddressType.UNKNOWN, PduType.UNKNOWN, rssi, FRAME + address)
        )
    sink.happened(RadioEvent(10**12, 0, RadioEventKind.SCAN_OFF))
    assert len(ear.frames) == len(frames)
    return [str(event.details["reason"]) for event in ear.events if event.kind is RadioEventKind.FAILED]


def test_duplicate_filter_is_found_by_its_gaps() -> None:
    """One frame of each sender every 10 s is flagged, once, for two senders as for twenty (RA-40)."""
    for senders in (2, 20):
        frames = [(10.3 * turn + 0.01 * n, n, -60) for turn in range(30) for n in range(senders)]
        assert passed(frames) == ["duplicate-filter"]


def test_duplicate_filter_is_found_within_a_short_scan() -> None:
    """Several strong senders heard once only in a scan of seconds are flagged; weak ones are not (RA-40)."""
    assert passed([(0.1 * n, n, -60) for n in range(30)]) == ["duplicate-filter"]
    assert passed([(0.1 * n, n, -95) for n in range(30)]) == []


def test_gate_is_found_by_its_steps() -> None:
    """Strengths that never move by less than 8 dB are flagged (RA-40)."""
    assert passed([(0.5 * turn, 1, -60 - 9 * (turn % 2)) for turn in range(60)]) == ["rssi-gate"]


@given(st.lists(st.integers(-70, -58), min_size=ENOUGH_PAIRS, max_size=60), st.integers(1, 9))
def test_full_sample_is_not_flagged(strengths: list[int], senders: int) -> None:
    """Frames every quarter of a second with small changes are flagged as nothing (RA-40)."""
    calm = [-60 + (one % 7) for one in strengths]
    assert passed([(0.25 * turn, n, rssi) for turn, rssi in enumerate(calm) for n in range(senders)]) == []


@given(st.binary(max_size=60), st.booleans())
def test_tap_takes_any_packet(rest: bytes, extended: bool) -> None:
    """Whatever the kernel passes on, the tap never raises; what it cannot read it counts or drops (RA-41)."""
    heard: list[HeardFrame] = []
    tap = Tap(0, RadioSettings(), heard.append)
    tap.muted = False
    tap.take(bytes([4, 0x3E, 1 + len(rest), 0x0D if extended else 0x02]) + rest)
    tap.take(rest)
    assert all(parse_or_none(one.data) for one in heard)


def test_tap_passes_on_what_the_controller_reported() -> None:
    """A report becomes a frame with its address, type, strength and exact bytes; foreign services do not (RA-41)."""
    heard: list[HeardFrame] = []
    tap = Tap(0, RadioSettings(), heard.append)
    report = bytes([4, 0x3E, 12 + len(FRAME), 2, 1, 3, 1]) + bytes.fromhex("bc9a78563412")
    packet = report + bytes([len(FRAME)]) + FRAME + bytes([256 - 71])
    tap.take(packet)
    assert not heard
    tap.muted = False
    tap.take(packet)
    (one,) = heard
    assert one.address == bytes.fromhex("123456789abc")
    assert one.address_type is AddressType.NON_RESOLVABLE
    assert (one.pdu, one.rssi_dbm, one.data) == (PduType.ADV_NONCONN_IND, -71, FRAME)
    tap.take(packet.replace(FRAME, FRAME.replace(b"\x68\xfd", b"\x0f\x18")))
    tap.take(packet[:20])
    assert len(heard) == 1
    assert tap.malformed == 1


async def test_tap_without_the_right_or_the_adapter_is_refused() -> None:
    """Where there is no such adapter, or no right to it, opening the tap is a sentence (RA-41)."""
    tap = Tap(250, RadioSettings(), lambda _: None)
    with pytest.raises(RadioError, match=r"hci250.*tap=no"):
        tap.open()
    assert not tap.is_open
    tap.close()


def parse_or_none(data: bytes) -> bool:
    """Whether the frame holds service data of ours, of whatever length."""
    return any(uuid in data for uuid in (b"\x68\xfd", b"\x6f\xfd"))


def test_missing_library_names_the_extra_to_install() -> None:
    """Without the libraries the package imports, and a radio that needs one says which extra brings it (RA-31)."""
    program = """
import sys
for name in ("bleak", "bumble", "dbus_fast"):
    sys.modules[name] = None
import asyncio
from anopticon_client.errors import RadioError
from anopticon_client.radio import RadioSettings, open_radio
for text in ("bleak", "bluez:hci0"):
    try:
        asyncio.run(open_radio(text, RadioSettings()))
    except RadioError as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        "radio bleak: needs the library bleak, which is not installed: pip install 'anopticon[ble]'",
        "radio bluez: needs the library bleak, which is not installed: pip install 'anopticon[ble]'",
    ]
