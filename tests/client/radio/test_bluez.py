"""The BlueZ backend against a daemon that does as a test says, over a real bus. The real daemon: `run.py bluez`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from dbus_fast import Variant

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.advertisement import Advertisement
from anopticon_client.radio.interfaces import RadioDevice
from anopticon_client.radio.opening import open_device
from anopticon_client.radio_records import AddressType, RadioEventKind, Rotation
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID
from tests.client.radio.fake_bluez import PATIENCE_SECONDS, FakeBluez, private_bus
from tests.client.radio.listening import Ear

FRAMES = [encode(DP3T_SERVICE_UUID, bytes([n]) * 16) for n in range(5)]
LONG = "0000fd68-0000-1000-8000-00805f9b34fb"
NAME = "12:34:56:78:9A:BC"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bus of its own."""
    with private_bus(tmp_path, monkeypatch):
        yield


@asynccontextmanager
async def opened(fake: FakeBluez, text: str = "bluez:hci0?tap=no") -> AsyncIterator[tuple[RadioDevice, Ear]]:
    """The daemon on the bus, and a radio on it."""
    await fake.start()
    ear = Ear()
    try:
        device = await open_device(text, ear)
        try:
            yield device, ear
        finally:
            await device.close()
    finally:
        await fake.stop()
        await bleak_lets_go()


async def bleak_lets_go() -> None:
    """Close the bus connection that bleak keeps for each loop."""
    with suppress(Exception):
        manager = await get_global_bluez_manager()
        connection = manager._bus
        assert connection is not None
        connection.disconnect()
        await connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another process or task does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - a bus tells nobody what its daemon has taken in
            await asyncio.sleep(0.01)


def service_data(fake: FakeBluez) -> list[bytes]:
    """What the daemon was told to broadcast and still does."""
    return [bytes(said["ServiceData"][LONG]) for said in fake.advertised.values()]


@pytest.mark.usefixtures("bus")
async def test_frames_are_broadcast_and_replaced_by_registering_anew() -> None:
    """A broadcast is registered; a rotation ends it before it registers the next, never two at a time (RA-2, RA-37)."""
    fake = FakeBluez(extended=True)
    async with opened(fake) as (device, ear):
        assert device.capabilities.rotation is Rotation.REREGISTER
        assert device.advertiser is not None
        await device.advertiser.start(FRAMES[1])
        (said,) = fake.advertised.values()
        assert said["Type"] == "broadcast"
        assert said["ServiceUUIDs"] == [LONG]
        assert (said["MinInterval"], said["MaxInterval"]) == (200, 270)
        await device.advertiser.rotate(FRAMES[2])
        assert service_data(fake) == [bytes([2]) * 16]
        await device.advertiser.stop()
        await device.advertiser.stop()
    register, unregister = "RegisterAdvertisement", "UnregisterAdvertisement"
    assert fake.log == [register, unregister, register, unregister]
    assert ear.kinds() == [
        RadioEventKind.ADVERTISE_ON,
        RadioEventKind.ROTATED,
        RadioEventKind.ADVERTISE_OFF,
    ]
    assert int(ear.events[1].details["gap_ns"]) > 0


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize("extended", [False, True], ids=["legacy", "extended"])
async def test_scan_pauses_around_a_rotation_on_a_legacy_controller(extended: bool) -> None:
    """A legacy controller takes no new address while it scans, so the scan pauses; an extended one does (RA-37)."""
    fake = FakeBluez(extended=extended)
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        assert device.scanner is not None
        await device.scanner.start()
        await device.advertiser.start(FRAMES[1])
        await device.scanner.stop()
    told = [one for one in fake.log if one in {"StartDiscovery", "StopDiscovery", "RegisterAdvertisement"}]
    start, stop, register = "StartDiscovery", "StopDiscovery", "RegisterAdvertisement"
    assert told == ([start, register, stop] if extended else [start, stop, register, start, stop])
    pauses = [event.details.get("reason") for event in ear.events if event.kind is RadioEventKind.SCAN_OFF]
    assert pauses == ([None] if extended else ["rotation", None])


