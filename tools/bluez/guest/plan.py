"""What a check is, and the stage on which it runs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from anopticon_client.errors import RadioError
from anopticon_client.radio.interfaces import Advertiser, RadioDevice, RadioSink, Scanner
from anopticon_client.radio.opening import open_device
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual.places import ChipKind
from tools.bluez.guest.daemons import Daemons
from tools.bluez.guest.world import Plugged, World


@dataclass
class Stage:
    """Everything that the checks share, and what each has to leave behind clean."""

    daemons: Daemons
    world: World
    bluez: tuple[int, ...]
    adapters: dict[ChipKind, Plugged] = field(default_factory=dict)
    _opened: list[RadioDevice] = field(default_factory=list)
    _extra: list[Plugged] = field(default_factory=list)

    @property
    def legacy(self) -> Plugged:
        """The adapter with legacy commands."""
        return self.adapters[ChipKind.LEGACY]

    @property
    def extended(self) -> Plugged:
        """The adapter with extended advertising."""
        return self.adapters[ChipKind.EXTENDED]

    async def open(self, text: str, sink: RadioSink, settings: RadioSettings | None = None) -> RadioDevice:
        """Open a radio that is closed after the check."""
        device = await open_device(text, sink, settings)
        self._opened.append(device)
        return device

    async def plug(self, chip: ChipKind, *, deaf_to_filter: bool = False) -> Plugged:
        """Plug in an adapter that is pulled out after the check."""
        adapter = await self.world.plug(chip, deaf_to_filter=deaf_to_filter)
        self._extra.append(adapter)
        return adapter

    async def clear(self) -> None:
        """Close and pull out what a check left."""
        while self._opened:
            with contextlib.suppress(RadioError, OSError, TimeoutError):
                async with asyncio.timeout(30):
                    await self._opened.pop().close()
        await self.world.silence()
        while self._extra:
            await self._extra.pop().unplug()


@dataclass(frozen=True)
class Check:
    """One promise. `run` returns a sentence about what was seen, and raises what is wrong; `key` chooses it."""

    key: str
    name: str
    run: Callable[[Stage], Awaitable[str]]
    needed: bool = False
    """Others cannot run without it."""


def sends(device: RadioDevice) -> Advertiser:
    """The advertiser of a radio that has one."""
    if device.advertiser is None:
        raise AssertionError("this radio cannot send")
    return device.advertiser


def hears(device: RadioDevice) -> Scanner:
    """The scanner of a radio that has one."""
    if device.scanner is None:
        raise AssertionError("this radio cannot hear")
    return device.scanner


def expect(condition: object, what: str) -> None:
    """Raise AssertionError with `what` unless the condition holds."""
    if not condition:
        raise AssertionError(what)
