"""Memory of a 24-hour scan through bleak while addresses rotate: bleak's own table against the trimmed one.

    python bench/bleak_memory.py [NEIGHBOURS]

Each neighbour has a new address and identifier every 15 minutes, as phones do, and is heard 20 times under each. Both
scanners keep bleak's own books (`BaseBleakScanner.create_or_update_device` and its callbacks); only the air is ours, so
that a day takes seconds. Bytes are those that `tracemalloc` sees above the beginning of the day.
"""

from __future__ import annotations

import asyncio
import sys
import time
import tracemalloc

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner

from anopticon_client.radio.bleak_scanning import BleakScan
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import HeardFrame, RadioEvent

LONG = "0000fd68-0000-1000-8000-00805f9b34fb"
ROTATIONS = 96
"""A day of quarters of an hour."""
HEARD_EACH = 20
SHOWN_EVERY = 16
KIB = 1024


class Fed(BaseBleakScanner):
    """A platform's scanner that hears what it is fed."""

    current: Fed | None = None

    def __init__(
        self, callback: AdvertisementDataCallback | None, uuids: list[str] | None, mode: str, **rest: object
    ) -> None:
        """Be built as bleak builds one."""
        del mode, rest
        super().__init__(callback, uuids)

    async def start(self) -> None:
        """Begin with an empty table, as every platform does."""
        self.seen_devices = {}
        Fed.current = self

    async def stop(self) -> None:
        """Keep the table, as every platform does."""

    def hear(self, number: int) -> None:
        """An advertisement arrives."""
        address = ":".join(f"{byte:02X}" for byte in number.to_bytes(6, "big"))
        said = AdvertisementData(None, {}, {LONG: number.to_bytes(16, "big")}, [LONG], None, -60, (address,))
        device = self.create_or_update_device(address, address, None, {"path": address}, said)
        self.call_detection_callbacks(device, said)


class Count:
    """A sink that keeps nothing but a number."""

    frames = 0

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        del frame
        self.frames += 1

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""


def _listen(device: BLEDevice, said: AdvertisementData) -> None:
    """What a program does that keeps nothing."""
    del device, said


async def a_day(neighbours: int, *, ours: bool) -> None:
    """Print memory over a day of one of the two."""
    count = Count()
    settings = RadioSettings()
    scan = BleakScan(Teller(count, settings.timestamps), settings, platform=Fed)
    plain = BleakScanner(_listen, [LONG], backend=Fed)
    await (scan if ours else plain).start()
    scanner = Fed.current
    if scanner is None:
        raise RuntimeError
    tracemalloc.start()
    before, began, calls = tracemalloc.get_traced_memory()[0], time.process_time(), 0
    for turn in range(1, ROTATIONS + 1):
        for neighbour in range(neighbours):
            for _ in range(HEARD_EACH):
                scanner.hear(turn * neighbours + neighbour)
                calls += 1
        if turn % SHOWN_EVERY == 0:
            grown = (tracemalloc.get_traced_memory()[0] - before) / KIB
            name = "trimmed" if ours else "bleak alone"
            print(f"{name:<12} {turn / 4:>5.0f} h {len(scanner.seen_devices):>8} entries {grown:>9.0f} KiB")
    tracemalloc.stop()
    spent = time.process_time() - began
    print(f"{'':<12} {calls} calls, {spent / calls * 1e6:.1f} µs each with tracemalloc\n")
    await (scan if ours else plain).stop()


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    for own in (False, True):
        asyncio.run(a_day(wanted, ours=own))