@pytest.mark.usefixtures("bus")
async def test_refused_registration_is_tried_again_then_told_and_nothing_stays() -> None:
    """A registration that fails is tried three times, each failure told; then nothing is on the air (RA-37)."""
    fake = FakeBluez()
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        fake.failures["RegisterAdvertisement"] = ["org.bluez.Error.Failed"] * 3
        with pytest.raises(RadioError, match="as the test wants"):
            await device.advertiser.start(FRAMES[1])
        assert ear.kinds() == [RadioEventKind.FAILED] * 3
        assert not fake.advertised
        fake.failures["RegisterAdvertisement"] = ["org.bluez.Error.Failed"]
        await device.advertiser.rotate(FRAMES[2])
        assert service_data(fake) == [bytes([2]) * 16]


@pytest.mark.usefixtures("bus")
async def test_refused_frame_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that was refused is tried again later without being asked for, unless another came or silence (RA-37)."""
    monkeypatch.setattr("anopticon_client.radio.bluez.advertiser.MAKE_UP_SECONDS", 0.05)
    monkeypatch.setattr("anopticon_client.radio.bluez.advertiser.BETWEEN_SECONDS", 0.01)
    fake = FakeBluez()
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        fake.failures["RegisterAdvertisement"] = ["org.bluez.Error.Failed"] * 5
        with pytest.raises(RadioError, match="as the test wants"):
            await device.advertiser.start(FRAMES[1])
        await until(lambda: service_data(fake) == [bytes([1]) * 16])
        await until(lambda: ear.kinds()[-1] is RadioEventKind.ADVERTISE_ON)
        fake.failures["RegisterAdvertisement"] = ["org.bluez.Error.Failed"] * 3
        with pytest.raises(RadioError, match="as the test wants"):
            await device.advertiser.rotate(FRAMES[2])
        await device.advertiser.stop()
        guard: Any = device.advertiser
        await until(lambda: guard._inner._making_up is None)
        assert not fake.advertised
        assert ear.kinds().count(RadioEventKind.ADVERTISE_ON) == 1


@pytest.mark.usefixtures("bus")
async def test_old_frame_that_may_still_be_on_the_air_is_not_told_as_off() -> None:
    """If BlueZ does not say that the old frame has ended, no new one is sent, and none is told as off (RA-2)."""
    fake = FakeBluez()
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        await device.advertiser.start(FRAMES[1])
        fake.failures["UnregisterAdvertisement"] = ["org.freedesktop.DBus.Error.NoReply"]
        with pytest.raises(RadioError, match="systemctl restart bluetooth"):
            await device.advertiser.rotate(FRAMES[2])
        assert service_data(fake) == [bytes([1]) * 16]
        assert ear.kinds() == [RadioEventKind.ADVERTISE_ON]
        fake.failures["UnregisterAdvertisement"] = ["org.bluez.Error.DoesNotExist"]
        fake.advertised.clear()
        fake.manager["ActiveInstances"] = 0
        await device.advertiser.rotate(FRAMES[2])
        assert service_data(fake) == [bytes([2]) * 16]


@pytest.mark.usefixtures("bus")
async def test_advertisement_that_is_not_active_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """BlueZ says "registered", but counts no active instance: a failure, with its likeliest cause (RA-37)."""
    monkeypatch.setattr("anopticon_client.radio.bluez.advertiser.SETTLE_SECONDS", 0.05)
    fake = FakeBluez()
    fake.counts = False
    async with opened(fake) as (device, _):
        assert device.advertiser is not None
        fake.adapter["Discovering"] = True
        with pytest.raises(RadioError, match=r"does not count it as active.*Command Disallowed"):
            await device.advertiser.start(FRAMES[1])
        assert not fake.advertised


@pytest.mark.usefixtures("bus")
async def test_restarted_daemon_gets_everything_again() -> None:
    """Bluetoothd dies and comes back: told, the same frame on the air again, and the scan goes on (RA-38)."""
    fake = FakeBluez()
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        assert device.scanner is not None
        await device.scanner.start()
        await device.advertiser.start(FRAMES[1])
        await fake.stop()
        await until(lambda: RadioEventKind.RESET in ear.kinds())
        scans = fake.log.count("StartDiscovery")
        await fake.start()
        await until(lambda: fake.log.count("StartDiscovery") > scans)
        assert service_data(fake) == [bytes([1]) * 16]
        fake.device(NAME, UUIDs=Variant("as", [LONG]), ServiceData=data(FRAMES[3]), RSSI=Variant("n", -60))
        await until(lambda: ear.frames)
    assert [event.details["reason"] for event in ear.events if event.kind is RadioEventKind.RESET] == [
        "bluetoothd stopped"
    ]


@pytest.mark.usefixtures("bus")
async def test_scan_through_bleak_survives_the_daemon() -> None:
    """A mere scan is watched over too: after a restart of bluetoothd it goes on (RA-38)."""
    fake = FakeBluez()
    async with opened(fake, "bleak") as (device, ear):
        assert device.scanner is not None
        await device.scanner.start()
        await fake.stop()
        await until(lambda: ear.kinds()[-2:] == [RadioEventKind.RESET, RadioEventKind.SCAN_OFF])
        await fake.start()
        await until(lambda: ear.kinds()[-1] is RadioEventKind.SCAN_ON)
        fake.device(NAME, UUIDs=Variant("as", [LONG]), ServiceData=data(FRAMES[3]), RSSI=Variant("n", -60))
        await until(lambda: ear.frames)
        await device.scanner.stop()
        await fake.stop()
        await until(lambda: ear.kinds().count(RadioEventKind.RESET) == 2)
        await fake.start()
    assert fake.log.count("StartDiscovery") == 2


@pytest.mark.usefixtures("bus")
async def test_unplugged_adapter_is_told_and_taken_up_again() -> None:
    """An adapter that is pulled out is told; whoever uses it gets a sentence; plugged in, it goes on (RA-38)."""
    fake = FakeBluez()
    async with opened(fake) as (device, ear):
        assert device.advertiser is not None
        await device.advertiser.start(FRAMES[1])
        fake.unplug()
        await until(lambda: RadioEventKind.RESET in ear.kinds())
        with pytest.raises(RadioError, match="no such adapter"):
            await device.advertiser.rotate(FRAMES[2])
        fake.plug()
        await until(lambda: service_data(fake) == [bytes([2]) * 16])
        await device.advertiser.stop()
        await device.advertiser.start(FRAMES[3])
        fake.power(on=False)
        await until(lambda: ear.kinds().count(RadioEventKind.RESET) == 2)
        fake.advertised.clear()
        fake.manager["ActiveInstances"] = 0
        fake.power(on=True)
        await until(lambda: service_data(fake) == [bytes([3]) * 16])


@pytest.mark.usefixtures("bus")
async def test_frames_are_rebuilt_and_unknown_strengths_are_none() -> None:
    """Services and service data become a frame again; -127 dBm means that nobody knows (RA-39)."""
    fake = FakeBluez()
    async with opened(fake, "bleak:hci0") as (device, ear):
        assert device.advertiser is None
        assert device.scanner is not None
        assert not device.capabilities.exact_bytes_heard
        await device.scanner.start()
        uuids = Variant("as", [LONG])
        fake.device(NAME, UUIDs=uuids, ServiceData=data(FRAMES[1]), RSSI=Variant("n", -61))
        fake.device("C2:34:56:78:9A:BD", UUIDs=uuids, ServiceData=data(FRAMES[2]))
        fake.device("42:34:56:78:9A:BE", UUIDs=Variant("as", []), RSSI=Variant("n", -50))
        await until(lambda: len(ear.frames) == 2)
        await device.scanner.stop()
    assert [one.data for one in ear.frames] == [
        encode(DP3T_SERVICE_UUID, bytes([n]) * 16, flags=False) for n in (1, 2)
    ]
    assert [one.rssi_dbm for one in ear.frames] == [-61, None]
    assert [one.address_type for one in ear.frames] == [AddressType.NON_RESOLVABLE, AddressType.STATIC]
    assert ear.frames[0].address == bytes.fromhex("123456789abc")


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Powered": False}, "it is off: 'bluetoothctl power on'"),
        ({"Discoverable": True}, "public address, which never changes: 'bluetoothctl discoverable off'"),
        ({"SupportedInstances": 0}, "advertising instances are in use"),
        ({"MANAGER": None}, "cannot advertise: take another"),
    ],
)
async def test_unfit_adapters_are_refused(change: dict[str, object], sentence: str) -> None:
    """Off, discoverable, full, or unable: the adapter is refused with what to do (RA-37)."""
    fake = FakeBluez()
    for name, value in change.items():
        fake_part = fake.manager if name in fake.manager else fake.adapter
        fake_part[name] = value
    if "MANAGER" in change:
        fake.manager, fake.adapter = {}, {k: v for k, v in fake.adapter.items() if k != "MANAGER"}
    await fake.start()
    try:
        with pytest.raises(RadioError, match=sentence):
            await open_device("bluez:hci0", Ear())
    finally:
        await fake.stop()


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("bluez:hci1", "no such adapter; there is hci0"),
        ("bluez:usb0", "an adapter is called hci0"),
        ("bluez:hci0?tap=maybe", "must be one of auto, yes, no"),
        ("bluez:hci0?scan=fast", "must be active or passive"),
        ("bluez:hci0?tap=yes", "CAP_NET_RAW|cannot be tapped"),
        ("bluez:hci0?scan=passive&tap=no", "take scan=active"),
    ],
)
async def test_what_an_adapter_cannot_do_is_said(text: str, sentence: str) -> None:
    """Names, options and rights that do not fit are refused before anything is on the air (RA-31)."""
    fake = FakeBluez()
    fake.adapter["Modalias"] = "usb:v1D6Bp0246d0552"
    await fake.start()
    try:
        with pytest.raises(RadioError, match=sentence):
            await open_device(text, Ear())
    finally:
        await fake.stop()


@pytest.mark.usefixtures("bus")
async def test_passive_scan_that_would_hear_nothing_is_refused() -> None:
    """Where BlueZ would hear nothing in a passive scan, since 5.69 or unless experimental, it is refused (RA-40)."""
    fake = FakeBluez()
    async with opened(fake, "bleak?scan=passive") as (device, _):
        assert device.scanner is not None
        fake.adapter["Modalias"] = "usb:v1D6Bp0246d0552"
        with pytest.raises(RadioError, match="take scan=active"):
            await device.scanner.start()
        fake.experimental = False
        with pytest.raises(RadioError, match="--experimental"):
            await device.scanner.start()


@pytest.mark.usefixtures("bus")
async def test_user_who_may_not_is_told_which_group() -> None:
    """The bus refuses to pass messages to BlueZ: the sentence names the group to join (RA-38)."""
    fake = FakeBluez()
    fake.failures["GetManagedObjects"] = ["org.freedesktop.DBus.Error.AccessDenied"]
    await fake.start()
    try:
        with pytest.raises(RadioError, match="usermod -aG bluetooth"):
            await open_device("bluez:hci0", Ear())
    finally:
        await fake.stop()


@pytest.mark.usefixtures("bus")
async def test_bus_without_daemon_says_what_to_start() -> None:
    """A bus without bluetoothd on it: each radio says what to start (RA-38)."""
    with pytest.raises(RadioError, match="systemctl start bluetooth"):
        await open_device("bluez:hci0", Ear())
    device = await open_device("bleak", Ear())
    assert device.scanner is not None
    try:
        with pytest.raises(RadioError, match="systemctl start bluetooth"):
            await device.scanner.start()
    finally:
        await device.close()
        await bleak_lets_go()


async def test_machine_without_bus_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No D-Bus at all: each radio says so, and names one that needs none (RA-38)."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    with pytest.raises(RadioError, match=r"no D-Bus.*hci:usb:0"):
        await open_device("bluez:hci0", Ear())
    device = await open_device("bleak", Ear())
    assert device.scanner is not None
    with pytest.raises(RadioError, match=r"no D-Bus.*hci:usb:0"):
        await device.scanner.start()
    await device.close()


@pytest.mark.parametrize(
    "frame", [b"\x02\x0a\x04", b"\x03\x16\x68", FRAMES[0][:-1], FRAMES[1] + b"\x04\x16\x68\xfd\x01"]
)
def test_frames_that_bluez_cannot_send_are_refused(frame: bytes) -> None:
    """What BlueZ would change or reject is refused here, naming the structure (RA-37)."""
    with pytest.raises(RadioError, match="bluez: "):
        Advertisement.of_frame(frame)


def data(frame: bytes) -> Variant:
    """The service data of a frame as BlueZ tells it."""
    return Variant("a{sv}", {LONG: Variant("ay", frame[11:])})
