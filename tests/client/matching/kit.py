"""What tests of matching share: every engine of this machine, batches, and phones that heard parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

import pytest
from hypothesis import strategies as st

from anopticon_client.matching import Contents, Engine, IndexedRows
from anopticon_client.native import NativeEngine, engines
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, SharedKey, Token
from anopticon_protocol.designs.unlinkable import ephid_of_seed, hashed_observation
from tests.protocol.strategies import NOON, PERIOD

ENGINES: Final = {engine.name: engine for engine in engines()}
RELEASE: Final = NOON - NOON % PERIOD + PERIOD


def every_engine() -> Sequence[object]:
    """Parameters for each engine; the native one skips, saying so, where it was not built."""
    missing = pytest.mark.skip(reason="the native engine is not built here: no cargo, or an old one")
    absent = [pytest.param("native", marks=missing)] if "native" not in ENGINES else []
    return [*ENGINES, *absent]


each_engine = pytest.mark.parametrize("engine", every_engine())


def native() -> NativeEngine:
    """The native engine; skips where it was not built."""
    engine = ENGINES.get("native")
    if not isinstance(engine, NativeEngine):
        pytest.skip("the native engine is not built here: no cargo, or an old one")
    return engine


def engine_of(name: str) -> Engine:
    """The engine of this name."""
    return ENGINES[name]


def contents(design: Design, keys: Sequence[SharedKey]) -> Contents:
    """The contents of a batch of `keys`."""
    return Contents(*design.publish(keys))


def identifiers(design: Design, key: SharedKey, until: int, most: int = 2_000) -> list[tuple[bytes, int]]:
    """Token values that `key` makes, each with the first slot that it may have been heard in."""
    if design.name == "unlinkable":
        return [(hashed_observation(ephid_of_seed(key.secret), key.index), key.index * 900 // 86_400)]
    return [(one.value, one.first_slot) for one in islice(design.candidates(key, until), most)]


@st.composite
def near_keys(draw: st.DrawFn, design: Design) -> SharedKey:
    """A key of a day or two before RELEASE, which a lowcost chain reaches from."""
    secret = draw(st.binary(min_size=design.secret_bytes, max_size=design.secret_bytes))
    slot = RELEASE // design.slot_seconds - draw(st.integers(0, 2 * 86_400 // design.slot_seconds))
    if design.name != "gaen":
        return SharedKey(secret, slot, 1)
    report = draw(st.sampled_from(range(6)))
    span = draw(st.integers(1, 144))
    return replace(SharedKey(secret, slot, span), report_type=type(SharedKey(b"", 0, 0).report_type)(report))


@st.composite
def crowds(draw: st.DrawFn, design: Design) -> tuple[list[SharedKey], list[Observation]]:
    """Published keys, and what a phone stored: some of their identifiers, near their slots, and others."""
    keys = draw(st.lists(near_keys(design), min_size=1, max_size=4, unique_by=lambda key: key.secret))
    made = [one for key in keys for one in identifiers(design, key, RELEASE)]
    rows: dict[tuple[object, int], Observation] = {}
    for _ in range(draw(st.integers(0, 12))):
        value, slot = draw(st.sampled_from(made)) if made else (bytes(16), 0)
        if draw(st.integers(0, 4)) == 0:
            value = draw(st.binary(min_size=len(value), max_size=len(value)))
        grain = design.observation_slot_seconds
        token = Token(max(0, slot + draw(st.integers(-2, 27))), value)
        received = draw(st.sampled_from([SETTLED, RELEASE - PERIOD, RELEASE, RELEASE + PERIOD]))
        offset = draw(st.integers(0, min(grain, 600) - 1)) if design.name == "gaen" else 0
        metadata = draw(st.binary(min_size=4, max_size=4)) if design.name == "gaen" else b""
        row = Observation(
            token, SETTLED if design.name == "gaen" else received, (Reading(offset, -60, 300, metadata),)
        )
        rows[token, row.received] = row
    return keys, list(rows.values())


def indexed(rows: Sequence[Observation]) -> IndexedRows:
    """Rows as matching wants them."""
    by_value: dict[bytes, list[Observation]] = {}
    for row in rows:
        by_value.setdefault(row.token.value, []).append(row)
    return IndexedRows(by_value)
