"""Daily summaries of Exposure Notification v2."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import (
    DayScore,
    ExposureClass,
    Infectiousness,
    KeyFacts,
    KeyMapping,
    WindowScoring,
    open_scoring,
)
from anopticon_protocol.designs.records import ReportType
from tests.client.scoring.given import DAY, MIDNIGHT, MONDAY, NOON, NOW, contact, heard

CONFIRMED = ExposureClass(confirmed_test=2_700)
EVERY_MAP = KeyMapping(
    (Infectiousness.NONE, Infectiousness.STANDARD, Infectiousness.HIGH, *[Infectiousness.NONE] * 26),
)


def scoring(**fields: Any) -> WindowScoring:
    """The weights of Google's sample, with some fields changed."""
    sample: dict[str, Any] = {
        "thresholds_db": (30, 50, 60),
        "weights_percent": (150, 100, 50, 0),
        "classes": (CONFIRMED,),
    }
    return WindowScoring(**(sample | fields))


def only(scores: tuple[DayScore, ...]) -> DayScore:
    """The one score that there is."""
    (score,) = scores
    return score


@pytest.mark.parametrize(
    ("attenuation", "weighs"), [(0, 450), (30, 450), (31, 300), (50, 300), (51, 150), (60, 150), (61, 0)]
)
def test_the_upper_edge_belongs_to_a_bucket(attenuation: int, weighs: int) -> None:
    """Up to 30 dB 300 s weigh 450, up to 50 dB 300, up to 60 dB 150, above it nothing.

    SPEC: SC-35.
    """
    assert only(scoring().score([contact(heard(attenuation))], now=NOW)).value == weighs


@pytest.mark.parametrize(
    ("kind", "onset", "value"),
    [
        (ReportType.CONFIRMED_TEST, -13, 300 * 2),
        (ReportType.CONFIRMED_TEST, -12, 300 * 2 * 2.5),
        (ReportType.CLINICAL_DIAGNOSIS, -13, 300 * 1),
        (ReportType.SELF_REPORT, -13, 300 * 0.5),
        (ReportType.RECURSIVE, -13, 300 * 0.25),
        (ReportType.UNKNOWN, -13, 300 * 2),
        (ReportType.UNKNOWN, None, 300 * 2),
        (ReportType.CONFIRMED_TEST, -14, None),
        (ReportType.REVOKED, -13, None),
    ],
    ids=["confirmed", "high", "clinical", "self", "recursive", "missing", "no onset", "none", "revoked"],
)
def test_report_type_and_infectiousness_weigh(
    kind: ReportType, onset: int | None, value: float | None
) -> None:
    """Each multiplies the weighted seconds; revoked keys and those of infectiousness none do not count.

    SPEC: SC-34, SC-35.
    """
    rule = scoring(
        report_weights_percent=(200, 100, 50, 25),
        infectiousness_weights_percent=(100, 250),
        mapping=EVERY_MAP,
        classes=(ExposureClass(day_sum=1),),
    )
    found = rule.score([contact(heard(40), key=KeyFacts(MIDNIGHT, kind, onset))], now=NOW)
    assert [float(score.value) for score in found] == ([] if value is None else [value])


def test_a_weight_for_each_pair_takes_the_place_of_the_product() -> None:
    """Eight weights in the order of transmission risk levels: report types from recursive to confirmed.

    SPEC: SC-35.
    """
    rule = scoring(
        risk_weights_percent=(1, 2, 3, 4, 5, 6, 7, 8),
        report_weights_percent=(0, 0, 0, 0),
        mapping=EVERY_MAP,
        classes=(ExposureClass(day_sum=1),),
    )
    order = [
        ReportType.RECURSIVE,
        ReportType.SELF_REPORT,
        ReportType.CLINICAL_DIAGNOSIS,
        ReportType.CONFIRMED_TEST,
    ]
    values = [
        only(rule.score([contact(heard(40), key=KeyFacts(MIDNIGHT, kind, onset))], now=NOW)).value
        for kind in order
        for onset in (-13, -12)
    ]
    assert values == [3, 6, 9, 12, 15, 18, 21, 24]


