"""What an Exposure Notification export holds, as records, and the range of each field: SPEC.md 8.5.1, 8.5.3.

The ranges are those of the clients and servers of Exposure Notification (reference: gaen.md 3 and 4); reader
and writer share them, so that nothing is written that would not be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from anopticon_protocol.designs.gaen import ROLLING_PERIOD, SECRET_BYTES
from anopticon_protocol.designs.gaen_keys import MAX_ONSET_DAYS
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.export.defects import DefectCode
from anopticon_protocol.params import INTERVAL_SECONDS

EXPORT_MAGIC: Final = b"EK Export v1    "
"""The 16 bytes every export.bin starts with; they are signed with the rest."""
TEK_BYTES: Final = SECRET_BYTES
DEFAULT_ROLLING_PERIOD: Final = ROLLING_PERIOD
"""Ten-minute intervals of a full day; what an absent rolling_period means."""
MAX_TRANSMISSION_RISK: Final = 8
OID_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
"""ecdsa-with-SHA256 (RFC 5758); the only algorithm accepted."""

MAX_EXPORT_KEYS: Final = 750_000
"""Keys of both lists together: the vendors' ceiling for one file."""
MAX_WRITTEN_KEYS: Final = 500_000
"""Records per file of the reference server: larger sets are split by the publisher."""
MAX_RECORD_BYTES: Final = 1_024
"""A record with all its fields is at most 68 bytes; the rest is room for fields not yet invented."""
MAX_RECORD_FIELDS: Final = 16
"""A record has six; tiny unknown ones could otherwise keep a reader busy for minutes."""
MAX_OTHER_FIELDS: Final = 1_000
"""Fields of the outer message that are no keys. Real files have under 20; the reason is the same."""
MAX_EXPORT_BYTES: Final = 48 * 1024 * 1024
"""750,000 records of 67 bytes, twice the 31 to 33 that real ones have."""
MAX_SIGNATURES: Final = 10
"""Signature infos that a phone examines (Android); more are refused."""
MAX_SIGNATURE_INFO_BYTES: Final = 1_024
MAX_TEXT_BYTES: Final = 256
"""Region, key id, key version and algorithm: the longest seen is 30 bytes."""
MAX_TIMESTAMP: Final = 253_402_300_799
"""The last second of the year 9999, so that every accepted time can be printed."""
MAX_ROLLING_START: Final = MAX_TIMESTAMP // INTERVAL_SECONDS - DEFAULT_ROLLING_PERIOD


@dataclass(frozen=True, slots=True)
class ExportedKey:
    """A Temporary Exposure Key as published: times in intervals of 600 s, days from onset to the key."""

    key_data: bytes
    rolling_start: int
    rolling_period: int = DEFAULT_ROLLING_PERIOD
    transmission_risk: int = 0
    report_type: ReportType = ReportType.UNKNOWN
    days_since_onset: int | None = None

    @classmethod
    def from_shared(cls, key: SharedKey) -> ExportedKey:
        """The export form of a key of the gaen design; no transmission risk is known there, which is 0."""
        return cls(key.secret, key.index, key.span, 0, key.report_type, key.days_since_onset)

    def to_shared(self) -> SharedKey:
        """The key as the gaen design matches it; the transmission risk is left behind."""
        return SharedKey(
            self.key_data, self.rolling_start, self.rolling_period, self.report_type, self.days_since_onset
        )


@dataclass(frozen=True, slots=True)
class SignatureInfo:
    """Which key signed and how; all three may be empty in what is read."""

    key_version: str = ""
    key_id: str = ""
    algorithm: str = OID_ECDSA_SHA256


