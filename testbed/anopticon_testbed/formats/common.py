"""What readers of foreign files share: notes on what they left out, a manifest for what names no node, addresses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from anopticon_client.radio_records import AddressType, Capabilities, Rotation
from anopticon_client.recording.rows import Manifest, Truth
from anopticon_protocol.params import GAEN_SERVICE_UUID
from anopticon_testbed.errors import RecordingError

ADDRESS_BYTES: Final = 6
MAX_NAME_CHARS: Final = 64
MAX_SENDERS: Final = 1_000_000
"""Addresses whose distance is noted at an import: they rotate every quarter of an hour."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")
RSSI_RANGE: Final = range(-127, 21)
"""dBm that a receiver can report (Core Specification 4.E.7.7.65.2); 127 says that it does not know."""


@dataclass(slots=True)
class Notes:
    """What an import or export left out, by reason; and what was torn at the end of a file."""

    left_out: Counter[str] = field(default_factory=Counter)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count records that are not taken over."""
        self.left_out[reason] += count


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the person adds to a file that does not say it: the node's name, and the distance of every sender."""

    node: str = ""
    run: str = "import"
    metres: float | None = None


def name_of(text: str) -> str:
    """The text as a name of a node: letters, digits, dot, underscore and hyphen."""
    name = _NOT_IN_NAMES.sub("-", text).strip("-._")[:MAX_NAME_CHARS]
    return name or "imported"


def manifest_for(
    path: Path, options: ImportOptions, wall_ns: int, source: str, remark: str, *, exact: bool
) -> Manifest:
    """The manifest of a file that was recorded by other software. Its one clock stands for both."""
    return Manifest(
        node=options.node or name_of(path.stem),
        run=options.run,
        mono_ns=wall_ns,
        wall_ns=wall_ns,
        design="",
        service_uuid=GAEN_SERVICE_UUID,
        radio=source,
        tx_power_dbm=0,
        position=None,
        capabilities=foreign_capabilities(source, remark, exact=exact),
        software="imported",
        about={"source": path.name[:200]},
    )


def foreign_capabilities(source: str, remark: str, *, exact: bool) -> Capabilities:
    """Capabilities of a radio of which nothing is known but its file."""
    return Capabilities(
        backend=source,
        rotation=Rotation.NONE,
        every_pdu=False,
        rssi_bias="",
        duty=0.0,
        interval_ms=None,
        interval_honoured=False,
        exact_bytes_sent=False,
        exact_bytes_heard=exact,
        works_while_scanning=False,
        remarks=(remark,) if remark else (),
    )


class Distances:
    """Says the distance of each sender once, before its first frame, if the person gave one."""

    def __init__(self, metres: float | None) -> None:
        self._metres = metres
        self._known: set[bytes] = set()

    def news(self, address: bytes, time_ns: int) -> Truth | None:
        """The row to give out before a frame of this address."""
        if self._metres is None or address in self._known or len(self._known) >= MAX_SENDERS:
            return None
        self._known.add(address)
        return Truth(time_ns, time_ns, address, self._metres, None, "")


_RANDOM_KINDS: Final = (
    AddressType.NON_RESOLVABLE,
    AddressType.RESOLVABLE,
    AddressType.UNKNOWN,
    AddressType.STATIC,
)


def address_kind(address: bytes, *, random: bool) -> AddressType:
    """Kind of an address by its two highest bits (Core Specification 6.B.1.3.2); 10 is reserved."""
    return _RANDOM_KINDS[address[0] >> 6] if random else AddressType.PUBLIC


class Records:
    """Reads a binary file piece by piece and names the record and the offset where it ends too early."""

    def __init__(self, path: Path, source: BinaryIO, notes: Notes) -> None:
        self.path = path
        self.number = 0
        self.offset = 0
        self._source = source
        self._notes = notes

    def exactly(self, size: int, what: str) -> bytes:
        """So many bytes; raises RecordingError if the file ends within them."""
        data = self._source.read(size)
        if len(data) < size:
            raise self.error(f"ends within {what}")
        self.offset += size
        return data

    def head(self, size: int) -> bytes | None:
        """The head of the next record; None at the end of the file, torn or not."""
        data = self._source.read(size)
        if len(data) < size:
            if data:
                self._notes.leave_out("a record that the end of the file cuts off")
            return None
        self.number += 1
        self.offset += size
        return data

    def body(self, size: int) -> bytes | None:
        """The rest of a record; None if the end of the file cuts it off, as a capture that was killed leaves it."""
        data = self._source.read(size)
        if len(data) < size:
            self._notes.leave_out("a record that the end of the file cuts off")
            return None
        self.offset += size
        return data

    def error(self, what: str) -> RecordingError:
        """An error that names file, record and offset."""
        return RecordingError(f"{self.path}: record {self.number} (offset {self.offset}): {what}")
