"""Rates, curves and intervals against closed forms, hand-computed cases and each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_testbed.evaluation.resampling import Band, draw_weights, rate_intervals, roc_band
from anopticon_testbed.evaluation.statistics import Outcomes, confusion, roc, wilson

ROWS = st.lists(
    st.tuples(st.integers(-5, 5), st.booleans(), st.integers(1, 4), st.integers(0, 6)),
    min_size=1,
    max_size=40,
)


def outcomes(rows: list[tuple[int, bool, int, int]]) -> Outcomes:
    """Rows of score, near, count and cluster."""
    scores, near, counts, clusters = zip(*rows, strict=True)
    return Outcomes(
        np.asarray(scores, dtype=float),
        np.asarray(near, dtype=bool),
        np.asarray(counts, dtype=float),
        np.asarray(clusters, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (15, 148, 0.0624, 0.1605),  # Newcombe 1998, table I: 0.0624 to 0.1605
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I: 0.2553 to 0.3662
    ],
)
def test_wilson_has_the_published_ends(hits: int, of: int, low: float, high: float) -> None:
    """Intervals of Wilson are those of published tables (EV-10)."""
    rate = wilson(hits, of)
    assert rate.interval is not None
    assert rate.interval.low == pytest.approx(low, abs=5e-5)
    assert rate.interval.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 400), st.data())
def test_wilson_holds_the_rate_and_mirrors(of: int, data: st.DataObject) -> None:
    """The interval lies within 0..1, holds the rate, and that of the complement is its mirror image."""
    hits = data.draw(st.integers(0, of))
    rate, mirrored = wilson(hits, of), wilson(of - hits, of)
    assert rate.value is not None
    assert rate.interval is not None
    assert mirrored.interval is not None
    assert 0 <= rate.interval.low <= rate.value <= rate.interval.high <= 1
    assert rate.interval.low == pytest.approx(1 - mirrored.interval.high, abs=1e-12)


def test_a_rate_of_nothing_is_undefined() -> None:
    """No positives, no sensitivity: neither 0 nor 1, and no interval (EV-8)."""
    rate = wilson(0, 0)
    assert (rate.value, rate.interval) == (None, None)
    with pytest.raises(ValueError, match="3 hits of 2"):
        wilson(3, 2)


@given(ROWS)
def test_the_area_is_the_chance_that_near_outscores_far(rows: list[tuple[int, bool, int, int]]) -> None:
    """AUC is Mann and Whitney's U over all pairs, ties counting half; undefined if a class is missing (EV-8, EV-9)."""
    near = [score for score, is_near, count, _ in rows for _ in range(count) if is_near]
    far = [score for score, is_near, count, _ in rows for _ in range(count) if not is_near]
    curve = roc(outcomes(rows))
    if not near or not far:
        assert curve is None
        return
    wins = sum((one > other) + (one == other) / 2 for one in near for other in far)
    assert curve is not None
    assert curve.auc == pytest.approx(wins / (len(near) * len(far)))
    # The area under the points of the curve, by trapezoids, is the same figure.
    assert curve.auc == pytest.approx(float(np.trapezoid(curve.sensitivity, curve.false_positive_rate)))


@given(ROWS)
def test_each_point_of_the_curve_is_the_decision_at_its_threshold(
    rows: list[tuple[int, bool, int, int]],
) -> None:
    """A point has the rates of "score at least threshold", and both rise from 0 to 1 as it falls (EV-9)."""
    counted = outcomes(rows)
    curve = roc(counted)
    if curve is None:
        return
    for threshold, sensitivity, false_rate in zip(
        curve.thresholds, curve.sensitivity, curve.false_positive_rate, strict=True
    ):
        table = confusion(counted.scores >= threshold, counted.near, counted.counts)
        assert sensitivity == pytest.approx(
            table.true_positives / (table.true_positives + table.false_negatives)
        )
        assert false_rate == pytest.approx(
            table.false_positives / (table.false_positives + table.true_negatives)
        )
    assert (curve.sensitivity[0], curve.sensitivity[-1]) == (0, 1)
    assert (np.diff(curve.sensitivity) >= 0).all()


def test_a_curve_computed_by_hand() -> None:
    """Scores 3+ 2- 2+ 1-: three and a half of four pairs are in order, so the area is 0.875."""
    curve = roc(outcomes([(3, True, 1, 0), (2, False, 1, 1), (2, True, 1, 2), (1, False, 1, 3)]))
    assert curve is not None
    assert curve.auc == 0.875
    assert curve.thresholds.tolist() == [np.inf, 3, 2, 1]
    assert curve.sensitivity.tolist() == [0, 0.5, 1, 1]
    assert curve.false_positive_rate.tolist() == [0, 0, 0.5, 1]


