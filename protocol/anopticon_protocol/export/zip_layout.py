"""The records of a zip file that an export uses (PKWARE APPNOTE 4.3), for archive.py and writer.py."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

STORED: Final = 0
DEFLATED: Final = 8
ENCRYPTED_FLAGS: Final = 0x0001 | 0x0040 | 0x2000
"""Traditional encryption, strong encryption, masked header (APPNOTE 4.4.4)."""
END_RECORD: Final = struct.Struct("<4s4H2LH")
END_MAGIC: Final = b"PK\x05\x06"
DIRECTORY_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
DIRECTORY_MAGIC: Final = b"PK\x01\x02"
LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
LOCAL_MAGIC: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive as its directory describes it; `offset` is that of the local header."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    offset: int
