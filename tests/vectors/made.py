"""What the makers of vector files share: the shape of a case, fixed keys, and the day of all dated cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from anopticon_protocol.primitives import aes_ctr_keystream, sha256
from anopticon_protocol.signing import SigningKey

SIGNER: Final = SigningKey.from_secret(bytes(range(32)))
STRANGER: Final = SigningKey.from_secret(bytes(range(1, 33)))
PUBLIC: Final = SIGNER.public.to_text()
KEY_ID: Final = "vectors-1"
DAY: Final = 86_400
HOUR: Final = 3_600
MIDNIGHT: Final = 1_600_041_600
"""2020-09-14 00:00 UTC."""


@dataclass(frozen=True)
class Case:
    """One case before it is computed; `why` is None for a valid one, else part of the expected outcome."""

    comment: str
    input: dict[str, Any]
    flags: tuple[str, ...] = ()
    why: dict[str, Any] | None = None


@dataclass(frozen=True)
class VectorFile:
    """One file before its cases are computed."""

    kind: str
    notes: tuple[str, ...]
    flags: dict[str, str]
    cases: Sequence[Case]


def made(label: str, length: int = 32) -> bytes:
    """Bytes that stand for random ones, the same at every run."""
    return aes_ctr_keystream(sha256(b"anopticon vectors/" + label.encode()), length)
