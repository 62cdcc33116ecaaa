"""What one deployment of the server is: fixed at its start, the same for every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.params import DAY_SECONDS, RELEASE_PERIOD_SECONDS, RETENTION_DAYS
from anopticon_protocol.primitives import sha256
from anopticon_protocol.signing import SigningKey
from anopticon_server.storage.schema import SCHEMA_VERSION

REHEARSAL_SIGNING_SECRET: Final = sha256(b"anopticon rehearsal signing secret")
REHEARSAL_CODE_KEY: Final = sha256(b"anopticon rehearsal code key")
"""Known to everyone, so that a rehearsal gives the same bytes in every process. No real phone trusts them."""
REHEARSAL_KEY_ID: Final = "rehearsal"


def founding_facts(design: str, period: int, *, rehearsal: bool) -> dict[str, str]:
    """What is written into a new database, and cannot change under its data."""
    return {
        "design": design,
        "period": str(period),
        "rehearsal": "yes" if rehearsal else "no",
        "schema": str(SCHEMA_VERSION),
    }


@dataclass(frozen=True, slots=True)
class Deployment:
    """`period` in seconds; `code_key` is the secret under which codes are hashed."""

    design: Design
    signer: SigningKey
    key_id: str
    code_key: bytes = field(repr=False)
    period: int = RELEASE_PERIOD_SECONDS
    retention_days: int = RETENTION_DAYS
    code_validity_hours: int = 24

    @property
    def retention_seconds(self) -> int:
        """How long rows and files are kept after their release."""
        return self.retention_days * DAY_SECONDS

    @classmethod
    def rehearsal(
        cls, design: str, period: int = RELEASE_PERIOD_SECONDS, retention_days: int = RETENTION_DAYS
    ) -> Deployment:
        """A deployment without secrets, for simulations: what `serve --rehearsal` sets up as well."""
        signer = SigningKey.from_secret(REHEARSAL_SIGNING_SECRET)
        return cls(
            open_design(design),
            signer,
            REHEARSAL_KEY_ID,
            REHEARSAL_CODE_KEY,
            period,
            retention_days,
        )
