"""One-time codes: issued for a person who tested positive, redeemed by the upload of that person's keys.

Life of a code: unknown -> valid -> spent -> unknown again, or valid -> expired -> unknown again. What a code
opens at a given moment is `opens`, and nothing else decides it. Only a keyed hash is stored, so that a stolen
database holds no code that could be used.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from anopticon_protocol.codes import parse_code
from anopticon_protocol.params import DAY_SECONDS
from anopticon_protocol.primitives import hmac_sha256
from anopticon_server.storage import CodeRow

HOUR_SECONDS: Final = 3_600
RETRY_SECONDS: Final = DAY_SECONDS
"""A spent code is remembered this long after its end: a phone that never got the answer may send again."""


class Opens(Enum):
    """What a code is good for."""

    UPLOAD = "upload"
    """Storing the keys of one upload."""
    RETRY = "retry"
    """Hearing once more that they are stored."""
    NOTHING = "nothing"


def code_hash(code_key: bytes, code: str) -> bytes:
    """HMAC-SHA256 of the sixteen letters of a code, however they were typed; raises CodeError."""
    return hmac_sha256(code_key, parse_code(code).encode("ascii"))


def valid_until(now: int, validity_hours: int) -> int:
    """When a code issued at `now` ends, rounded up to a full hour: the row does not tell when that was."""
    end = now + validity_hours * HOUR_SECONDS
    return end + -end % HOUR_SECONDS


def opens(row: CodeRow | None, now: int) -> Opens:
    """What the code with this row is good for at `now`."""
    if row is None:
        return Opens.NOTHING
    if row.spent:
        return Opens.RETRY if now < row.valid_until + RETRY_SECONDS else Opens.NOTHING
    return Opens.UPLOAD if now < row.valid_until else Opens.NOTHING
