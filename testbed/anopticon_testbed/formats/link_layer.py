"""Advertising PDUs of the LE link layer with the pseudo header of captures, link type 256 (BLUETOOTH_LE_LL_WITH_PHDR).

Core Specification 6.B.2.3 for PDUs, 6.B.3.1.1 for the CRC; the pseudo header is documented with the list of link types
of libpcap. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_testbed.formats.common import ADDRESS_BYTES, address_kind

LINKTYPE: Final = 256
LINKTYPE_BARE: Final = 251
"""The same without a pseudo header: no RSSI, no channel."""
ADVERTISING_ACCESS_ADDRESS: Final = 0x8E89BED6
MAX_LEGACY_DATA_BYTES: Final = 31
MAX_EXTENDED_DATA_BYTES: Final = 247
"""What a PDU of 255 bytes has room for behind the shortest extended header with an address."""
_PSEUDO: Final = struct.Struct("<BbbBIH")
_ACCESS: Final = struct.Struct("<I")
_CRC_BYTES: Final = 3
_HEADER_BYTES: Final = 2
DEWHITENED, SIGNAL_VALID, REFERENCE_VALID, CHANNEL_ALIASED = 0x0001, 0x0002, 0x0010, 0x0040
_RF_CHANNELS: Final = {37: 0, 38: 12, 39: 39}
"""Advertising channel to its place among the 40 of 2 MHz (6.B.1.4.1)."""
_CHANNELS: Final = {rf: channel for channel, rf in _RF_CHANNELS.items()}
_KINDS: Final = {
    0: PduType.ADV_IND,
    1: PduType.ADV_DIRECT_IND,
    2: PduType.ADV_NONCONN_IND,
    4: PduType.SCAN_RSP,
    6: PduType.ADV_SCAN_IND,
    7: PduType.EXTENDED,
}
_CODES: Final = {pdu: code for code, pdu in _KINDS.items()}
_EXTENDED_CODE: Final = 7
_KIND_BITS: Final = 0x0F
_TX_RANDOM: Final = 0x40
_EXTENDED_HEADER: Final = bytes([1 + ADDRESS_BYTES, 0x01])
"""Length of the extended header with AdvMode 0, and its one flag: AdvA is present."""
_HAS_ADDRESS: Final = 0x01
_LENGTH_BITS: Final = 0x3F


def _crc_table() -> tuple[int, ...]:
    """Steps of eight bits, least significant first: x^24 + x^10 + x^9 + x^6 + x^4 + x^3 + x + 1, mirrored."""
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (0xDA6000 if state & 1 else 0)
        table.append(state)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc(pdu: bytes) -> bytes:
    """CRC of an advertising PDU (header and payload) in the order in which it is on the air and in a capture."""
    state = 0xAAAAAA  # 0x555555, mirrored
    for byte in pdu:
        state = state >> 8 ^ _CRC_TABLE[(state ^ byte) & 0xFF]
    return state.to_bytes(_CRC_BYTES, "little")


class Skipped(NamedTuple):
    """Why a packet is none of a recording."""

    reason: str


class HeardPdu(NamedTuple):
    """What one packet of a capture says about a frame; `rssi_dbm` None and `channel` 0 are unknown."""

    address: bytes
    address_type: AddressType
    pdu: PduType
    rssi_dbm: int | None
    data: bytes
    channel: int


def encode_packet(frame: HeardFrame) -> bytes | Skipped:
    """The packet of a frame, pseudo header first. What it cannot say is in the table of SPEC.md 19.4."""
    address = frame.address[:ADDRESS_BYTES].ljust(ADDRESS_BYTES, b"\0")
    random = frame.address_type is not AddressType.PUBLIC
    data = frame.data
    code = _CODES.get(frame.pdu, _CODES[PduType.ADV_NONCONN_IND])
    if len(data) > MAX_EXTENDED_DATA_BYTES:
        return Skipped(f"frames of more than {MAX_EXTENDED_DATA_BYTES} bytes, which no one PDU holds")
    if code == _EXTENDED_CODE or len(data) > MAX_LEGACY_DATA_BYTES:
        code = _EXTENDED_CODE
        payload = _EXTENDED_HEADER + address[::-1] + data
    elif frame.pdu is PduType.ADV_DIRECT_IND:
        payload = address[::-1] + bytes(ADDRESS_BYTES)
    else:
        payload = address[::-1] + data
    pdu = bytes([code | (_TX_RANDOM if random else 0), len(payload)]) + payload
    # Nothing is said about the CRC, which is computed here: Wireshark then checks it.
    flags = DEWHITENED | REFERENCE_VALID
    flags |= SIGNAL_VALID if frame.rssi_dbm is not None else 0
    flags |= CHANNEL_ALIASED if frame.channel not in _RF_CHANNELS else 0
    pseudo = _PSEUDO.pack(
        _RF_CHANNELS.get(frame.channel, 0), frame.rssi_dbm or 0, 0, 0, ADVERTISING_ACCESS_ADDRESS, flags
    )
    return pseudo + _ACCESS.pack(ADVERTISING_ACCESS_ADDRESS) + pdu + crc(pdu)


def decode_packet(packet: bytes, linktype: int = LINKTYPE) -> HeardPdu | Skipped:
    """The frame of a packet, or why it is none; raises ValueError for one that contradicts itself."""
    rssi: int | None = None
    channel = 0
    if linktype == LINKTYPE:
        if len(packet) < _PSEUDO.size:
            raise ValueError(f"packet of {len(packet)} bytes is shorter than its pseudo header")
        rf, signal, _, _, _, flags = _PSEUDO.unpack_from(packet)
        rssi = signal if flags & SIGNAL_VALID else None
        channel = 0 if flags & CHANNEL_ALIASED else _CHANNELS.get(rf, 0)
        packet = packet[_PSEUDO.size :]
    if len(packet) < _ACCESS.size + _HEADER_BYTES + _CRC_BYTES:
        raise ValueError(f"link layer packet of {len(packet)} bytes is shorter than an empty one")
    if _ACCESS.unpack_from(packet)[0] != ADVERTISING_ACCESS_ADDRESS:
        return Skipped("packets of connections")
    pdu = packet[_ACCESS.size : -_CRC_BYTES]
    if crc(pdu) != packet[-_CRC_BYTES:]:
        return Skipped("packets with a wrong CRC")
    kind = _KINDS.get(pdu[0] & _KIND_BITS)
    if kind is None:
        return Skipped("PDUs that are no advertisement")
    if len(pdu) != _HEADER_BYTES + pdu[1]:
        raise ValueError(f"PDU of {len(pdu) - _HEADER_BYTES} bytes says that it has {pdu[1]}")
    found = _address_and_data(kind, pdu[_HEADER_BYTES:])
    if isinstance(found, Skipped):
        return found
    address, data = found
    random = bool(pdu[0] & _TX_RANDOM)
    return HeardPdu(address, address_kind(address, random=random), kind, rssi, data, channel)


def _address_and_data(kind: PduType, payload: bytes) -> tuple[bytes, bytes] | Skipped:
    if kind is PduType.EXTENDED:
        return _extended(payload)
    if len(payload) < ADDRESS_BYTES:
        raise ValueError(f"advertising PDU of {len(payload)} bytes is shorter than an address")
    address, data = payload[ADDRESS_BYTES - 1 :: -1], payload[ADDRESS_BYTES:]
    if kind is PduType.ADV_DIRECT_IND:
        return address, b""
    if len(data) > MAX_LEGACY_DATA_BYTES:
        raise ValueError(f"legacy PDU with {len(data)} bytes of data, at most {MAX_LEGACY_DATA_BYTES}")
    return address, data


def _extended(payload: bytes) -> tuple[bytes, bytes] | Skipped:
    length = payload[0] & _LENGTH_BITS if payload else 0
    if length >= len(payload) and length:
        raise ValueError(f"extended header of {length} bytes in a PDU of {len(payload)}")
    if length <= ADDRESS_BYTES or not payload[1] & _HAS_ADDRESS:
        return Skipped("extended PDUs without an address")
    return payload[ADDRESS_BYTES + 1 : 1 : -1], payload[1 + length :]
