"""The join of published keys and stored observations, for every design alike (SPEC.md 9.4).

One interface, so that a faster engine can take the place of `match`: what was published and when, the stored rows by
token value, and as the answer the rows that matched, as they are to be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.records import Candidate, Observation, SharedKey
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM


class StoredRows(Protocol):
    """The observations of a phone, by token value."""

    def values(self) -> Sequence[bytes]:
        """Every token value that is stored."""

    def rows(self, value: bytes) -> list[Observation]:
        """The observations with this token value; empty if there are none."""


def match(
    design: Design,
    published: Published,
    release: int,
    stored: StoredRows,
    reference_tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
) -> list[Observation]:
    """The rows that `published`, released at `release`, matches; each with its Match filled in.

    `reference_tx_power_dbm` is what senders are taken to radiate where their frames do not say it.
    """
    found: dict[tuple[object, int], Observation] = {}
    for key, candidate, value in _hits(design, published, release, stored):
        for row in design.admit(stored.rows(value), candidate, release):
            said = design.match_of(key, row, reference_tx_power_dbm)
            if said is not None:
                found[row.token, row.received] = replace(row, match=said)
    return list(found.values())


def _hits(
    design: Design, published: Published, release: int, stored: StoredRows
) -> Iterator[tuple[SharedKey | None, Candidate | None, bytes]]:
    if not isinstance(published, tuple):
        for value in stored.values():
            if value in published:
                yield None, None, value
        return
    known = frozenset(stored.values())
    for key in published:
        for candidate in design.candidates(key, release):
            if candidate.value in known:
                yield key, candidate, candidate.value


class IndexedRows:
    """Stored rows behind a mapping from token value to rows: what tests and tools use."""

    def __init__(self, rows: Mapping[bytes, Sequence[Observation]]) -> None:
        """Take rows already grouped by token value."""
        self._rows = rows

    def values(self) -> Sequence[bytes]:
        """Every token value."""
        return list(self._rows)

    def rows(self, value: bytes) -> list[Observation]:
        """The rows with this value."""
        return list(self._rows.get(value, ()))
