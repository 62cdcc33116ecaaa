"""Measurements of the DP-3T project as SQLite files: one reading a row, with the true distance (SPEC.md 19.4).

Each receiver becomes a recording of its own. The files name the sender and not its frame, so that addresses and
identifiers are made up here, the same for one sender in every file; the distance is kept as `truth` rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.rows import Manifest, Row, Truth
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.common import (
    RSSI_RANGE,
    ImportOptions,
    Notes,
    foreign_capabilities,
    name_of,
)
from anopticon_testbed.formats.csv_lines import FIRST_SECOND, LAST_SECOND

SQLITE_MAGIC: Final = b"SQLite format 3\0"
MAX_RECEIVERS: Final = 1_000
"""Fifty times the phones of the largest experiment."""
MAX_DEVICE_ID: Final = 2**32 - 1
MAX_METRES: Final = 10_000.0
MAX_MODEL_CHARS: Final = 100
MILLISECONDS_FROM: Final = 1e11
"""Some files count milliseconds, some seconds; this number of seconds is the year 5138."""
MAX_SQLITE_VALUE_BYTES: Final = 64 * 1024
"""Of one row: eight numbers and names. A sparse file can claim gigabytes."""
MAX_SQLITE_STEPS: Final = 2_000
"""Millions of steps of SQLite's machine for one file, fifty times what the largest takes: a damaged or hostile file
could make it search for ever."""
_COLUMNS: Final = (
    "receiver_id", "receiver_model", "transmitter_id", "transmitter_model",
    "timestamp", "rssi", "tx_power", "ground_truth_distance",
)  # fmt: skip


class Reading(NamedTuple):
    """One row of the file, checked."""

    receiver: int
    receiver_model: str
    sender: int
    sender_model: str
    time_ns: int
    rssi_dbm: int | None
    tx_power_dbm: int
    metres: float | None


def read_dp3t(path: Path, options: ImportOptions, notes: Notes) -> Iterator[Row]:
    """Every reading as rows, receiver by receiver, by time; raises RecordingError naming record and column."""
    try:
        database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise RecordingError(f"{path}: {error}") from error
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_SQLITE_VALUE_BYTES)
    try:
        yield from _receivers(path, database, options, notes)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read as a database of measurements: {error}") from error
    finally:
        database.close()


def address_of(sender: int) -> bytes:
    """The address made up for a sender: a static random one that ends with its number."""
    return b"\xd3\x00" + sender.to_bytes(4, "big")


def identifier_of(sender: int) -> bytes:
    """The identifier made up for a sender."""
    return f"DP3T{sender:012d}"[:EPHID_BYTES].encode()


def _receivers(
    path: Path, database: sqlite3.Connection, options: ImportOptions, notes: Notes
) -> Iterator[Row]:
    _check_shape(path, database)
    found = database.execute(
        "SELECT DISTINCT receiver_id FROM results ORDER BY 1 LIMIT ?", (MAX_RECEIVERS + 1,)
    )
    receivers = [receiver for (receiver,) in found]
    if len(receivers) > MAX_RECEIVERS:
        raise RecordingError(f"{path}: more than {MAX_RECEIVERS} receivers (MAX_RECEIVERS)")
    query = (
        f"SELECT rowid, {', '.join(_COLUMNS)} FROM results WHERE receiver_id IS ? ORDER BY timestamp, rowid"  # noqa: S608
    )
    for receiver in receivers:
        known: dict[int, tuple[float | None, int]] = {}
        first = True
        for values in database.execute(query, (receiver,)):
            reading = _reading(path, values)
            if first:
                first = False
                yield _manifest(path, reading, options)
            if reading.rssi_dbm is None:
                notes.leave_out("readings with an RSSI that no receiver can have measured")
                continue
            yield from _rows(reading, known, options)


def _rows(
    reading: Reading, known: dict[int, tuple[float | None, int]], options: ImportOptions
) -> Iterator[Row]:
    address = address_of(reading.sender)
    time_ns = reading.time_ns
    metres = reading.metres if options.metres is None else options.metres
    about = (metres, reading.tx_power_dbm)
    if known.get(reading.sender) != about:
        known[reading.sender] = about
        name = name_of(f"{reading.sender}-{reading.sender_model}")
        yield Truth(time_ns, time_ns, address, metres, reading.tx_power_dbm, name)
    data = encode(DP3T_SERVICE_UUID, identifier_of(reading.sender), flags=False)
    yield HeardFrame(time_ns, time_ns, address, AddressType.STATIC, PduType.UNKNOWN, reading.rssi_dbm, data)


def _manifest(path: Path, reading: Reading, options: ImportOptions) -> Manifest:
    remark = "addresses and identifiers were made up at the import: the file names senders only"
    return Manifest(
        node=name_of(f"{reading.receiver}-{reading.receiver_model}"),
        run=options.run if options.run != ImportOptions().run else name_of(path.stem),
        mono_ns=reading.time_ns,
        wall_ns=reading.time_ns,
        design="",
        service_uuid=DP3T_SERVICE_UUID,
        radio="dp3t",
        tx_power_dbm=0,
        position=None,
        capabilities=foreign_capabilities("dp3t", remark, exact=False),
        software="imported",
        about={"source": path.name[:200], "receiver": reading.receiver, "model": reading.receiver_model},
    )


def _check_shape(path: Path, database: sqlite3.Connection) -> None:
    steps = 0

    def too_long() -> int:
        nonlocal steps
        steps += 1
        return int(steps > MAX_SQLITE_STEPS)

    database.set_progress_handler(too_long, 1_000_000)  # called every so many steps
    # A view could hold a query that never ends.
    kind = database.execute("SELECT type FROM sqlite_master WHERE name = 'results'").fetchone()
    if kind != ("table",):
        raise RecordingError(f"{path}: has no table `results`, so it is no file of DP-3T's measurements")
    present = {name for (_, name, *_) in database.execute("PRAGMA table_info(results)")}
    missing = [column for column in _COLUMNS if column not in present]
    if missing:
        raise RecordingError(f"{path}: table results lacks the column {missing[0]}")


def _reading(path: Path, values: tuple[object, ...]) -> Reading:
    number, receiver, receiver_model, sender, sender_model, timestamp, rssi, power, metres = values
    record = _Record(path, number)
    return Reading(
        record.whole("receiver_id", receiver, range(MAX_DEVICE_ID)),
        record.model("receiver_model", receiver_model),
        record.whole("transmitter_id", sender, range(MAX_DEVICE_ID)),
        record.model("transmitter_model", sender_model),
        record.time_ns(timestamp),
        record.rssi(rssi),
        record.whole("tx_power", power, range(-127, 128)),
        record.metres(metres),
    )


class _Record:
    """Checks the columns of one row."""

    def __init__(self, path: Path, number: object) -> None:
        self._path = path
        self._number = number

    def wrong(self, column: str, value: object) -> RecordingError:
        shown = str(value)[:40]
        return RecordingError(
            f"{self._path}: record {self._number}, column {column}: {shown!r} is out of bounds"
        )

    def whole(self, column: str, value: object, bounds: range) -> int:
        if type(value) is not int or value not in bounds:
            raise self.wrong(column, value)
        return value

    def model(self, column: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > MAX_MODEL_CHARS or not value.isprintable():
            raise self.wrong(column, value)
        return value

    def time_ns(self, value: object) -> int:
        if not isinstance(value, int | float):
            raise self.wrong("timestamp", value)
        thousand = 1_000
        milliseconds = value if value > MILLISECONDS_FROM else value * thousand
        if not FIRST_SECOND <= milliseconds / thousand <= LAST_SECOND:
            raise self.wrong("timestamp", value)
        # The files have milliseconds; what a float holds beyond them is noise.
        return round(milliseconds) * 1_000_000

    def rssi(self, value: object) -> int | None:
        if type(value) is not int:
            raise self.wrong("rssi", value)
        return value if value in RSSI_RANGE else None

    def metres(self, value: object) -> float | None:
        """Unknown is empty, or -1 in the scenario with walls."""
        if value is None:
            return None
        if not isinstance(value, int | float) or not -1 <= value <= MAX_METRES:
            raise self.wrong("ground_truth_distance", value)
        return None if value < 0 else float(value)
