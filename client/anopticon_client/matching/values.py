"""A set of 16-byte identifiers as arrays: a small table of prefixes in front, the whole values behind."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from anopticon_client.matching.engine import Bytes2D

MIN_TABLE_BITS: Final = 16
MAX_TABLE_BITS: Final = 27
"""The table has one byte a prefix: 128 MiB at most, for a population; 32 MiB for the fullest phone."""
SPARSE_BITS: Final = 5
"""The table has at least 2**5 places for each value while it may grow, so that one identifier in 32 passes at most."""


class ValueSet:
    """Distinct identifiers that can be searched for by the million."""

    def __init__(self, values: Bytes2D) -> None:
        """Take an array of shape (n, 16)."""
        bits = min(max(len(values).bit_length() + SPARSE_BITS, MIN_TABLE_BITS), MAX_TABLE_BITS)
        self._mask = np.int64((1 << bits) - 1)
        self._table = np.zeros(1 << bits, np.bool_)
        self._table[_prefixes(values) & self._mask] = True
        high, low = _halves(values)
        self._order = np.lexsort((low, high))
        self._high, self._low = high[self._order], low[self._order]

    def find(self, identifiers: Bytes2D) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of `identifiers` are in the set, ascending, and for each the number of its value."""
        # The mask keeps every place inside the table; told to clip, numpy does not look for others first.
        passed = np.flatnonzero(self._table.take(_prefixes(identifiers) & self._mask, mode="clip"))
        high, low = _halves(identifiers[passed])
        place = np.searchsorted(self._high, high)
        half = np.flatnonzero(place < len(self._high))
        half = half[self._high[place[half]] == high[half]]
        ends = np.searchsorted(self._high, high[half], side="right")
        # Values that agree in their first half stand side by side; but for hostile ones there is one of each, and
        # whoever broadcasts many must not make this slow: a search by halves among them.
        for number in np.flatnonzero(ends - place[half] > 1):
            one, last = half[number], ends[number] - 1
            place[one] += np.searchsorted(self._low[place[one] : last], low[one])
        found = half[self._low[place[half]] == low[half]]
        return passed[found], self._order[place[found]]


def _prefixes(values: Bytes2D) -> npt.NDArray[np.int64]:
    """The first bytes of each value as a number, of the type that numpy counts places in."""
    words: npt.NDArray[np.int64] = values.view("<i8")[:, 0]
    return words


def _halves(values: Bytes2D) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Both halves of each value as numbers that sort as the bytes do."""
    halves = np.ascontiguousarray(values).view(">u8").astype(np.uint64)
    return halves[:, 0], halves[:, 1]
