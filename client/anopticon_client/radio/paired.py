"""An advertiser and a scanner as the one radio that a phone's runner wants (`ports.Radio`)."""

from __future__ import annotations

import asyncio
from typing import Final

from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.errors import RadioError
from anopticon_client.events import Sighting
from anopticon_client.radio.frames import carries
from anopticon_client.radio.interfaces import Advertiser, RadioDevice, RadioSink, Scanner
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.stream import Tee
from anopticon_client.radio_records import HeardFrame, RadioEvent

_DRAW_BYTES: Final = 8


class Collector:
    """A sink that holds the frames of one scan: those of `uuids` with a known strength, at most MAX_SIGHTINGS_PER_SCAN.

    Of more, it keeps a fair sample: each frame of the scan has the same chance, so that a flood at its end pushes out
    no more of the beginning than its share (reservoir sampling, Vitter 1985, algorithm R).
    """

    def __init__(self, settings: RadioSettings) -> None:
        """Collect nothing before `begin`."""
        self._uuids = frozenset(settings.service_uuids)
        self._entropy = settings.entropy
        self._held: list[Sighting] | None = None
        self._offered = 0

    @property
    def collecting(self) -> bool:
        """Whether a scan is under way."""
        return self._held is not None

    def begin(self) -> None:
        """A scan begins."""
        self._held = []
        self._offered = 0

    def end(self) -> list[Sighting]:
        """The scan is over: what it heard, in the order of arrival unless it was more than there is room for."""
        held, self._held = self._held or [], None
        return held

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        if self._held is None or frame.rssi_dbm is None or not carries(frame.data, self._uuids):
            return
        self._offered += 1
        sighting = Sighting(frame.data, frame.rssi_dbm)
        if len(self._held) < MAX_SIGHTINGS_PER_SCAN:
            self._held.append(sighting)
            return
        place = int.from_bytes(self._entropy(_DRAW_BYTES), "big") % self._offered
        if place < MAX_SIGHTINGS_PER_SCAN:
            self._held[place] = sighting

    def happened(self, event: RadioEvent) -> None:
        """Nothing that happens to a radio changes what it heard."""


class PairedRadio:
    """A device as a phone uses it: one frame on the air at a time, and scans of some seconds."""

    def __init__(self, device: RadioDevice, collector: Collector, settings: RadioSettings) -> None:
        """Drive `device`, which pushes into `collector`."""
        self.device = device
        self._collector = collector
        self._wall_seconds = settings.wall_seconds
        self._on_air = False

    async def advertise(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address: both change in one step."""
        advertiser = self._advertiser()
        await (advertiser.rotate(frame) if self._on_air else advertiser.start(frame))
        self._on_air = True

    async def silence(self) -> None:
        """Broadcast nothing until the next `advertise`; go on hearing."""
        await self._advertiser().stop()
        self._on_air = False

    async def scan(self, seconds: float) -> list[Sighting]:
        """Listen for `seconds` of the phone's clock and return what was heard."""
        scanner = self._scanner()
        if self._collector.collecting:
            raise RadioError("this phone is scanning already")
        self._collector.begin()
        try:
            await scanner.start()
            try:
                await asyncio.sleep(self._wall_seconds(seconds))
            finally:
                await scanner.stop()
        finally:
            heard = self._collector.end()
        return heard

    async def close(self) -> None:
        """Fall silent and let go of the device."""
        await self.device.close()

    def _advertiser(self) -> Advertiser:
        if self.device.advertiser is None:
            raise RadioError(
                f"radio {self.device.capabilities.backend}: it can only listen; "
                f"name one that sends before it, like bluez:hci0+{self.device.capabilities.backend}"
            )
        return self.device.advertiser

    def _scanner(self) -> Scanner:
        if self.device.scanner is None:
            raise RadioError(
                f"radio {self.device.capabilities.backend}: it can only send; add one that listens, like +bleak"
            )
        return self.device.scanner


async def open_paired(text: str, settings: RadioSettings, beside: RadioSink | None = None) -> PairedRadio:
    """Open the radio that `text` names for a phone; `beside` gets everything it hears as well. Raises RadioError."""
    collector = Collector(settings)
    sink = collector if beside is None else Tee(beside, collector)
    device = await open_device(text, sink, settings)
    return PairedRadio(device, collector, settings)