def test_a_resample_draws_whole_clusters() -> None:
    """Rows of one cluster are in a resample together, and the draws of all clusters sum to their number."""
    counted = outcomes([(1, True, 1, 0), (2, False, 1, 0), (3, True, 1, 1), (4, False, 1, 2)])
    for seed in range(50):
        weights = draw_weights(counted, np.random.default_rng(seed))
        assert weights[0] == weights[1]
        assert weights[0] + weights[2] + weights[3] == 3


def test_a_resample_by_device_lets_the_drawn_devices_meet() -> None:
    """A row of two devices weighs the product of how often both were drawn (EV-10)."""
    first, second = np.asarray([0, 0, 1]), np.asarray([1, 2, 2])
    rows = Outcomes(np.zeros(3), np.asarray([True, False, True]), np.ones(3), first, second)
    for seed in range(50):
        ab, ac, bc = draw_weights(rows, np.random.default_rng(seed))
        drawn = np.bincount(np.random.default_rng(seed).integers(0, 3, 3), minlength=3)
        assert (ab, ac, bc) == (drawn[0] * drawn[1], drawn[0] * drawn[2], drawn[1] * drawn[2])


def made(random: np.random.Generator, clusters: int) -> Outcomes:
    """Clusters of three equal-scored rows each, near ones a standard deviation higher: true area 0.760."""
    near = np.arange(clusters) % 2 == 0
    scores = np.repeat(random.normal(0, 1, clusters) + near, 3)
    return Outcomes(scores, np.repeat(near, 3), np.ones(3 * clusters), np.repeat(np.arange(clusters), 3))


def band_of(rows: Outcomes, seed: int, resamples: int = 200) -> Band:
    """The band of made-up outcomes, which have one."""
    band = roc_band(rows, resamples, np.random.default_rng(seed))
    assert band is not None
    return band


def test_the_interval_of_the_area_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 120 made-up samples of 60 clusters, 95 % intervals hold the true area in 88 % or more (EV-10)."""
    truth = 0.7602  # Phi(1 / sqrt(2))
    held = 0
    for seed in range(120):
        interval = band_of(made(np.random.default_rng([7, seed]), 60), seed).auc
        held += interval.low <= truth <= interval.high
    assert 106 <= held <= 120
    # Had each row been drawn by itself, the interval would be narrower than the data allow.
    rows = made(np.random.default_rng(1), 60)
    alone = Outcomes(rows.scores, rows.near, rows.counts, np.arange(len(rows.scores)))
    wide, narrow = band_of(rows, 1).auc, band_of(alone, 1).auc
    assert wide.high - wide.low > 1.4 * (narrow.high - narrow.low)


def test_the_same_seed_draws_the_same_interval() -> None:
    """Intervals follow from the generator alone, and another seed gives another (EV-11)."""
    rows = made(np.random.default_rng(3), 40)
    assert band_of(rows, 5).auc == band_of(rows, 5).auc
    assert band_of(rows, 5).auc != band_of(rows, 6).auc


def test_too_few_clusters_have_no_interval() -> None:
    """With four clusters, or where most resamples lack a class, no interval is given (EV-10)."""
    few = outcomes([(1, True, 3, 0), (0, False, 2, 1), (0, True, 1, 2), (1, False, 1, 3)])
    assert roc(few) is not None
    assert roc_band(few, 300, np.random.default_rng(1)) is None
    assert set(rate_intervals(few, few.scores > 0, 300, np.random.default_rng(1)).values()) == {None}
    # One near pair of devices 0 and 1 out of 6 devices: seldom are both drawn.
    first, second = np.asarray([0, 2, 3, 4]), np.asarray([1, 3, 4, 5])
    near = np.asarray([True, False, False, False])
    seldom = Outcomes(np.asarray([1.0, 0, 1, 0]), near, np.ones(4), first, second)
    assert roc_band(seldom, 300, np.random.default_rng(1)) is None


def test_intervals_of_rates_leave_out_what_is_undefined() -> None:
    """If nobody is called exposed, precision has no interval while the others have one (EV-8, EV-10)."""
    rows = made(np.random.default_rng(2), 40)
    none = np.zeros(len(rows.scores), dtype=bool)
    intervals = rate_intervals(rows, none, 200, np.random.default_rng(1))
    assert intervals["precision"] is None
    assert intervals["sensitivity"] is not None
    assert intervals["sensitivity"].high == 0
    exposed = rows.scores > 1
    # The same by hand: the rates in each resample, and of those the 2.5 and 97.5 % quantiles.
    random = np.random.default_rng(3)
    shares = []
    for _ in range(200):
        weights = draw_weights(rows, random)
        shares.append(weights[exposed & rows.near].sum() / weights[exposed].sum())
    by_hand = np.quantile(shares, (0.025, 0.975))
    drawn = rate_intervals(rows, exposed, 200, np.random.default_rng(3))["precision"]
    assert drawn is not None
    assert (drawn.low, drawn.high) == pytest.approx(tuple(by_hand))
    found = rate_intervals(rows, exposed, 400, np.random.default_rng(1))["sensitivity"]
    rate = float(exposed[rows.near].mean())
    assert found is not None
    assert found.low < rate < found.high
