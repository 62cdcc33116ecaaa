"""The measured curve as a likelihood, and device calibration."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import Confidence, DeviceCalibration, Packet, ProximityScoring
from anopticon_client.scoring.proximity import near_percent, probability_near
from tests.client.scoring.given import DAY, MIDNIGHT, MONDAY, NOW, contact, heard, kept

priors = st.integers(1, 99)
attenuations = st.integers(0, 255)


@pytest.mark.parametrize(
    ("attenuation", "percent"), [(0, 99), (42, 99), (47, 48), (50, 17), (53, 16), (61, 1), (62, 0), (255, 0)]
)
def test_the_curve_is_that_of_the_figure(attenuation: int, percent: int) -> None:
    """Of the figure's readings: 99 % at 42 dB, 48 % at 47, 17 % at 50, none from 62 on.

    SPEC: SC-12.
    """
    assert near_percent(attenuation) == percent


@given(attenuations, priors)
def test_law_with_the_prior_of_the_measurements_it_is_the_figure(attenuation: int, prior: int) -> None:
    """Where people stand as they did when it was measured, the probability is what the figure shows.

    SPEC: SC-12.
    """
    assert probability_near(attenuation, prior, prior) == Fraction(near_percent(attenuation), 100)


@given(attenuations, priors, st.integers(1, 98))
def test_law_a_higher_prior_never_makes_two_metres_less_likely(
    attenuation: int, curve_prior: int, prior: int
) -> None:
    """The probability grows with the prior and stays between nothing and certainty.

    SPEC: SC-12.
    """
    low, high = (probability_near(attenuation, one, curve_prior) for one in (prior, prior + 1))
    assert 0 <= low <= high <= 1
    assert (low < high) is (0 < near_percent(attenuation) < 100)


def test_expected_minutes_are_added_up() -> None:
    """Twenty minutes at 47 dB with an even prior on a curve of 13 %: odds 0.923 times 6.69 make 86 %, 17.2 minutes.

    SPEC: SC-12, SC-4.
    """
    near = contact(kept(47, 1_200), kept(70, 6_000), kept(30, 60, MONDAY - 11))
    (score,) = ProximityScoring(prior_percent=50).score([near], now=NOW - 1)
    chance = Fraction(48 * 87 * 50, 48 * 87 * 50 + 52 * 13 * 50)
    assert score.value == 20 * chance
    assert score.explain() == (
        "Monday 2025-11-24: an exposure, 17.21 of 15 expected minutes within 2 m",
        "  20 minutes at 47 dB, probability 86.07 %",
    )
    closest = ProximityScoring().score([contact(kept(10, 60), kept(42, 60))], now=MIDNIGHT + 10 * DAY)
    assert closest[0].lines == ("2 minutes at 42 dB or closer, probability 99 %",)
    assert not closest[0].exposed


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prior_percent": 0}, "prior_percent = 0, must be 1..99 %"),
        ({"curve_prior_percent": 100}, "curve_prior_percent = 100, must be 1..99 %"),
        ({"minutes_per_day": 0}, "minutes_per_day = 0, must be 1..1440 minutes"),
        ({"horizon_days": -1}, "horizon_days = -1, must be 0..14 days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "fields",
)
def test_a_configuration_outside_its_bounds_is_refused(fields: dict[str, int], says: str) -> None:
    """The error names the field, its value and its bounds.

    SPEC: SC-50.
    """
    with pytest.raises(ConfigurationError) as refused:
        ProximityScoring(**fields)
    assert str(refused.value) == says


CALIBRATION = DeviceCalibration("Maker Model 1", -6, -22, Confidence.HIGH, "measured at 1 m in a chamber")


@pytest.mark.parametrize(
    ("measured", "offset", "calibrated"),
    [(-60, -6, -66), (-60, 4, -56), (-125, -6, -127), (20, 50, 70), (-126, -50, -127)],
    ids=str,
)
def test_a_calibrated_rssi_is_clamped(measured: int, offset: int, calibrated: int) -> None:
    """The offset of the receiver's model is added; the sum stays within -127 and 126 dBm.

    SPEC: SC-40.
    """
    model = DeviceCalibration("any", offset, 0, Confidence.LOWEST, "test")
    assert model.rssi_dbm(measured) == calibrated
    assert DeviceCalibration("any", 50, 0, Confidence.LOW, "test").rssi_dbm(100) == 126


def test_the_receiver_corrects_the_rssi_and_the_sender_the_power() -> None:
    """A packet of 45 dB is of 51 dB for a receiver that hears 6 dB too loud; a sender's model sets its power.

    SPEC: SC-40.
    """
    packet = heard(45)
    (corrected,) = CALIBRATION.corrected([contact(packet)])
    assert [one.attenuation_db for one in corrected.packets] == [51]
    assert corrected.key == contact().key
    sent = CALIBRATION.sent(packet)
    assert (sent.tx_power_dbm, sent.confidence, sent.attenuation_db) == (-22, Confidence.HIGH, 38)
    assert Packet(0, -10, -20, 60).attenuation_db == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"rssi_offset_db": 51}, "rssi_offset_db = 51, must be -50..50 dB"),
        ({"tx_power_dbm": 21}, "tx_power_dbm = 21, must be -50..20 dBm"),
        ({"model": ""}, "model must be 1..100 printable characters"),
        ({"model": "x" * 101}, "model must be 1..100 printable characters"),
        ({"source": "a\nb"}, "source must be 1..400 printable characters"),
    ],
    ids=["offset", "power", "no model", "long model", "source"],
)
def test_a_calibration_outside_its_bounds_is_refused(fields: dict[str, Any], says: str) -> None:
    """The error names the field and its bounds; what nobody vouches for is none.

    SPEC: SC-40.
    """
    whole: dict[str, Any] = {
        "model": "any",
        "rssi_offset_db": 0,
        "tx_power_dbm": 0,
        "confidence": Confidence.LOWEST,
        "source": "test",
    }
    with pytest.raises(ConfigurationError) as refused:
        DeviceCalibration(**(whole | fields))
    assert str(refused.value) == says
