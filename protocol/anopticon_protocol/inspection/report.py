"""What an inspection finds, as records, and their JSON form.

One object stands for all files: {"format": "anopticon-inspection-1", "files": [FILE, ...]}. Each FILE has

- file, bytes: its name and length.
- kind: "export archive", "export.bin", "batch" or "unknown".
- verdict: "clean", "usable" (records were dropped), "unverified" (a key was given, and no signature verifies
  with it), "refused", or "unreadable" (there was nothing to inspect: bytes is 0, the kind "unknown").
- facts: what the file says, by name. Times are {"unix", "utc"}, counts of values {value: how many}.
- signatures: a list of {"key", "algorithm", "form", "bytes", "verdict", "sentence"}; the verdict is
  "verified", "failed" or "not checked".
- defects: a list of {"code", "severity", "part", "offset", "record", "sentence"}, MAX_LISTED_DEFECTS at most.
  The severity is "refuse", "drop" or "remark"; offset and record may be null.
- defect_counts: {code: how often}, complete.
- error: why the file could not be read, or null.

Fields may be added to this form; those that are there keep their meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from anopticon_protocol.export.defects import Defect, Severity
from anopticon_protocol.export.model import MAX_TIMESTAMP
from anopticon_protocol.signing import VerifyingKey

FORMAT: Final = "anopticon-inspection-1"
VERIFIED: Final = "verified"
FAILED: Final = "failed"
NOT_CHECKED: Final = ("not checked", "no key was given")
"""Verdict and sentence of a signature that nobody asked to check."""
MAX_LISTED_DEFECTS: Final = 1_000
"""Defects listed one by one; a hostile file may hold a million. All are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect, of an export or of a batch."""

    code: str
    severity: Severity
    part: str
    offset: int | None
    record: int | None
    sentence: str

    @classmethod
    def of(cls, defect: Defect) -> Finding:
        """The finding of a defect of an export."""
        return cls(defect.code, defect.severity, defect.part, defect.offset, defect.record, defect.sentence)


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature: whose, how, and whether it verifies with a key that was given."""

    key: str
    algorithm: str
    form: str
    bytes: int
    verdict: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that is told of one file."""

    file: str
    kind: str
    bytes: int
    verdict: str
    facts: Mapping[str, Any]
    signatures: tuple[SignatureReport, ...]
    defects: tuple[Finding, ...]
    defect_counts: Mapping[str, int]
    error: str | None = None

    @classmethod
    def unreadable(cls, file: str, error: str) -> Inspection:
        """What is told of a file that could not be read."""
        return cls(file, "unknown", 0, "unreadable", {}, (), (), {}, error)

    @property
    def flawless(self) -> bool:
        """Whether nothing is wrong, apart from remarks and signatures that nobody asked to check."""
        return self.verdict == "clean"

    def to_json(self) -> dict[str, Any]:
        """The FILE object of the module's description."""
        return asdict(self) | {"facts": dict(self.facts), "defect_counts": dict(self.defect_counts)}


@dataclass(slots=True)
class Draft:
    """An inspection in the making; `keys` are those to try on signatures, by the name to report."""

    file: str
    kind: str
    bytes: int
    keys: Mapping[str, VerifyingKey]
    facts: dict[str, Any] = field(default_factory=dict)
    signatures: list[SignatureReport] = field(default_factory=list)
    _listed: list[Finding] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _severities: set[Severity] = field(default_factory=set)

    def add(self, finding: Finding) -> None:
        """Take one more finding: the first MAX_LISTED_DEFECTS are kept, all are counted."""
        if len(self._listed) < MAX_LISTED_DEFECTS:
            self._listed.append(finding)
        self._counts[finding.code] += 1
        self._severities.add(finding.severity)

    def finish(self) -> Inspection:
        """Put the inspection together and judge the file."""
        counts = dict(sorted(self._counts.items()))
        found = (tuple(self.signatures), tuple(self._listed), counts)
        return Inspection(self.file, self.kind, self.bytes, self._verdict(), self.facts, *found)

    def _verdict(self) -> str:
        if Severity.REFUSE in self._severities:
            return "refused"
        if self.keys and not any(one.verdict == VERIFIED for one in self.signatures):
            return "unverified"
        return "usable" if Severity.DROP in self._severities else "clean"


def moment(unix: int) -> dict[str, int | str]:
    """A time both ways, `utc` in ISO 8601; times past the year 9999 have no date."""
    if not 0 <= unix <= MAX_TIMESTAMP:
        return {"unix": unix, "utc": "after the year 9999"}
    return {"unix": unix, "utc": datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
