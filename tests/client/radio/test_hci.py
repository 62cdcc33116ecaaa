"""The HCI backend on controllers that refuse, filter, hang, and are pulled out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.device import HEARTBEAT_SECONDS
from anopticon_client.radio.hci.opening import HciOptions, open_adapter, power_of
from anopticon_client.radio.interfaces import machine_time
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual.air import VirtualAir, VirtualPlace
from anopticon_client.radio.virtual.attaching import attach, attach_vhci
from anopticon_client.radio.virtual.places import ChipKind, Filtering
from anopticon_client.radio.virtual_time import LoopTimestamps
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind, Rotation
from tests.client.radio.airs import Node, frame, in_virtual_time
from tests.client.radio.listening import Ear

CHIPS = pytest.mark.parametrize("chip", ChipKind, ids=lambda chip: chip.value)


H = TypeVar("H")


def there(half: H | None) -> H:
    """The half of a radio that must be there."""
    assert half is not None
    return half


@dataclass
class Awaited(Ear):
    """A sink whose first frame can be awaited."""

    something: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        super().heard(frame)
        self.something.set()


def virtual(node: Node) -> VirtualPlace:
    """The place of a node on the protocol-true air."""
    assert isinstance(node.place, VirtualPlace)
    return node.place


async def pair(chip: ChipKind, filtering: Filtering = Filtering.AS_TOLD) -> tuple[Node, Node]:
    """A sender with this chip, and a listener with this chip and filter, a metre apart."""
    air = VirtualAir(seed=9)
    nodes = []
    for number in range(2):
        ear = Ear()
        place = air.join(f"n{number}", Position(number, 0), chip=chip, filtering=filtering)
        nodes.append(Node(place, await place.open(ear), ear))
    return nodes[0], nodes[1]


def of_kind(node: Node, kind: RadioEventKind) -> list[RadioEvent]:
    """The events of one kind that a node told."""
    return [event for event in node.ear.events if event.kind is kind]


@CHIPS
def test_the_chip_is_recognised(chip: ChipKind) -> None:
    """The description names the controller's kind, and only a legacy one remarks that its scan pauses (RA-4)."""

    async def story() -> None:
        node, _ = await pair(chip)
        assert f"{chip.value} advertising" in node.device.description
        assert node.device.capabilities.rotation is Rotation.ATOMIC
        assert bool(node.device.capabilities.remarks) == (chip is ChipKind.LEGACY)

    in_virtual_time(story)


def test_a_legacy_controller_pauses_its_scan_for_a_rotation_and_says_so() -> None:
    """On a legacy controller the scan is off while the address changes, and the events show it (RA-6)."""

    async def story() -> None:
        node, _ = await pair(ChipKind.LEGACY)
        await node.scanner.start()
        await node.advertiser.start(frame(1))
        await node.advertiser.rotate(frame(2))
        on, off = RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF
        begun, rotated = RadioEventKind.ADVERTISE_ON, RadioEventKind.ROTATED
        assert node.ear.kinds() == [on, off, on, begun, off, on, rotated]

    in_virtual_time(story)


@CHIPS
def test_command_disallowed_is_survived_and_told(chip: ChipKind) -> None:
    """Somebody else switched advertising and scan on: the command is repeated after both are off, and told (RA-7)."""

    async def story() -> None:
        node, listener = await pair(chip)
        await listener.scanner.start()
        await node.scanner.start()
        await node.advertiser.start(frame(1))
        radio = virtual(node).radio
        chip_of_ours = node.device.close.__self__._chip  # type: ignore[attr-defined]
        chip_of_ours.advertising = chip_of_ours.scanning = False  # we think that they are off; they are not
        assert radio.le_scan_enable
        await node.advertiser.rotate(frame(2))
        await asyncio.sleep(2)
        (failed,) = of_kind(node, RadioEventKind.FAILED)
        assert "Command Disallowed" in str(failed.details["reason"])
        assert "another program" in str(failed.details["advice"])
        assert radio.le_scan_enable
        assert {row.data for row in listener.ear.frames[-3:]} == {frame(2)}
        assert len({row.address for row in listener.ear.frames}) == len(
            {row.data for row in listener.ear.frames}
        )

    in_virtual_time(story)


