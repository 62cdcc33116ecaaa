"""Which frames a radio passes on, told from their AD structures, and what stands in for 0xFD6F on a real air.

Nothing here raises for what came from the air: a malformed frame is simply none of ours.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from anopticon_protocol.advert import AD_COMPLETE_UUID16, AD_SERVICE_DATA_UUID16, structures
from anopticon_protocol.errors import AdvertisementError
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES, GAEN_SERVICE_UUID, METADATA_BYTES

_UUID_BYTES: Final = 2
_DP3T: Final = DP3T_SERVICE_UUID.to_bytes(_UUID_BYTES, "little")
_GAEN: Final = GAEN_SERVICE_UUID.to_bytes(_UUID_BYTES, "little")
_GAEN_DATA_BYTES: Final = _UUID_BYTES + EPHID_BYTES + METADATA_BYTES


def carries(data: bytes, uuids: Container[int]) -> bool:
    """Whether `data` is a row of AD structures with service data of one of these 16-bit UUIDs."""
    return service_of(data, uuids) is not None


def service_of(data: bytes, uuids: Container[int]) -> int | None:
    """The first of these 16-bit UUIDs that has service data in `data`; None if there is none, or no whole structures.

    It walks as `advert.structures` does, but without building the list: a scanner asks this of every frame it hears.
    """
    offset, end = 0, len(data)
    found: int | None = None
    while offset < end:
        length = data[offset]
        if length == 0:
            return None if any(data[offset:]) else found
        after = offset + 1 + length
        if after > end:
            return None
        if found is None and length > _UUID_BYTES and data[offset + 1] == AD_SERVICE_DATA_UUID16:
            uuid = data[offset + 2] | data[offset + 3] << 8
            if uuid in uuids:
                found = uuid
        offset = after
    return found


def disguised(frame: bytes) -> bytes:
    """A frame of 0xFD6F under the UUID 0xFD68; any other frame as it is."""
    return _renamed(frame, _GAEN, _DP3T)


def undisguised(frame: bytes) -> bytes:
    """The other way round: 0xFD68 with the 20 bytes that only 0xFD6F has becomes 0xFD6F; any other frame as it is."""
    return _renamed(frame, _DP3T, _GAEN)


def is_gaen(frame: bytes) -> bool:
    """Whether real phones would take this frame for one of Exposure Notification."""
    return carries(frame, {GAEN_SERVICE_UUID})


def _renamed(frame: bytes, old: bytes, new: bytes) -> bytes:
    try:
        parts = structures(frame)
    except AdvertisementError:
        return frame
    if not any(_is_data_of(old, *part) for part in parts):
        return frame
    return b"".join(bytes([1 + len(data), kind]) + _with_uuid(kind, data, old, new) for kind, data in parts)


def _is_data_of(uuid: bytes, kind: int, data: bytes) -> bool:
    return kind == AD_SERVICE_DATA_UUID16 and len(data) == _GAEN_DATA_BYTES and data.startswith(uuid)


def _with_uuid(kind: int, data: bytes, old: bytes, new: bytes) -> bytes:
    if _is_data_of(old, kind, data) or (kind == AD_COMPLETE_UUID16 and data == old):
        return new + data[_UUID_BYTES:]
    return data
