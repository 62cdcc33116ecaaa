"""Exposures, scores and summaries of Exposure Notification v1, and the rules of apps on top."""

from __future__ import annotations

from typing import Any

import pytest

from anopticon_client.errors import ConfigurationError, ScoringError
from anopticon_client.scoring import DayScore, KeyFacts, Packet, SummaryScoring, open_scoring
from anopticon_client.scoring.exposures import Exposure, exposures_of, rounded_duration
from tests.client.scoring.given import DAY, MIDNIGHT, MONDAY, NOON, NOW, contact, heard, kept

THRESHOLDS = (50, 74)
ATTENUATIONS = (74, 73, 64, 63, 52, 51, 34, 33, 28, 27, 16, 15, 11, 10, 0)
ATTENUATION_BUCKETS = list(zip(ATTENUATIONS, (0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), strict=True))
DAYS = (15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1)
DAYS_BUCKETS = list(zip(DAYS, (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7), strict=True))


def runs(*packets: Packet) -> list[Exposure]:
    """The exposures that these packets make."""
    return list(exposures_of(contact(*packets), THRESHOLDS))


def only(scores: tuple[DayScore, ...]) -> DayScore:
    """The one score that there is."""
    (score,) = scores
    return score


@pytest.mark.parametrize(
    ("seconds", "rounded"),
    [(0, 300), (150, 300), (151, 600), (300, 600), (450, 600), (451, 900), (1_350, 1_500)],
    ids=str,
)
def test_durations_are_rounded_to_five_minutes(seconds: int, rounded: int) -> None:
    """From first to last sighting and 300 s more; a rest of 150 s is dropped, 151 s make a whole.

    SPEC: SC-22.
    """
    assert rounded_duration(seconds) == rounded


@pytest.mark.parametrize(("gap", "exposures"), [(600, 1), (601, 2)])
def test_a_long_gap_splits_a_contact(gap: int, exposures: int) -> None:
    """Sightings 600 s apart are one exposure, a second more makes two.

    SPEC: SC-21.
    """
    assert len(runs(heard(60), heard(60, NOON + gap))) == exposures


def test_one_sighting_is_five_minutes() -> None:
    """A single packet stands for 150 s before and after it.

    SPEC: SC-22, SC-23.
    """
    assert runs(heard(60)) == [Exposure(300, 60, (0, 300, 0))]


def test_edges_and_attenuation_are_those_of_the_sighting_before() -> None:
    """150 s and 300 s at 40 dB, 300 s at 80, 150 s at 50: mean 55 dB; 50 dB is between, 74 above.

    SPEC: SC-23.
    """
    (one,) = runs(heard(40), heard(80, NOON + 300), heard(50, NOON + 600))
    assert one == Exposure(900, 55, (450, 150, 300))
    assert runs(heard(49), heard(74, NOON + 300))[0].threshold_seconds == (450, 0, 150)


def test_the_mean_attenuation_is_rounded_half_up() -> None:
    """A hundred and fifty seconds more at 41 dB than at 40 make 40.5 and round to 41.

    SPEC: SC-23.
    """
    (one,) = runs(heard(40), heard(41, NOON + 100), heard(41, NOON + 200))
    assert 250 * 40 + 250 * 41 == 500 * 40.5
    assert one.attenuation_db == 41


def test_of_one_scan_the_strongest_packet_of_each_identifier_is_taken() -> None:
    """Packets 25 s apart are merged into the strongest, at its own time; another identifier's are not.

    SPEC: SC-20.
    """
    (one,) = runs(heard(60), heard(45, NOON + 25), heard(60, NOON + 50), heard(70, NOON + 76))
    assert one == Exposure(300, 56, (201, 150, 0))
    (two,) = runs(heard(60), heard(40, NOON + 10, identifier=b"s"))
    assert two == Exposure(300, 50, (150, 160, 0))


def test_sightings_of_one_second_are_one_place_in_time() -> None:
    """Two identifiers of one key in the same second: the first one stands for the time after it.

    SPEC: SC-23.
    """
    (one,) = runs(heard(60), heard(40, identifier=b"s"))
    assert one == Exposure(300, 60, (0, 300, 0))


