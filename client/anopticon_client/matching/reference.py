"""The join of published keys and stored observations, key by key, for every design alike (SPEC.md 9.4 and 15.1).

This is what matching means. Engines find the same hits faster; tests compare each of them with this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from anopticon_client.matching.rows import StoredRows
from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.records import Candidate, Match, Observation, SharedKey
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM

Hit = tuple[SharedKey | None, Candidate | None, bytes]
"""A key and the identifier that it made (None from a filter), and the stored value that it equals."""


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
    if not isinstance(published, tuple):
        hits: Iterable[Hit] = ((None, None, value) for value in stored.values() if value in published)
    else:
        hits = key_hits(design, published, release, frozenset(stored.values()))
    return admitted(design, hits, release, stored, reference_tx_power_dbm)


def key_hits(
    design: Design, keys: Iterable[SharedKey], release: int, known: frozenset[bytes]
) -> Iterator[Hit]:
    """Every identifier of `keys` whose value is among `known`, in the order of keys and of their identifiers."""
    for key in keys:
        for candidate in design.candidates(key, release):
            if candidate.value in known:
                yield key, candidate, candidate.value


def admitted(
    design: Design, hits: Iterable[Hit], release: int, stored: StoredRows, reference_tx_power_dbm: int
) -> list[Observation]:
    """The stored rows that `hits` match by the rules of the design; of two keys that match a row the later counts."""
    found: dict[tuple[object, int], Observation] = {}
    for key, candidate, value in hits:
        for row in design.admit(stored.rows(value), candidate, release):
            said: Match | None = design.match_of(key, row, reference_tx_power_dbm)
            if said is not None:
                found[row.token, row.received] = replace(row, match=said)
    return list(found.values())
