"""Entropy as an argument: one fresh 32-byte value per event, from which a core takes named pieces (SPEC.md 4.4)."""

from __future__ import annotations

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import ENTROPY_BYTES
from anopticon_protocol.primitives import hkdf_expand_sha256

_CONTEXT = b"anopticon entropy v1/"


class Entropy:
    """Fresh secret bytes, handed out piece by piece; no two pieces are the same or related.

    >>> Entropy(bytes(32)).take("seed", 16) != Entropy(bytes(32)).take("order", 16)
    True
    """

    __slots__ = ("_root", "_taken")

    def __init__(self, root: bytes) -> None:
        """Start from `root`: exactly ENTROPY_BYTES bytes that were never used before."""
        if len(root) != ENTROPY_BYTES:
            msg = f"entropy of {len(root)} bytes given, {ENTROPY_BYTES} needed (ENTROPY_BYTES)"
            raise InvalidParameterError(msg)
        self._root = root
        self._taken = 0

    def take(self, purpose: str, length: int) -> bytes:
        """Return `length` bytes for `purpose`; a second call with the same arguments gives other bytes."""
        self._taken += 1
        info = _CONTEXT + self._taken.to_bytes(4, "big") + purpose.encode("ascii")
        return hkdf_expand_sha256(self._root, info, length)

    def below(self, purpose: str, bound: int) -> int:
        """Return a whole number in 0..bound-1, uniform up to a bias of `bound` in 2**64."""
        return int.from_bytes(self.take(purpose, 8), "big") % bound