@pytest.mark.parametrize(("least", "counts"), [(300, True), (301, False)])
def test_small_windows_are_left_out_whole(least: int, counts: bool) -> None:
    """A window of 300 weighted seconds counts if 300 are asked for and not if 301 are.

    SPEC: SC-35.
    """
    assert bool(scoring(min_window_score=least).score([contact(heard(40))], now=NOW)) is counts


@pytest.mark.parametrize(
    ("horizon", "ago", "counts"), [(3, 3, True), (3, 4, False), (0, 400, True)], ids=["at", "past", "none"]
)
def test_old_days_are_left_out(horizon: int, ago: int, counts: bool) -> None:
    """Days more than the horizon ago do not count; 0 is no limit.

    SPEC: SC-35.
    """
    found = scoring(horizon_days=horizon).score([contact(heard(40))], now=MIDNIGHT + ago * DAY)
    assert bool(found) is counts


def test_days_are_summed_over_everybody_and_the_largest_window_is_known() -> None:
    """Three windows of two people on one day, one of the next: sum, maximum and weighted duration of each.

    SPEC: SC-36.
    """
    half = KeyFacts(MIDNIGHT, ReportType.CLINICAL_DIAGNOSIS)
    people = [
        contact(heard(40), heard(40, NOON + 300), heard(40, NOON + 1_800), heard(40, NOON + DAY)),
        contact(heard(25, NOON + 5), key=half),
    ]
    days = scoring(report_weights_percent=(100, 50, 0, 0)).summaries(people, now=NOW)
    first, second = days[MONDAY], days[MONDAY + 1]
    assert {kind: float(value) for kind, value in first.by_type.items() if value} == {
        ReportType.CONFIRMED_TEST: 900.0,
        ReportType.CLINICAL_DIAGNOSIS: 225.0,
    }
    names = ("confirmed_test", "clinical_diagnosis", "day_sum", "day_maximum", "weighted_duration")
    assert [float(first.reached(name)) for name in names] == [900, 225, 1_125, 600, 1_350]
    assert [float(second.reached(name)) for name in names] == [300, 0, 300, 300, 300]


@pytest.mark.parametrize(
    ("classes", "level", "value", "threshold"),
    [
        ([ExposureClass(confirmed_test=600)], 1, 600, 600),
        ([ExposureClass(confirmed_test=601)], 0, 600, 601),
        ([ExposureClass(day_maximum=700), ExposureClass(day_sum=500)], 2, 600, 500),
        ([ExposureClass(day_sum=500), ExposureClass(day_sum=600)], 1, 600, 500),
        ([ExposureClass(self_report=1, weighted_duration=600)], 1, 600, 600),
        ([ExposureClass(self_report=1, clinical_diagnosis=1, recursive=1)], 0, 0, 1),
    ],
    ids=["at", "below", "second class", "lowest class wins", "any threshold", "of other types"],
)
def test_a_day_is_in_the_first_class_of_which_a_threshold_is_reached(
    classes: list[ExposureClass], level: int, value: int, threshold: int
) -> None:
    """Reached means at or above; a threshold of 0 is none; the first class in the list wins.

    SPEC: SC-36.
    """
    near = contact(heard(40), heard(40, NOON + 300))
    score = only(scoring(classes=tuple(classes)).score([near], now=NOW))
    assert (score.level, float(score.value), float(score.threshold)) == (level, value, threshold)


