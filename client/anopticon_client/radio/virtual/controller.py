"""A virtual Bluetooth controller: Bumble's, as far as advertising and scanning go by the Core Specification.

Worked round in bumble 0.0.236 (pull requests 827 and 975; none filed as an issue): every PDU makes two reports, the
second one called SCAN_RSP, also in a passive scan; the RSSI is always -50; a duplicate filter that was asked for does
nothing; nothing is ever disallowed; Reset resets nothing; a scan's interval and window are forgotten; the extended
commands are carried out but missing in the list of supported commands; each packet is formatted for a debug log that
nobody reads (27 µs of 100).
"""

from __future__ import annotations

import asyncio
from typing import Final

from bumble import controller, hci
from bumble.host import Host

from anopticon_client.radio.virtual.advertising import (
    PacedAdvertisingSet,
    PacedLegacyAdvertiser,
    Transmitter,
)
from anopticon_client.radio.virtual.commands import EXTENDED_COMMANDS, EXTENDED_FEATURES
from anopticon_client.radio.virtual.link import RadioLink
from anopticon_client.radio.virtual.pacing import SLOT_NS, Pacer
from anopticon_client.radio.virtual.pdu import AirPdu
from anopticon_client.radio.virtual.places import ChipKind, Filtering
from anopticon_client.radio.virtual.reporter import Reporter

Status = hci.HCI_StatusReturnParameters
OK: Final = hci.HCI_ErrorCode.SUCCESS
DISALLOWED: Final = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
INVALID: Final = hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
UNKNOWN: Final = hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR
MAX_LEGACY_DATA: Final = 31


