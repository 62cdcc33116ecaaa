"""The statistics of an analysis give back what data were made with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_testbed.analysis.fits import (
    line_above_floor,
    logistic_line,
    straight_line,
    variance_parts,
    wilson,
)


def cloud(pairs: int, each: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log10 of distances, strengths at -70 dBm and -20 dB per decade, and the pair of each."""
    luck = np.random.default_rng(5)
    distance = np.repeat(luck.uniform(-0.5, 1.2, pairs), each)
    pair = np.repeat(np.arange(pairs), each)
    return distance, -70 - 20 * distance + luck.normal(0, spread, pairs * each), pair


def test_a_line_is_found_again_within_its_error() -> None:
    """Level, slope and spread of a plain cloud lie within three of their standard errors."""
    x, y, pair = cloud(60, 50, 5.0)
    found = straight_line(x, y, np.ones_like(x), pair)
    assert found is not None
    line, deviation = found
    assert abs(line.intercept.value + 70) < 3 * line.intercept.error < 1.5
    assert abs(line.slope.value + 20) < 3 * line.slope.error < 2
    assert abs(deviation - 5) < 0.3
    assert line.intercept.low < line.intercept.value < line.intercept.high


def test_the_floor_of_a_receiver_does_not_flatten_the_line() -> None:
    """Of a cloud cut off below -90 dBm the plain line is too flat by decibels, the line above the floor is right.

    SPEC: TB-25.
    """
    x, y, pair = cloud(200, 60, 8.0)
    seen = y >= -90
    one = np.ones(int(seen.sum()))
    plain = straight_line(x[seen], y[seen], one, pair[seen])
    above = line_above_floor(x[seen], y[seen], one, pair[seen], -90.0)
    assert plain is not None
    assert above is not None
    assert plain[0].slope.value > -17.5
    assert abs(above[0].slope.value + 20) < 1
    assert abs(above[0].intercept.value + 70) < 0.7
    assert abs(above[1] - 8) < 0.3


def test_weights_are_repetitions() -> None:
    """A reading with weight 3 is the same as three readings."""
    x, y, pair = cloud(20, 4, 5.0)
    weight = np.random.default_rng(7).integers(1, 4, len(x)).astype(float)
    many = np.repeat(np.arange(len(x)), weight.astype(int))
    one = line_above_floor(x, y, weight, pair, -95.0)
    other = line_above_floor(x[many], y[many], np.ones(len(many)), pair[many], -95.0)
    assert one is not None
    assert other is not None
    assert one[0].intercept.value == pytest.approx(other[0].intercept.value)
    assert one[0].slope.error == pytest.approx(other[0].slope.error)


def test_a_logistic_line_is_found_again() -> None:
    """Log odds of 2 at 1 m and -3 per decade come back within three standard errors.

    SPEC: TB-24.
    """
    luck = np.random.default_rng(6)
    x = np.repeat(luck.uniform(0, 1.5, 80), 10)
    trials = np.full(800, 40.0)
    hits = luck.binomial(40, 1 / (1 + np.exp(-(2 - 3 * x)))).astype(float)
    line = logistic_line(x, hits, trials, np.repeat(np.arange(80), 10))
    assert line is not None
    assert abs(line.intercept.value - 2) < 3 * line.intercept.error < 0.5
    assert abs(line.slope.value + 3) < 3 * line.slope.error < 0.5


def test_what_data_cannot_tell_is_not_told() -> None:
    """One distance, no miss or no hit at all give no line, and one or two pairs no error."""
    flat, ones = np.ones(5), np.ones(5)
    assert straight_line(flat, ones, ones, np.arange(5)) is None
    assert line_above_floor(flat, ones, ones, np.arange(5), -1.0) is None
    x = np.arange(5.0)
    assert logistic_line(x, ones, ones, np.arange(5)) is None
    assert logistic_line(x, 0 * ones, ones, np.arange(5)) is None
    two = straight_line(x, x, ones, np.array([0, 0, 1, 1, 1]))
    assert two is not None
    assert math.isnan(two[0].slope.error)


def test_variance_parts_come_back() -> None:
    """6.8 dB between pairs and 5.3 dB within come back from 300 pairs of unequal sizes.

    SPEC: TB-25.
    """
    luck = np.random.default_rng(8)
    pair = np.repeat(np.arange(300), luck.integers(5, 40, 300))
    residual = luck.normal(0, 6.8, 300)[pair] + luck.normal(0, 5.3, len(pair))
    between, within = variance_parts(residual, np.ones(len(pair)), pair)
    assert abs(between - 6.8) < 0.9
    assert abs(within - 5.3) < 0.2
    alone, _ = variance_parts(residual[:5], np.ones(5), np.zeros(5, np.int64))
    assert math.isnan(alone)


@given(trials=st.integers(1, 10_000), data=st.data())
def test_law_an_interval_holds_its_share(trials: int, data: st.DataObject) -> None:
    """The interval of any share lies within 0..1 and holds the share."""
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert high - low < 1


def test_intervals_are_wilsons() -> None:
    """Of 0 in 10 the interval ends at 27.8 %, of 5 in 10 it is 23.7 to 76.3 %, and of nothing it is everything."""
    assert np.array(wilson(0, 10)) == pytest.approx(np.array([0, 0.2775]), abs=1e-4)
    assert np.array(wilson(5, 10)) == pytest.approx(np.array([0.2366, 0.7634]), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
