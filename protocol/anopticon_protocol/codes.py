"""One-time codes as people read and type them (SPEC.md 7.1): 75 random bits and a check letter.

`ABCD-EFGH-JKMN-PQRS`: 15 letters of Crockford's base 32 and one that catches 31 of 32 slips.
"""

from __future__ import annotations

from typing import Final

from anopticon_protocol.errors import CodeError, InvalidParameterError
from anopticon_protocol.primitives import sha256

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No I, L, O or U: they look like 1, 1, 0 and V."""
SECRET_LETTERS: Final = 15
CODE_BITS: Final = 5 * SECRET_LETTERS
"""75: at least 64 are asked for where guesses are not limited (DP-3T, upload authorisation, appendix I)."""
ENTROPY_BYTES: Final = 16
MAX_TYPED_CHARS: Final = 64
_GROUP = 4
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})
_SEPARATORS = str.maketrans("", "", " -\t")


def make_code(entropy: bytes) -> str:
    """A code from 16 fresh random bytes, of which 75 bits are used."""
    if len(entropy) != ENTROPY_BYTES:
        msg = f"entropy for a code: {len(entropy)} bytes, {ENTROPY_BYTES} needed (ENTROPY_BYTES)"
        raise InvalidParameterError(msg)
    number = int.from_bytes(entropy, "big")
    letters = "".join(ALPHABET[number >> (5 * place) & 31] for place in range(SECRET_LETTERS))
    whole = letters + _check_letter(letters)
    return "-".join(whole[start : start + _GROUP] for start in range(0, len(whole), _GROUP))


def parse_code(typed: str) -> str:
    """The 16 letters of a code as typed, whatever its case, spacing and look-alike letters; raises CodeError."""
    if len(typed) > MAX_TYPED_CHARS:
        msg = f"code of {len(typed)} characters, at most {MAX_TYPED_CHARS} (MAX_TYPED_CHARS)"
        raise CodeError(msg)
    letters = typed.upper().translate(_SEPARATORS).translate(_LOOKALIKES)
    if len(letters) != SECRET_LETTERS + 1:
        msg = f"code of {len(letters)} letters, {SECRET_LETTERS + 1} needed: look at it once more"
        raise CodeError(msg)
    if not typed.isascii() or any(letter not in ALPHABET for letter in letters):
        msg = "code holds a letter that no code has: look at it once more"
        raise CodeError(msg)
    if _check_letter(letters[:-1]) != letters[-1]:
        msg = "code does not check: one of its letters was mistyped"
        raise CodeError(msg)
    return letters


def _check_letter(letters: str) -> str:
    return ALPHABET[sha256(b"anopticon code v1/" + letters.encode("ascii"))[0] & 31]
