"""Every engine finds what the reference finds, and refuses what the reader of a whole batch refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.matching import IndexedRows, MatchJob, job, match, match_contents
from anopticon_client.matching.engine import byte_array
from anopticon_client.matching.job import Contents
from anopticon_client.matching.values import ValueSet
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.expansion import Expansion
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, SharedKey, Token
from anopticon_protocol.errors import BatchError
from anopticon_protocol.fingerprints import FingerprintFilter
from anopticon_protocol.params import MAX_BATCH_KEYS
from tests.client.matching.kit import (
    ENGINES,
    RELEASE,
    contents,
    crowds,
    each_engine,
    engine_of,
    indexed,
    native,
)
from tests.protocol.strategies import SPECS, key_lists

LIST_SPECS = [spec for spec in SPECS if spec != "unlinkable"]


@each_engine
@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_engine_matches_as_the_reference_does(engine: str, spec: str, data: st.DataObject) -> None:
    """Rows, their matches and their order are those of the join key by key (MT-1)."""
    design = open_design(spec)
    keys, rows = data.draw(crowds(design))
    published = design.read(*design.publish(keys))
    expected = match(design, published, RELEASE, indexed(rows), -20)
    assert (
        match_contents(engine_of(engine), design, contents(design, keys), RELEASE, indexed(rows), -20)
        == expected
    )


@pytest.mark.parametrize("spec", LIST_SPECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_native_and_python_hits_are_identical(spec: str, data: st.DataObject) -> None:
    """For any sound entries and values both engines give the same hits, byte for byte (MT-1, MT-8)."""
    design = open_design(spec)
    keys = data.draw(key_lists(design, max_size=4))
    expansion = design.expansion(data.draw(st.sampled_from([RELEASE, 1, 2**40])))
    assert isinstance(expansion, Expansion)
    _, body = design.publish(keys)
    reference = [one.value for key in keys for one in design.candidates(key, RELEASE)]
    picked = data.draw(st.sets(st.sampled_from(reference), max_size=6)) if reference else set[bytes]()
    values = byte_array([*picked, *data.draw(st.sets(st.binary(min_size=16, max_size=16), max_size=3))])
    python = ENGINES["python"].lookup(values).hits(expansion, body)
    assert python.tolist() == native().lookup(values).hits(expansion, body).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32), max_size=60), st.data())
def test_both_filter_probes_agree_with_membership(values: list[bytes], data: st.DataObject) -> None:
    """Asking for many values at once gives what asking for each gives, in every engine (MT-1)."""
    stored = data.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=8)) + values[::3]
    built = FingerprintFilter.build(values)
    expected = [number for number, value in enumerate(stored) if value in built]
    array = byte_array(stored, 32)
    for engine in ENGINES.values():
        assert engine.filter_hits(len(built), built.encode(), array, 7).tolist() == expected


@pytest.mark.parametrize("remainder_bytes", range(1, 9))
def test_a_filter_of_any_remainder_can_be_asked_for_many(remainder_bytes: int) -> None:
    """The probe for many values works for each length of remainder that a filter may have (MT-1)."""
    values = [bytes([number, number ^ 255]) * 16 for number in range(200)]
    built = FingerprintFilter.build(values[:100], remainder_bytes=remainder_bytes)
    array = byte_array(values, 32)
    expected = [value in built for value in values]
    assert built.holds(array).tolist() == expected
    assert sum(expected) >= 100
    for engine in ENGINES.values():
        held = engine.filter_hits(len(built), built.encode(), array, remainder_bytes)
        assert held.tolist() == np.flatnonzero(expected).tolist()


def damaged(body: bytes, data: st.DataObject) -> bytes:
    """The same body, one byte changed, cut, doubled in part or with two parts swapped."""
    match data.draw(st.sampled_from(["change", "cut", "double", "swap"])):
        case "change" if body:
            at = data.draw(st.integers(0, len(body) - 1))
            return body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :]
        case "cut":
            return body[: data.draw(st.integers(0, len(body)))]
        case "double":
            return body + body[: data.draw(st.integers(0, len(body)))]
    middle = data.draw(st.integers(0, len(body)))
    return body[middle:] + body[:middle]


def outcome(engine: str, design: Design, given_: Contents) -> str:
    """What an engine says of a batch against an empty phone."""
    try:
        return str(match_contents(engine_of(engine), design, given_, RELEASE, IndexedRows({})))
    except BatchError as error:
        return f"{error.reason}: {error}"


def read_outcome(design: Design, count: int, body: bytes) -> str:
    """What the reader of a whole batch says of it."""
    try:
        design.read(count, body)
    except BatchError as error:
        return f"{error.reason}: {error}"
    return "[]"


@each_engine
@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_batch_is_refused_as_by_its_reader(engine: str, spec: str, data: st.DataObject) -> None:
    """An engine refuses the bodies that Design.read refuses, with the same word and sentence (MT-2)."""
    design = open_design(spec)
    count, body = design.publish(data.draw(key_lists(design, max_size=5)))
    count += data.draw(st.sampled_from([0, 0, 1]))
    bad = damaged(body, data)
    assert outcome(engine, design, Contents(count, bad)) == read_outcome(design, count, bad)


@each_engine
@pytest.mark.parametrize("spec", SPECS)
def test_a_batch_of_too_many_is_refused_before_it_is_read(engine: str, spec: str) -> None:
    """750,001 keys, or more filter entries than allowed, are refused by their count (MT-2)."""
    most = 5_000_000 if spec == "unlinkable" else MAX_BATCH_KEYS
    assert "oversized" in outcome(engine, open_design(spec), Contents(most + 1, b""))
    empty = Contents(*open_design(spec).publish([]))
    assert outcome(engine, open_design(spec), empty) == "[]"


def test_values_that_begin_alike_are_told_apart() -> None:
    """Identifiers that somebody broadcasts to crowd one place of the table are all found, and no others (MT-1)."""
    alike = [bytes(8) + number.to_bytes(8, "big") for number in range(500)]
    stored, others = byte_array(alike[::2]), byte_array(alike)
    places, numbers = ValueSet(stored).find(others)
    assert places.tolist() == list(range(0, 500, 2))
    assert numbers.tolist() == list(range(250))
    module = native()._module
    hits = module.Values(stored.tobytes()).rolling(b"", 23, 16, b"EN-RPIK", 144)
    assert hits == b""


crowded = st.tuples(st.integers(0, 2), st.integers(0, 9)).map(
    lambda two: bytes([two[0]]) * 8 + bytes([two[1]]) * 8
)


@given(st.lists(crowded, unique=True), st.lists(crowded, min_size=1))
def test_law_a_set_of_values_finds_what_it_holds(stored: list[bytes], asked: list[bytes]) -> None:
    """Each identifier that is stored, with its number, in the order asked; however many begin alike (MT-1)."""
    places, numbers = ValueSet(byte_array(stored)).find(byte_array(asked))
    expected = [(place, stored.index(one)) for place, one in enumerate(asked) if one in stored]
    assert list(zip(places.tolist(), numbers.tolist(), strict=True)) == expected


@each_engine
def test_a_chunk_is_checked_against_the_one_before(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that repeats the last of an earlier piece is named by its number in the whole list (MT-2)."""
    monkeypatch.setattr(job, "SLICE_IDENTIFIERS", 144)
    design = open_design("gaen")
    _, body = design.publish([])
    entry = bytes(range(16)) + (2_650_000).to_bytes(4, "big") + bytes([144, 1, 127])
    body = entry + entry
    assert outcome(engine, design, Contents(2, body)) == "duplicate: entry 1 is the same as the one before it"


