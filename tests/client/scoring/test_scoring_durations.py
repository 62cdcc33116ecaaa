"""The DP-3T exposure score and the rules of national apps that have its form."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import PRESETS, AttenuationDurations, ExposureRule, open_scoring
from tests.client.scoring.given import DAY, MIDNIGHT, MONDAY, NOON, NOW, contact, heard, kept


@pytest.mark.parametrize(
    ("attenuation", "weighs"),
    [(0, 10), (49, 10), (50, 5), (54, 5), (55, 0), (90, 0)],
    ids=str,
)
def test_the_lower_edge_belongs_to_a_bucket(attenuation: int, weighs: int) -> None:
    """Ten minutes below 50 dB weigh ten, from 50 to below 55 dB five, from 55 dB on nothing.

    SPEC: SC-10.
    """
    found = AttenuationDurations().score([contact(kept(attenuation, 600))], now=NOW)
    assert [score.value for score in found] == ([weighs] if weighs else [])


def test_each_bucket_is_capped_before_it_is_weighed() -> None:
    """Two hours in each bucket weigh 30 minutes and 15: 45, the most that a day can score.

    SPEC: SC-10, SC-4.
    """
    everywhere = contact(kept(40, 7_200), kept(52, 7_200), kept(60, 7_200))
    (score,) = AttenuationDurations().score([everywhere], now=NOW)
    assert (float(score.value), score.seconds, score.level) == (45.0, 3_600, 1)
    assert score.explain() == (
        "Monday 2025-11-24: an exposure, 45 of 15 weighted minutes",
        "  120 minutes closer than 50 dB, of which 30 count, times 100 %",
        "  120 minutes from 50 to below 55 dB, of which 30 count, times 50 %",
        "  120 minutes at 55 dB and farther, of which 30 count, times 0 %",
    )


def test_everybody_counts_together_and_days_apart() -> None:
    """Eight minutes each near two people are 16 on one day; on two days they are eight and eight.

    SPEC: SC-10.
    """
    same = [contact(kept(40, 480)), contact(kept(40, 480))]
    apart = [contact(kept(40, 480)), contact(kept(40, 480, MONDAY - 1))]
    rule = AttenuationDurations()
    assert [(s.day, float(s.value), s.exposed) for s in rule.score(same, now=NOW)] == [(MONDAY, 16, True)]
    assert [(s.day, float(s.value), s.exposed) for s in rule.score(apart, now=NOW)] == [
        (MONDAY - 1, 8, False),
        (MONDAY, 8, False),
    ]


@pytest.mark.parametrize(
    ("parts", "score"),
    [
        ([(49, 20), (54, 10), (55, 40)], 25),
        ([(49, 30), (54, 30)], 45),
        ([(49, 60)], 30),
    ],
    ids=["first", "second", "third"],
)
def test_the_worked_examples(parts: list[tuple[int, int]], score: int) -> None:
    """The table of minutes in buckets comes out as the specification has it.

    SPEC: SC-10.
    """
    near = contact(*(kept(decibels, minutes * 60) for decibels, minutes in parts))
    (found,) = AttenuationDurations().score([near], now=NOW)
    assert found.value == score


@pytest.mark.parametrize(("ago", "counts"), [(0, True), (10, True), (11, False)], ids=["today", "10", "11"])
def test_today_and_the_ten_days_before_it_count(ago: int, counts: bool) -> None:
    """The horizon is the current and the past ten days, eleven in all.

    SPEC: SC-11.
    """
    found = AttenuationDurations().score([contact(kept(40, 900))], now=MIDNIGHT + ago * DAY + DAY - 1)
    assert bool(found) is counts


def test_packets_of_one_second_are_one_scan() -> None:
    """The mean of 49 and 50 dB is 50, rounded half up; a scan without one before it stands for two minutes.

    SPEC: SC-10, DS-7, DS-9.
    """
    near = contact(heard(49), heard(50), heard(40, NOON + 300, 0))
    (score,) = AttenuationDurations().score([near], now=NOW)
    assert score.value == Fraction(300, 120) + 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"thresholds_db": (50, 256)}, "thresholds_db[1] = 256, must be 0..255 dB"),
        ({"thresholds_db": (-1, 55)}, "thresholds_db[0] = -1, must be 0..255 dB"),
        ({"thresholds_db": (55, 55)}, "thresholds_db = [55, 55], must ascend"),
        ({"thresholds_db": (55,)}, "thresholds_db has 1 numbers, must be 2"),
        ({"weights_percent": (100, 50, 251)}, "weights_percent[2] = 251, must be 0..250 %"),
        ({"minutes_per_day": 0}, "minutes_per_day = 0, must be 1..1440 minutes"),
        ({"cap_minutes": 1_441}, "cap_minutes = 1441, must be 1..1440 minutes"),
        ({"horizon_days": 15}, "horizon_days = 15, must be 0..14 days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "fields",
)
def test_a_configuration_outside_its_bounds_is_refused(fields: dict[str, Any], says: str) -> None:
    """The error names the field, its value and its bounds.

    SPEC: SC-50.
    """
    with pytest.raises(ConfigurationError) as refused:
        AttenuationDurations(**fields)
    assert str(refused.value) == says


def test_scorings_have_names_and_sources() -> None:
    """Each preset opens by its name and says where its figures come from; a slip gets a suggestion.

    SPEC: SC-52.
    """
    for name, preset in PRESETS.items():
        assert open_scoring(name) == preset.scorer
        assert preset.source
    assert open_scoring("minutes") == ExposureRule()
    with pytest.raises(ConfigurationError, match="did you mean 'dp3t'"):
        open_scoring("dpt3")
    with pytest.raises(ConfigurationError, match="there are minutes, dp3t"):
        open_scoring("zzz")
