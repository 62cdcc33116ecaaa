"""A sliding window over the chunks of a file, so that any file is read in one small buffer: SPEC.md 8.5.2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from anopticon_protocol.export.wire import CutOffError

WINDOW_BYTES: Final = 64 * 1024
"""How much is gathered at a time; a longer chunk is kept as it came."""


class OversizedError(Exception):
    """More bytes arrived than the limit allows."""


class ChunkWindow:
    """The bytes from `position` on, refilled from an iterator; `base` is the file offset of `data[0]`."""

    __slots__ = ("_chunks", "_exhausted", "_limit", "base", "data", "position")

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        """Read from `chunks`, at most `limit` bytes in all."""
        self._chunks = iter(chunks)
        self._limit = limit
        self._exhausted = False
        self.base = 0
        self.data = b""
        self.position = 0

    @property
    def offset(self) -> int:
        """Offset in the file of the next byte."""
        return self.base + self.position

    def reach(self, wanted: int) -> bool:
        """Bring `wanted` bytes into the window, or all that are left; False at the end of the file.

        Raises OversizedError.
        """
        if len(self.data) - self.position < wanted and not self._exhausted:
            self._refill(wanted)
        return self.position < len(self.data)

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes, brought in by reach(); raises CutOffError if there are fewer."""
        end = self.position + length
        if end > len(self.data):
            left = len(self.data) - self.position
            raise CutOffError(self.offset, f"value of {length} bytes, only {left} are left")
        value = self.data[self.position : end]
        self.position = end
        return value

    def skip(self, length: int) -> None:
        """Move on by `length` bytes, keeping none of them; raises CutOffError if the file is shorter."""
        target = self.offset + length
        while self.base + len(self.data) < target:
            at = self.base + len(self.data)
            self.position = len(self.data)
            if not self.reach(1):
                raise CutOffError(at, f"the file ends {target - at} bytes before the end of this field")
        self.position = target - self.base

    def _refill(self, wanted: int) -> None:
        pieces = [self.data[self.position :]]
        gathered = len(pieces[0])
        self.base += self.position
        while gathered < max(wanted, WINDOW_BYTES):
            chunk = next(self._chunks, None)
            if chunk is None:
                self._exhausted = True
                break
            gathered += len(chunk)
            if self.base + gathered > self._limit:
                raise OversizedError
            pieces.append(chunk)
        self.data = b"".join(pieces)
        self.position = 0
