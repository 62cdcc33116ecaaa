"""Temporary Exposure Keys as uploaded and published: which spans may stand together, the 23-byte entry, revisions."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from anopticon_protocol.designs.expansion import Expansion, Scheme
from anopticon_protocol.designs.records import Match, ReportType, SharedKey
from anopticon_protocol.designs.uploads import check_unique
from anopticon_protocol.errors import UploadError
from anopticon_protocol.primitives import sha256

_ENTRY: Final = struct.Struct(">16sIBBb")
ENTRY_BYTES: Final = _ENTRY.size
MAX_SAME_START: Final = 3
"""Keys of one upload that may share their rolling start: a key cut short, its successor, and one more."""
MAX_ONSET_DAYS: Final = 14
MAX_INTERVAL: Final = 2**32 - 1
"""The interval number is encrypted as 32 bits."""
ONSET_UNKNOWN: Final = 127
"""Stands for an unknown day of onset in the entry."""
KEY_ID_BYTES: Final = 8
"""Enough to tell the keys that one phone matches in two weeks from each other."""
_LEGAL_REVISIONS: Final = {
    ReportType.SELF_REPORT: {
        ReportType.CONFIRMED_TEST,
        ReportType.CLINICAL_DIAGNOSIS,
        ReportType.REVOKED,
    },
    ReportType.CLINICAL_DIAGNOSIS: {ReportType.CONFIRMED_TEST, ReportType.REVOKED},
}


def key_id(tek: bytes) -> bytes:
    """What ties the observations of one key together once it has matched: a hash, so that the key is not kept."""
    return sha256(b"anopticon key id v1/" + tek)[:KEY_ID_BYTES]


def revise(match: Match, key: SharedKey) -> Match:
    """`match` after its key was published again: a report type changes at most once, and along legal lines only."""
    if match.revised or key.report_type not in _LEGAL_REVISIONS.get(match.report_type, ()):
        return match
    return replace(match, report_type=key.report_type, days_since_onset=key.days_since_onset, revised=True)


PADDED_HEAD: Final = b"EN-RPI" + bytes(6)
"""What comes before the interval number in the block that is encrypted to an RPI."""


def padded_blocks(first: int, count: int) -> bytes:
    """The padded data of `count` intervals from interval number `first` on, one behind the other."""
    blocks = np.zeros((count, 16), np.uint8)
    blocks[:, : len(PADDED_HEAD)] = np.frombuffer(PADDED_HEAD, np.uint8)
    blocks[:, len(PADDED_HEAD) :] = (
        np.arange(first, first + count).astype("<u4").view(np.uint8).reshape(-1, 4)
    )
    return blocks.tobytes()


def check_spans(keys: Sequence[SharedKey], rolling_period: int) -> None:
    """Raise UploadError for a span outside 1..`rolling_period`, a bad onset, or keys that overlap."""
    for number, key in enumerate(keys):
        if not 1 <= key.span <= rolling_period:
            raise UploadError(f"keys[{number}].span", f"{key.span} intervals, must be 1..{rolling_period}")
        if abs(key.days_since_onset or 0) > MAX_ONSET_DAYS:
            bounds = f"-{MAX_ONSET_DAYS}..{MAX_ONSET_DAYS}"
            raise UploadError(f"keys[{number}].days_since_onset", f"{key.days_since_onset}, must be {bounds}")
    check_unique(keys, "index", lambda key: key.index, MAX_SAME_START)
    longest: dict[int, int] = {}
    for key in keys:
        longest[key.index] = max(key.span, longest.get(key.index, 0))
    for (start, span), (later, _) in pairwise(sorted(longest.items())):
        if start + span > later:
            raise UploadError("keys", f"the key that starts at interval {start} overlaps the one at {later}")


def encode_entry(key: SharedKey) -> bytes:
    """TEK, rolling start (u32), rolling period (u8), report type (u8), days since onset (i8, 127 unknown)."""
    onset = ONSET_UNKNOWN if key.days_since_onset is None else key.days_since_onset
    return _ENTRY.pack(key.secret, key.index, key.span, key.report_type, onset)


def decode_entry(entry: bytes) -> SharedKey:
    """Read an entry; raises ValueError with the field at fault."""
    secret, index, span, report, onset = _ENTRY.unpack(entry)
    if not 1 <= span <= 144:  # noqa: PLR2004 - TEKRollingPeriod
        msg = f"rolling period {span}, must be 1..144"
        raise ValueError(msg)
    if index + span > MAX_INTERVAL + 1:
        msg = f"rolling start {index}: its intervals go beyond {MAX_INTERVAL} (MAX_INTERVAL)"
        raise ValueError(msg)
    if report > max(ReportType):
        msg = f"report type {report}, must be 0..{max(ReportType)}"
        raise ValueError(msg)
    if onset != ONSET_UNKNOWN and abs(onset) > MAX_ONSET_DAYS:
        msg = f"days since onset {onset}, must be -{MAX_ONSET_DAYS}..{MAX_ONSET_DAYS} or {ONSET_UNKNOWN}"
        raise ValueError(msg)
    return SharedKey(secret, index, span, ReportType(report), None if onset == ONSET_UNKNOWN else onset)


_FIELDS: Final = np.dtype(
    [("secret", "V16"), ("index", ">u4"), ("span", "u1"), ("report", "u1"), ("onset", "i1")]
)
"""The entry as a record of numpy."""


def sound_entries(entries: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """For an array of shape (n, ENTRY_BYTES), which entries `decode_entry` accepts."""
    fields = np.ascontiguousarray(entries).view(_FIELDS).reshape(-1)
    span, onset = fields["span"], fields["onset"]
    found: npt.NDArray[np.bool_] = (
        (span >= 1)
        & (span <= 144)  # noqa: PLR2004 - TEKRollingPeriod
        & (fields["index"].astype(np.int64) + span <= MAX_INTERVAL + 1)
        & (fields["report"] <= max(ReportType))
        & ((onset == ONSET_UNKNOWN) | (np.abs(onset.astype(np.int16)) <= MAX_ONSET_DAYS))
    )
    return found


def rolling_expansion(label: bytes, tolerance: int, guard_seconds: int) -> Expansion:
    """How entries expand to RPIs under `label`, accepted `tolerance` intervals to either side."""
    return Expansion(
        scheme=Scheme.ROLLING,
        entry_bytes=ENTRY_BYTES,
        secret_bytes=16,
        label=label,
        per_slot=1,
        most_slots=144,
        last_slot=MAX_INTERVAL,
        tolerance=tolerance,
        decode=decode_entry,
        sound=sound_entries,
        guard_seconds=guard_seconds,
    )
