"""The one interface behind which published keys are joined with stored identifiers (SPEC.md 15.1).

An engine works on bytes and arrays. It knows neither phones nor rules: it says which identifiers of which entries equal
which stored values, and what that means is decided by the design, the same for every engine.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from anopticon_protocol.designs.expansion import Expansion
from anopticon_protocol.export.entry_runs import TakeRecords
from anopticon_protocol.params import EPHID_BYTES

Bytes2D = npt.NDArray[np.uint8]
"""An array of byte strings of one length: shape (n, length), contiguous."""
Hits = npt.NDArray[np.int64]
"""Shape (n, 3): number of the entry, position of the identifier (see Expansion), number of the value; sorted so."""


class Lookup(Protocol):
    """Stored identifiers, made ready to be searched for."""

    def hits(self, expansion: Expansion, entries: bytes) -> Hits:
        """Every identifier of `entries` that is among the values. The entries have been checked."""


class Engine(Protocol):
    """A way to match. Stateless; two engines give the same for the same."""

    name: str

    @property
    def take_records(self) -> TakeRecords | None:
        """A fast way to read plain records of an export, if the engine has one."""

    def lookup(self, values: Bytes2D) -> Lookup:
        """Make `values`, distinct and EPHID_BYTES long each, ready to be searched for."""

    def filter_hits(
        self, count: int, body: bytes, values: Bytes2D, remainder_bytes: int
    ) -> npt.NDArray[np.int64]:
        """The numbers of the 32-byte `values` that the filter in `body` holds, ascending; raises BatchError."""


def byte_array(values: list[bytes], length: int = EPHID_BYTES) -> Bytes2D:
    """An array of those `values`, all of `length` bytes."""
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, length)