class RadioController(controller.Controller):
    """One controller with an antenna on a RadioLink."""

    link: RadioLink
    le_legacy_advertiser: PacedLegacyAdvertiser

    def __init__(
        self,
        name: str,
        medium: RadioLink,
        antenna: int,
        public_address: bytes,
        chip: ChipKind,
        filtering: Filtering = Filtering.AS_TOLD,
    ) -> None:
        """Powered on. `public_address` has the most significant byte first."""
        address = hci.Address(public_address[::-1], hci.Address.PUBLIC_DEVICE_ADDRESS)
        super().__init__(name, link=medium, public_address=address)
        self.antenna = antenna
        self.chip = chip
        self.filtering = filtering
        self.pacer = Pacer(medium.seed, antenna)
        self.le_legacy_advertiser = PacedLegacyAdvertiser(self, self._transmitter())
        if chip is ChipKind.EXTENDED:
            self.supported_commands = self.supported_commands | EXTENDED_COMMANDS
        else:
            self.le_features = self.le_features & ~EXTENDED_FEATURES
        self._reporter = Reporter()
        medium.attach(self)

    # -- host side ----------------------------------------------------------------------------------------------------

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        """Carry out a command, unless this kind of chip does not know it."""
        if command.op_code in EXTENDED_COMMANDS and self.chip is ChipKind.LEGACY:
            self.send_hci_packet(
                hci.HCI_Command_Complete_Event(
                    num_hci_command_packets=1,
                    command_opcode=command.op_code,
                    return_parameters=Status(UNKNOWN),
                )
            )
            return
        super().on_hci_command_packet(command)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the host, without a debug line."""
        if self.host is not None:
            asyncio.get_running_loop().call_soon(self.host.on_packet, bytes(packet))

    def power_off(self) -> None:
        """Stop everything and take the antenna down."""
        self._stop_all()
        self.link.detach(self)
        self.link.controllers.discard(self)

    def unplug(self) -> None:
        """Fall silent, and tell the host that the transport is lost."""
        self._stop_all()
        host, self.host = self.host, None
        if not self.terminated.done():
            self.terminated.set_result(None)
        if isinstance(host, Host):
            host.on_transport_lost()  # type: ignore[no-untyped-call]

    def plug(self) -> None:
        """Wait for a host again."""
        self._clear()
        self.terminated = asyncio.get_running_loop().create_future()

    def _transmitter(self) -> Transmitter:
        return Transmitter(self.link, self.antenna, self.pacer)

    def _clear(self) -> None:
        self._stop_all()
        self.advertising_sets.clear()
        self.le_legacy_advertiser = PacedLegacyAdvertiser(self, self._transmitter())

    def _stop_all(self) -> None:
        self.le_legacy_advertiser.stop()
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self._scan(on=False, filters=False, interval_slots=1, window_slots=1)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> Status:
        """Back to how it was powered on (7.3.2)."""
        self._clear()
        return super().on_hci_reset_command(command)

    # -- advertising --------------------------------------------------------------------------------------------------

    def on_hci_le_set_random_address_command(self, command: hci.HCI_LE_Set_Random_Address_Command) -> Status:
        """Change the address; disallowed while legacy advertising or scanning is on (7.8.4)."""
        if self.le_legacy_advertiser.enabled or self.le_scan_enable:
            return Status(DISALLOWED)
        return super().on_hci_le_set_random_address_command(command)

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> Status:
        """Take parameters; disallowed while advertising is on (7.8.5)."""
        if self.le_legacy_advertiser.enabled:
            return Status(DISALLOWED)
        return super().on_hci_le_set_advertising_parameters_command(command)

    def on_hci_le_set_advertising_data_command(
        self, command: hci.HCI_LE_Set_Advertising_Data_Command
    ) -> Status:
        """Take data, at once also while advertising is on (7.8.7)."""
        status = super().on_hci_le_set_advertising_data_command(command)
        self.le_legacy_advertiser.refresh()
        return status

    def on_hci_le_set_advertising_set_random_address_command(
        self, command: hci.HCI_LE_Set_Advertising_Set_Random_Address_Command
    ) -> Status:
        """Change a set's address (7.8.52)."""
        advertising_set = self.advertising_sets.get(command.advertising_handle)
        if not isinstance(advertising_set, PacedAdvertisingSet):
            return Status(hci.HCI_ErrorCode.UNKNOWN_ADVERTISING_IDENTIFIER_ERROR)
        status = super().on_hci_le_set_advertising_set_random_address_command(command)
        advertising_set.refresh()
        return status

    def on_hci_le_set_extended_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
    ) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters:
        """Make or change a set; disallowed while the set is on (7.8.53)."""
        known = self.advertising_sets.setdefault(
            command.advertising_handle,
            PacedAdvertisingSet(self, command.advertising_handle, self._transmitter()),
        )
        if known.enabled:
            return hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters(DISALLOWED, 0)
        return super().on_hci_le_set_extended_advertising_parameters_command(command)

    def on_hci_le_set_extended_advertising_data_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Data_Command
    ) -> Status:
        """Take data; a set of legacy PDUs has room for 31 bytes (7.8.54)."""
        known = self.advertising_sets.get(command.advertising_handle)
        if isinstance(known, PacedAdvertisingSet):
            if known.is_legacy and len(command.advertising_data) > MAX_LEGACY_DATA:
                return Status(INVALID)
            status = super().on_hci_le_set_extended_advertising_data_command(command)
            known.refresh()
            return status
        return Status(hci.HCI_ErrorCode.UNKNOWN_ADVERTISING_IDENTIFIER_ERROR)

    # -- scanning -----------------------------------------------------------------------------------------------------

    def on_hci_le_set_scan_enable_command(self, command: hci.HCI_LE_Set_Scan_Enable_Command) -> Status:
        """Begin or end a scan with the parameters that were set (7.8.11)."""
        status = super().on_hci_le_set_scan_enable_command(command)
        self._reporter.extended = False
        self._scan(
            on=bool(command.le_scan_enable),
            filters=bool(command.filter_duplicates),
            interval_slots=self.le_scan_interval,
            window_slots=self.le_scan_window,
        )
        return status

    def on_hci_le_set_extended_scan_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Parameters_Command
    ) -> Status:
        """Take parameters; disallowed while a scan is on (7.8.64). The first PHY's count: there is no other here."""
        if self.le_scan_enable:
            return Status(DISALLOWED)
        self.le_scan_type = command.scan_types[0]
        self.le_scan_interval = command.scan_intervals[0]
        self.le_scan_window = command.scan_windows[0]
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_set_extended_scan_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Enable_Command
    ) -> Status:
        """Begin or end a scan with the parameters that were set (7.8.65)."""
        status = super().on_hci_le_set_extended_scan_enable_command(command)
        self._reporter.extended = True
        self._scan(
            on=bool(command.enable),
            filters=bool(command.filter_duplicates),
            interval_slots=self.le_scan_interval,
            window_slots=self.le_scan_window,
        )
        return status

    def _scan(self, *, on: bool, filters: bool, interval_slots: int, window_slots: int) -> None:
        self.le_scan_enable = on
        self._reporter.begin(filters=filters or self.filtering is Filtering.ALWAYS)
        if on:
            ether, now_ns = self.link.ether, self.link.now_ns()
            ether.listen(self.antenna, now_ns, interval_slots * SLOT_NS, window_slots * SLOT_NS)
        else:
            self.link.ether.deafen(self.antenna)

    # -- air side -----------------------------------------------------------------------------------------------------

    def on_air(self, pdu: AirPdu, rssi: int) -> None:
        """The antenna caught a PDU: report it, and ask for the scan response if the scan is active."""
        if self.host is not None:
            for report in self._reporter.reports(pdu, rssi, active=bool(self.le_scan_type)):
                self.host.on_packet(report)
