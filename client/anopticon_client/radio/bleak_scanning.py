"""A scan through bleak, begun anew from time to time.

bleak keeps an entry for each address for as long as a scan lasts, and phones change theirs every quarter of an hour:
its table is trimmed, and the scan begun anew, which also empties what Windows keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from typing import Any, Final

from bleak import BleakScanner
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner, get_platform_scanner_backend_type
from bleak.exc import BleakError

from anopticon_client.errors import RadioError
from anopticon_client.radio.bleak_frames import Rebuilder
from anopticon_client.radio.bleak_table import trimmed
from anopticon_client.radio.bleak_trouble import sentence
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import RadioEventKind

RENEW_SECONDS: Final = 900
"""After a quarter of an hour a scan begins anew: the addresses of before are gone by then."""
ACTIVE_BIAS: Final = (
    "on BlueZ, a controller that filters duplicates reports one frame of each sender every 10 s"
)
PASSIVE_BIAS: Final = (
    "BlueZ reports a sender again only when its strength has moved by 8 dB: strengths are spread out"
)
_TROUBLE: Final = (BleakError, OSError, EOFError, AssertionError)
"""What bleak raises when the system below it fails or is gone."""
MODES: Final = ("active", "passive")


class BleakScan:
    """A Scanner on what bleak offers. `platform` is bleak's own choice unless a test brings another."""

    def __init__(
        self,
        teller: Teller,
        settings: RadioSettings,
        mode: str = "active",
        adapter: str = "",
        platform: type[BaseBleakScanner] | None = None,
    ) -> None:
        """Tell `teller`'s sink what is heard on `adapter`, or on the system's choice if it is empty."""
        self._teller = teller
        self._rebuild = Rebuilder(settings)
        self._uuids = settings.service_uuids
        self.mode = mode
        self.adapter = adapter
        self._platform = platform
        self._scanner: BleakScanner | None = None
        self._stale: BleakScanner | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.muted = False
        """Something better listens beside: what bleak hears is not passed on."""

    @property
    def on(self) -> bool:
        """Whether it listens, as far as bleak knows."""
        return self._scanner is not None

    async def start(self) -> None:
        """Begin to listen; raises RadioError. A renewal that fails is told and tried again."""
        async with self._lock:
            if self._scanner is None:
                await self._begin()
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_forever())

    async def stop(self) -> None:
        """Stop listening."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
            self._renewing = None
        async with self._lock:
            await self._end()

    async def pause(self, reason: str) -> None:
        """Stop listening for a moment; `go_on` ends it. Raises RadioError if the system will not stop."""
        await self._lock.acquire()
        try:
            await self._end(reason=reason)
        except BaseException:
            self._lock.release()
            raise

    async def go_on(self) -> None:
        """Listen again after `pause`; a failure is told, and the next renewal tries again."""
        try:
            await self._begin()
        except RadioError as error:
            self._teller.tell(
                RadioEventKind.FAILED, reason=str(error), advice="the scan is tried again later"
            )
        finally:
            self._lock.release()

    def lost(self) -> None:
        """Daemon or adapter went away, and the scan with it."""
        if self._scanner is not None:
            self._stale, self._scanner = self._scanner, None
            self._teller.tell(RadioEventKind.SCAN_OFF, reason="lost")

    async def renew(self) -> None:
        """End the scan, whatever has become of it, and begin a new one; raises RadioError."""
        async with self._lock:
            if self._stale is not None:
                # bleak lets go of its callbacks; that the system has nothing to stop is no news.
                with contextlib.suppress(*_TROUBLE):
                    await self._stale.stop()
                self._stale = None
            await self._end(reason="renewal")
            await self._begin()

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        try:
            scanner = self._new_scanner()
            await scanner.start()
        except (*_TROUBLE, ImportError) as error:
            raise RadioError(sentence(error)) from error
        self._scanner = scanner
        self._teller.tell(RadioEventKind.SCAN_ON, mode=self.mode)

    async def _end(self, **details: str) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is None:
            return
        try:
            await scanner.stop()
        except _TROUBLE as error:
            # The daemon or the adapter went away, and the scan with it; bleak has let go of its callbacks.
            self._teller.tell(
                RadioEventKind.FAILED, reason=sentence(error), advice="the scan is over all the same"
            )
        self._teller.tell(RadioEventKind.SCAN_OFF, **details)

    def _new_scanner(self) -> BleakScanner:
        platform = self._platform or get_platform_scanner_backend_type()[0]
        wanted: dict[str, Any] = {"scanning_mode": self.mode, "backend": trimmed(platform)}
        if sys.platform == "linux":
            wanted["bluez"] = self._bluez_arguments()
        if self.mode == "passive" and sys.platform == "linux":
            return BleakScanner(self._detected, **wanted)  # BlueZ filters by pattern only
        return BleakScanner(self._detected, self._rebuild.long_uuids, **wanted)

    def _bluez_arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"adapter": self.adapter} if self.adapter else {}
        if self.mode == "passive":
            ends = [uuid.to_bytes(2, "little") for uuid in self._uuids]
            kinds = (
                AdvertisementDataType.SERVICE_DATA_UUID16,
                AdvertisementDataType.COMPLETE_LIST_SERVICE_UUID16,
            )
            arguments["or_patterns"] = [(0, kind, end) for kind in kinds for end in ends]
        return arguments

    def _detected(self, device: BLEDevice, said: AdvertisementData) -> None:
        if not self.muted:
            for frame in self._rebuild.frames(self._teller.now(), device, said):
                self._teller.sink.heard(frame)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.renew()
            except RadioError as error:
                self._teller.tell(
                    RadioEventKind.FAILED, reason=str(error), advice="the scan is tried again later"
                )


def scan_mode(scheme: str, options: Mapping[str, str]) -> str:
    """The option `scan`; raises RadioError."""
    mode = options.get("scan", "active")
    if mode not in MODES:
        raise RadioError(f"radio {scheme}: scan={mode[:40]}: must be {' or '.join(MODES)}")
    return mode
