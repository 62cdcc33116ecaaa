"""One batch against many phones at once gives what each phone finds alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.matching import PopulationMatcher, PopulationRows
from anopticon_client.matching.engine import byte_array
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design, Published
from anopticon_protocol.designs.records import Observation, SharedKey
from anopticon_protocol.errors import BatchError, InvalidParameterError
from tests.client.matching.kit import RELEASE, contents, crowds, each_engine, engine_of, indexed
from tests.protocol.strategies import SPECS


def table(phones: list[list[Observation]], slot_seconds: int, width: int) -> PopulationRows:
    """What all phones stored, as one table: a row for each reading."""
    flat = [
        (
            number,
            row.token.value,
            row.token.slot,
            row.received,
            row.token.slot * slot_seconds + reading.offset,
        )
        for number, rows in enumerate(phones)
        for row in rows
        for reading in row.readings
    ]
    columns = [np.array([one[place] for one in flat], np.int64) for place in (0, 2, 3, 4)]
    phone, slot, received, second = columns
    return PopulationRows(phone, byte_array([one[1] for one in flat], width), slot, received, second)


@each_engine
@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_population_is_matched_as_phone_by_phone(engine: str, spec: str, data: st.DataObject) -> None:
    """Of every phone the same rows match the same identifiers of the same keys, whatever the others stored (MT-14)."""
    design = open_design(spec)
    keys, rows = data.draw(crowds(design))
    # The same rows on several phones, and each phone without some of them.
    phones = [[row for row in rows if data.draw(st.booleans())] for _ in range(3)]
    width = 32 if spec == "unlinkable" else 16
    population = table(phones, design.observation_slot_seconds, width)
    matcher = PopulationMatcher(engine_of(engine), population)
    batch = contents(design, keys)
    hits = matcher.match(design, batch, RELEASE)
    found = {
        (*place(population, row), entry, position)
        for row, entry, position in zip(
            hits.row.tolist(), hits.entry.tolist(), hits.position.tolist(), strict=True
        )
    }
    assert len(found) == len(hits.row)
    published = design.read(batch.count, batch.body)
    assert found == {
        (number, *rest) for number, held in enumerate(phones) for rest in alone(design, published, held)
    }


def place(population: PopulationRows, row: int) -> tuple[int, bytes, int, int]:
    """Phone, value, second and release period of a row."""
    value = population.value[row].tobytes()
    return int(population.phone[row]), value, int(population.second[row]), int(population.received[row])


def alone(
    design: Design, published: Published, rows: list[Observation]
) -> set[tuple[bytes, int, int, int, int]]:
    """What one phone finds by the rules of its design: value, second, release period, entry and position."""
    stored = indexed(rows)
    if isinstance(published, tuple):
        hits = [
            (entry, position, candidate, candidate.value)
            for entry, key in enumerate(published)
            for position, candidate in enumerate(design.candidates(key, RELEASE))
        ]
    else:
        hits = [(-1, -1, None, value) for value in stored.values() if value in published]  # type: ignore[misc]
    grain = design.observation_slot_seconds
    return {
        (value, row.token.slot * grain + reading.offset, row.received, entry, position)
        for entry, position, candidate, value in hits
        for row in design.admit(stored.rows(value), candidate, RELEASE)
        for reading in row.readings
    }


@each_engine
def test_a_batch_that_is_not_sound_is_refused_for_all(engine: str) -> None:
    """A population refuses what a phone refuses, and rows of another design (MT-14)."""
    nobody = table([], 7_200, 16)
    matcher = PopulationMatcher(engine_of(engine), nobody)
    hybrid = open_design("hybrid")
    batch = contents(hybrid, [])
    assert len(matcher.match(hybrid, batch, RELEASE).row) == 0
    with pytest.raises(BatchError, match="body of 0 bytes for 1 entries"):
        matcher.match(hybrid, type(batch)(1, b""), RELEASE)
    with pytest.raises(InvalidParameterError, match="its rows are not those given"):
        matcher.match(open_design("unlinkable"), batch, RELEASE)


@each_engine
def test_the_replay_guard_ends_where_it_ends_for_one_phone(engine: str) -> None:
    """1,200 seconds after its first valid sighting by a phone an identifier counts, a second later not (MT-14)."""
    design = open_design("gaen")
    key = SharedKey(bytes(16), 2_650_032, 144)
    value = next(iter(design.candidates(key, 0))).value
    start = key.index * 600
    heard = [(0, start + 5), (0, start + 1_205), (0, start + 1_206), (1, start + 1_206), (1, start + 2_406)]
    phone, second = (np.array([one[place] for one in heard], np.int64) for place in (0, 1))
    settled = np.full(len(heard), -1, np.int64)
    rows = PopulationRows(phone, byte_array([value] * len(heard)), second // 600, settled, second)
    hits = PopulationMatcher(engine_of(engine), rows).match(design, contents(design, [key]), RELEASE)
    assert hits.row.tolist() == [0, 1, 3, 4]
