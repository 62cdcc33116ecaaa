"""A bound for the table of devices that every scanner of bleak keeps while it scans."""

from __future__ import annotations

from typing import Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

MAX_SEEN_DEVICES: Final = 512
"""Entries of bleak's table; nothing here reads it, and one neighbour needs one entry."""


class TrimmedTable(BaseBleakScanner):
    """Put before a platform's scanner, it keeps the newest MAX_SEEN_DEVICES entries of the table of devices."""

    def create_or_update_device(
        self,
        key: str,
        address: str,
        name: str | None,
        details: object,
        adv: AdvertisementData,
    ) -> BLEDevice:
        """As bleak's, and forget the oldest."""
        device = super().create_or_update_device(key, address, name, details, adv)
        while len(self.seen_devices) > MAX_SEEN_DEVICES:
            del self.seen_devices[next(iter(self.seen_devices))]
        return device


def trimmed(platform: type[BaseBleakScanner]) -> type[BaseBleakScanner]:
    """A platform's scanner with a bounded table."""
    return type(platform.__name__, (TrimmedTable, platform), {})