@dataclass(frozen=True, slots=True)
class ExportHeader:
    """The fields that an export states once, None where one is left out; timestamps in Unix seconds."""

    start_timestamp: int | None = None
    end_timestamp: int | None = None
    region: str | None = None
    batch_num: int | None = None
    batch_size: int | None = None
    signature_infos: tuple[SignatureInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A sound key, its place in the file (`number` from 1 over both lists) and the list it stands in."""

    key: ExportedKey
    number: int
    offset: int
    revised: bool


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was found when reading stopped; `complete` says that the last byte was reached."""

    header: ExportHeader
    records: int
    sound: int
    size: int
    complete: bool


@dataclass(frozen=True, slots=True)
class ExportSignature:
    """One entry of export.sig; `offset` is where it starts."""

    info: SignatureInfo
    batch_num: int | None
    batch_size: int | None
    signature: bytes
    offset: int = 0


Fault: TypeAlias = tuple[DefectCode, str]
"""A defect in the making: its code and its sentence; who knows the place makes a Defect of it."""


def length_faults(key_data: bytes) -> list[Fault]:
    """Say what is wrong with the length of a key, if anything."""
    if len(key_data) == TEK_BYTES:
        return []
    state = f"has {len(key_data)} bytes" if key_data else "is missing"
    return [(DefectCode.KEY_LENGTH, f"key_data {state}; a key has {TEK_BYTES} bytes")]


def range_faults(start: int, period: int, risk: int, report_type: int, onset: int | None) -> list[Fault]:
    """List the numbers of a key that lie outside their range."""
    faults: list[Fault] = []
    if start == 0:
        sentence = "rolling_start_interval_number is missing or 0, the year 1970"
        faults.append((DefectCode.ROLLING_START, sentence))
    ranges = (
        (DefectCode.ROLLING_START, "rolling_start_interval_number", start, 0, MAX_ROLLING_START),
        (DefectCode.ROLLING_PERIOD, "rolling_period", period, 1, DEFAULT_ROLLING_PERIOD),
        (DefectCode.TRANSMISSION_RISK, "transmission_risk_level", risk, 0, MAX_TRANSMISSION_RISK),
        (DefectCode.REPORT_TYPE, "report_type", report_type, 0, max(ReportType).value),
        (DefectCode.ONSET, "days_since_onset_of_symptoms", onset or 0, -MAX_ONSET_DAYS, MAX_ONSET_DAYS),
    )
    for code, name, value, low, high in ranges:
        if not low <= value <= high:
            faults.append((code, f"{name} {value} lies outside {low}..{high}"))
    return faults


def header_faults(header: ExportHeader) -> list[Fault]:
    """List what is wrong with the fields that an export states once."""
    faults: list[Fault] = []
    start, end = header.start_timestamp or 0, header.end_timestamp or 0
    for name, value in (("start_timestamp", start), ("end_timestamp", end)):
        if value == 0:
            faults.append(
                (DefectCode.WINDOW_MISSING, f"{name} is missing or 0: the window covered is unknown")
            )
        elif value > MAX_TIMESTAMP:
            faults.append((DefectCode.WINDOW, f"{name} {value} lies after the year 9999 (MAX_TIMESTAMP)"))
    if 0 < end < start:
        faults.append((DefectCode.WINDOW, f"end_timestamp {end} lies before start_timestamp {start}"))
    if (number := header.batch_num, size := header.batch_size) not in ((1, 1), (None, None)):
        part = " of ".join("(missing)" if value is None else str(value) for value in (number, size))
        faults.append(
            (DefectCode.BATCH, f"batch {part}: only files that are complete alone, 1 of 1, are accepted")
        )
    for info in header.signature_infos:
        faults += info_faults(info, alone=len(header.signature_infos) == 1)
    return faults


def info_faults(info: SignatureInfo, *, alone: bool) -> list[Fault]:
    """List what is wrong with a signature info; `alone` says that it is the only one of the file."""
    faults: list[Fault] = []
    if info.algorithm != OID_ECDSA_SHA256:
        given = f'"{info.algorithm}"' if info.algorithm else "(missing)"
        sentence = (
            f"signature_algorithm {given} is not {OID_ECDSA_SHA256}, the identifier of ECDSA with SHA-256"
        )
        faults.append((DefectCode.SIGNATURE_ALGORITHM, sentence))
    if not info.key_id or not info.key_version:
        lacking = " and ".join(
            name
            for name, value in (
                ("verification_key_id", info.key_id),
                ("verification_key_version", info.key_version),
            )
            if not value
        )
        code = DefectCode.KEY_ID_EMPTY if alone else DefectCode.SIGNATURE_KEY_ID
        excuse = "; tolerated because there is one signature" if alone else "; needed with several signatures"
        faults.append((code, f"{lacking} empty{excuse}"))
    return faults


def batch_text(number: int | None, size: int | None) -> str:
    """Both batch fields for a sentence, as in "1 of 7"."""
    return " of ".join("(missing)" if value is None else str(value) for value in (number, size))
