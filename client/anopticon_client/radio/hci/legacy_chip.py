"""A controller with the commands of Bluetooth 4, in the order in which no PDU mixes old and new."""

from __future__ import annotations

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

_ADVERTISING = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType


class LegacyChip(BaseChip):
    """A controller with the commands of Bluetooth 4."""

    async def advertise(self, address: bytes, frame: bytes) -> None:
        """The safe order; the scan pauses for it."""
        scans = self.scanning
        await self.deafen()
        await self.silence()
        began = self._timestamps().mono_ns
        await self._send(hci.HCI_LE_Set_Random_Address_Command(random_address(address)))
        await self._send(
            hci.HCI_LE_Set_Advertising_Parameters_Command(
                advertising_interval_min=INTERVAL_SLOTS[0],
                advertising_interval_max=INTERVAL_SLOTS[1],
                advertising_type=_ADVERTISING.ADV_NONCONN_IND,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=hci.Address.PUBLIC_DEVICE_ADDRESS,
                peer_address=hci.Address.ANY,
                advertising_channel_map=ALL_CHANNELS,
                advertising_filter_policy=ACCEPT_ALL,
            )
        )
        await self._send(hci.HCI_LE_Set_Advertising_Data_Command(frame))
        await self._send(hci.HCI_LE_Set_Advertising_Enable_Command(1))
        self.advertising = True
        self.gap_ns = self._timestamps().mono_ns - began
        await self._radiate()
        if scans:
            await self.listen()

    async def silence(self) -> None:
        """Advertising off."""
        if self.advertising:
            await self._send(hci.HCI_LE_Set_Advertising_Enable_Command(0))
            self.advertising = False

    async def listen(self) -> None:
        """Parameters, then scan on."""
        await self._send(
            hci.HCI_LE_Set_Scan_Parameters_Command(
                le_scan_type=PASSIVE,
                le_scan_interval=SCAN_SLOTS,
                le_scan_window=SCAN_SLOTS,
                own_address_type=hci.OwnAddressType.PUBLIC,  # a passive scan sends nothing
                scanning_filter_policy=ACCEPT_ALL,
            )
        )
        await self._send(hci.HCI_LE_Set_Scan_Enable_Command(1, KEEP_DUPLICATES))
        self._scans(on=True)

    async def deafen(self) -> None:
        """Scan off."""
        if self.scanning:
            await self._send(hci.HCI_LE_Set_Scan_Enable_Command(0, KEEP_DUPLICATES))
            self._scans(on=False)

    async def force_off(self) -> None:
        """Both off, whatever we think."""
        await self._try(hci.HCI_LE_Set_Scan_Enable_Command(0, KEEP_DUPLICATES))
        await self._try(hci.HCI_LE_Set_Advertising_Enable_Command(0))
        if self.scanning:
            self._scans(on=False)
        self.advertising = False