def test_the_sample_configuration_explains_itself() -> None:
    """Forty-five minutes at 40 dB and five at 55 dB: each number that was used is in the lines.

    SPEC: SC-4, SC-36.
    """
    near = contact(*(heard(40, NOON + 300 * n) for n in range(9)), heard(55, NOON + 2_700))
    score = only(open_scoring("google-sample-v2").score([near], now=NOW))
    assert score.value == 2_700 + 150
    assert score.explain() == (
        "Monday 2025-11-24: an exposure, 2850 of 2700 weighted seconds",
        (
            "  confirmed test, standard infectiousness: 45 minutes up to 50 dB times 100 %, "
            "5 minutes up to 60 dB times 50 %; all times 100 %"
        ),
        "  largest window 1800 weighted seconds; windows below 0 left out",
        "  decided by: confirmed test",
    )
    assert score.summary == "you spent 50 minutes near people who later tested positive, which weigh 47.5"


def test_the_worked_example() -> None:
    """Four scans from noon on: 150, 300 and 450 s in one window, 150 s in the next.

    SPEC: SC-30, SC-31, SC-32, SC-35, SC-36.
    """
    steps = [(50, 0), (51, 1), (50, 300), (30, 1_799), (60, 1_800)]
    near = contact(*(heard(decibels, NOON + after) for decibels, after in steps))
    (day,) = scoring().summaries([near], now=NOW).values()
    assert (float(day.reached("day_sum")), float(day.maximum)) == (1_050, 900)


def test_the_german_configuration_of_2023() -> None:
    """Nine minutes between 63 and 72 dB of a confirmed test, weight 1.4, are 756 s: above nine minutes.

    SPEC: SC-52.
    """
    near = contact(heard(63, NOON, 240), heard(72, NOON + 300, 300))
    score = only(open_scoring("german-2023-v2").score([near], now=NOW))
    assert (score.value, score.threshold, score.exposed) == (Fraction(756), Fraction(540), True)
    farther = contact(heard(73), heard(78, NOON + 300), heard(79, NOON + 600))
    assert only(open_scoring("german-2023-v2").score([farther], now=NOW)).value == 84


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"thresholds_db": (30, 50)}, "thresholds_db has 2 numbers, must be 3"),
        ({"thresholds_db": (30, 30, 60)}, "thresholds_db = [30, 30, 60], must ascend"),
        ({"thresholds_db": (30, 50, 256)}, "thresholds_db[2] = 256, must be 0..255 dB"),
        ({"weights_percent": (251, 0, 0, 0)}, "weights_percent[0] = 251, must be 0..250 %"),
        ({"report_weights_percent": (1, 1, 1)}, "report_weights_percent has 3 numbers, must be 4"),
        (
            {"infectiousness_weights_percent": (0, -1)},
            "infectiousness_weights_percent[1] = -1, must be 0..250 %",
        ),
        ({"risk_weights_percent": (1,)}, "risk_weights_percent has 1 numbers, must be 8"),
        ({"min_window_score": -1}, "min_window_score = -1, must be 0..1350000 s"),
        ({"horizon_days": 15}, "horizon_days = 15, must be 0..14 days"),
        ({"classes": ()}, "number of classes = 0, must be 1..4"),
        ({"classes": (CONFIRMED,) * 5}, "number of classes = 5, must be 1..4"),
    ],
    ids=lambda value: value if isinstance(value, str) else "fields",
)
def test_a_configuration_outside_its_bounds_is_refused(fields: dict[str, Any], says: str) -> None:
    """The error names the field, its value and its bounds.

    SPEC: SC-50.
    """
    with pytest.raises(ConfigurationError) as refused:
        scoring(**fields)
    assert str(refused.value) == says


def test_a_class_that_no_day_is_in_is_refused() -> None:
    """A class without a threshold, and one with a threshold out of bounds.

    SPEC: SC-50.
    """
    with pytest.raises(ConfigurationError, match="needs a threshold above 0"):
        ExposureClass()
    with pytest.raises(ConfigurationError, match=r"day_sum = -1, must be 0\.\.1350000 s"):
        ExposureClass(day_sum=-1)
