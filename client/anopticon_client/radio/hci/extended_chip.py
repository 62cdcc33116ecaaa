"""A controller with extended advertising, in the order in which no PDU mixes old and new."""

from __future__ import annotations

from typing import Final

from bumble import hci

from anopticon_client.radio.hci.chips import (
    ACCEPT_ALL,
    ALL_CHANNELS,
    KEEP_DUPLICATES,
    PASSIVE,
    BaseChip,
    random_address,
)
from anopticon_client.radio.timing import INTERVAL_SLOTS, SCAN_SLOTS

SET_HANDLE: Final = 0
NO_POWER_PREFERENCE: Final = 0x7F
_NONCONN_LEGACY_PDU: Final = (
    hci.HCI_LE_Set_Extended_Advertising_Parameters_Command.AdvertisingProperties.USE_LEGACY_ADVERTISING_PDUS
)
_COMPLETE = hci.HCI_LE_Set_Extended_Advertising_Data_Command.Operation.COMPLETE_DATA


class ExtendedChip(BaseChip):
    """A controller with extended advertising; it sends legacy PDUs, which every phone hears."""

    async def advertise(self, address: bytes, frame: bytes) -> None:
        """The safe order; the scan goes on."""
        await self.silence()
        began = self._timestamps().mono_ns
        await self._send(self._parameters())
        await self._send(
            hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(SET_HANDLE, random_address(address))
        )
        await self._send(hci.HCI_LE_Set_Extended_Advertising_Data_Command(SET_HANDLE, _COMPLETE, 1, frame))
        await self._send(hci.HCI_LE_Set_Extended_Advertising_Enable_Command(1, [SET_HANDLE], [0], [0]))
        self.advertising = True
        self.gap_ns = self._timestamps().mono_ns - began
        await self._radiate()

    async def silence(self) -> None:
        """The set off."""
        if self.advertising:
            await self._send(hci.HCI_LE_Set_Extended_Advertising_Enable_Command(0, [SET_HANDLE], [0], [0]))
            self.advertising = False

    async def listen(self) -> None:
        """Parameters, then scan on."""
        await self._send(
            hci.HCI_LE_Set_Extended_Scan_Parameters_Command(
                own_address_type=hci.OwnAddressType.PUBLIC,
                scanning_filter_policy=ACCEPT_ALL,
                scanning_phys=1,
                scan_types=[PASSIVE],
                scan_intervals=[SCAN_SLOTS],
                scan_windows=[SCAN_SLOTS],
            )
        )
        await self._send(hci.HCI_LE_Set_Extended_Scan_Enable_Command(1, KEEP_DUPLICATES, 0, 0))
        self._scans(on=True)

    async def deafen(self) -> None:
        """Scan off."""
        if self.scanning:
            await self._send(hci.HCI_LE_Set_Extended_Scan_Enable_Command(0, KEEP_DUPLICATES, 0, 0))
            self._scans(on=False)

    async def force_off(self) -> None:
        """Both off, whatever we think."""
        await self._try(hci.HCI_LE_Set_Extended_Scan_Enable_Command(0, KEEP_DUPLICATES, 0, 0))
        await self._try(hci.HCI_LE_Set_Extended_Advertising_Enable_Command(0, [], [], []))
        if self.scanning:
            self._scans(on=False)
        self.advertising = False

    def _parameters(self) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_Command:
        dbm = self._power.dbm
        return hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
            advertising_handle=SET_HANDLE,
            advertising_event_properties=_NONCONN_LEGACY_PDU,
            primary_advertising_interval_min=INTERVAL_SLOTS[0],
            primary_advertising_interval_max=INTERVAL_SLOTS[1],
            primary_advertising_channel_map=ALL_CHANNELS,
            own_address_type=hci.OwnAddressType.RANDOM,
            peer_address_type=hci.Address.PUBLIC_DEVICE_ADDRESS,
            peer_address=hci.Address.ANY,
            advertising_filter_policy=ACCEPT_ALL,
            advertising_tx_power=NO_POWER_PREFERENCE if dbm is None else dbm & 0xFF,
            primary_advertising_phy=hci.Phy.LE_1M,
            secondary_advertising_max_skip=0,
            secondary_advertising_phy=hci.Phy.LE_1M,
            advertising_sid=0,
            scan_request_notification_enable=0,
        )
