"""The HCI backend on controllers that refuse, filter, hang, and are pulled out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import hci
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci.chips import Power
from anopticon_client.radio.hci.device import HEARTBEAT_SECONDS
from anopticon_client.radio.hci.extended_chip import ExtendedChip
from anopticon_client.radio.hci.host import DisallowedError, open_controller
from anopticon_client.radio.hci.legacy_chip import LegacyChip
from anopticon_client.radio.virtual.air import VirtualAir, VirtualPlace
from anopticon_client.radio.virtual.places import ChipKind, Filtering
from anopticon_client.radio.virtual_time import LoopTimestamps
from anopticon_client.radio_records import RadioEvent, RadioEventKind, Rotation
from tests.client.radio.airs import Node, frame, in_virtual_time
from tests.client.radio.kit import there
from tests.client.radio.listening import Ear

CHIPS = pytest.mark.parametrize("chip", ChipKind, ids=lambda chip: chip.value)


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


@CHIPS
def test_a_frame_keeps_its_address_through_a_lost_adapter(chip: ChipKind) -> None:
    """Back after a loss without a rotation, the same frame goes on under the same address (RA-2)."""

    async def story() -> None:
        node, listener = await pair(chip)
        await listener.scanner.start()
        await node.advertiser.start(frame(1))
        await asyncio.sleep(2)
        virtual(node).unplug()
        await asyncio.sleep(5)
        before = {(row.address, row.data) for row in listener.ear.frames}
        listener.ear.frames.clear()
        virtual(node).plug()
        await asyncio.sleep(60)
        assert len(listener.ear.frames) > 100
        assert {(row.address, row.data) for row in listener.ear.frames} == before

    in_virtual_time(story)


def test_a_virtual_controller_refuses_what_the_specification_forbids() -> None:
    """Address, parameters and scan parameters cannot be changed while they are in use, on either kind (RA-10)."""

    async def story() -> None:
        air = VirtualAir(seed=1)
        disallowed = []
        for chip in ChipKind:
            place = air.join(chip.value, Position(0, 0), chip=chip)
            controller = await open_controller(place.transport, lambda packet: None)
            kind = ExtendedChip if chip is ChipKind.EXTENDED else LegacyChip
            radio = kind(controller, Power(), LoopTimestamps(), lambda on: None)
            address = hci.HCI_LE_Set_Random_Address_Command(hci.Address("01:02:03:04:05:06"))
            await controller.send(address)
            await radio.listen()
            commands: list[Any] = [address]
            if chip is ChipKind.LEGACY:
                commands.append(hci.HCI_LE_Set_Scan_Parameters_Command(0, 96, 96, 0, 0))
            else:
                commands.append(hci.HCI_LE_Set_Extended_Scan_Parameters_Command(0, 0, 1, [0], [96], [96]))
            for command in commands:
                with pytest.raises(DisallowedError):
                    await controller.send(command)
                disallowed.append(command.name)
            await radio.deafen()
            await radio.advertise(bytes(6), frame(1))
            radio.advertising = False  # so that it does not switch off first
            with pytest.raises(DisallowedError):
                await radio.advertise(bytes(6), frame(1))
            await controller.close()
        assert len(disallowed) == 4
        old = air.join("old", Position(0, 0), chip=ChipKind.LEGACY)
        legacy = await open_controller(old.transport, lambda packet: None)
        with pytest.raises(RadioError, match="UNKNOWN_HCI_COMMAND"):
            await legacy.send(hci.HCI_LE_Set_Extended_Scan_Enable_Command(1, 0, 0, 0))

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