@pytest.mark.parametrize("spec", ["gaen", "lowcost", "hybrid"])
def test_entries_that_agree_in_sixteen_bytes_are_in_order(spec: str) -> None:
    """Entries of one secret in two slots are sound, though the fast test of order looks at 16 bytes (MT-2)."""
    design = open_design(spec)
    secret = bytes(design.secret_bytes)
    entries = [
        secret + slot.to_bytes(4, "big") + (bytes([9, 1, 0]) if spec == "gaen" else b"") for slot in (7, 8)
    ]
    for engine in ENGINES:
        assert outcome(engine, design, Contents(2, b"".join(entries))) == "[]"
        assert outcome(engine, design, Contents(2, b"".join(reversed(entries)))).startswith("order: entry 1")


def test_a_job_says_how_far_it_is() -> None:
    """Progress counts entries up to the count of the batch, and grows with each step (MT-3)."""
    design = open_design("hybrid")
    body = b"".join(number.to_bytes(16, "big") + bytes(4) for number in range(120_000))
    one = MatchJob(ENGINES["python"], design, Contents(120_000, body), RELEASE, IndexedRows({bytes(16): []}))
    seen = [one.done]
    while not one.step():
        seen.append(one.done)
    assert seen == [0, 50_000, 100_000]
    assert one.done == one.total == 120_000
    assert one.step()
    assert one.rows() == []


@each_engine
def test_keys_of_many_days_are_all_expanded(engine: str) -> None:
    """A list whose keys begin at hundreds of different intervals is matched like one of a fortnight (MT-1)."""
    design = open_design("gaen")
    keys = [SharedKey(number.to_bytes(16, "big"), 2_650_000 + 31 * number, 144) for number in range(300)]
    heard = {next(iter(design.candidates(key, 0))).value: key for key in keys}
    stored = indexed(
        [
            Observation(Token(key.index, value), SETTLED, (Reading(0, -60, 300),))
            for value, key in heard.items()
        ]
    )
    values = byte_array(list(stored.values()))
    expansion = design.expansion(0)
    assert isinstance(expansion, Expansion)
    lookup = engine_of(engine).lookup(values)
    hits = lookup.hits(expansion, design.publish(keys)[1])
    assert lookup.hits(expansion, design.publish(keys)[1]).tolist() == hits.tolist()
    assert hits[:, 0].tolist() == list(range(300))
    assert set(hits[:, 1].tolist()) == {0}
