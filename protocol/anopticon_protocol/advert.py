"""Advertisement bytes of DP-3T (0xFD68) and Exposure Notification (0xFD6F): SPEC.md 5.

A frame is the data of one legacy advertising PDU, at most 31 bytes: a row of AD structures (length, type, data; Core
Specification Supplement, part A). Phones differ in what stands around the identifier (Android stacks leave the flags
out), so a reader walks the structures and never matches a fixed prefix.

>>> parse(encode(0xFD68, bytes(16), flags=False)).service_data == bytes(16)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anopticon_protocol.errors import AdvertisementError, InvalidParameterError
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES, GAEN_SERVICE_UUID, METADATA_BYTES

MAX_FRAME_BYTES: Final = 31
"""The data of a legacy advertising PDU (Core Specification 6.B.2.3)."""
AD_FLAGS: Final = 0x01
AD_COMPLETE_UUID16: Final = 0x03
AD_SERVICE_DATA_UUID16: Final = 0x16
FLAGS_VALUE: Final = 0x1A
"""General discoverable and both LE/BR-EDR bits: what phones send (Exposure Notification Bluetooth v1.2)."""
_UUID_BYTES = 2
SERVICE_DATA_BYTES: Final = {
    DP3T_SERVICE_UUID: EPHID_BYTES,
    GAEN_SERVICE_UUID: EPHID_BYTES + METADATA_BYTES,
}
"""Service data length of each service: the identifier alone, or the identifier and its encrypted metadata."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What one frame said: whose service it is, the service data, and the flags byte if there was one."""

    service_uuid: int
    service_data: bytes
    flags: int | None


def encode(service_uuid: int, service_data: bytes, *, flags: bool = True) -> bytes:
    """Build a frame: flags (unless left out), the complete list of one 16-bit UUID, the service data."""
    wanted = SERVICE_DATA_BYTES.get(service_uuid)
    if wanted is None or len(service_data) != wanted:
        msg = f"service {service_uuid:#06x} with {len(service_data)} bytes of data: not one of {_SHAPES}"
        raise InvalidParameterError(msg)
    uuid = service_uuid.to_bytes(_UUID_BYTES, "little")
    head = bytes([2, AD_FLAGS, FLAGS_VALUE]) if flags else b""
    listed = bytes([1 + _UUID_BYTES, AD_COMPLETE_UUID16]) + uuid
    return head + listed + bytes([1 + _UUID_BYTES + wanted, AD_SERVICE_DATA_UUID16]) + uuid + service_data


def structures(frame: bytes) -> list[tuple[int, bytes]]:
    """Split a frame into its AD structures (type, data); raises AdvertisementError with the offset at fault.

    A length byte of 0 ends the significant part; what follows it must be zero (Core Specification 3.C.11).
    """
    if len(frame) > MAX_FRAME_BYTES:
        msg = f"frame of {len(frame)} bytes, at most {MAX_FRAME_BYTES} (MAX_FRAME_BYTES)"
        raise AdvertisementError(msg)
    found: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(frame):
        length = frame[offset]
        if length == 0:
            if any(frame[offset:]):
                msg = f"frame offset {offset}: data behind the end mark"
                raise AdvertisementError(msg)
            break
        end = offset + 1 + length
        if end > len(frame):
            msg = f"frame offset {offset}: AD structure of {length} bytes runs past the end"
            raise AdvertisementError(msg)
        found.append((frame[offset + 1], frame[offset + 2 : end]))
        offset = end
    return found


def parse(frame: bytes) -> Advertisement:
    """Read a frame of either service; raises AdvertisementError if it is malformed or of neither."""
    flags: int | None = None
    found: Advertisement | None = None
    for kind, data in structures(frame):
        if kind == AD_FLAGS and len(data) == 1:
            flags = data[0]
        if kind != AD_SERVICE_DATA_UUID16:
            continue
        uuid = int.from_bytes(data[:_UUID_BYTES], "little")
        wanted = SERVICE_DATA_BYTES.get(uuid)
        if wanted is None:
            continue
        if found is not None:
            msg = "frame with two service data structures of this protocol"
            raise AdvertisementError(msg)
        if len(data) - _UUID_BYTES != wanted:
            msg = f"service {uuid:#06x} with {len(data) - _UUID_BYTES} bytes of data, {wanted} needed"
            raise AdvertisementError(msg)
        found = Advertisement(uuid, data[_UUID_BYTES:], None)
    if found is None:
        msg = "frame without service data of 0xfd68 or 0xfd6f"
        raise AdvertisementError(msg)
    return Advertisement(found.service_uuid, found.service_data, flags)


_SHAPES = ", ".join(f"{uuid:#06x} with {length} bytes" for uuid, length in SERVICE_DATA_BYTES.items())
