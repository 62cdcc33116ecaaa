"""Keeps frames of 0xFD6F off an air that real phones share, unless somebody asked for them (SPEC.md 18)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.frames import disguised, is_gaen, undisguised
from anopticon_client.radio.interfaces import Advertiser, RadioDevice, RadioSink
from anopticon_client.radio.settings import GaenOnAir
from anopticon_client.radio_records import HeardFrame, RadioEvent

REFUSAL: Final = (
    "this design broadcasts on 0xFD6F, which every phone nearby that runs Exposure Notification would log: "
    "give --carry-0xfd6f to send its frames under 0xFD68, or --transmit-0xfd6f to really send them, "
    "shielded or at low power; the virtual radios need neither"
)
CARRIED: Final = "frames of 0xFD6F travel as 0xFD68 with 20 bytes of service data"
TRANSMITTED: Final = "transmits on 0xFD6F: phones nearby that run Exposure Notification log its frames"


class GuardedAdvertiser:
    """An advertiser that refuses frames of 0xFD6F, or sends them under another UUID."""

    def __init__(self, inner: Advertiser, gaen: GaenOnAir) -> None:
        """Guard `inner`; `gaen` is REFUSE or CARRY."""
        self._inner = inner
        self._gaen = gaen

    async def start(self, frame: bytes) -> None:
        """Begin to broadcast `frame`; raises RadioError if it is not allowed on this air."""
        await self._inner.start(self._allowed(frame))

    async def rotate(self, frame: bytes) -> None:
        """As `start`, in place of the frame before, which stays on the air if this one is refused."""
        await self._inner.rotate(self._allowed(frame))

    async def stop(self) -> None:
        """Broadcast nothing."""
        await self._inner.stop()

    def _allowed(self, frame: bytes) -> bytes:
        if not is_gaen(frame):
            return frame
        if self._gaen is GaenOnAir.REFUSE:
            raise RadioError(REFUSAL)
        return disguised(frame)


class UndisguisingSink:
    """Gives frames of 0xFD68 with 20 bytes back their UUID 0xFD6F, and passes on everything else as it is.

    But for frames that really come under 0xFD6F: where ours are carried they are the phones of passers-by.
    """

    def __init__(self, inner: RadioSink) -> None:
        """Pass on to `inner`."""
        self._inner = inner

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        if is_gaen(frame.data):
            return
        self._inner.heard(frame._replace(data=undisguised(frame.data)))

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        self._inner.happened(event)


def guarded(device: RadioDevice, gaen: GaenOnAir) -> RadioDevice:
    """`device` with its advertiser guarded, and a remark in its capabilities where 0xFD6F is carried or transmitted."""
    if device.advertiser is None:
        return device
    if gaen is GaenOnAir.TRANSMIT:
        return _remarked(device, TRANSMITTED)
    device = replace(device, advertiser=GuardedAdvertiser(device.advertiser, gaen))
    return _remarked(device, CARRIED) if gaen is GaenOnAir.CARRY else device


def undisguising(sink: RadioSink, gaen: GaenOnAir) -> RadioSink:
    """The sink to give to a backend so that `sink` gets frames of 0xFD6F as such."""
    return UndisguisingSink(sink) if gaen is GaenOnAir.CARRY else sink


def _remarked(device: RadioDevice, remark: str) -> RadioDevice:
    said = device.capabilities
    return replace(device, capabilities=replace(said, remarks=(*said.remarks, remark)))
