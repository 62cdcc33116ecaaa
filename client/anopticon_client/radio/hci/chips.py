"""How each kind of controller is told to advertise and scan, in the order in which no PDU mixes old and new (RA-2).

    legacy      scan off, advertising off, address, parameters, data, advertising on, scan on
    extended    set off, address of the set, data, set on

A legacy controller has one random address for everything and refuses to change it while it scans or advertises (Core
Specification 4.E.7.8.4). An extended one has an address for each advertising set; its scan goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bumble import hci
from bumble.vendor.zephyr import hci as zephyr

from anopticon_client.errors import RadioError
from anopticon_client.radio.hci.host import Controller, GoneError
from anopticon_client.radio.interfaces import Timestamps

ALL_CHANNELS: Final = 0b111
PASSIVE, KEEP_DUPLICATES, ACCEPT_ALL = 0, 0, 0


@dataclass(frozen=True, slots=True)
class Power:
    """What to radiate: `dbm`, or whatever the controller does by itself; by Zephyr's vendor command if it has that."""

    dbm: int | None = None
    zephyr: bool = False


class Chip(Protocol):
    """What advertises and scans. Every method raises RadioError."""

    scanning: bool
    advertising: bool
    gap_ns: int
    """How long nothing was on the air during the latest `advertise`."""

    async def advertise(self, address: bytes, frame: bytes) -> None:
        """Broadcast `frame` under `address` (most significant byte first) in place of what there was."""

    async def silence(self) -> None:
        """Broadcast nothing."""

    async def listen(self) -> None:
        """Scan: passive, all the time, no duplicate filter."""

    async def deafen(self) -> None:
        """Do not scan."""

    async def force_off(self) -> None:
        """Switch scan and advertising off though we think that they are: somebody else may have used the adapter."""


ScanChanged = Callable[[bool], None]
"""Called at each moment at which the scan really goes on or off."""


class BaseChip:
    """What both kinds have in common."""

    def __init__(
        self, controller: Controller, power: Power, timestamps: Timestamps, scan_changed: ScanChanged
    ) -> None:
        """Just reset: silent and deaf."""
        self._send = controller.send
        self._power = power
        self._timestamps = timestamps
        self._scan_changed = scan_changed
        self.scanning = False
        self.advertising = False
        self.gap_ns = 0

    def _scans(self, *, on: bool) -> None:
        self.scanning = on
        self._scan_changed(on)

    async def silence(self) -> None:
        """Broadcast nothing."""
        raise NotImplementedError

    async def _radiate(self) -> None:
        """Set the power of what has just begun to advertise; falls silent if it cannot be set."""
        if self._power.zephyr and self._power.dbm is not None:
            try:
                await self._send(zephyr_power(self._power.dbm))
            except RadioError:
                await self.silence()
                raise

    async def _try(self, command: hci.HCI_SyncCommand[hci.HCI_StatusReturnParameters]) -> None:
        try:
            await self._send(command)
        except GoneError:
            raise
        except RadioError:
            return  # off already


def zephyr_power(dbm: int) -> zephyr.HCI_Write_Tx_Power_Level_Command:
    """Zephyr's own command for the power of the advertiser; see google/bumble issue 258."""
    return zephyr.HCI_Write_Tx_Power_Level_Command(
        handle_type=zephyr.TX_Power_Level_Command.TX_POWER_HANDLE_TYPE_ADV,
        connection_handle=0,
        tx_power_level=dbm,
    )


def random_address(address: bytes) -> hci.Address:
    """Bumble's form of a random address with the most significant byte first."""
    return hci.Address(address[::-1], hci.Address.RANDOM_DEVICE_ADDRESS)
