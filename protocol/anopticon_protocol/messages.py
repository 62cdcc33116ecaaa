"""What phones and server say to each other in JSON: the upload and the index of batches (SPEC.md 7).

Decoding is strict: every field is named, typed and bounded, an unknown one is refused. An upload has one length per
design however many keys it holds, so that its length tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, cast

from anopticon_protocol.codes import parse_code
from anopticon_protocol.designs import MAX_SPEC_CHARS
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.gaen_keys import MAX_ONSET_DAYS
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.errors import BatchIndexError, CodeError, UploadError
from anopticon_protocol.params import INTERVAL_SECONDS, MAX_INDEX_BATCHES, MAX_INDEX_BYTES, MAX_UNIX_TIME

UPLOAD_VERSION: Final = 1
INDEX_VERSION: Final = 1
MAX_UPLOAD_BYTES: Final = 256 * 1024
"""Above the longest upload of any design: 1,441 seeds of the unlinkable one make 185 kB."""
_KEY_FIELDS = frozenset({"secret", "index", "span", "report_type", "days_since_onset"})
_UPLOAD_FIELDS = frozenset({"version", "design", "code", "keys", "padding"})
_INDEX_FIELDS = frozenset({"version", "design", "period", "complete_until", "batches"})
_ENTRY_FIELDS = frozenset({"release", "sha256", "length"})
_WIDEST_INDEX = MAX_UNIX_TIME // INTERVAL_SECONDS
_WIDEST_SPAN = 144


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person who tested positive sends: the design, a one-time code, and keys."""

    design: str
    code: str
    keys: tuple[SharedKey, ...]

    def encode(self, design: Design) -> bytes:
        """JSON bytes, padded to `upload_bytes(design)`."""
        plain = _upload_json(self, "")
        return _upload_json(self, "." * (upload_bytes(design) - len(plain)))

    @classmethod
    def decode(cls, data: bytes) -> Upload:
        """Read an upload; raises UploadError naming the field. Dates and keys are checked by the design, not here."""
        if len(data) > MAX_UPLOAD_BYTES:
            raise UploadError("upload", f"{len(data)} bytes, at most {MAX_UPLOAD_BYTES} (MAX_UPLOAD_BYTES)")
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise UploadError("upload", "not JSON") from error
        fields = _object(raw, "upload", _UPLOAD_FIELDS, _UPLOAD_FIELDS)
        if _is_not(fields["version"], UPLOAD_VERSION):
            raise UploadError("version", f"must be {UPLOAD_VERSION}")
        if not isinstance(fields["padding"], str):
            raise UploadError("padding", "must be text")
        design = fields["design"]
        if not isinstance(design, str) or len(design) > MAX_SPEC_CHARS:
            raise UploadError(
                "design", f"must be text of at most {MAX_SPEC_CHARS} characters (MAX_SPEC_CHARS)"
            )
        keys = fields["keys"]
        if not isinstance(keys, list):
            raise UploadError("keys", "must be a list")
        return cls(
            design, _code(fields["code"]), tuple(_key(one, f"keys[{n}]") for n, one in enumerate(keys))
        )


def upload_bytes(design: Design) -> int:
    """The length of every upload of `design`, in bytes: that of the largest one."""
    widest = SharedKey(
        bytes(design.secret_bytes), _WIDEST_INDEX, _WIDEST_SPAN, ReportType.CONFIRMED_TEST, None
    )
    return len(_upload_json(Upload(design.spec, "0" * 16, (widest,) * design.max_upload_keys), ""))


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One published batch as the index lists it."""

    release: int
    sha256: str
    """Lower-case hex of the whole file: its name and its ETag."""
    length: int


@dataclass(frozen=True, slots=True)
class BatchIndex:
    """Which batches there are, oldest first, and up to which release the list is complete."""

    design: str
    period: int
    complete_until: int
    batches: tuple[BatchEntry, ...]

    def encode(self) -> bytes:
        """JSON bytes, the same for the same index."""
        entries = [{"length": b.length, "release": b.release, "sha256": b.sha256} for b in self.batches]
        whole = {
            "batches": entries,
            "complete_until": self.complete_until,
            "design": self.design,
            "period": self.period,
            "version": INDEX_VERSION,
        }
        return json.dumps(whole, separators=(",", ":")).encode("ascii")

    @classmethod
    def decode(cls, data: bytes) -> BatchIndex:
        """Read an index; raises BatchIndexError naming the field."""
        if len(data) > MAX_INDEX_BYTES:
            msg = f"index of {len(data)} bytes, at most {MAX_INDEX_BYTES} (MAX_INDEX_BYTES)"
            raise BatchIndexError(msg)
        try:
            raw = json.loads(data)
            return _index(raw)
        except (ValueError, RecursionError) as error:
            msg = f"index of batches: {error}"
            raise BatchIndexError(msg) from error


def _is_not(value: object, version: int) -> bool:
    """Whether a version is another one; JSON's true and 1.0 are not the number 1."""
    return type(value) is not int or value != version


