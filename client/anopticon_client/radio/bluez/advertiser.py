"""Advertising through BlueZ: one registered broadcast at a time, replaced by unregistering and registering.

Changing the data of a registered broadcast is not safe: on a legacy controller BlueZ writes the new data while the old
address is still on the air (one such PDU was seen on 5.82). Unregistering first ends the old frame; registering draws a
new non-resolvable address before the new one begins.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.adapter import active_instances, check_usable, look_at
from anopticon_client.radio.bluez.advertisement import Advertisement
from anopticon_client.radio.bluez.bus import ADVERTISING_MANAGER, BluezError, Bus
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import RadioEventKind

ATTEMPTS: Final = 3
"""A controller that is busy with another command takes the next one; one that refuses three times will go on."""
BETWEEN_SECONDS: Final = 0.5
SETTLE_SECONDS: Final = 2.0
"""How long BlueZ may take to count an instance that it says it has registered; it takes milliseconds."""
MAKE_UP_SECONDS: Final = 30.0
"""After that a frame that was refused is tried again: a phone that stayed silent for its whole epoch meets nobody."""
_LOOK_AGAIN_SECONDS: Final = 0.05
_PATH: Final = "/org/anopticon/advertisement"

Pausing = Callable[[], AbstractAsyncContextManager[None]]
"""Pauses our own scan while the context lasts, if the controller needs that."""


class BluezAdvertiser:
    """An Advertiser on one adapter."""

    def __init__(self, bus: Bus, adapter: str, teller: Teller, pausing: Pausing) -> None:
        """Advertise on the adapter called `adapter`."""
        self._bus = bus
        self._adapter = adapter
        self._teller = teller
        self._pausing = pausing
        self._registered: str | None = None
        self._frame: bytes | None = None
        self._count = 0
        self._lock = asyncio.Lock()
        self._making_up: asyncio.Task[None] | None = None

    async def start(self, frame: bytes) -> None:
        """Begin to broadcast `frame` under a new address; raises RadioError, and then nothing is on the air."""
        await self.rotate(frame)

    async def rotate(self, frame: bytes) -> None:
        """Put `frame` on the air in place of the old, under a new address; raises RadioError, then all is silent."""
        advertisement = Advertisement.of_frame(frame)
        async with self._lock:
            replaced = self._registered is not None
            # Wanted from now on: if daemon or adapter are away, this is what they get when they are back.
            self._frame = frame
            try:
                async with self._pausing():
                    began = self._teller.now().mono_ns
                    await self._unregister()
                    await self._register(advertisement)
            except RadioError:
                if replaced and self._registered is None:
                    self._teller.tell(RadioEventKind.ADVERTISE_OFF)
                if self._making_up is None:
                    self._making_up = asyncio.create_task(self._make_up())
                raise
            if replaced:
                gap = self._teller.now().mono_ns - began
                self._teller.tell(RadioEventKind.ROTATED, frame=frame.hex(), gap_ns=gap)
            else:
                self._teller.tell(RadioEventKind.ADVERTISE_ON, frame=frame.hex())

    async def stop(self) -> None:
        """Broadcast nothing until the next start; raises RadioError if the daemon will not say that it has stopped."""
        async with self._lock:
            self._frame = None
            if self._registered is not None:
                await self._unregister()
                self._teller.tell(RadioEventKind.ADVERTISE_OFF)

    async def close(self) -> None:
        """Leave the air as far as the daemon still answers: its end of the bus closes next, and that ends the rest."""
        with contextlib.suppress(RadioError):
            await self.stop()
        if self._making_up is not None:
            self._making_up.cancel()
            await asyncio.wait([self._making_up])

    def lost(self) -> None:
        """The daemon or the adapter went away, and everything that was registered with it."""
        if self._registered is not None:
            self._bus.unexport(self._registered)
            self._registered = None
            self._teller.tell(RadioEventKind.ADVERTISE_OFF)

    async def resume(self) -> None:
        """Broadcast the frame that was asked for last, unless it is on the air; raises RadioError."""
        async with self._lock:
            if self._frame is None or self._registered is not None:
                return
            async with self._pausing():
                try:
                    await self._register_once(Advertisement.of_frame(self._frame))
                except RadioError:
                    await self._forget()
                    raise  # whoever watches over the radio asks again, and tells
            self._teller.tell(RadioEventKind.ADVERTISE_ON, frame=self._frame.hex())

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _make_up(self) -> None:
        """Try the frame that was refused again and again, until it or a later one is on the air, or none is wanted."""
        try:
            while self._frame is not None and self._registered is None:
                await asyncio.sleep(MAKE_UP_SECONDS)
                with contextlib.suppress(RadioError):  # told when it was asked for
                    await self.resume()
        finally:
            self._making_up = None

    async def _register(self, advertisement: Advertisement) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._register_once(advertisement)
            except RadioError as error:
                await self._forget()
                if attempt == ATTEMPTS or (isinstance(error, BluezError) and error.gone):
                    raise await self._refused(error) from error
                self._teller.tell(
                    RadioEventKind.FAILED,
                    reason=str(error),
                    advice=f"registering again ({attempt} of {ATTEMPTS})",
                )
                await asyncio.sleep(BETWEEN_SECONDS)
            else:
                return

    async def _register_once(self, advertisement: Advertisement) -> None:
        adapter = await look_at(self._bus, self._adapter)
        check_usable(adapter, send=True)
        self._count += 1
        path = f"{_PATH}/{self._count}"
        self._bus.export(path, advertisement)
        self._registered = path
        await self._bus.call(adapter.path, ADVERTISING_MANAGER, "RegisterAdvertisement", "oa{sv}", path, {})
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while await active_instances(self._bus, adapter.path) <= adapter.active:
            if advertisement.released or asyncio.get_running_loop().time() > deadline:
                raise RadioError(
                    f"bluez: {self._adapter} took the advertisement, but does not count it as active"
                )
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _unregister(self) -> None:
        """End what is on the air; an error means that nobody can say whether it has ended, unless all is gone."""
        path = self._registered
        if path is None:
            return
        try:
            await self._bus.call(
                f"/org/bluez/{self._adapter}", ADVERTISING_MANAGER, "UnregisterAdvertisement", "o", path
            )
        except BluezError as error:
            # Released by the daemon, or ended together with it: off the air. A daemon that hangs is neither.
            if error.name != "org.bluez.Error.DoesNotExist" and (not error.gone or error.silent):
                raise
        self._registered = None
        self._bus.unexport(path)

    async def _forget(self) -> None:
        """After a failed registration: nothing of it may stay, or start later."""
        path, self._registered = self._registered, None
        if path is None:
            return
        try:
            await self._bus.call(
                f"/org/bluez/{self._adapter}", ADVERTISING_MANAGER, "UnregisterAdvertisement", "o", path
            )
        except RadioError:
            pass  # it was never there: what failed before is told to the caller
        finally:
            self._bus.unexport(path)

    async def _refused(self, error: RadioError) -> RadioError:
        """The sentence for a person, with the likeliest cause if there is a sign of one."""
        self._teller.tell(
            RadioEventKind.FAILED,
            reason=str(error),
            advice=f"nothing is on the air; it is tried again every {MAKE_UP_SECONDS:.0f} s",
        )
        if isinstance(error, BluezError) and error.gone:
            return error
        try:
            adapter = await look_at(self._bus, self._adapter)
        except RadioError:
            return error
        if adapter.extended is False and adapter.discovering:
            return RadioError(
                f"{error}. Another program scans on {self._adapter}, whose controller then takes no new address "
                "(Command Disallowed): end that scan, or use two adapters, like bluez:hci0+bleak:hci1"
            )
        return error
