"""Advertiser and scanner on one HCI controller, which may refuse, hang, or be pulled out and plugged in again.

What was asked for last is remembered: after a reset, or when the adapter is back, the scan goes on and the same frame
goes out under the same address, so that no identifier is ever seen under two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import ADDRESS_BYTES, private_address
from anopticon_client.radio.hci.chips import Chip, Power
from anopticon_client.radio.hci.extended_chip import ExtendedChip
from anopticon_client.radio.hci.hearing import Hearing
from anopticon_client.radio.hci.host import (
    Controller,
    DisallowedError,
    GoneError,
    OpenTransport,
    open_controller,
)
from anopticon_client.radio.hci.legacy_chip import LegacyChip
from anopticon_client.radio.interfaces import Timestamps
from anopticon_client.radio_records import RadioEventKind

HEARTBEAT_SECONDS: Final = 30.0
"""So often a controller is asked whether it lives: some stop after hours without a word."""
CANCEL_AGAIN_SECONDS: Final = 0.1
FIRST_RETRY_SECONDS: Final = 1.0
LAST_RETRY_SECONDS: Final = 30.0
"""Between tries to open an adapter that has gone: each wait doubles up to this."""
GONE_ADVICE: Final = "plug the adapter in again; it is tried again every few seconds and goes on where it was"
DISALLOWED_ADVICE: Final = (
    "all was switched off and the command repeated; if this comes often, another program uses the adapter"
)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What an HciRadio is made of: how to open it, and where its findings go."""

    transport: OpenTransport
    power: Power
    entropy: Callable[[int], bytes]
    timestamps: Timestamps
    hearing: Hearing


