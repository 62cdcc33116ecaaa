"""Replay rules and clock skew of each design, at the borders of windows, epochs, days and releases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import Observation
from tests.protocol.strategies import (
    DAY,
    DP3T_SPECS,
    NOON,
    PERIOD,
    SPECS,
    heard,
    matches,
    on_air,
    published,
    schedule,
)

MIDNIGHT = NOON - NOON % DAY
HOUR = 3_600
TEN = MIDNIGHT + 10 * HOUR
Rule = Callable[[int, int], bool]

RULES: dict[str, Rule] = {
    "lowcost": lambda sent, got: sent // DAY == got // DAY,
    "unlinkable": lambda sent, got: sent // 900 == got // 900,
    "hybrid": lambda sent, got: sent // 7_200 == got // 7_200,
    "hybrid:window_minutes=15": lambda sent, got: sent // 900 == got // 900,
    "hybrid:window_minutes=240": lambda sent, got: sent // 14_400 == got // 14_400,
    "hybrid:window_minutes=1440": lambda sent, got: sent // DAY == got // DAY,
    "gaen": lambda sent, got: abs(sent // 600 - got // 600) <= 12,
}
"""Whether an identifier of second `sent` counts if heard in second `got`, both long before the release: section 6."""


def counts(spec: str, sent: int, got: int, release: int) -> bool:
    """Whether what was on the air at `sent`, heard at `got`, matches the batch of all keys released at `release`."""
    design = open_design(spec)
    keys = schedule(design, MIDNIGHT - 2 * DAY, MIDNIGHT + 2 * DAY)
    shared = design.uploadable(keys, MIDNIGHT - 2 * DAY, MIDNIGHT + 2 * DAY, ())
    row = heard(design, on_air(design, keys, sent), got)
    return bool(matches(design, published(design, shared), release, row))


@pytest.mark.parametrize("spec", DP3T_SPECS)
@pytest.mark.parametrize(
    ("got", "release", "expected"),
    [
        (TEN - 1, TEN, True),
        (TEN, TEN, False),
        (TEN + HOUR, TEN, False),
        (TEN + HOUR, TEN + 2 * HOUR, True),
        (TEN + 2 * HOUR - 1, TEN + 2 * HOUR, True),
        (TEN + 2 * HOUR, TEN + 2 * HOUR, False),
    ],
    ids=["9:59:59 by 10", "10 by 10", "11 by 10", "11 by 12", "11:59:59 by 12", "12 by 12"],
)
def test_only_what_was_heard_before_the_release_counts(
    spec: str, got: int, release: int, expected: bool
) -> None:
    """SPEC: DS-4, UL-6, TI-3. The boundary cases of the reference implementation, in every DP-3T design."""
    assert counts(spec, got, got, release) is expected


@pytest.mark.parametrize("spec", DP3T_SPECS)
def test_a_settled_row_matches_every_batch_still_to_come(spec: str) -> None:
    """SPEC: DS-4, PH-26. Once its release period is gone, a row is older than any batch that is processed later."""
    design = open_design(spec)
    keys = schedule(design, NOON, NOON)
    fine = heard(design, on_air(design, keys, NOON), NOON)
    settled = Observation(fine.token, -1, fine.readings)
    shared = design.uploadable(keys, NOON, NOON, ())
    assert len(matches(design, published(design, shared), PERIOD, settled)) == (spec != "lowcost")
    assert len(matches(design, published(design, shared), NOON + PERIOD, settled)) == 1


@pytest.mark.parametrize(
    ("spec", "sent", "got", "expected"),
    [
        ("lowcost", MIDNIGHT, MIDNIGHT + 20 * HOUR, True),
        ("lowcost", MIDNIGHT, MIDNIGHT + DAY - 1, True),
        ("lowcost", MIDNIGHT + DAY - 1, MIDNIGHT + DAY, False),
        ("lowcost", MIDNIGHT, MIDNIGHT - 1, False),
        ("hybrid", NOON, NOON + 7_199, True),
        ("hybrid", NOON + 7_199, NOON, True),
        ("hybrid", NOON + 7_199, NOON + 7_200, False),
        ("hybrid", NOON, NOON - 1, False),
        ("hybrid:window_minutes=240", NOON, NOON + 14_399, True),
        ("hybrid:window_minutes=240", NOON + 14_399, NOON + 14_400, False),
        ("hybrid:window_minutes=15", NOON + 899, NOON + 900, False),
        ("hybrid:window_minutes=1440", MIDNIGHT, MIDNIGHT + DAY - 1, True),
        ("unlinkable", NOON, NOON + 899, True),
        ("unlinkable", NOON + 899, NOON + 900, False),
        ("unlinkable", NOON, NOON - 1, False),
        ("gaen", NOON, NOON + 13 * 600 - 1, True),
        ("gaen", NOON, NOON + 13 * 600, False),
        ("gaen", NOON, NOON - 12 * 600, True),
        ("gaen", NOON, NOON - 12 * 600 - 1, False),
        ("gaen", NOON + 599, NOON + 13 * 600 - 1, True),
        ("gaen", NOON + 599, NOON - 12 * 600, True),
    ],
)
def test_skew_and_replay_at_the_borders(spec: str, sent: int, got: int, expected: bool) -> None:
    """SPEC: LC-7, HY-4, UL-2, GA-6. One second inside the border counts, one second outside does not."""
    assert counts(spec, sent, got, MIDNIGHT + 2 * DAY) is expected
    assert RULES[spec](sent, got) is expected


@given(
    st.sampled_from(SPECS),
    st.integers(MIDNIGHT - DAY, MIDNIGHT + DAY),
    st.integers(-15_000, 15_000) | st.integers(-DAY, DAY),
)
def test_the_window_of_acceptance_is_what_the_specification_says(spec: str, sent: int, delay: int) -> None:
    """SPEC: LC-7, HY-4, UL-2, GA-6. Any sending time and delay, early or late, counts by its design's rule."""
    assert counts(spec, sent, sent + delay, MIDNIGHT + 4 * DAY) is RULES[spec](sent, sent + delay)


