"""A scan through bleak on Linux that survives a restart of bluetoothd, which bleak itself does not notice."""

from __future__ import annotations

from contextlib import AsyncExitStack

from anopticon_client.radio.bleak_scanning import BleakScan
from anopticon_client.radio.bluez.adapter import check_passive, look_at
from anopticon_client.radio.bluez.bus import Bus
from anopticon_client.radio.bluez.guardian import Guardian
from anopticon_client.radio.telling import Teller


class WatchedScan:
    """A Scanner. From its first start on it hears of losses on the bus, until it is closed."""

    def __init__(self, scan: BleakScan, teller: Teller) -> None:
        """Watch over `scan` and its adapter, which is BlueZ's first that is on if it has none yet."""
        self._scan = scan
        self._teller = teller
        self._wanted = False
        self._watch: AsyncExitStack | None = None

    async def start(self) -> None:
        """Begin to listen; raises RadioError."""
        if self._watch is None:
            await self._begin_watch()
        await self._scan.start()
        self._wanted = True

    async def stop(self) -> None:
        """Stop listening."""
        self._wanted = False
        await self._scan.stop()

    async def close(self) -> None:
        """Stop, and watch no longer."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.aclose()
        await self.stop()

    async def _begin_watch(self) -> None:
        async with AsyncExitStack() as stack:
            bus = await Bus.connect()
            stack.push_async_callback(bus.close)
            adapter = await look_at(bus, self._scan.adapter)
            if self._scan.mode == "passive":
                check_passive(adapter, "bleak has none")
            self._scan.adapter = adapter.name
            guardian = Guardian(bus, adapter.name, self._teller, self._scan.lost, self._resume)
            await guardian.watch()
            stack.push_async_callback(guardian.close)
            self._watch = stack.pop_all()

    async def _resume(self) -> None:
        if self._wanted:
            await self._scan.renew()
