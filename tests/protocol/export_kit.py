"""What the export tests share: hypothesis strategies for every record, and a small file made from them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from hypothesis import strategies as st

from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.export import wire
from anopticon_protocol.export.defects import Defect, DefectCode
from anopticon_protocol.export.model import (
    EXPORT_MAGIC,
    MAX_ROLLING_START,
    ExportedKey,
    ExportHeader,
    KeyRecord,
    SignatureInfo,
)
from anopticon_protocol.export.reader import Event, scan_export
from anopticon_protocol.export.writer import encode_export, write_export
from anopticon_protocol.signing import SigningKey

SIGNER = SigningKey.from_secret(bytes(range(32)))
STRANGER = SigningKey.from_secret(bytes(range(1, 33)))
INFO = SignatureInfo("v1", "310")
HEADER = ExportHeader(1_600_000_200, 1_600_003_800, "CH", 1, 1, (INFO,))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
names = st.text("abcXYZ019_.", min_size=1, max_size=12)
infos = st.builds(SignatureInfo, names, names)
keys = st.builds(
    ExportedKey,
    key_data=st.binary(min_size=16, max_size=16),
    rolling_start=st.integers(1, MAX_ROLLING_START),
    rolling_period=st.integers(1, 144),
    transmission_risk=st.integers(0, 8),
    report_type=st.sampled_from(ReportType),
    days_since_onset=st.none() | st.integers(-14, 14),
)
key_lists = st.lists(keys, max_size=12, unique_by=lambda key: key.key_data)
headers = st.builds(
    ExportHeader,
    start_timestamp=st.integers(1, 2**31),
    end_timestamp=st.integers(2**31, 2**32),
    region=st.none() | texts,
    batch_num=st.just(1),
    batch_size=st.just(1),
    signature_infos=st.lists(infos, min_size=1, max_size=3).map(tuple),
)


def key(number: int, **fields: int | None) -> ExportedKey:
    """A sound key whose bytes start with `number`."""
    return ExportedKey(number.to_bytes(2, "big") + bytes(14), 2_650_032, **fields)  # type: ignore[arg-type]


def small_export() -> bytes:
    """An export.bin with a key of every shape that the writer makes."""
    primary = [
        key(1),
        key(2, rolling_period=30, transmission_risk=8),
        key(3, report_type=ReportType.CONFIRMED_TEST, days_since_onset=-3),
    ]
    return encode_export(HEADER, primary, [key(1, report_type=ReportType.REVOKED)])


def small_archive() -> bytes:
    """The same, signed and zipped."""
    return write_export(HEADER, [key(1), key(2), key(3)], [(SIGNER, INFO)])


def export_of(*fields: bytes) -> bytes:
    """An export.bin of raw fields behind a sound header."""
    head = EXPORT_MAGIC + wire.fixed64_field(1, 1_600_000_200) + wire.fixed64_field(2, 1_600_003_800)
    return head + b"".join(fields)


def record(*fields: bytes, number: int = 7) -> bytes:
    """A key record of raw fields."""
    return wire.bytes_field(number, b"".join(fields))


def zip_of(files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip made by the standard library."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, method)
    return out.getvalue()


def chopped(data: bytes, size: int) -> list[bytes]:
    """Cut into chunks of `size` bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def scan(data: bytes) -> list[Event]:
    """Everything that a scan of a whole file yields."""
    return list(scan_export([data]))


def defects_of(data: bytes) -> list[Defect]:
    """The defects that a scan yields."""
    return [event for event in scan(data) if isinstance(event, Defect)]


def codes_of(data: bytes) -> list[DefectCode]:
    """The codes of those defects."""
    return [defect.code for defect in defects_of(data)]


def keys_of(data: bytes) -> list[ExportedKey]:
    """The sound keys of a file."""
    return [event.key for event in scan(data) if isinstance(event, KeyRecord)]