class HciRadio:
    """One adapter. `open` it first."""

    def __init__(self, wiring: Wiring) -> None:
        """Nothing is opened."""
        self._wiring = wiring
        self._controller: Controller | None = None
        self._chip: Chip | None = None
        self._wanted: tuple[bytes, bytes] | None = None
        self._wants_scan = False
        self._busy = asyncio.Lock()
        self._gone = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._happened = wiring.hearing.happened
        self.description = ""
        self.is_extended = False

    async def open(self) -> None:
        """Open, reset and probe the controller; raises RadioError."""
        await self._connect()
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def advertise(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address in place of what there was."""
        address = private_address(self._wiring.entropy(ADDRESS_BYTES))
        async with self._busy:
            rotates = self._chip is not None and self._chip.advertising
            self._wanted = (address, frame)
            chip = await self._do(lambda chip: chip.advertise(address, frame))
            kind = RadioEventKind.ROTATED if rotates else RadioEventKind.ADVERTISE_ON
            gap = {"gap_ns": chip.gap_ns} if rotates else {}
            self._happened(kind, address=address.hex(), frame=frame.hex(), **gap)

    async def silence(self) -> None:
        """Broadcast nothing."""
        async with self._busy:
            was_on = self._chip is not None and self._chip.advertising
            self._wanted = None
            if self._chip is not None and was_on:
                await self._do(lambda chip: chip.silence())
                self._happened(RadioEventKind.ADVERTISE_OFF)

    async def listen(self) -> None:
        """Scan from now on."""
        async with self._busy:
            self._wants_scan = True
            if self._chip is None or not self._chip.scanning:
                await self._do(lambda chip: chip.listen())

    async def deafen(self) -> None:
        """Do not scan."""
        async with self._busy:
            self._wants_scan = False
            if self._chip is not None:
                await self._do(lambda chip: chip.deafen())

    async def close(self) -> None:
        """Stop everything and let go of the adapter."""
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():
            # Again if need be: wait_for of Python 3.11, in Bumble's commands, can lose a cancellation.
            keeper.cancel()
            await asyncio.wait([keeper], timeout=CANCEL_AGAIN_SECONDS)
        with contextlib.suppress(RadioError):
            await self.silence()
            await self.deafen()
        await self._forget()

    # -- commands ---------------------------------------------------------------------------------------------------

    async def _do(self, step: Callable[[Chip], Awaitable[None]]) -> Chip:
        """Carry out `step`; if it is refused, with everything switched off first, and at last after a reset."""
        chip = self._chip
        if chip is None:
            raise RadioError(f"the adapter is away: {GONE_ADVICE}")
        try:
            try:
                await step(chip)
            except DisallowedError as error:
                self._happened(RadioEventKind.FAILED, reason=str(error), advice=DISALLOWED_ADVICE)
                chip = await self._again(chip, step)
        except GoneError as error:
            self._gone.set()
            raise RadioError(f"{error}: {GONE_ADVICE}") from error
        return chip

    async def _again(self, chip: Chip, step: Callable[[Chip], Awaitable[None]]) -> Chip:
        await chip.force_off()
        try:
            await step(chip)
        except DisallowedError as error:
            chip = await self._reset(str(error))
            await step(chip)
        await self._restore(chip)
        return chip

    async def _reset(self, reason: str) -> Chip:
        controller, old = self._controller, self._chip
        if controller is None:
            raise GoneError("the adapter is away")
        if old is not None and old.scanning:
            self._wiring.hearing.scan_changed(on=False)
        await controller.reset()
        self._chip = chip = self._make_chip(controller)
        self._happened(RadioEventKind.RESET, reason=reason)
        return chip

    async def _restore(self, chip: Chip) -> None:
        """Whatever was asked for last is on again."""
        if self._wanted is not None and not chip.advertising:
            address, frame = self._wanted
            await chip.advertise(address, frame)
            self._happened(RadioEventKind.ADVERTISE_ON, address=address.hex(), frame=frame.hex())
        if self._wants_scan and not chip.scanning:
            await chip.listen()

    # -- coming and going -------------------------------------------------------------------------------------------

    async def _connect(self) -> Chip:
        controller = await open_controller(self._wiring.transport, self._wiring.hearing.on_report)
        self._gone = asyncio.Event()
        controller.lost.add_done_callback(self._lost)
        self._controller = controller
        self.description = controller.description
        self.is_extended = controller.is_extended
        self._chip = chip = self._make_chip(controller)
        return chip

    def _make_chip(self, controller: Controller) -> Chip:
        kind = ExtendedChip if controller.is_extended else LegacyChip
        wiring = self._wiring
        return kind(controller, wiring.power, wiring.timestamps, wiring.hearing.scan_changed)

    def _lost(self, lost: asyncio.Future[None]) -> None:
        if not lost.cancelled():
            lost.exception()  # looked at, so that nobody complains that it was not
        self._gone.set()

    async def _keep(self) -> None:
        """Notice that the adapter has gone, and bring it back, until cancelled."""
        while True:
            try:
                # Not wait_for, which loses a cancellation that comes at the very moment of its timeout.
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._gone.wait()
            except TimeoutError:
                if self._controller is None or await self._controller.is_alive():
                    continue
            async with self._busy:
                await self._lose()
            await self._reopen()

    async def _lose(self) -> None:
        chip = self._chip
        if chip is not None and chip.scanning:
            self._wiring.hearing.scan_changed(on=False)
        if chip is not None and chip.advertising:
            self._happened(RadioEventKind.ADVERTISE_OFF)
        self._happened(RadioEventKind.FAILED, reason="the adapter has gone or hangs", advice=GONE_ADVICE)
        await self._forget()

    async def _forget(self) -> None:
        controller, self._controller, self._chip = self._controller, None, None
        if controller is not None:
            with contextlib.suppress(RadioError):
                await controller.close()

    async def _reopen(self) -> None:
        wait = FIRST_RETRY_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_RETRY_SECONDS)
            async with self._busy:
                try:
                    chip = await self._connect()
                    self._happened(RadioEventKind.RESET, reason="the adapter is back")
                    await self._restore(chip)
                except RadioError:
                    await self._forget()
                else:
                    return
