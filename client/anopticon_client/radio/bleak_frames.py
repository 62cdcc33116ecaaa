"""Frames put together again from what bleak tells of an advertisement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from anopticon_client.radio.interfaces import Moment
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_protocol.advert import AD_COMPLETE_UUID16, AD_SERVICE_DATA_UUID16

RSSI_UNKNOWN: Final = (-127, 127)
"""bleak on BlueZ says -127 for a strength that nobody knows, controllers say 127 (Core Specification 4.E.7.7.65.2)."""
MAX_SERVICE_DATA_BYTES: Final = 252
"""What fits into one AD structure beside its type and UUID."""
_RANDOM_KINDS: Final = (
    AddressType.NON_RESOLVABLE,
    AddressType.RESOLVABLE,
    AddressType.UNKNOWN,
    AddressType.STATIC,
)
_ADDRESS_BYTES: Final = 6


class Rebuilder:
    """Turns advertisements into frames of the services of some settings."""

    def __init__(self, settings: RadioSettings) -> None:
        """Rebuild frames of `settings.service_uuids`."""
        self._by_long = {
            f"0000{uuid:04x}-0000-1000-8000-00805f9b34fb": uuid.to_bytes(2, "little")
            for uuid in settings.service_uuids
        }

    @property
    def long_uuids(self) -> list[str]:
        """The services in the form that bleak wants."""
        return list(self._by_long)

    def frames(self, moment: Moment, device: BLEDevice, said: AdvertisementData) -> Iterator[HeardFrame]:
        """One frame for each wanted service that the advertisement has data of; a phone has one."""
        for long, data in said.service_data.items():
            uuid = self._by_long.get(long)
            if uuid is None or len(data) > MAX_SERVICE_DATA_BYTES:
                continue
            listed = bytes([3, AD_COMPLETE_UUID16]) + uuid
            rebuilt = listed + bytes([3 + len(data), AD_SERVICE_DATA_UUID16]) + uuid + data
            address, kind = _address(device.address, said.platform_data)
            rssi = None if said.rssi in RSSI_UNKNOWN else said.rssi
            yield HeardFrame(moment.mono_ns, moment.wall_ns, address, kind, PduType.UNKNOWN, rssi, rebuilt)


def _address(text: str, platform_data: tuple[Any, ...]) -> tuple[bytes, AddressType]:
    """A radio address, or nothing: macOS gives each address a UUID of its own, which means nothing elsewhere."""
    try:
        address = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return b"", AddressType.PLATFORM
    if len(address) != _ADDRESS_BYTES:
        return b"", AddressType.PLATFORM
    properties = next((one for one in platform_data if isinstance(one, dict)), {})
    match properties.get("AddressType"):
        case "public":
            return address, AddressType.PUBLIC
        case "random":
            return address, _RANDOM_KINDS[address[0] >> 6]
        case _:
            return address, AddressType.UNKNOWN