def buckets(field: str) -> SummaryScoring:
    """A scoring whose score is the number of the bucket that `field` falls into, less the first."""
    tables: dict[str, Any] = {
        "attenuation_scores": (1,) * 8,
        "days_scores": (1,) * 8,
        "duration_scores": (1,) * 8,
        "transmission_scores": (1,) * 8,
    }
    return SummaryScoring(threshold=1, minimum_risk_score=1, **(tables | {field: (*range(8),)}))


@pytest.mark.parametrize(("attenuation", "bucket"), ATTENUATION_BUCKETS)
def test_attenuation_buckets(attenuation: int, bucket: int) -> None:
    """Above 73, 63, 51, 33, 27, 15 and 10 dB, and the rest.

    SPEC: SC-24.
    """
    found = only(buckets("attenuation_scores").score([contact(heard(attenuation))], now=NOW))
    assert found.value == bucket


@pytest.mark.parametrize(("days", "bucket"), DAYS_BUCKETS)
def test_days_are_counted_from_the_start_of_the_key(days: int, bucket: int) -> None:
    """At least 14, 12, 10, 8, 6, 4 and 2 whole days since the key began, and the rest.

    SPEC: SC-24.
    """
    rule = buckets("days_scores")
    key = KeyFacts(NOON)
    last = only(rule.score([contact(heard(60), key=key)], now=NOON + days * DAY + DAY - 1))
    assert last.value == bucket


@pytest.mark.parametrize(
    ("scans", "bucket"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (50, 7)]
)
def test_duration_buckets(scans: int, bucket: int) -> None:
    """Up to 5, 10, 15, 20, 25 and 30 minutes, and the rest.

    SPEC: SC-24.
    """
    near = contact(*(heard(60, NOON + 300 * n) for n in range(scans)))
    assert only(buckets("duration_scores").score([near], now=NOW)).value == bucket


@pytest.mark.parametrize(("level", "score"), [(0, 1), (2, 1), (8, 7)])
def test_a_key_without_risk_level_has_the_factor_one(level: int, score: int) -> None:
    """Level n takes entry n - 1 of its table; level 0 is none.

    SPEC: SC-24.
    """
    rule = buckets("transmission_scores")
    key = KeyFacts(MIDNIGHT, risk_level=level)
    assert only(rule.score([contact(heard(60), key=key)], now=NOW)).value == score


@pytest.mark.parametrize(("least", "value"), [(256, 256), (257, 0)])
def test_scores_below_the_minimum_are_none(least: int, value: int) -> None:
    """All tables are 4 by default: 256; if 257 are asked for it is 0.

    SPEC: SC-24.
    """
    rule = SummaryScoring(threshold=1, minimum_risk_score=least)
    score = only(rule.score([contact(heard(60), key=KeyFacts(MIDNIGHT, risk_level=1))], now=NOW))
    assert (float(score.value), score.exposed, score.seconds) == (value, bool(value), 300 if value else 0)


def test_a_summary_is_of_all_keys_that_began_on_a_day() -> None:
    """Maximum, sum and durations over the exposures of two keys of one day, each duration at most 30 minutes.

    SPEC: SC-25.
    """
    near = contact(*(heard(40, NOON + 300 * n) for n in range(7)), heard(60, NOON + 4_000))
    other = contact(heard(80), key=KeyFacts(MIDNIGHT + 600))
    days = SummaryScoring(threshold=1).summaries([near, other, contact()], now=NOW)
    (found,) = days.values()
    assert list(days) == [MONDAY]
    assert (found.matched_keys, found.maximum_score, found.summed_score) == (2, 64, 192)
    assert found.threshold_seconds == [2_100, 300, 300]
    assert found.reported_seconds() == [1_800, 300, 300]
    assert [one.reported_minutes for one in found.exposures] == [30, 5, 5]


