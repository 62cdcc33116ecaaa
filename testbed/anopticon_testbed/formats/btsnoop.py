"""HCI logs as Android, BlueZ's btmon and Wireshark have them: advertising reports written and read (SPEC.md 19.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from anopticon_client.radio.hci_reports import (
    ADVERTISING_REPORT,
    EVENT_PACKET,
    EXTENDED_ADVERTISING_REPORT,
    LE_META_EVENT,
    RSSI_UNKNOWN,
    MalformedReportError,
    decode_reports,
    is_report,
)
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.rows import Row
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.common import (
    ADDRESS_BYTES,
    Distances,
    ImportOptions,
    Notes,
    Records,
    manifest_for,
)
from anopticon_testbed.formats.link_layer import MAX_LEGACY_DATA_BYTES

MAGIC: Final = b"btsnoop\0"
VERSION: Final = 1
DATALINK_HCI: Final = 1_001
"""Packets without their type byte, which the flags tell."""
DATALINK_H4: Final = 1_002
DATALINK_MONITOR: Final = 2_001
"""btmon: the flags hold the adapter and an opcode."""
MAX_PACKET_BYTES: Final = 70_000
"""An HCI data packet has 64 KiB at most; advertising reports have 259 bytes."""
MAX_EXTENDED_DATA_BYTES: Final = 229
"""Of one extended report (Core Specification 4.E.7.7.65.13)."""
EPOCH_MICROSECONDS: Final = 0x00DCDDB30F2F8000
"""From the year 0, where the form begins to count, to 1970."""
MICROSECOND_NS: Final = 1_000
_HEAD: Final = struct.Struct(">8sII")
_RECORD: Final = struct.Struct(">IIIIq")
_RECEIVED_EVENT: Final = 0x03
"""From the controller; a command or an event."""
_MONITOR_EVENT: Final = 3
_LOW_WORD: Final = 0xFFFF
_MAX_TIME_NS: Final = 2**62
_LEGACY_CODES: Final = {
    PduType.ADV_IND: 0,
    PduType.ADV_DIRECT_IND: 1,
    PduType.ADV_SCAN_IND: 2,
    PduType.ADV_NONCONN_IND: 3,
    PduType.SCAN_RSP: 4,
}


def is_btsnoop(head: bytes) -> bool:
    """Whether a file that begins like this is such a log."""
    return head.startswith(MAGIC)


def write_btsnoop(path: Path, rows: Iterable[Row], notes: Notes) -> int:
    """Write the frames heard into a new log (H4), times in microseconds; how many. Raises RecordingError."""
    count = 0
    try:
        with path.open("xb") as target:
            target.write(_HEAD.pack(MAGIC, VERSION, DATALINK_H4))
            for row in rows:
                if not isinstance(row, HeardFrame):
                    continue
                packet = encode_report(row)
                if packet is None:
                    notes.leave_out(
                        f"frames of more than {MAX_EXTENDED_DATA_BYTES} bytes, which no one report holds"
                    )
                    continue
                time = row.wall_ns // MICROSECOND_NS + EPOCH_MICROSECONDS
                size = len(packet)
                target.write(_RECORD.pack(size, size, _RECEIVED_EVENT, 0, time) + packet)
                count += 1
    except FileExistsError as error:
        raise RecordingError(f"{path} is there already: choose another name, or remove it") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    return count


def encode_report(frame: HeardFrame) -> bytes | None:
    """The HCI event of a frame, type byte first; None if no one report can hold it."""
    data = frame.data
    address = frame.address[:ADDRESS_BYTES].ljust(ADDRESS_BYTES, b"\0")[::-1]
    random = int(frame.address_type is not AddressType.PUBLIC)
    strength = RSSI_UNKNOWN if frame.rssi_dbm is None else frame.rssi_dbm
    if len(data) > MAX_EXTENDED_DATA_BYTES:
        return None
    if frame.pdu is PduType.EXTENDED or len(data) > MAX_LEGACY_DATA_BYTES:
        body = struct.pack(
            "<BBHB6sBBBbbHB6sB",
            EXTENDED_ADVERTISING_REPORT,
            1,
            0,
            random,
            address,
            1,
            0,
            0xFF,
            RSSI_UNKNOWN,
            strength,
            0,
            0,
            bytes(ADDRESS_BYTES),
            len(data),
        )
        body += data
    else:
        code = _LEGACY_CODES.get(frame.pdu, _LEGACY_CODES[PduType.ADV_NONCONN_IND])
        body = struct.pack("<BBBB6sB", ADVERTISING_REPORT, 1, code, random, address, len(data))
        body += data + struct.pack("<b", strength)
    return bytes([EVENT_PACKET, LE_META_EVENT, len(body)]) + body


def read_btsnoop(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """The advertising reports of a log as rows, its manifest first; raises RecordingError naming record and offset."""
    with path.open("rb") as source:
        records = Records(path, source, notes)
        datalink = _datalink(records, records.exactly(_HEAD.size, "the head of the file"))
        distances = Distances(options.metres)
        first = True
        while (head := records.head(_RECORD.size)) is not None:
            _, size, flags, drops, time = _RECORD.unpack(head)
            if size > MAX_PACKET_BYTES:
                raise records.error(f"packet of {size} bytes, at most {MAX_PACKET_BYTES} (MAX_PACKET_BYTES)")
            time_ns = (time - EPOCH_MICROSECONDS) * MICROSECOND_NS
            if not -_MAX_TIME_NS < time_ns < _MAX_TIME_NS:
                raise records.error(f"time stamp {time} lies outside the years 1824 to 2116")
            packet = records.body(size)
            if packet is None:
                break
            if first:
                first = False
                yield manifest_for(path, options, time_ns, "btsnoop", _remark(drops), exact=True)
            yield from report_rows(records, _h4(packet, flags, datalink), time_ns, distances, notes)
        if first:
            yield manifest_for(path, options, 0, "btsnoop", "", exact=True)


def _remark(drops: int) -> str:
    return f"{drops} packets were lost before the log began" if drops else ""


def _datalink(records: Records, head: bytes) -> int:
    magic, version, datalink = _HEAD.unpack(head)
    if magic != MAGIC:
        raise RecordingError(f"{records.path}: this is no HCI log (btsnoop)")
    if version != VERSION:
        raise RecordingError(f"{records.path}: btsnoop of version {version}, where {VERSION} is needed")
    if datalink not in {DATALINK_HCI, DATALINK_H4, DATALINK_MONITOR}:
        raise RecordingError(
            f"{records.path}: btsnoop of data link {datalink}; {DATALINK_HCI} (HCI), {DATALINK_H4} (H4) and "
            f"{DATALINK_MONITOR} (btmon) are read"
        )
    return int(datalink)


def _h4(packet: bytes, flags: int, datalink: int) -> bytes:
    """The packet with its type byte first, if it is an event; else nothing."""
    if datalink == DATALINK_H4:
        return packet
    event = (
        flags & _LOW_WORD == _MONITOR_EVENT if datalink == DATALINK_MONITOR else flags & 3 == _RECEIVED_EVENT
    )
    return bytes([EVENT_PACKET]) + packet if event else b""


def report_rows(
    records: Records, packet: bytes, time_ns: int, distances: Distances, notes: Notes
) -> Iterator[Row]:
    """The frames of an HCI packet, type byte first, if it is an advertising report; raises RecordingError."""
    if not is_report(packet):
        notes.leave_out("packets that are no advertising report")
        return
    try:
        reports = decode_reports(packet)
    except MalformedReportError as error:
        raise records.error(str(error)) from error
    for report in reports:
        truth = distances.news(report.address, time_ns)
        if truth is not None:
            yield truth
        yield HeardFrame(
            time_ns, time_ns, report.address, report.address_type, report.pdu, report.rssi_dbm, report.data
        )
