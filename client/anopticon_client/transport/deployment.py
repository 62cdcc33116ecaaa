"""What a key server says about itself once (SPEC.md 7.4), and what a phone that joined it remembers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from anopticon_client.errors import DeploymentError
from anopticon_protocol.batch import MAX_KEY_ID_CHARS, MAX_PERIOD_SECONDS, MIN_PERIOD_SECONDS
from anopticon_protocol.designs import MAX_SPEC_CHARS, open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.errors import InvalidParameterError, KeyTextError
from anopticon_protocol.params import SPEC_VERSION
from anopticon_protocol.signing import VerifyingKey

MAX_PARAMETERS_BYTES: Final = 16 * 1024
"""The parameters of a server are about 400 bytes."""
_FINGERPRINT_CHARS = 16
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: its design, its release period in seconds, and the key that signs its batches."""

    design: Design
    period: int
    key_id: str
    key: VerifyingKey

    @classmethod
    def from_json(cls, data: bytes | str) -> Deployment:
        """Read what `/v1/parameters` answers; raises DeploymentError. Fields unknown here are left out."""
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise DeploymentError("parameters of the key server: not JSON") from error
        if not isinstance(raw, dict):
            raise DeploymentError("parameters of the key server: not an object")
        version = _text(raw, "spec_version", MAX_SPEC_CHARS)
        if version.partition(".")[0] != SPEC_VERSION.partition(".")[0]:
            raise DeploymentError(
                f"the key server speaks version {version}, this phone speaks {SPEC_VERSION}"
            )
        try:
            design = open_design(_text(raw, "design", MAX_SPEC_CHARS))
            key = VerifyingKey.from_text(_text(raw, "public_key"))
        except (InvalidParameterError, KeyTextError) as error:
            raise DeploymentError(f"parameters of the key server: {error}") from error
        return cls(design, _period(raw, design), _text(raw, "key_id", MAX_KEY_ID_CHARS), key)

    def to_json(self) -> str:
        """The text that `from_json` reads again: what a phone pins."""
        return json.dumps(
            {
                "design": self.design.spec,
                "key_id": self.key_id,
                "period": self.period,
                "public_key": self.key.to_text(),
                "spec_version": SPEC_VERSION,
            }
        )

    @property
    def fingerprint(self) -> str:
        """The first 64 bits of the SHA-256 of the public key, for people to compare."""
        return fingerprint(self.key)

    def same_signer(self, other: Deployment) -> bool:
        """Whether both name the same key by the same name."""
        return self.key_id == other.key_id and self.key.to_der() == other.key.to_der()


def fingerprint(key: VerifyingKey) -> str:
    """The first 64 bits of the SHA-256 of a public key, for people to compare."""
    digits = hashlib.sha256(key.to_der()).hexdigest()[:_FINGERPRINT_CHARS]
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


def _text(raw: dict[str, Any], field: str, most: int = MAX_PARAMETERS_BYTES) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise DeploymentError(f"parameters of the key server: {field} must be text of 1..{most} characters")
    return value


def _period(raw: dict[str, Any], design: Design) -> int:
    period = raw.get("period")
    if (
        isinstance(period, bool)
        or not isinstance(period, int)
        or not MIN_PERIOD_SECONDS <= period <= MAX_PERIOD_SECONDS
        or period % design.epoch_seconds
    ):
        bounds = f"{MIN_PERIOD_SECONDS}..{MAX_PERIOD_SECONDS} s and a multiple of {design.epoch_seconds} s"
        raise DeploymentError(f"parameters of the key server: period must be {bounds}")
    return period