@CHIPS
@settings(max_examples=8)
@given(
    moments=st.lists(st.floats(0.1, 3), min_size=8, max_size=16),
    latency=st.sampled_from([0.002, 0.02, 0.06]),
    restarts=st.booleans(),
)
def test_no_order_of_commands_lets_old_and_new_meet(
    chip: ChipKind, moments: list[float], latency: float, restarts: bool
) -> None:
    """Also while each command takes its time, no PDU has one of old and new and the other of the other (RA-2)."""

    async def story() -> None:
        air = VirtualAir(seed=1)
        place = air.join("slow", Position(0, 0), chip=chip)
        place.command_seconds = latency
        ear, own = Ear(), Ear()
        sender = await place.open(own)
        listener = await air.join("listener", Position(1, 0)).open(ear)
        await there(listener.scanner).start()
        await there(sender.scanner).start()
        for number, seconds in enumerate(moments):
            if restarts:
                await there(sender.advertiser).stop()
            await there(sender.advertiser).rotate(frame(number))
            await asyncio.sleep(seconds)
        pairs = {(row.address, row.data) for row in ear.frames}
        assert len({address for address, _ in pairs}) == len(pairs) == len({data for _, data in pairs})
        gaps = [event.details["gap_ns"] for event in own.events if event.kind is RadioEventKind.ROTATED]
        steps = 4  # address, parameters, data and enable on either kind
        assert all(gap == pytest.approx(steps * latency * 1e9, rel=1e-6) for gap in gaps)
        assert len(gaps) == (0 if restarts else len(moments) - 1)

    in_virtual_time(story)


@CHIPS
def test_a_filtering_controller_is_flagged(chip: ChipKind) -> None:
    """A controller that drops repeats whatever it is told is noticed soon; others never are (RA-8)."""

    async def story(filtering: Filtering) -> list[RadioEvent]:
        sender, listener = await pair(chip, filtering)
        await listener.scanner.start()
        for number in range(12):
            await sender.advertiser.start(frame(number))
            await asyncio.sleep(3)
        assert (len(listener.ear.frames) == 12) == (filtering is Filtering.ALWAYS)
        return of_kind(listener, RadioEventKind.FAILED)

    (flag,) = in_virtual_time(lambda: story(Filtering.ALWAYS))
    assert flag.details["reason"] == "duplicates are filtered"
    assert in_virtual_time(lambda: story(Filtering.AS_TOLD)) == []


@CHIPS
def test_an_adapter_that_is_pulled_out_comes_back_as_it_was(chip: ChipKind) -> None:
    """Pulled out: told with advice, commands fail with it; back: same frame, same address, scan on (RA-2, RA-7)."""

    async def story() -> None:
        node, listener = await pair(chip)
        await listener.scanner.start()
        await node.scanner.start()
        await node.advertiser.start(frame(1))
        await asyncio.sleep(2)
        virtual(node).unplug()
        await asyncio.sleep(10)
        (failed,) = of_kind(node, RadioEventKind.FAILED)
        assert "plug the adapter in again" in str(failed.details["advice"])
        listener.ear.frames.clear()
        with pytest.raises(RadioError, match="plug the adapter in again"):
            await node.advertiser.rotate(frame(2))
        virtual(node).plug()
        await asyncio.sleep(60)
        (back,) = of_kind(node, RadioEventKind.RESET)
        assert back.details["reason"] == "the adapter is back"
        assert {row.data for row in listener.ear.frames} == {frame(2)}  # what was asked for last
        assert len({row.address for row in listener.ear.frames}) == 1
        assert node.ear.kinds()[-1] is RadioEventKind.SCAN_ON
        await node.device.close()

    in_virtual_time(story)


def test_an_adapter_that_hangs_is_noticed() -> None:
    """A controller that stops answering without a word is found by the next heartbeat and opened anew (RA-7)."""

    async def story() -> None:
        node, listener = await pair(ChipKind.EXTENDED)
        await node.scanner.start()
        await listener.advertiser.start(frame(1))
        radio = virtual(node).radio
        radio.on_packet, answers = lambda packet: None, radio.on_packet  # type: ignore[method-assign]
        radio.link.ether.deafen(radio.antenna)
        await asyncio.sleep(HEARTBEAT_SECONDS + 5)
        assert of_kind(node, RadioEventKind.FAILED)
        node.ear.frames.clear()
        radio.on_packet = answers  # type: ignore[method-assign]
        await asyncio.sleep(120)
        assert of_kind(node, RadioEventKind.RESET)
        assert len(node.ear.frames) > 200
        await node.device.close()

    in_virtual_time(story)


def test_a_controller_that_never_answers_is_not_opened() -> None:
    """A reset without an answer ends the opening with a sentence, and the adapter is let go (RA-7)."""

    async def story() -> None:
        place = VirtualAir().join("mute", Position(0, 0))
        answers, place.radio.on_packet = place.radio.on_packet, lambda packet: None  # type: ignore[method-assign]
        with pytest.raises(RadioError, match="does not answer a reset: unplug it"):
            await place.open(Ear())
        place.radio.on_packet = answers  # type: ignore[method-assign]
        await (await place.open(Ear())).close()

    in_virtual_time(story)


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
