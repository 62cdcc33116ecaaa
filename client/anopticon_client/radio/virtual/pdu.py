"""An advertising PDU on the virtual air, and the HCI reports that a controller makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bumble import hci

from anopticon_client.radio.virtual.ether import CHANNELS

ADV_IND: Final = 0x00
ADV_DIRECT_IND: Final = 0x01
ADV_SCAN_IND: Final = 0x02
ADV_NONCONN_IND: Final = 0x03
SCAN_RSP: Final = 0x04
_LEGACY_CODES: Final = {
    ADV_IND: 0x13,
    ADV_DIRECT_IND: 0x15,
    ADV_SCAN_IND: 0x12,
    ADV_NONCONN_IND: 0x10,
    SCAN_RSP: 0x1B,
}
"""Event types of the legacy report, and what the extended report calls them (Core Specification 4.E.7.7.65.13)."""
_EXTENDED_TAIL: Final = bytes([0, 0, 0]) + bytes(6)
"""No periodic advertising, and no directed address."""
_NO_SID, _NO_POWER = 0xFF, 0x7F


@dataclass(frozen=True)
class AirPdu:
    """One advertising PDU, and the reports a controller makes of it but for the signal strength.

    `kind` is the legacy event type, or None for an extended PDU, whose `properties` then say what it is. `address` has
    the least significant byte first, as HCI has it.
    """

    kind: int | None
    properties: int
    address: bytes
    is_random: bool
    data: bytes
    scan_response: bytes = b""
    channels: tuple[int, ...] = CHANNELS

    @cached_property
    def legacy_report(self) -> bytes:
        """LE Advertising Report up to the RSSI; of a legacy PDU only."""
        head = bytes([hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT, 12 + len(self.data)])
        kind = bytes([hci.HCI_LE_ADVERTISING_REPORT_EVENT, 1, self.kind or 0, self.is_random])
        return head + kind + self.address + bytes([len(self.data)]) + self.data

    @cached_property
    def extended_report(self) -> tuple[bytes, bytes]:
        """LE Extended Advertising Report before and after the RSSI."""
        head = bytes([hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT, 26 + len(self.data)])
        code = self.properties & 0x0F if self.kind is None else _LEGACY_CODES[self.kind]
        kind = bytes([hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT, 1, code, 0, self.is_random])
        secondary = 0 if self.kind is not None else 1
        before = head + kind + self.address + bytes([1, secondary, _NO_SID, _NO_POWER])
        return before, _EXTENDED_TAIL + bytes([len(self.data)]) + self.data

    @cached_property
    def response(self) -> AirPdu:
        """What a scannable advertiser answers to a scan request."""
        return AirPdu(
            SCAN_RSP, self.properties, self.address, self.is_random, self.scan_response, b"", self.channels
        )

    @property
    def is_scannable(self) -> bool:
        """Whether an active scanner asks for more."""
        return self.kind in {ADV_IND, ADV_SCAN_IND}
