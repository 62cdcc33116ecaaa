"""Which formats there are, told by their first bytes (SPEC.md 19.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from anopticon_client.recording.rows import Row
from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.formats.btsnoop import is_btsnoop, read_btsnoop
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.dp3t import SQLITE_MAGIC, read_dp3t
from anopticon_testbed.formats.parquet import is_parquet, read_parquet
from anopticon_testbed.formats.pcap import PCAPNG, is_pcap, read_pcap
from anopticon_testbed.formats.testbed_csv import is_ececli, is_mh, read_ececli, read_mh

Reader = Callable[[Path, ImportOptions, Notes], Iterator[Row]]
HEAD_BYTES: Final = 512


class Format(NamedTuple):
    """A format that can be imported."""

    reader: Reader
    about: str


FORMATS: Final[dict[str, Format]] = {
    "parquet": Format(read_parquet, "a folder that `export` made"),
    "pcap": Format(read_pcap, "captures of the LE link layer (link types 256, 251) or of HCI (187, 201)"),
    "btsnoop": Format(read_btsnoop, "HCI logs of Android, btmon and Wireshark"),
    "ececli": Format(read_ececli, "tables of NIST's Raspberry Pi testbed"),
    "mh": Format(read_mh, "raw logs of mh-'s exposure-notification-ble-python"),
    "dp3t": Format(read_dp3t, "DP-3T's measurements, SQLite"),
}


def read_foreign(path: Path, name: str, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """The rows of a file in the format `name`, or in the one that it begins like if that is "auto".

    Raises RecordingError or RecordingFileError, in the middle of the rows as well.
    """
    chosen = detect(path) if name == "auto" else name
    if chosen not in FORMATS:
        raise InputError(f"format {chosen!r} is none of auto, {', '.join(FORMATS)}")
    try:
        yield from FORMATS[chosen].reader(path, options, notes)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def detect(path: Path) -> str:
    """The format of a file or folder by what it begins with; raises RecordingError."""
    if path.is_dir():
        if is_parquet(path):
            return "parquet"
        raise RecordingError(f"{path}: no folder of Parquet files; give the files to import one by one")
    try:
        with path.open("rb") as source:
            head = source.read(HEAD_BYTES)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if is_pcap(head) or head.startswith(PCAPNG):
        return "pcap"
    if is_btsnoop(head):
        return "btsnoop"
    if head.startswith(SQLITE_MAGIC):
        return "dp3t"
    line = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    if is_ececli([name.strip() for name in line.split(",")]):
        return "ececli"
    if is_mh([name.strip() for name in line.split(";")]):
        return "mh"
    raise RecordingError(f"{path}: begins like none of {', '.join(FORMATS)}; choose with --from if it is one")