def test_the_german_rule_of_2020() -> None:
    """Twenty minutes at 50 dB, key level 5: score 25, 20 weighted minutes, times 25 / 25. Level 2 is below 11.

    SPEC: SC-26, SC-52.
    """
    packets = [heard(50, NOON + 300 * n) for n in range(4)]
    score = only(
        open_scoring("german-2020-v1").score(
            [contact(*packets, key=KeyFacts(MIDNIGHT, risk_level=5))], now=NOW
        )
    )
    assert (float(score.value), score.exposed, score.seconds) == (20.0, True, 1_200)
    assert score.explain() == (
        "Monday 2025-11-24: an exposure, 20 of 15 weighted minutes",
        "  20 minutes at 50 dB: 1 x 5 x 1 x 5 (attenuation, days, duration, transmission) = 25 points",
        "  20 minutes below 55 dB, times 100 %",
        "  0 minutes from 55 to below 63 dB, times 50 %",
        "  0 minutes at 63 dB and farther, times 0 %",
        "  times 25 / 25, the largest score over its divisor",
    )
    weak = contact(*packets, key=KeyFacts(MIDNIGHT, risk_level=2))
    assert only(open_scoring("german-2020-v1").score([weak], now=NOW)).value == 0


@pytest.mark.parametrize(
    ("attenuation", "scans", "value"),
    [(73, 4, 25), (74, 4, 0), (73, 3, 0), (20, 6, 25)],
    ids=["20 minutes at 73 dB", "at 74 dB", "15 minutes", "near and long"],
)
def test_the_italian_rule_of_2020(attenuation: int, scans: int, value: int) -> None:
    """More than fifteen minutes at a mean of 73 dB or less score 25 points, of which 20 are enough.

    SPEC: SC-26, SC-52.
    """
    near = contact(*(heard(attenuation, NOON + 300 * n) for n in range(scans)))
    score = only(open_scoring("italian-2020-v1").score([near], now=NOW))
    assert (float(score.value), score.exposed) == (value, value >= 20)


def test_the_swiss_rule_on_attenuation_durations() -> None:
    """750 s below 50 dB and 450 s from 50 to below 55 are 16.25 minutes; more than 30 minutes count as 30.

    SPEC: SC-25, SC-26, SC-52.
    """
    rule = open_scoring("swiss-2020-v1")
    steps = [49, 49, 52, 52]
    near = contact(*(heard(level, NOON + 300 * n) for n, level in enumerate(steps)))
    score = only(rule.score([near], now=NOW))
    assert (float(score.value), score.exposed) == (16.25, True)
    long = contact(*(heard(49, NOON + 300 * n) for n in range(12)))
    score = only(rule.score([long], now=NOW))
    assert (float(score.value), score.seconds) == (30.0, 1_800)
    assert "60 minutes below 50 dB, of which 30 count, times 100 %" in "\n".join(score.lines)


def test_packets_without_times_make_no_exposures() -> None:
    """What a DP-3T design keeps is refused.

    SPEC: SC-5.
    """
    with pytest.raises(ScoringError, match="one has none"):
        runs(kept(40, 300))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"threshold": 0}, "threshold = 0, must be 1..4096"),
        ({"attenuation_scores": (1,) * 7}, "attenuation_scores has 7 numbers, must be 8"),
        ({"days_scores": (9,) * 8}, "days_scores[0] = 9, must be 0..8"),
        ({"minimum_risk_score": 4_097}, "minimum_risk_score = 4097, must be 1..4096"),
        ({"thresholds_db": (74, 50)}, "thresholds_db = [74, 50], must ascend"),
        ({"thresholds_db": (50, 300)}, "thresholds_db[1] = 300, must be 0..255 dB"),
        ({"duration_weights_percent": (1, 2)}, "duration_weights_percent has 2 numbers, must be 3"),
        ({"score_divisor": -1}, "score_divisor = -1, must be 0..4096"),
    ],
    ids=lambda value: value if isinstance(value, str) else "fields",
)
def test_a_configuration_outside_its_bounds_is_refused(fields: dict[str, Any], says: str) -> None:
    """The error names the field, its value and its bounds.

    SPEC: SC-50.
    """
    with pytest.raises(ConfigurationError) as refused:
        SummaryScoring(**({"threshold": 1} | fields))
    assert str(refused.value) == says
