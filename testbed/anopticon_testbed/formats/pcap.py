"""Captures in the classic form of libpcap: written for Wireshark, read from sniffers (SPEC.md 19.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.rows import Row
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.btsnoop import report_rows
from anopticon_testbed.formats.common import Distances, ImportOptions, Notes, Records, manifest_for
from anopticon_testbed.formats.link_layer import (
    LINKTYPE,
    LINKTYPE_BARE,
    Skipped,
    decode_packet,
    encode_packet,
)

MAGIC_MICROSECONDS: Final = 0xA1B2C3D4
MAGIC_NANOSECONDS: Final = 0xA1B23C4D
PCAPNG: Final = b"\n\r\r\n"
LINKTYPE_HCI_H4: Final = 187
LINKTYPE_HCI_H4_DIRECTED: Final = 201
"""HCI as tcpdump and Bumble capture it: four bytes for the direction, then the packet."""
MAX_PACKET_BYTES: Final = 70_000
"""An HCI data packet has 64 KiB at most, one of the link layer 275 bytes; a record that says more is damage."""
MAX_SECONDS: Final = 2**32
SECOND_NS: Final = 1_000_000_000
_HEAD_BYTES: Final = 24
_SNAP_BYTES: Final = 4_096
"""Said of what is written here: no packet was cut to less."""
_DIRECTION_BYTES: Final = 4
_READ: Final = (LINKTYPE, LINKTYPE_BARE, LINKTYPE_HCI_H4, LINKTYPE_HCI_H4_DIRECTED)
_RECORD: Final = "IIII"


def is_pcap(head: bytes) -> bool:
    """Whether a file that begins like this is a capture of this form, in any byte order and resolution."""
    return any(head[:4] == magic.to_bytes(4, order) for magic in _MAGICS for order in ("big", "little"))


_MAGICS: Final = (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS)


def write_pcap(path: Path, rows: Iterable[Row], notes: Notes) -> int:
    """Write the frames heard into a new file, times in nanoseconds of the wall; how many. Raises RecordingError."""
    count = 0
    try:
        with path.open("xb") as target:
            target.write(struct.pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, _SNAP_BYTES, LINKTYPE))
            for row in rows:
                if not isinstance(row, HeardFrame):
                    continue
                packet = encode_packet(row)
                seconds, nanoseconds = divmod(row.wall_ns, SECOND_NS)
                if isinstance(packet, Skipped):
                    notes.leave_out(packet.reason)
                elif not 0 <= seconds < MAX_SECONDS:
                    notes.leave_out("frames before 1970 or after 2106, which the form cannot date")
                else:
                    target.write(
                        struct.pack("<IIII", seconds, nanoseconds, len(packet), len(packet)) + packet
                    )
                    count += 1
    except FileExistsError as error:
        raise RecordingError(f"{path} is there already: choose another name, or remove it") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    return count


def read_pcap(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """The advertisements of a capture as rows, its manifest first; raises RecordingError naming record and offset."""
    with path.open("rb") as source:
        records = Records(path, source, notes)
        order, unit_ns, linktype = _header(records, records.exactly(_HEAD_BYTES, "the head of the file"))
        record = struct.Struct(order + _RECORD)
        distances = Distances(options.metres)
        first = True
        while (head := records.head(record.size)) is not None:
            seconds, fraction, size, _ = record.unpack(head)
            if size > MAX_PACKET_BYTES:
                raise records.error(f"packet of {size} bytes, at most {MAX_PACKET_BYTES} (MAX_PACKET_BYTES)")
            if fraction * unit_ns >= SECOND_NS:
                raise records.error(f"fraction of a second {fraction} is a whole one")
            packet = records.body(size)
            if packet is None:
                break
            time_ns = seconds * SECOND_NS + fraction * unit_ns
            if first:
                first = False
                yield manifest_for(path, options, time_ns, "pcap", "", exact=True)
            if linktype in {LINKTYPE, LINKTYPE_BARE}:
                yield from _rows(records, packet, linktype, time_ns, distances, notes)
            else:
                skipped = _DIRECTION_BYTES if linktype == LINKTYPE_HCI_H4_DIRECTED else 0
                yield from report_rows(records, packet[skipped:], time_ns, distances, notes)
        if first:
            yield manifest_for(path, options, 0, "pcap", "", exact=True)


def _rows(
    records: Records, packet: bytes, linktype: int, time_ns: int, distances: Distances, notes: Notes
) -> Iterator[Row]:
    try:
        found = decode_packet(packet, linktype)
    except ValueError as error:
        raise records.error(str(error)) from error
    if isinstance(found, Skipped):
        notes.leave_out(found.reason)
        return
    truth = distances.news(found.address, time_ns)
    if truth is not None:
        yield truth
    yield HeardFrame(time_ns, time_ns, *found)


def _header(records: Records, head: bytes) -> tuple[str, int, int]:
    """Byte order, nanoseconds of a unit of the fraction, link type."""
    for order, name in (("<", "little"), (">", "big")):
        magic = int.from_bytes(head[:4], "little" if name == "little" else "big")
        if magic in _MAGICS:
            linktype = struct.unpack_from(order + "I", head, 20)[0] & 0xFFFF
            if linktype not in _READ:
                raise RecordingError(
                    f"{records.path}: link type {linktype}: {LINKTYPE} and {LINKTYPE_BARE} (LE link layer), "
                    f"{LINKTYPE_HCI_H4} and {LINKTYPE_HCI_H4_DIRECTED} (HCI) are read"
                )
            return order, 1 if magic == MAGIC_NANOSECONDS else 1_000, linktype
    if head.startswith(PCAPNG):
        raise RecordingError(
            f"{records.path}: this is pcapng: make it pcap with `editcap -F nsecpcap IN OUT`"
        )
    raise RecordingError(f"{records.path}: this is no capture (pcap)")
