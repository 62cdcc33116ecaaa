"""Watches over a BlueZ radio: bluetoothd restarted, adapter unplugged or switched off, and everything back again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final

from dbus_fast import Message

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.adapter import look_at
from anopticon_client.radio.bluez.bus import ADAPTER, SERVICE, Bus
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import RadioEventKind

FIRST_RETRY_SECONDS: Final = 0.5
LAST_RETRY_SECONDS: Final = 30.0
"""A daemon takes a second to come back, a person who plugs an adapter in again takes minutes."""


class News(Enum):
    """What a signal on the bus means for one adapter."""

    NOTHING = "nothing"
    LOST = "lost"
    BACK = "back"


class Guardian:
    """Hears of losses on the bus, and brings the radio back: `lost` is called once, then `resume` until it succeeds."""

    def __init__(
        self,
        bus: Bus,
        adapter: str,
        teller: Teller,
        lost: Callable[[], None],
        resume: Callable[[], Awaitable[None]],
    ) -> None:
        """Watch over the adapter called `adapter`."""
        self._bus = bus
        self._path = f"/org/bluez/{adapter}"
        self._name = adapter
        self._teller = teller
        self._lost = lost
        self._resume = resume
        self._news = asyncio.Event()
        self._there = True
        self._reviving: asyncio.Task[None] | None = None

    async def watch(self) -> None:
        """Begin; raises RadioError."""
        await self._bus.watch(self._signalled)

    async def close(self) -> None:
        """Watch no longer."""
        reviving, self._reviving = self._reviving, None
        if reviving is not None:
            reviving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reviving

    def _signalled(self, message: Message) -> None:
        news, reason = what_it_means(message, self._path)
        if news is News.NOTHING:
            return
        self._news.set()
        if news is News.BACK or not self._there:
            self._there = news is News.BACK
            return
        self._there = False
        self._teller.tell(RadioEventKind.RESET, reason=reason)
        self._lost()
        if self._reviving is None:
            self._reviving = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        delay, told = FIRST_RETRY_SECONDS, False
        while True:
            self._news.clear()
            try:
                if (await look_at(self._bus, self._name)).powered:
                    await self._resume()
                    self._there = True
                    break
                reason = f"{self._name} is off"
            except RadioError as error:
                reason = str(error)
            if delay >= LAST_RETRY_SECONDS and not told:
                told = True
                self._teller.tell(
                    RadioEventKind.FAILED, reason=reason, advice="it is tried again until it works"
                )
            # News of the adapter cuts the wait short; a moment passes all the same, since news come in bursts.
            await asyncio.sleep(min(delay, FIRST_RETRY_SECONDS))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._news.wait()
            delay = min(2 * delay, LAST_RETRY_SECONDS)
        self._reviving = None


def what_it_means(message: Message, path: str) -> tuple[News, str]:
    """Read a signal: has the daemon, or the adapter at `path`, gone or come?"""
    body: list[Any] = list(message.body)
    match message.member:
        case "NameOwnerChanged" if len(body) > 2 and body[0] == SERVICE:  # noqa: PLR2004 - name, old, new owner
            return (News.BACK, "") if body[2] else (News.LOST, "bluetoothd stopped")
        case "InterfacesRemoved" if len(body) > 1 and body[0] == path and ADAPTER in body[1]:
            return News.LOST, "the adapter was unplugged"
        case "InterfacesAdded" if len(body) > 1 and body[0] == path and ADAPTER in body[1]:
            return News.BACK, ""
        case "PropertiesChanged" if message.path == path and len(body) > 1 and "Powered" in body[1]:
            powered = bool(getattr(body[1]["Powered"], "value", False))
            return (News.BACK, "") if powered else (News.LOST, "the adapter was switched off")
    return News.NOTHING, ""
