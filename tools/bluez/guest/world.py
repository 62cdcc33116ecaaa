"""The guest's air: Bumble controllers under the kernel's vhci device, beacons beside them, and a log of what was sent.

A controller with `deaf_to_filter` reports every PDU although the host asked it to filter duplicates, as some chips do.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from bumble import hci
from bumble.transport import open_transport
from dbus_fast import Variant

from anopticon_client.radio.bluez.bus import ADAPTER, Bus
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.interfaces import RadioDevice
from anopticon_client.radio.virtual.air import VirtualAir, VirtualPlace
from anopticon_client.radio.virtual.pdu import AirPdu
from anopticon_client.radio.virtual.places import ChipKind, Filtering
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.params import DP3T_SERVICE_UUID
from tools.bluez.guest.daemons import until

DISALLOWED: Final = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
CLASS: Final = Path("/sys/class/bluetooth")


class Ear:
    """Keeps what a radio says."""

    def __init__(self) -> None:
        """Nothing heard."""
        self.frames: list[HeardFrame] = []
        self.events: list[RadioEvent] = []

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        self.frames.append(frame)

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        self.events.append(event)

    def kinds(self) -> list[RadioEventKind]:
        """The kinds of the events."""
        return [event.kind for event in self.events]

    def reasons(self) -> list[str]:
        """The reasons of what failed."""
        return [str(event.details.get("reason")) for event in self.events if "reason" in event.details]

    def identifiers(self) -> set[bytes]:
        """Every identifier heard."""
        return {parse(frame.data).service_data for frame in self.frames}


class Sent(NamedTuple):
    """One PDU that left an antenna; its address has the most significant byte first."""

    second: float
    address: bytes
    data: bytes
    kind: int | None


@dataclass
class Plugged:
    """A controller that the guest's kernel drives."""

    name: str
    place: VirtualPlace
    unplug: Callable[[], Awaitable[None]]


class World:
    """One air, its controllers, and everything that was ever sent on it."""

    def __init__(self, *, experimental: bool) -> None:
        """`experimental` is how bluetoothd was started."""
        self.experimental = experimental
        self.air = VirtualAir("guest", seed=7, collisions=False)
        self.sent: dict[int, list[Sent]] = defaultdict(list)
        self.caught: dict[int, list[tuple[bytes, int]]] = defaultdict(list)
        self.disallowed = 0
        self._count = 0
        self._transmit = self.air.link.transmit
        self.air.link.transmit = self._log_sent  # type: ignore[method-assign]
        self._beacons: list[RadioDevice] = []

    async def plug(
        self, chip: ChipKind, at: tuple[float, float] = (0, 0), *, deaf_to_filter: bool = False
    ) -> Plugged:
        """Plug in an adapter and wait until BlueZ has powered it on."""
        self._count += 1
        place = self.air.join(
            f"adapter-{self._count}", Position(*at), -20, chip=chip, filtering=Filtering.AS_TOLD
        )
        self._log_caught(place, deaf_to_filter=deaf_to_filter)
        before = {path.name for path in CLASS.iterdir()}
        transport = await open_transport("vhci")
        place.radio.host = transport.sink
        transport.source.set_packet_sink(place.radio)
        await until(lambda: {path.name for path in CLASS.iterdir()} - before, "the kernel's adapter")
        name = ({path.name for path in CLASS.iterdir()} - before).pop()
        await self.powered(name)

        async def unplug() -> None:
            place.leave()
            await transport.close()

        return Plugged(name, place, unplug)

    async def powered(self, name: str) -> None:
        """Wait until BlueZ says that the adapter is on, and switch it on if it is not."""
        bus = await Bus.connect()
        try:
            async with asyncio.timeout(60):
                while True:
                    await asyncio.sleep(0.2)
                    try:
                        said = await bus.properties(f"/org/bluez/{name}", ADAPTER)
                        if said.get("Powered"):
                            return
                        await bus.set_property(f"/org/bluez/{name}", ADAPTER, "Powered", Variant("b", True))  # noqa: FBT003
                    except Exception:  # noqa: BLE001, S112 - it is not there yet, or busy: the timeout decides
                        continue
        finally:
            await bus.close()

    async def beacon(
        self, identifier: int, at: tuple[float, float], *, flags: bool = True, power: int = -20
    ) -> RadioDevice:
        """Put up a beacon of a phone that needs no daemon, and let it send."""
        self._count += 1
        place = self.air.join(f"beacon-{self._count}", Position(*at), power)
        device = await place.open(Ear())
        assert device.advertiser is not None  # noqa: S101 - for the type checker
        await device.advertiser.start(frame(identifier, flags=flags))
        self._beacons.append(device)
        return device

    async def silence(self) -> None:
        """End every beacon."""
        while self._beacons:
            await self._beacons.pop().close()

    def strengths(self, adapter: Plugged) -> dict[bytes, set[int]]:
        """How strongly the antenna of `adapter` caught the frames of each identifier, as the air says."""
        found: dict[bytes, set[int]] = defaultdict(set)
        for data, rssi in self.caught[adapter.place.radio.antenna]:
            found[parse(data).service_data].add(rssi)
        return found

    def pairs(self, adapter: Plugged) -> dict[bytes, set[bytes]]:
        """Every address that `adapter` sent under, most significant byte first, and the identifiers under it."""
        found: dict[bytes, set[bytes]] = defaultdict(set)
        for one in self.sent[adapter.place.radio.antenna]:
            found[one.address].add(parse(one.data).service_data)
        return found

    def _log_sent(self, sender: int, pdu: AirPdu, start_ns: int) -> asyncio.TimerHandle:
        self.sent[sender].append(Sent(start_ns / 1e9, bytes(pdu.address)[::-1], pdu.data, pdu.kind))
        return self._transmit(sender, pdu, start_ns)

    def _log_caught(self, place: VirtualPlace, *, deaf_to_filter: bool) -> None:
        radio: Any = place.radio
        on_air, set_address = radio.on_air, radio.on_hci_le_set_random_address_command

        def caught(pdu: AirPdu, rssi: int) -> None:
            self.caught[radio.antenna].append((pdu.data, rssi))
            if deaf_to_filter:
                radio._reporter.begin(filters=False)  # noqa: SLF001 - this chip does not do as it is told
            on_air(pdu, rssi)

        def counted(command: hci.HCI_LE_Set_Random_Address_Command) -> Any:  # noqa: ANN401 - Bumble's own
            status = set_address(command)
            self.disallowed += status.status == DISALLOWED
            return status

        radio.on_air = caught
        radio.on_hci_le_set_random_address_command = counted


def frame(identifier: int, *, flags: bool = True) -> bytes:
    """The frame of a numbered identifier."""
    return encode(DP3T_SERVICE_UUID, identifier.to_bytes(16, "big"), flags=flags)


def number(identifier: bytes) -> int:
    """The number of an identifier."""
    return int.from_bytes(identifier, "big")
