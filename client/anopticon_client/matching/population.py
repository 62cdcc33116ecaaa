"""One batch against the rows of a whole population at once, as arrays (SPEC.md 15.5).

What a million phones have stored stands in one table, each row with the phone that it is of. A batch is expanded once,
and every pair of a row and an identifier that the design admits is given back, the same ones as phone by phone.
What the key of a pair says, its report type say, is for the caller, as Design.match_of is for a phone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anopticon_client.matching.engine import Bytes2D, Engine, Hits
from anopticon_client.matching.job import SLICE_IDENTIFIERS, Contents
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.entries import check_list
from anopticon_protocol.designs.expansion import Expansion, Hashed
from anopticon_protocol.errors import InvalidParameterError

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PopulationRows:
    """What all phones have stored: arrays of one length, sorted by nothing.

    A row is an Observation of one reading. `second` is when it was heard (Unix seconds), which only a design with a
    replay guard asks for; `received` as in Observation. Metadata is not looked at: whoever made the rows knows the
    transmit power.
    """

    phone: Numbers
    value: Bytes2D
    """Token values, shape (n, 16), or (n, 32) in the design that hashes."""
    slot: Numbers
    received: Numbers
    second: Numbers


@dataclass(frozen=True, slots=True)
class PopulationHits:
    """Pairs of row and identifier, ordered by entry, position and row; entry and position are -1 from a filter."""

    row: Numbers
    entry: Numbers
    position: Numbers


class PopulationMatcher:
    """The rows of a population, made ready to be matched with one batch after another."""

    def __init__(self, engine: Engine, rows: PopulationRows) -> None:
        """Group `rows` by value; keeps a copy of the distinct values."""
        self._engine = engine
        self._rows = rows
        words = np.ascontiguousarray(rows.value).view(">u8").astype(np.uint64)
        self._order = np.lexsort(words.T[::-1])
        ordered = words[self._order]
        fresh = np.ones(len(ordered), np.bool_)
        fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        self._starts = np.append(np.flatnonzero(fresh), len(ordered))
        """Where the rows of each distinct value begin in `_order`."""
        self._values = np.ascontiguousarray(rows.value[self._order[self._starts[:-1]]])
        self._lookup = engine.lookup(self._values) if rows.value.shape[1] == 16 else None  # noqa: PLR2004 - EPHID_BYTES

    def match(self, design: Design, contents: Contents, release: int) -> PopulationHits:
        """Every pair that counts; raises BatchError where the batch is not sound."""
        match design.expansion(release):
            case Expansion() as expansion if self._lookup is not None:
                return self._list(expansion, contents, release)
            case Hashed(remainder_bytes) if self._lookup is None:
                count, body = contents.count, contents.body
                held = self._engine.filter_hits(count, body, self._values, remainder_bytes)
                row, _ = self._rows_of(held)
                row = np.sort(row[self._rows.received[row] < release])
                nothing = np.full(len(row), -1, np.int64)
                return PopulationHits(row, nothing, nothing)
        msg = f"design {design.spec}: its rows are not those given, or engines know nothing of it"
        raise InvalidParameterError(msg)

    def _list(self, expansion: Expansion, contents: Contents, release: int) -> PopulationHits:
        count, body, size = contents.count, contents.body, expansion.entry_bytes
        check_list(count, body, size)
        parts: list[Hits] = [np.empty((0, 3), np.int64)]
        run = max(1, SLICE_IDENTIFIERS // expansion.most_identifiers)
        for first in range(0, count, run):
            entries = body[first * size : (first + run) * size]
            expansion.check(entries, first, body[max(0, first - 1) * size : first * size])
            assert self._lookup is not None  # noqa: S101 - for the type checker: `match` asked
            found = self._lookup.hits(expansion, entries)
            parts.append(found + np.array([first, 0, 0]))
        entry, position, number = np.concatenate(parts).T
        row, pair = self._rows_of(number)
        entry, position = entry[pair], position[pair]
        table = np.frombuffer(body, np.uint8).reshape(-1, size)
        kept = self._admitted(expansion, table, row, entry, position, release)
        row, entry, position = row[kept], entry[kept], position[kept]
        order = np.lexsort((row, position, entry))
        return PopulationHits(row[order], entry[order], position[order])

    def _rows_of(self, numbers: Numbers) -> tuple[Numbers, Numbers]:
        """The rows of each of these values, and for each row the place of its value in `numbers`."""
        lengths = self._starts[numbers + 1] - self._starts[numbers]
        place = np.repeat(np.arange(len(numbers)), lengths)
        within = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self._order[self._starts[numbers][place] + within], place

    def _admitted(
        self,
        expansion: Expansion,
        table: Bytes2D,
        row: Numbers,
        entry: Numbers,
        position: Numbers,
        release: int,
    ) -> npt.NDArray[np.bool_]:
        """Design.admit, for pairs."""
        slot = expansion.slots(table[entry]) + position // expansion.per_slot
        kept = np.abs(self._rows.slot[row] - slot) <= expansion.tolerance
        if expansion.guard_seconds is None:
            return kept & (self._rows.received[row] < release)
        # The guard counts from the first valid sighting of the identifier by this phone.
        pairs = np.flatnonzero(kept)
        phone, second = self._rows.phone[row[pairs]], self._rows.second[row[pairs]]
        order = np.lexsort((second, phone, position[pairs], entry[pairs]))
        groups = np.stack((entry[pairs], position[pairs], phone), axis=1)[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (groups[1:] != groups[:-1]).any(axis=1)
        earliest = second[order][begins][np.cumsum(begins) - 1]
        late = second[order] > earliest + expansion.guard_seconds
        kept[pairs[order[late]]] = False
        return kept
