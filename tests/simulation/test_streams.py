"""Luck by name: no stream touches another, keyed draws are functions, and the numbers are pinned."""

import hashlib
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation.errors import StreamError
from anopticon_simulation.streams import (
    ENTROPY_BYTES,
    MAX_NAME_BYTES,
    MAX_SEED,
    Stream,
    Streams,
    below,
    log10,
    natural_log,
    normal,
    uniform,
)

SEEDS = st.integers(0, MAX_SEED)
NAMES = st.text(st.characters(codec="ascii"), min_size=1, max_size=40)
KEYS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5)


@given(SEEDS, st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_law_adding_a_stream_changes_no_other(seed: int, names: list[str]) -> None:
    """A stream draws the same numbers alone and beside any others, drawn from in turns."""
    together = {
        name: stream for streams in [Streams(seed)] for name in names for stream in [streams.stream(name)]
    }
    mixed = {name: [] for name in names}  # type: dict[str, list[float]]
    for _ in range(3):
        for name, stream in together.items():
            mixed[name].append(stream.uniform())
    for name in names:
        alone = Streams(seed).stream(name)
        assert [alone.uniform() for _ in range(3)] == mixed[name]


@given(SEEDS, NAMES)
def test_law_a_name_is_given_out_once(seed: int, name: str) -> None:
    """Streams and entropy share one space of names, and refuse the second user of one."""
    streams = Streams(seed)
    streams.stream(name)
    with pytest.raises(StreamError, match="is taken"):
        streams.stream(name)
    with pytest.raises(StreamError, match="is taken"):
        streams.entropy(name)


@given(SEEDS, NAMES, st.lists(KEYS, min_size=2, max_size=8))
def test_law_keyed_draws_do_not_depend_on_order(seed: int, name: str, keys: list[list[int]]) -> None:
    """The same key gives the same number, whatever was drawn before it."""
    forward = [(uniform(seed, name, *key), normal(seed, name, *key)) for key in keys]
    backward = [(uniform(seed, name, *key), normal(seed, name, *key)) for key in reversed(keys)]
    assert forward == backward[::-1]


@given(SEEDS, NAMES, KEYS, KEYS)
def test_law_different_keys_draw_apart(seed: int, name: str, one: list[int], other: list[int]) -> None:
    """Two keys, also of different length, share a draw of 53 bits only where they are equal."""
    assert (uniform(seed, name, *one) == uniform(seed, name, *other)) == (one == other)


@given(st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False))
def test_law_our_logarithm_agrees_with_the_machine(x: float) -> None:
    """natural_log and log10 lie within a few units in the last place of the C library's."""
    assert natural_log(x) == pytest.approx(math.log(x), rel=1e-15, abs=1e-16)
    assert log10(x) == pytest.approx(math.log10(x), rel=1e-15, abs=1e-16)


@pytest.mark.parametrize("x", [0.0, -1.0, math.inf, math.nan])
def test_logarithm_refuses_what_has_none(x: float) -> None:
    """Zero, negative numbers, infinity and NaN raise instead of giving a number."""
    with pytest.raises(ValueError, match="positive finite"):
        natural_log(x)


def test_draws_are_the_same_on_every_machine() -> None:
    """One hash over draws of every kind is pinned: it changes where luck changes, and then results do."""
    streams = Streams(7)
    stream = streams.stream("golden")
    items = list(range(20))
    stream.shuffle(items)
    entropy = streams.entropy("phone")
    drawn = [
        *(uniform(7, "a", 1, -2, number).hex() for number in range(50)),
        *(normal(7, "b", number).hex() for number in range(200)),
        *(below(7, "c", 1_000, number) for number in range(50)),
        *(stream.normal().hex() for _ in range(50)),
        *(stream.weighted((1, 2, 0, 3)) for _ in range(50)),
        *(stream.between(-3, 3) for _ in range(50)),
        stream.chance(0.5),
        items,
        entropy().hex(),
        entropy().hex(),
    ]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest() == GOLDEN


def test_keyed_draws_have_their_distributions() -> None:
    """Means, spread and tails of 20,000 draws are those of the uniform and the normal distribution."""
    flat = [uniform(1, "flat", number) for number in range(20_000)]
    bell = [normal(1, "bell", number) for number in range(20_000)]
    assert statistics.mean(flat) == pytest.approx(0.5, abs=0.01)
    assert statistics.pstdev(flat) == pytest.approx(12**-0.5, abs=0.005)
    assert statistics.mean(bell) == pytest.approx(0.0, abs=0.03)
    assert statistics.pstdev(bell) == pytest.approx(1.0, abs=0.02)
    for deviations in (-2, -1, 0, 1, 2):
        share = sum(value < deviations for value in bell) / len(bell)
        assert share == pytest.approx(statistics.NormalDist().cdf(deviations), abs=0.01)


@given(SEEDS, st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any))
def test_law_weighted_never_picks_a_weight_of_zero(seed: int, weights: list[int]) -> None:
    """An index with weight 0 is never drawn."""
    stream = Stream(seed, "weights")
    assert all(weights[stream.weighted(weights)] for _ in range(50))


@given(SEEDS, st.lists(st.integers(), max_size=30))
def test_law_shuffle_keeps_every_item(seed: int, items: list[int]) -> None:
    """Shuffling loses nothing and adds nothing."""
    shuffled = list(items)
    Stream(seed, "shuffle").shuffle(shuffled)
    assert sorted(shuffled) == sorted(items)


def test_entropy_blocks_differ_between_calls_names_and_seeds() -> None:
    """No two blocks of 32 bytes are equal over calls, phones and seeds."""
    blocks = [
        source()
        for seed in (1, 2)
        for streams in [Streams(seed)]
        for name in ("phone/1", "phone/2")
        for source in [streams.entropy(name)]
        for _ in range(5)
    ]
    assert {len(block) for block in blocks} == {ENTROPY_BYTES}
    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1], ids=["negative", "too large"])
def test_seed_out_of_bounds_is_refused(seed: int) -> None:
    """A seed that does not fit in eight bytes names its bound."""
    with pytest.raises(StreamError, match=f"between 0 and {MAX_SEED}"):
        Streams(seed)


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME_BYTES + 1)], ids=["empty", "too long"])
def test_name_out_of_bounds_is_refused(name: str) -> None:
    """A name must be there and fit the byte that holds its length."""
    with pytest.raises(StreamError, match="stream name"):
        Streams(1).stream(name)


def test_bounds_and_keys_out_of_range_are_refused() -> None:
    """Empty ranges and keys beyond 64 bits raise instead of wrapping round."""
    with pytest.raises(StreamError, match="bound"):
        below(1, "x", 0)
    with pytest.raises(StreamError, match="bound"):
        Stream(1, "x").below(0)
    with pytest.raises(StreamError, match="64-bit"):
        uniform(1, "x", 2**63)


GOLDEN = "fc682510d4aa5158909685df82677ccd6819f9ae433c62bf5e0f09c7c57d152d"
