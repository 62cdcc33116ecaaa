"""Bumble's link between controllers, with physics: who hears what, how strongly, and after how long.

Worked round in bumble 0.0.236 (its emulation of extended advertising came with google/bumble pull request 827, the
present link layer with 975; none of these is filed as an issue there): `LocalLink` hands every PDU to every
controller at once and knows no signal strength, channel, collision, or scan window.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from bumble import controller, link, ll

from anopticon_client.errors import RadioError
from anopticon_client.radio.virtual.ether import PDU_SPACING_NS, Ether, Transmission
from anopticon_client.radio.virtual.pdu import AirPdu
from anopticon_client.radio.virtual_time import NANOSECONDS

MEMORY_NS = 10 * PDU_SPACING_NS
"""Longer than any event: what ended so long ago overlaps nothing that is still to be judged."""


class Receiver(Protocol):
    """A controller as the link sees it."""

    antenna: int

    def on_air(self, pdu: AirPdu, rssi: int) -> None:
        """Its antenna caught a PDU."""


class RadioLink(link.LocalLink):
    """The medium of one air. Its time is that of the running loop."""

    def __init__(self, ether: Ether, seed: int) -> None:
        """No antenna yet; `seed` decides about every delay."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.ether = ether
        self.seed = seed
        self._loop = asyncio.get_running_loop()
        self._antennas: dict[int, Receiver] = {}
        self._recent: deque[Transmission] = deque()

    def now_ns(self) -> int:
        """Nanoseconds of the loop's clock."""
        return round(self._loop.time() * NANOSECONDS)

    def attach(self, radio: Receiver) -> None:
        """Its antenna receives from now on."""
        self._antennas[radio.antenna] = radio

    def detach(self, radio: Receiver) -> None:
        """Its antenna is off the air."""
        self.ether.deafen(radio.antenna)
        self._antennas.pop(radio.antenna, None)

    def send_advertising_pdu(
        self, sender_controller: controller.Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Refuse what only a connection needs: phones broadcast. Advertising goes through `transmit`."""
        del sender_controller, packet
        raise RadioError("the virtual air carries broadcasts and no connections")

    def transmit(self, sender: int, pdu: AirPdu, start_ns: int) -> asyncio.TimerHandle:
        """An advertising event begins; who hears it gets a report when it is over. Cancel the handle to cut it."""
        sent = self.ether.transmit(sender, start_ns, len(pdu.data), pdu.channels)
        recent = self._recent
        while recent and recent[0].end_ns < start_ns - MEMORY_NS:
            recent.popleft()
        recent.append(sent)
        return self._loop.call_at(sent.end_ns / NANOSECONDS, self._deliver, sent, pdu)

    def _deliver(self, sent: Transmission, pdu: AirPdu) -> None:
        rivals = [other for other in self._recent if other is not sent and other.overlaps(sent)]
        antennas, strengths = self.ether.receivers(sent, rivals)
        for antenna, rssi in zip(antennas.tolist(), strengths.tolist(), strict=True):
            self._antennas[antenna].on_air(pdu, rssi)
