"""`virtual`, `virtual:NAME?at=1,2`: a place on an air that everybody in this process and loop shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import MAX_COORDINATE_METRES, Position
from anopticon_client.radio.frames import carries
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import MAX_SHOWN_CHARS, RadioSettings, unknown_options
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.places import ChipKind

OPTIONS: Final = ("at", "chip")
_AIRS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, VirtualAir]] = WeakKeyDictionary()


def shared_air(name: str = "") -> VirtualAir:
    """The air of that name that the running loop's radios share; made when it is first asked for."""
    airs = _AIRS.setdefault(asyncio.get_running_loop(), {})
    if name not in airs:
        airs[name] = VirtualAir(name or "air")
    return airs[name]


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open a radio on the shared air that `place` names; raises RadioError."""
    unknown_options("virtual", options, OPTIONS)
    position, height = settings.position or Position(0, 0), 0.0
    if "at" in options:
        position, height = _position(options["at"])
    try:
        chip = ChipKind(options.get("chip", ChipKind.EXTENDED.value))
    except ValueError as error:
        shown = options["chip"][:MAX_SHOWN_CHARS]
        raise RadioError(f"radio virtual: chip={shown!r}: there are legacy and extended") from error
    air = shared_air(place)
    spot = air.join(air.register.free_name(), position, settings.tx_power_dbm, height=height, chip=chip)
    uuids = settings.service_uuids
    device = await spot.open(
        sink, settings.timestamps, settings.entropy, accepts=lambda data: carries(data, uuids)
    )

    async def close() -> None:
        await device.close()
        spot.leave()

    return replace(device, close=close)


def _position(text: str) -> tuple[Position, float]:
    """Read "1.5,0" or "1.5,0,1.2" (metres, the third is the height)."""
    shown = text[:MAX_SHOWN_CHARS]
    try:
        x, y, *more = (float(part) for part in text.split(","))
        (height,) = more or (0.0,)
    except ValueError as error:
        raise RadioError(f"radio virtual: at={shown!r}: must be metres like 1.5,0 or 1.5,0,1.2") from error
    if not all(abs(value) <= MAX_COORDINATE_METRES for value in (x, y, height)):
        raise RadioError(f"radio virtual: at={shown!r}: each within {MAX_COORDINATE_METRES:.0f} m of 0")
    return Position(x, y), height
