"""What a phone is set up with, and how matched observations become minutes and a decision."""

from __future__ import annotations

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import ConfigurationError
from anopticon_client.exposure import ExposureRule, day_scores
from anopticon_client.matching import IndexedRows
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SETTLED, Match, Observation, Reading, Token
from tests.client.drive import DAY, START, Handset, Town, clock, each_design, each_dp3t


def row(design: Design, *readings: Reading, matched: bool = True, day: int = 0) -> Observation:
    """An observation of `day` with these readings."""
    slot = (START + day * DAY) // design.observation_slot_seconds
    return Observation(Token(slot, bytes(16)), SETTLED, readings, Match(-15) if matched else None)


def seconds_per_day(design: Design, rule: ExposureRule, rows: list[Observation]) -> dict[int, int]:
    """Seconds that count, by day."""
    return {score.day: score.seconds for score in day_scores(design, rule, rows, START)}


def exposed_days(design: Design, rule: ExposureRule, rows: list[Observation]) -> dict[int, int]:
    """The same of the days that are exposures."""
    return {score.day: score.seconds for score in day_scores(design, rule, rows, START) if score.exposed}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"attenuation_bound_db": -1}, "attenuation_bound_db = -1, must be 0..255 dB"),
        ({"attenuation_bound_db": 256}, "attenuation_bound_db = 256, must be 0..255 dB"),
        ({"minutes_per_day": 0}, "minutes_per_day = 0, must be 1..1440 minutes"),
        ({"minutes_per_day": 1_441}, "minutes_per_day = 1441, must be 1..1440 minutes"),
    ],
    ids=["attenuation below", "attenuation above", "minutes below", "minutes above"],
)
def test_a_rule_outside_its_bounds_is_refused(fields: dict[str, int], says: str) -> None:
    """A rule that no day could meet, or every day would, is refused with the field and its range.

    SPEC: PH-31.
    """
    with pytest.raises(ConfigurationError, match=says):
        ExposureRule(**fields)


@pytest.mark.parametrize("bound", [0, 255])
@pytest.mark.parametrize("minutes", [1, 1_440])
def test_a_rule_at_its_bounds_is_taken(bound: int, minutes: int) -> None:
    """The ends of both ranges are allowed."""
    rule = ExposureRule(bound, minutes)
    assert (rule.attenuation_bound_db, rule.minutes_per_day) == (bound, minutes)


@each_design
def test_only_matched_observations_within_the_bound_count(spec: str) -> None:
    """Seconds add up by day over matched observations at or below the bound; all else is left out.

    SPEC: PH-30, PH-31.
    """
    design = open_design(spec)
    rows = [
        row(design, Reading(0, -60, 300)),
        row(design, Reading(0, -78, 200)),
        row(design, Reading(0, -79, 300)),
        row(design, Reading(0, -60, 300), matched=False),
        row(design, Reading(0, -60, 240), day=3),
    ]
    assert seconds_per_day(design, ExposureRule(63, 15), rows) == {START // DAY: 500, START // DAY + 3: 240}
    assert exposed_days(design, ExposureRule(63, 8), rows) == {START // DAY: 500}
    assert exposed_days(design, ExposureRule(63, 9), rows) == {}
    assert exposed_days(design, ExposureRule(64, 13), rows) == {START // DAY: 800}


def test_gaen_takes_the_mean_attenuation_of_a_scan() -> None:
    """Packets of one second are one scan: the mean of their attenuations, counted once.

    SPEC: PH-30, DS-8.
    """
    design = open_design("gaen")
    near = row(design, Reading(7, -79, 300), Reading(7, -78, 300), Reading(9, -70, 0))
    assert seconds_per_day(design, ExposureRule(64, 15), [near]) == {START // DAY: 420}
    assert seconds_per_day(design, ExposureRule(63, 15), [near]) == {START // DAY: 120}


@each_design
def test_a_sender_heard_louder_than_it_sends_is_at_no_distance(spec: str) -> None:
    """Attenuation is never below zero.

    SPEC: DS-10.
    """
    design = open_design(spec)
    assert seconds_per_day(design, ExposureRule(0, 1), [row(design, Reading(0, 20, 60))]) == {
        START // DAY: 60
    }


@each_design
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"release_period": 0}, "release_period = 0 s"),
        ({"release_period": -7_200}, "release_period = -7200 s"),
        ({"release_period": 7_201}, "release_period = 7201 s"),
        ({"release_period": 450}, "release_period = 450 s"),
        ({"tx_power_dbm": -51}, "tx_power_dbm = -51, must be -50..20 dBm"),
        ({"tx_power_dbm": 21}, "tx_power_dbm = 21, must be -50..20 dBm"),
        ({"reference_tx_power_dbm": -51}, "reference_tx_power_dbm = -51, must be -50..20 dBm"),
        ({"reference_tx_power_dbm": 21}, "reference_tx_power_dbm = 21, must be -50..20 dBm"),
    ],
    ids=lambda value: "".join(map(str, value)) if isinstance(value, dict) else None,
)
def test_a_set_up_that_does_not_fit_is_refused(spec: str, fields: dict[str, int], says: str) -> None:
    """A release period that cuts epochs and a power that no phone has are refused with the field and its range.

    SPEC: TI-4.
    """
    with pytest.raises(ConfigurationError, match=says):
        PhoneConfig(open_design(spec), {}, **fields)  # type: ignore[arg-type]


@each_dp3t
def test_frames_without_power_are_taken_to_have_the_power_of_the_deployment(spec: str) -> None:
    """DP-3T frames carry no transmit power: attenuation is the deployment's reference power less the RSSI."""
    minutes = []
    for reference in (-15, -14):
        town = Town(spec, "ann", "bob")
        ann, bob = town.handsets
        bob.config = PhoneConfig(town.design, town.config.trusted, reference_tx_power_dbm=reference)
        bob.crash()
        town.meet(ann, bob, clock("09:00"), 20, -78)
        town.run(clock("13:00"))
        town.report(ann, START)
        town.run(clock("13:00", day=1))
        minutes.append(bob.minutes)
    assert minutes == [{0: 20}, {}]


def test_gaen_phones_say_their_power() -> None:
    """Exposure Notification frames carry the sender's power, whatever the deployment takes others to have."""
    minutes = []
    for power in (-25, -26):
        town = Town("gaen", "bob")
        (bob,) = town.handsets
        config = PhoneConfig(town.design, {}, tx_power_dbm=power, reference_tx_power_dbm=20)
        ann = Handset("ann", config)
        town.handsets.append(ann)
        town.meet(ann, bob, clock("09:00"), 20, -89)
        town.run(clock("13:00"))
        town.report(ann, START)
        town.run(clock("13:00", day=1))
        minutes.append(bob.minutes)
    assert minutes == [{}, {0: 20}]


def test_rows_behind_a_mapping() -> None:
    """The rows that tools and tests match against are found by their token value."""
    one = row(open_design("lowcost"), Reading(0, -60, 300))
    rows = IndexedRows({one.token.value: [one]})
    assert list(rows.values()) == [bytes(16)]
    assert rows.rows(bytes(16)) == [one]
    assert rows.rows(b"other") == []
