"""From a text to a radio on an HCI controller: what is refused, sockets, powers, the kernel."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.opening import HciOptions, open_adapter, power_of
from anopticon_client.radio.interfaces import machine_time
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.attaching import attach, attach_vhci
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio.virtual_time import LoopTimestamps
from tests.client.radio.airs import frame, in_virtual_time
from tests.client.radio.kit import Awaited, there
from tests.client.radio.listening import Ear

CHIPS = pytest.mark.parametrize("chip", ChipKind, ids=lambda chip: chip.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hci:", "must be hci:usb:0"),
        ("hci:socket", "must be hci:usb:0"),
        ("hci:vhci:0", "must be hci:usb:0"),
        ("hci:usb:0?power=loud", "power='loud'"),
        ("hci:usb:0?power=21", "-127..20 dBm"),
        ("hci:usb:0?vendor=acme&power=0", "vendor=zephyr"),
        ("hci:usb:0?vendor=zephyr", "add power=0"),
        ("hci:usb:0?speed=9", "unknown option 'speed'"),
        ("hci:serial:/dev/no-such-port", "cannot be opened"),
        ("hci:serial:/dev/null", "Its firmware must speak HCI"),
        ("hci:unix:/dev/null/nobody", "does anything listen there"),
        ("virtual?at=here", "metres like 1.5,0"),
        ("virtual?at=1,2,3,4", "metres like 1.5,0"),
        ("virtual?at=1e9,0", "within 100000 m"),
        ("virtual?chip=new", "legacy and extended"),
    ],
)
async def test_what_cannot_be_opened_says_why(text: str, sentence: str) -> None:
    """Each wrong place or option of a radio is refused by a sentence that says what would be right (RA-31)."""
    with pytest.raises(RadioError) as failure:
        await open_device(text, Ear())
    assert sentence in str(failure.value)


async def test_two_radios_by_their_strings_share_a_named_air() -> None:
    """Radios opened as virtual:NAME hear each other if the names are equal, as strongly as their places say (RA-31)."""
    ear, far = Awaited(), Ear()
    settings = RadioSettings(tx_power_dbm=-10, timestamps=machine_time)
    sender = await open_device("virtual:hall?at=0,0", Ear(), settings)
    near = await open_device("virtual:hall?at=0,1,0&chip=legacy", ear, settings)
    elsewhere = await open_device("virtual:yard?at=0,1", far, settings)
    await there(near.scanner).start()
    await there(elsewhere.scanner).start()
    await there(sender.advertiser).start(frame(3))
    await ear.something.wait()
    assert ear.frames[0].rssi_dbm == -64
    assert not far.frames
    for device in (sender, near, elsewhere):
        await device.close()


@pytest.fixture
async def served() -> AsyncIterator[tuple[VirtualAir, int]]:
    """An air, and a port of this machine behind which one of its controllers waits for a host."""
    air = VirtualAir(seed=3)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    transport: Any = await open_tcp_server_transport_with_socket(listening)
    attach(air.join("served", Position(0, 0)), transport)
    yield air, port
    transport.server.close()
    await transport.server.wait_closed()


async def test_a_controller_behind_a_socket_is_a_radio(served: tuple[VirtualAir, int]) -> None:
    """The same backend drives a controller through a real transport: it hears, and it is heard (RA-1)."""
    air, port = served
    ear, other = Awaited(), Awaited()
    device = await open_device(f"hci:tcp:127.0.0.1:{port}", ear)
    peer = await air.join("peer", Position(1, 0)).open(other)
    await there(device.advertiser).start(frame(1))
    await there(device.scanner).start()
    await there(peer.advertiser).start(frame(2))
    await there(peer.scanner).start()
    await ear.something.wait()
    await other.something.wait()
    assert (ear.frames[0].data, other.frames[0].data) == (frame(2), frame(1))
    await device.close()
    await peer.close()


@CHIPS
def test_a_power_is_set_where_there_is_a_command_for_it(chip: ChipKind) -> None:
    """An extended controller is told the power; a legacy one refuses unless its firmware is named (RA-9)."""

    async def story() -> None:
        place = VirtualAir(seed=1).join("n", Position(0, 0), chip=chip)
        options = HciOptions("n", power_of({"power": "-8"}))
        if chip is ChipKind.LEGACY:
            with pytest.raises(RadioError, match="add vendor=zephyr"):
                await open_adapter(place.transport, options, Ear(), LoopTimestamps())
            return
        device = await open_adapter(place.transport, options, Ear(), LoopTimestamps())
        await there(device.advertiser).start(frame(1))
        (advertising_set,) = place.radio.advertising_sets.values()
        assert advertising_set.parameters is not None
        assert advertising_set.parameters.advertising_tx_power == 0x100 - 8

    in_virtual_time(story)


def test_zephyr_is_told_in_its_own_words() -> None:
    """vendor=zephyr sends the bytes of Zephyr's command: 0xFC0E, advertiser, handle 0, the power (RA-9)."""

    async def story() -> None:
        place = VirtualAir(seed=1).join("n", Position(0, 0), chip=ChipKind.LEGACY)
        packets: list[bytes] = []
        takes = place.radio.on_packet

        def wire(packet: bytes) -> None:
            packets.append(packet)
            takes(packet)

        place.radio.on_packet = wire  # type: ignore[method-assign]
        options = HciOptions("n", power_of({"power": "-8", "vendor": "zephyr"}))
        device = await open_adapter(place.transport, options, Ear(), LoopTimestamps())
        with pytest.raises(RadioError, match="UNKNOWN_HCI_COMMAND"):  # this one is not Zephyr
            await there(device.advertiser).start(frame(1))
        assert packets[-2] == bytes.fromhex("01 0efc 04 00 0000 f8")
        assert not place.radio.le_legacy_advertiser.enabled

    in_virtual_time(story)


async def test_without_a_kernel_module_vhci_says_what_to_do() -> None:
    """A missing device of the kernel is named, with the command that brings it (RA-31)."""
    place = VirtualAir().join("hci0", Position(0, 0))
    with pytest.raises(RadioError, match="modprobe hci_vhci"):
        await attach_vhci(place, "/dev/no-such-vhci")
