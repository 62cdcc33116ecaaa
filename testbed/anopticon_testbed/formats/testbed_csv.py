"""The tables of two earlier testbeds on Raspberry Pis, both of 0xFD6F frames heard by bluepy (SPEC.md 19.4).

NIST's (ececli): Timestamp,MAC,RSSI,UUID,RPI and then Version,TX_Power,Reserved or AEM or META. Its time is that of the
scan's window; a few lines in a thousand are nonsense, as its authors say, with an RSSI like -4294967234.

mh-'s raw receive log: Time;RPI;AEM;RSSI;BDADDR and perhaps a position. Its time is in whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.rows import Row
from anopticon_protocol.advert import encode
from anopticon_protocol.params import EPHID_BYTES, GAEN_SERVICE_UUID, METADATA_BYTES
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.common import Distances, ImportOptions, Notes, address_kind, manifest_for
from anopticon_testbed.formats.csv_lines import Line, Table

ECECLI_COLUMNS: Final = ["Timestamp", "MAC", "RSSI", "UUID", "RPI"]
ECECLI_METADATA: Final = (["Version", "TX_Power", "Reserved"], ["AEM"], ["META"])
MH_COLUMNS: Final = ["RPI", "AEM", "RSSI", "BDADDR"]
MH_TIMES: Final = ("Time", "Time(s)")
MH_FILTERED: Final = "MaxRSSI"
ECECLI_REMARK: Final = "one frame per sender and scan of 3 to 4 s, with the time at which the scan began"
MH_REMARK: Final = "one frame per sender and scan of 2 s, with a time in whole seconds"


def is_ececli(fields: list[str]) -> bool:
    """Whether these column names are those of ececli."""
    return fields[:5] == ECECLI_COLUMNS and fields[5:] in ECECLI_METADATA


def is_mh(fields: list[str]) -> bool:
    """Whether these column names are those of mh-'s raw log; raises RecordingError for those of its other one."""
    if MH_FILTERED in fields:
        raise RecordingError(
            "this is mh-'s filtered log, which keeps the strongest RSSI only: import the raw one"
        )
    return fields[:1] != [] and fields[0] in MH_TIMES and fields[1:5] == MH_COLUMNS


def read_ececli(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """A table of ececli as rows; raises RecordingError naming line and column."""
    table = Table(path, ",", notes)
    distances = Distances(options.metres)
    first = True
    for line in table.lines(is_ececli):
        time_ns = table.seconds_ns(line, "Timestamp")
        if first:
            first = False
            yield manifest_for(path, options, time_ns, "ececli", ECECLI_REMARK, exact=False)
        frame = _ececli_frame(table, line, time_ns, notes)
        if frame is not None:
            yield from _with_truth(frame, distances)
    if first:
        yield manifest_for(path, options, 0, "ececli", ECECLI_REMARK, exact=False)


def _ececli_frame(table: Table, line: Line, time_ns: int, notes: Notes) -> HeardFrame | None:
    if line.fields["UUID"].lower() != f"{GAEN_SERVICE_UUID:04x}":
        notes.leave_out("lines of another service than fd6f")
        return None
    rssi = table.rssi(line, "RSSI")
    if rssi is None:
        return None
    if "Version" in line.fields:
        sizes = {"Version": 1, "TX_Power": 1, "Reserved": 2}
        metadata = b"".join(table.hexadecimal(line, column, size) for column, size in sizes.items())
    else:
        metadata = table.hexadecimal(line, "AEM" if "AEM" in line.fields else "META", METADATA_BYTES)
    identifier = table.hexadecimal(line, "RPI", EPHID_BYTES)
    address = table.address(line, "MAC", line.fields["MAC"])
    # Its scanner keeps frames with flags only.
    data = encode(GAEN_SERVICE_UUID, identifier + metadata)
    return HeardFrame(time_ns, time_ns, address, AddressType.UNKNOWN, PduType.UNKNOWN, rssi, data)


def read_mh(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """A raw log of mh- as rows; raises RecordingError naming line and column."""
    table = Table(path, ";", notes)
    distances = Distances(options.metres)
    first = True
    for line in table.lines(is_mh):
        time_ns = table.seconds_ns(line, next(name for name in MH_TIMES if name in line.fields))
        if first:
            first = False
            yield manifest_for(path, options, time_ns, "mh", MH_REMARK, exact=False)
        rssi = table.rssi(line, "RSSI")
        if rssi is not None:
            yield from _with_truth(_mh_frame(table, line, time_ns, rssi), distances)
    if first:
        yield manifest_for(path, options, 0, "mh", MH_REMARK, exact=False)


def _mh_frame(table: Table, line: Line, time_ns: int, rssi: int) -> HeardFrame:
    text, _, kind = line.fields["BDADDR"].partition(" ")
    address = table.address(line, "BDADDR", text)
    known = kind in {"(random)", "(public)"}
    address_type = address_kind(address, random=kind == "(random)") if known else AddressType.UNKNOWN
    service_data = table.hexadecimal(line, "RPI", EPHID_BYTES) + table.hexadecimal(
        line, "AEM", METADATA_BYTES
    )
    data = encode(GAEN_SERVICE_UUID, service_data, flags=False)
    return HeardFrame(time_ns, time_ns, address, address_type, PduType.UNKNOWN, rssi, data)


def _with_truth(frame: HeardFrame, distances: Distances) -> Iterator[Row]:
    truth = distances.news(frame.address, frame.mono_ns)
    if truth is not None:
        yield truth
    yield frame
