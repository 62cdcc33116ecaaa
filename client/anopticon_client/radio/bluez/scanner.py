"""Listening through BlueZ: bleak keeps the scan going, and where permitted a raw tap reads every report beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anopticon_client.errors import RadioError
from anopticon_client.radio.bleak_scanning import BleakScan
from anopticon_client.radio.bluez.tap import Tap
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import RadioEventKind


class BluezScanner:
    """A Scanner on one adapter. With a tap, what bleak hears is not passed on."""

    def __init__(self, scan: BleakScan, tap: Tap | None, teller: Teller) -> None:
        """Listen with `scan`, and with `tap` if there is one."""
        self._scan = scan
        self._tap = tap
        self._teller = teller
        self._wanted = False

    async def start(self) -> None:
        """Begin to listen; raises RadioError, and then goes on trying only if it listened before."""
        self._open_tap()
        await self._scan.start()
        self._wanted = True

    async def stop(self) -> None:
        """Stop listening."""
        self._wanted = False
        if self._tap is not None:
            self._tap.muted = True
            self._tap.close()
        await self._scan.stop()

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """No scan of ours runs while this lasts: a legacy controller takes a new address only then."""
        if not self._scan.on:
            yield
            return
        await self._scan.pause("rotation")
        try:
            yield
        finally:
            await self._scan.go_on()

    def lost(self) -> None:
        """Daemon or adapter went away."""
        if self._tap is not None:
            self._tap.close()
        self._scan.lost()

    async def resume(self) -> None:
        """Daemon and adapter are back: listen again if it did before; raises RadioError."""
        if self._wanted:
            self._open_tap()
            await self._scan.renew()

    def _open_tap(self) -> None:
        """A tap that opened once may fail later; then bleak's own frames are better than none."""
        if self._tap is None:
            return
        try:
            if not self._tap.is_open:
                self._tap.open()
        except RadioError as error:
            self._teller.tell(
                RadioEventKind.FAILED, reason=str(error), advice="frames come through BlueZ instead"
            )
        self._tap.muted = not self._tap.is_open
        self._scan.muted = self._tap.is_open
