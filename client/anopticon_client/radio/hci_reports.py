"""Advertising reports out of HCI event packets, legacy and extended (Core Specification 4.E.7.7.65.2 and .13).

Each frame that a phone hears passes here, so this reads bytes and builds no objects of the stack. It needs nothing
but the packet: the raw tap of BlueZ and the reader of btsnoop files use it too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from anopticon_client.radio_records import AddressType, PduType

EVENT_PACKET: Final = 0x04
LE_META_EVENT: Final = 0x3E
ADVERTISING_REPORT: Final = 0x02
EXTENDED_ADVERTISING_REPORT: Final = 0x0D
RSSI_UNKNOWN: Final = 127
_HEADER: Final = 5
"""Packet type, event, length, subevent, number of reports."""
_LEGACY_HEAD: Final = 9
"""Event type, address type, address, data length."""
_EXTENDED_HEAD: Final = 24
_SIGN: Final = 0x80
_LEGACY_KINDS: Final = (
    PduType.ADV_IND,
    PduType.ADV_DIRECT_IND,
    PduType.ADV_SCAN_IND,
    PduType.ADV_NONCONN_IND,
    PduType.SCAN_RSP,
)
_EXTENDED_KINDS: Final = {
    0x13: PduType.ADV_IND,
    0x15: PduType.ADV_DIRECT_IND,
    0x12: PduType.ADV_SCAN_IND,
    0x10: PduType.ADV_NONCONN_IND,
    0x1B: PduType.SCAN_RSP,
    0x1A: PduType.SCAN_RSP,
}
_LEGACY_PDU: Final = 0x10
_PUBLIC_TYPES: Final = (0x00, 0x02)
_RANDOM_TYPES: Final = (0x01, 0x03)
_RANDOM_KINDS: Final = (
    AddressType.NON_RESOLVABLE,
    AddressType.RESOLVABLE,
    AddressType.UNKNOWN,
    AddressType.STATIC,
)
"""By the two highest bits of a random address (6.B.1.3.2); 10 is reserved."""


class MalformedReportError(ValueError):
    """An HCI packet says that it holds more than it does."""


class Report(NamedTuple):
    """One advertising report. The address has the most significant byte first; a strength nobody knows is None."""

    pdu: PduType
    address: bytes
    address_type: AddressType
    rssi_dbm: int | None
    data: bytes


def is_report(packet: bytes) -> bool:
    """Whether an HCI packet (from its type byte on) is an advertising report event."""
    return (
        len(packet) > _HEADER
        and packet[0] == EVENT_PACKET
        and packet[1] == LE_META_EVENT
        and packet[3] in {ADVERTISING_REPORT, EXTENDED_ADVERTISING_REPORT}
    )


def decode_reports(packet: bytes) -> list[Report]:
    """Read an HCI packet for which `is_report` holds; raises MalformedReportError."""
    extended = packet[3] == EXTENDED_ADVERTISING_REPORT
    read = _extended if extended else _legacy
    found: list[Report] = []
    offset = _HEADER
    try:
        for _ in range(packet[4]):
            report, offset = read(packet, offset)
            found.append(report)
    except IndexError as error:
        raise MalformedReportError(
            f"advertising report of {len(packet)} bytes ends within a report"
        ) from error
    return found


def address_kind(address: bytes, code: int) -> AddressType:
    """Kind of an address (most significant byte first) with the address type `code` of HCI."""
    if code in _RANDOM_TYPES:
        return _RANDOM_KINDS[address[0] >> 6]
    return AddressType.PUBLIC if code in _PUBLIC_TYPES else AddressType.UNKNOWN


def _legacy(packet: bytes, offset: int) -> tuple[Report, int]:
    begin = offset + _LEGACY_HEAD
    end = begin + packet[begin - 1]
    strength = packet[end]
    kind = packet[offset]
    address = packet[offset + 7 : offset + 1 : -1]
    report = Report(
        _LEGACY_KINDS[kind] if kind < len(_LEGACY_KINDS) else PduType.UNKNOWN,
        address,
        address_kind(address, packet[offset + 1]),
        _rssi(strength),
        packet[begin:end],
    )
    return report, end + 1


def _extended(packet: bytes, offset: int) -> tuple[Report, int]:
    begin = offset + _EXTENDED_HEAD
    end = begin + packet[begin - 1]
    if end > len(packet):
        raise IndexError(end)
    kind = packet[offset]
    address = packet[offset + 8 : offset + 2 : -1]
    pdu = _EXTENDED_KINDS.get(kind & 0x1F, PduType.UNKNOWN) if kind & _LEGACY_PDU else PduType.EXTENDED
    code = packet[offset + 2]
    report = Report(pdu, address, address_kind(address, code), _rssi(packet[offset + 13]), packet[begin:end])
    return report, end


def _rssi(byte: int) -> int | None:
    if byte == RSSI_UNKNOWN:
        return None
    return byte - 0x100 if byte & _SIGN else byte
