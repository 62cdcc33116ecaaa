"""The engine that needs nothing but Python, numpy and the crypto library (SPEC.md 15.1).

Keys are expanded into one buffer that stays in the processor's cache, and a table of prefixes is asked for all
identifiers of the buffer at once; of an honest phone's rows one identifier in a hundred passes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from anopticon_client.matching.engine import Bytes2D, Hits
from anopticon_client.matching.values import ValueSet
from anopticon_protocol.designs.expansion import Expansion, Scheme
from anopticon_protocol.designs.gaen_keys import padded_blocks
from anopticon_protocol.export.entry_runs import TakeRecords
from anopticon_protocol.fingerprints import FingerprintFilter
from anopticon_protocol.params import EPHID_BYTES
from anopticon_protocol.primitives import AES_SLACK_BYTES, hkdf_aes_many, prf_aes_many, sha256

BUFFER_IDENTIFIERS: Final = 64 * 1024
"""One mebibyte of identifiers at a time."""
MAX_KEPT_BLOCKS: Final = 64
"""Keys of one day begin together, so that few blocks serve all; of a list that has many, they are made anew."""
SPAN_BITS: Final = 8


class PythonEngine:
    """Expands with hashlib and the crypto library, searches with numpy."""

    name = "python"
    take_records: TakeRecords | None = None

    def lookup(self, values: Bytes2D) -> PythonLookup:
        """Make `values` ready to be searched for."""
        return PythonLookup(values)

    def filter_hits(
        self, count: int, body: bytes, values: Bytes2D, remainder_bytes: int
    ) -> npt.NDArray[np.int64]:
        """The numbers of the values that the filter holds; raises BatchError."""
        published = FingerprintFilter.decode(count, body, remainder_bytes=remainder_bytes)
        return np.flatnonzero(published.holds(values)).astype(np.int64)


class PythonLookup:
    """Values to search for, and a buffer to expand into."""

    def __init__(self, values: Bytes2D) -> None:
        """Take an array of distinct values of shape (n, 16)."""
        self._values = ValueSet(values)
        self._buffer = np.empty(0, np.uint8)
        self._blocks: dict[int, bytes] = {}

    def hits(self, expansion: Expansion, entries: bytes) -> Hits:
        """Every identifier of `entries` that is among the values."""
        rows = np.frombuffer(entries, np.uint8).reshape(-1, expansion.entry_bytes)
        expand = self._rolling if expansion.scheme is Scheme.ROLLING else self._stream
        found = list(expand(expansion, entries, rows))
        return np.concatenate(found) if found else np.empty((0, 3), np.int64)

    def _room(self, identifiers: int) -> npt.NDArray[np.uint8]:
        needed = identifiers * EPHID_BYTES + AES_SLACK_BYTES
        if len(self._buffer) < needed:
            self._buffer = np.empty(needed, np.uint8)
        return self._buffer

    def _rolling(self, expansion: Expansion, entries: bytes, rows: Bytes2D) -> Iterator[Hits]:
        size, secret_bytes = expansion.entry_bytes, expansion.secret_bytes
        spans = rows[:, secret_bytes + 4].astype(np.int64)
        slots = expansion.slots(rows)
        run = max(1, BUFFER_IDENTIFIERS // expansion.most_slots)
        buffer = self._room(run * expansion.most_slots)
        for first in range(0, len(rows), run):
            ends = np.cumsum(spans[first : first + run])
            last = first + len(ends)
            secrets = [entries[at : at + secret_bytes] for at in range(first * size, last * size, size)]
            blocks = self._blocks_of(slots[first:last], spans[first:last])
            hkdf_aes_many(secrets, expansion.label, blocks, buffer.data)
            found, numbers = self._values.find(_identifiers(buffer, int(ends[-1])))
            if found.size:
                entry = np.searchsorted(ends, found, side="right")
                position = found - (ends - spans[first:last])[entry]
                yield np.stack((entry + first, position, numbers), axis=1)

    def _blocks_of(self, slots: npt.NDArray[np.int64], spans: npt.NDArray[np.int64]) -> list[bytes]:
        """The blocks to encrypt for each key."""
        forms = slots << SPAN_BITS | spans
        if len(self._blocks) >= MAX_KEPT_BLOCKS:
            self._blocks.clear()
        for form in np.unique(forms).tolist():
            if form not in self._blocks:
                self._blocks[form] = padded_blocks(form >> SPAN_BITS, form & ((1 << SPAN_BITS) - 1))
        kept = self._blocks
        return [kept[form] for form in forms.tolist()]

    def _stream(self, expansion: Expansion, entries: bytes, rows: Bytes2D) -> Iterator[Hits]:
        per_slot = expansion.per_slot
        counters = b"".join(number.to_bytes(EPHID_BYTES, "big") for number in range(per_slot))
        run = max(1, BUFFER_IDENTIFIERS // per_slot)
        buffer = self._room(run * per_slot)
        for secrets, origin in _chains(expansion, entries, rows, run):
            prf_aes_many(secrets, expansion.label, counters, buffer.data)
            found, numbers = self._values.find(_identifiers(buffer, len(secrets) * per_slot))
            if found.size:
                entry, step = np.asarray(origin, np.int64)[found // per_slot].T
                yield np.stack((entry, step * per_slot + found % per_slot, numbers), axis=1)


def _chains(
    expansion: Expansion, entries: bytes, rows: Bytes2D, run: int
) -> Iterator[tuple[list[bytes], list[tuple[int, int]]]]:
    """The secrets of every slot of every entry, `run` at a time, with entry and slots from its first."""
    size, length = expansion.entry_bytes, expansion.secret_bytes
    steps = np.clip(expansion.last_slot + 1 - expansion.slots(rows), 0, expansion.most_slots).tolist()
    secrets: list[bytes] = []
    origin: list[tuple[int, int]] = []
    for entry, count in enumerate(steps):
        secret = entries[entry * size : entry * size + length]
        for step in range(count):
            if step:
                secret = sha256(secret)
            secrets.append(secret)
            origin.append((entry, step))
            if len(secrets) == run:
                yield secrets, origin
                secrets, origin = [], []
    if secrets:
        yield secrets, origin


def _identifiers(buffer: npt.NDArray[np.uint8], count: int) -> Bytes2D:
    return buffer[: count * EPHID_BYTES].reshape(-1, EPHID_BYTES)
