"""What engines need to know of a design to expand its published keys in bulk (SPEC.md 15.1).

A design that publishes lists describes in an `Expansion` how the bytes of an entry become identifiers; one that
publishes a filter says so with `Hashed`. Engines work from these records alone, on bytes and arrays, and never make an
object for each key; a design that gives neither is matched by way of `Design.candidates`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from anopticon_protocol.designs.entries import decode_run
from anopticon_protocol.designs.records import Candidate, SharedKey

SLOT_FIELD_BYTES: Final = 4
"""Every entry holds, behind its secret, the slot of its key as u32 big-endian."""


class Scheme(Enum):
    """How a secret becomes identifiers."""

    STREAM = "stream"
    """AES-256 of the counters from 0 under HMAC-SHA256(secret, label); SHA-256 of a secret is that of the next slot."""
    ROLLING = "rolling"
    """AES-128 of padded interval numbers under HKDF-SHA256(secret, label); the byte behind the slot counts them."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """How the entries of one list batch expand.

    Identifiers of an entry are counted by their `position`: 0 is the first of the entry's own slot. Each lies in the
    slot `entry slot + position // per_slot` and is acceptable `tolerance` slots to either side.
    """

    scheme: Scheme
    entry_bytes: int
    secret_bytes: int
    label: bytes
    per_slot: int
    """Identifiers of one slot."""
    most_slots: int
    """Slots that one entry is expanded for at most."""
    last_slot: int
    """No entry is expanded beyond this slot."""
    tolerance: int
    decode: Callable[[bytes], SharedKey]
    """Reads one entry; raises ValueError with the field at fault."""
    sound: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]] | None = None
    """For an array of entries, which of them `decode` accepts; None if it accepts all."""
    guard_seconds: int | None = None
    """How long after its first valid sighting an identifier counts; None: as long as it was received before release."""

    @property
    def most_identifiers(self) -> int:
        """Identifiers of one entry at most."""
        return self.per_slot * self.most_slots

    def candidate(self, key: SharedKey, position: int, value: bytes) -> Candidate:
        """The identifier of `key` at `position`, with the slots in which it may have been heard."""
        slot = key.index + position // self.per_slot
        return Candidate(value, slot - self.tolerance, slot + self.tolerance)

    def slots(self, entries: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The slot of each entry of an array of shape (n, entry_bytes)."""
        end = self.secret_bytes + SLOT_FIELD_BYTES
        field = np.ascontiguousarray(entries[:, self.secret_bytes : end])
        return field.view(">u4").reshape(-1).astype(np.int64)

    def check(self, entries: bytes, first: int, previous: bytes) -> None:
        """Raise BatchError unless `entries` ascend strictly and can be read; as `Design.read` does for a whole list.

        `first` is the number of the first entry here, `previous` the entry before it (empty at the start).
        """
        rows = np.frombuffer(previous + entries, np.uint8).reshape(-1, self.entry_bytes)
        fresh = rows[1:] if previous else rows
        readable = self.sound is None or bool(self.sound(fresh).all())
        if not (readable and _ascends(rows)):
            decode_run(entries, self.entry_bytes, self.decode, first, previous)
            # What the fast test doubts and the exact one accepts is sound: entries that agree in their first 16 bytes.


@dataclass(frozen=True, slots=True)
class Hashed:
    """The design publishes a filter of 32-byte hashes with remainders of this many bytes."""

    remainder_bytes: int


def _ascends(rows: npt.NDArray[np.uint8]) -> bool:
    """Whether the first 16 bytes of the rows ascend strictly."""
    head = np.ascontiguousarray(rows[:, :16]).view(">u8")
    high, low = head[:, 0].astype(np.uint64), head[:, 1].astype(np.uint64)
    above = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    return bool(above.all())