def _index(raw: Any) -> BatchIndex:  # noqa: ANN401 - JSON of unknown shape
    _only(raw, _INDEX_FIELDS)
    if _is_not(raw["version"], INDEX_VERSION):
        msg = f"version {raw['version']!r}, must be {INDEX_VERSION}"
        raise ValueError(msg)
    listed = raw["batches"]
    if not isinstance(listed, list) or len(listed) > MAX_INDEX_BATCHES:
        msg = f"batches must be a list of at most {MAX_INDEX_BATCHES} (MAX_INDEX_BATCHES)"
        raise ValueError(msg)
    entries = tuple(_entry(one) for one in listed)
    if any(later.release <= earlier.release for earlier, later in pairwise(entries)):
        msg = "batches must be listed oldest first, one for each release"
        raise ValueError(msg)
    period, until = _whole(raw["period"], "period"), _whole(raw["complete_until"], "complete_until")
    if period < 1 or (entries and entries[-1].release > until):
        msg = "complete_until lies before the last batch, or period is 0"
        raise ValueError(msg)
    design = raw["design"]
    if not isinstance(design, str) or len(design) > MAX_SPEC_CHARS:
        msg = f"design must be text of at most {MAX_SPEC_CHARS} characters (MAX_SPEC_CHARS)"
        raise ValueError(msg)
    return BatchIndex(design, period, until, entries)


def _only(raw: Any, fields: frozenset[str]) -> None:  # noqa: ANN401 - JSON of unknown shape
    if not isinstance(raw, dict) or raw.keys() != fields:
        msg = f"must be an object with exactly {', '.join(sorted(fields))}"
        raise ValueError(msg)


def _entry(raw: Any) -> BatchEntry:  # noqa: ANN401 - JSON of unknown shape
    _only(raw, _ENTRY_FIELDS)
    digest = raw["sha256"]
    if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):  # noqa: PLR2004
        msg = "sha256 must be 64 lower-case hex digits"
        raise ValueError(msg)
    return BatchEntry(_whole(raw["release"], "release"), digest, _whole(raw["length"], "length"))


def _whole(value: Any, field: str) -> int:  # noqa: ANN401 - JSON of unknown shape
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UNIX_TIME:
        msg = f"{field} must be a whole number in 0..{MAX_UNIX_TIME}"
        raise ValueError(msg)
    return value


def _upload_json(upload: Upload, padding: str) -> bytes:
    whole = {
        "code": upload.code,
        "design": upload.design,
        "keys": [_key_json(key) for key in upload.keys],
        "padding": padding,
        "version": UPLOAD_VERSION,
    }
    return json.dumps(whole, separators=(",", ":")).encode("ascii")


def _key_json(key: SharedKey) -> dict[str, object]:
    return {
        "days_since_onset": key.days_since_onset,
        "index": key.index,
        "report_type": int(key.report_type),
        "secret": base64.b64encode(key.secret).decode("ascii"),
        "span": key.span,
    }


def _object(raw: object, field: str, allowed: frozenset[str], needed: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise UploadError(field, "must be an object")
    found = cast("dict[str, Any]", raw)
    for name in sorted(found.keys() - allowed):
        # As ASCII: a name may hold half a surrogate pair, which no answer could carry.
        raise UploadError(f"{field}.{name[:40]!a}", f"unknown; {field} has {', '.join(sorted(allowed))}")
    for name in sorted(needed - found.keys()):
        raise UploadError(f"{field}.{name}", "is missing")
    return found


def _code(raw: object) -> str:
    if not isinstance(raw, str):
        raise UploadError("code", "must be text")
    try:
        return parse_code(raw)
    except CodeError as error:
        raise UploadError("code", str(error)) from error


def _key(raw: object, field: str) -> SharedKey:
    fields = _object(raw, field, _KEY_FIELDS, _KEY_FIELDS)
    numbers = {name: _number(fields[name], f"{field}.{name}") for name in ("index", "span", "report_type")}
    if numbers["report_type"] > max(ReportType):
        raise UploadError(f"{field}.report_type", f"{numbers['report_type']}, must be 0..{max(ReportType)}")
    onset = fields["days_since_onset"]
    if onset is not None and (
        isinstance(onset, bool) or not isinstance(onset, int) or abs(onset) > MAX_ONSET_DAYS
    ):
        raise UploadError(f"{field}.days_since_onset", f"must be null or -{MAX_ONSET_DAYS}..{MAX_ONSET_DAYS}")
    try:
        secret = base64.b64decode(fields["secret"], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise UploadError(f"{field}.secret", "must be base64") from error
    return SharedKey(secret, numbers["index"], numbers["span"], ReportType(numbers["report_type"]), onset)


def _number(raw: object, field: str) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= MAX_UNIX_TIME:
        raise UploadError(field, f"must be a whole number in 0..{MAX_UNIX_TIME}")
    return raw