@given(st.sampled_from(DP3T_SPECS), st.integers(MIDNIGHT, MIDNIGHT + DAY), st.integers(-20, 20))
def test_acceptance_after_publication_is_zero(spec: str, got: int, periods: int) -> None:
    """SPEC: DS-4. With the sender still on the air, a batch takes a row exactly if the row's period began before it."""
    release = got - got % PERIOD + periods * PERIOD
    expected = got - got % PERIOD < release
    assert counts(spec, got, got, release) is expected


def guarded(*seconds: int, start: int = NOON) -> list[int]:
    """Of sightings of one RPI so many seconds after `start`, those that still count."""
    design = open_design("gaen")
    keys = schedule(design, NOON, NOON)
    data = on_air(design, keys, NOON)
    rows: dict[object, Observation] = {}
    for second in seconds:
        new = heard(design, data, start + second)
        kept = rows.get(new.token)
        rows[new.token] = Observation(new.token, -1, design.fold(kept.readings if kept else (), new.readings))
    shared = design.uploadable(keys, NOON, NOON, ())
    found = matches(design, published(design, shared), NOON + DAY, *rows.values())
    return sorted(row.token.slot * 600 + reading.offset - start for row in found for reading in row.readings)


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        ([0, 600, 1_199, 1_200], [0, 600, 1_199, 1_200]),
        ([0, 1_201], [0]),
        ([0, 1_200, 1_201, 7_000], [0, 1_200]),
        ([300, 1_500, 1_501], [300, 1_500]),
        ([-7_200, 0, 600], [-7_200]),
        ([-7_201, 0, 600], [0, 600]),
        ([7_000, 7_799, 7_800], [7_000, 7_799]),
    ],
    ids=["1200", "1201", "later", "late start", "early replay", "too early", "too late"],
)
def test_the_replay_guard_of_one_identifier(seconds: list[int], kept: list[int]) -> None:
    """SPEC: GA-7. 1,200 seconds count from the first valid sighting; one outside the tolerance is not the first."""
    assert guarded(*seconds) == kept


@given(st.lists(st.integers(-8_000, 9_000), min_size=1, max_size=12))
def test_the_replay_guard_follows_its_rule(seconds: list[int]) -> None:
    """SPEC: GA-6, GA-7. Any sightings: those within the tolerance and within 1,200 seconds of the first such one."""
    valid = [second for second in seconds if -7_200 <= second < 13 * 600]
    assert guarded(*seconds) == sorted(second for second in valid if second <= min(valid) + 1_200)


@pytest.mark.parametrize("spec", SPECS)
def test_a_heard_identifier_is_no_key(spec: str) -> None:
    """An EphID or RPI uploaded in place of a secret matches nobody: it is not what identifiers come from."""
    design = open_design(spec)
    keys = schedule(design, NOON, NOON)
    data = on_air(design, keys, NOON)
    row = heard(design, data, NOON)
    stolen = [
        type(key)(data[:16].ljust(design.secret_bytes, b"\0"), key.index, key.span)
        for key in design.uploadable(keys, NOON, NOON, ())
    ]
    assert matches(design, published(design, stolen), NOON + DAY, row) == []
