"""Laws of all scorings, and the second version against a second implementation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_client.scoring import (
    PRESETS,
    Confidence,
    Contact,
    ExposureClass,
    Infectiousness,
    KeyFacts,
    KeyMapping,
    Packet,
    WindowScoring,
    open_scoring,
)
from anopticon_client.scoring.exposures import exposures_of
from anopticon_client.scoring.weights import COUNTED_TYPES
from anopticon_protocol.designs.records import ReportType
from tests.client.scoring.given import DAY, MIDNIGHT, NOON, NOW, contact, heard
from tests.client.scoring.slow import day_sums, runs_of

each_preset = pytest.mark.parametrize("name", list(PRESETS))
weights = st.integers(0, 250)
keys = st.builds(
    KeyFacts,
    st.sampled_from([MIDNIGHT - DAY, MIDNIGHT]),
    st.sampled_from(ReportType),
    st.none() | st.integers(-15, 15),
    st.integers(0, 8),
)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet around a midnight, near the borders of scans and windows as often as not."""
    base = MIDNIGHT + draw(st.integers(-3, 3)) * 1_800
    at = base + draw(st.sampled_from([0, 1, 25, 26, 599, 600, 601, 1_799])) + draw(st.integers(0, 60))
    gap = draw(st.sampled_from([0, 1, 59, 60, 240, 299, 300, 301, 65_535]))
    decibels = draw(st.sampled_from([30, 49, 50, 54, 55, 62, 63, 73, 74]) | st.integers(0, 120))
    return heard(decibels, at, gap, draw(st.sampled_from([b"r", b"s"])), draw(st.sampled_from([-15, -30])))


contacts = st.lists(
    st.builds(Contact, st.lists(packets(), max_size=12).map(tuple), keys),
    max_size=3,
)


@st.composite
def scorings(draw: st.DrawFn) -> WindowScoring:
    """Any configuration of the second version."""
    level = st.sampled_from(Infectiousness)
    return WindowScoring(
        thresholds_db=tuple(sorted(draw(st.sets(st.integers(20, 90), min_size=3, max_size=3)))),
        weights_percent=draw(st.tuples(*[weights] * 4)),
        report_weights_percent=draw(st.tuples(*[weights] * 4)),
        infectiousness_weights_percent=draw(st.tuples(weights, weights)),
        risk_weights_percent=draw(st.just(()) | st.tuples(*[weights] * 8)),
        min_window_score=draw(st.sampled_from([0, 1, 300, 1_000])),
        horizon_days=draw(st.integers(0, 14)),
        mapping=KeyMapping(
            tuple(draw(st.lists(level, min_size=29, max_size=29))),
            draw(level),
            draw(st.sampled_from(COUNTED_TYPES)),
        ),
        classes=(ExposureClass(day_sum=1),),
    )


@settings(max_examples=100)
@given(contacts, scorings(), st.integers(0, 20))
def test_law_windows_score_as_a_second_implementation_says(
    near: list[Contact], rule: WindowScoring, ago: int
) -> None:
    """Sum and maximum of every day are those of code that shares nothing with the phone's.

    SPEC: SC-30, SC-31, SC-32, SC-33, SC-34, SC-35, SC-36.
    """
    # In one second one gap: which of two packets of a second came first is not defined.
    gaps: dict[int, int] = {}
    near = [
        replace(
            one,
            packets=tuple(p._replace(seconds=gaps.setdefault(p.time, p.seconds)) for p in one.packets),
        )
        for one in near
    ]
    now = MIDNIGHT + ago * DAY
    found = rule.summaries(near, now=now)
    assert {day: (one.reached("day_sum"), one.maximum) for day, one in found.items()} == day_sums(
        near, rule, now
    )


@settings(max_examples=100)
@given(st.lists(packets(), max_size=12, unique_by=lambda packet: packet.time))
def test_law_exposures_are_as_a_second_implementation_says(near: list[Packet]) -> None:
    """Duration, mean attenuation and attenuation durations of v1 are those of a count second by second.

    SPEC: SC-20, SC-21, SC-22, SC-23.
    """
    found = list(exposures_of(contact(*near), (50, 74)))
    assert [tuple(one) for one in found] == runs_of(near)


@each_preset
@settings(max_examples=20)
@given(data=st.data())
def test_law_no_order_of_packets_or_contacts_matters(name: str, data: st.DataObject) -> None:
    """The same packets in another order, of people in another order, give the same scores and lines.

    SPEC: SC-2, SC-3.
    """
    near = data.draw(contacts)
    other = [
        replace(one, packets=tuple(data.draw(st.permutations(one.packets))))
        for one in data.draw(st.permutations(near))
    ]
    scorer = open_scoring(name)
    assert scorer.score(near, now=NOW) == scorer.score(other, now=NOW)


@each_preset
def test_nobody_met_is_no_score(name: str) -> None:
    """Without contacts, and with contacts of which no packet is left, there is no score of any day.

    SPEC: SC-2.
    """
    scorer = open_scoring(name)
    assert scorer.score([], now=NOW) == scorer.score([contact()], now=NOW) == ()


@each_preset
@settings(max_examples=20)
@given(near=contacts)
def test_law_a_score_is_what_its_threshold_says(name: str, near: list[Contact]) -> None:
    """No value is negative; a day is an exposure exactly if its value reaches its threshold; days ascend.

    SPEC: SC-3, SC-36.
    """
    scores = open_scoring(name).score(near, now=NOW)
    assert [score.day for score in scores] == sorted({score.day for score in scores})
    for score in scores:
        assert score.value >= 0
        assert score.exposed is (score.value >= score.threshold)
        assert score.explain()[0].count(" of ") == 1


NEARER_IS_NOT_WORSE = sorted(set(PRESETS) - {"german-2023-v2", "dp3t-proximity"})
"""Of those two the sources themselves weigh a farther place more: 63 to 72 dB, and bumps of the measured curve."""


@pytest.mark.parametrize("name", NEARER_IS_NOT_WORSE)
@settings(max_examples=25)
@given(near=contacts, decibels=st.integers(1, 30))
def test_law_coming_nearer_ends_no_exposure(name: str, near: list[Contact], decibels: int) -> None:
    """If every packet had been stronger by as much, every day that was an exposure would still be one.

    SPEC: SC-10, SC-24, SC-35.
    """

    def nearer(packet: Packet) -> Packet:
        return packet._replace(rssi_dbm=packet.rssi_dbm + decibels)

    scorer = open_scoring(name)
    closer = [replace(one, packets=tuple(map(nearer, one.packets))) for one in near]
    was = {score.day for score in scorer.score(near, now=NOW) if score.exposed}
    would_be = {score.day for score in scorer.score(closer, now=NOW) if score.exposed}
    assert was <= would_be


@settings(max_examples=40)
@given(contacts, contacts, scorings())
def test_law_meeting_more_people_lowers_no_day_of_windows(
    near: list[Contact], more: list[Contact], rule: WindowScoring
) -> None:
    """The day sums of v2 add up over people: those of two groups together are the sum of each alone.

    SPEC: SC-36.
    """

    def sums(people: list[Contact]) -> dict[int, float]:
        found = rule.summaries(people, now=NOW)
        return {day: float(one.reached("day_sum")) for day, one in found.items()}

    both, first, second = sums([*near, *more]), sums(near), sums(more)
    assert {day: first.get(day, 0) + second.get(day, 0) for day in first | second} == pytest.approx(both)


@given(st.lists(packets(), min_size=1, max_size=10), st.integers(0, 120), st.integers(26, 4_000))
def test_law_a_later_scan_lowers_no_day_of_windows(earlier: list[Packet], decibels: int, after: int) -> None:
    """A packet of a scan after all others adds to a day or leaves it as it is.

    SPEC: SC-36.
    """
    rule = open_scoring("google-sample-v2")
    last = max(packet.time for packet in earlier)
    before = rule.score([contact(*earlier)], now=NOW)
    later = {
        score.day: score.value
        for score in rule.score([contact(*earlier, heard(decibels, last + after))], now=NOW)
    }
    assert all(later[score.day] >= score.value for score in before)


def test_a_packet_of_the_same_scan_may_lower_a_score() -> None:
    """No law: a weak packet beside a strong one moves the mean of their scan into a farther bucket.

    SPEC: SC-31.
    """
    rule = open_scoring("google-sample-v2")
    (alone,) = rule.score([contact(heard(50))], now=NOW)
    (both,) = rule.score([contact(heard(50), heard(60, NOON + 1))], now=NOW)
    assert (float(alone.value), float(both.value)) == (300, 150)


def test_a_cap_may_lower_a_score_that_comes_nearer() -> None:
    """No law of the DP-3T score: half an hour in each of two buckets weighs 45, an hour in the nearer one 30.

    SPEC: SC-10.
    """
    rule = open_scoring("dp3t")
    far = contact(*(heard(49 + 5 * (n % 2), NOON + 300 * n) for n in range(12)))
    near = contact(*(heard(44 + 5 * (n % 2), NOON + 300 * n) for n in range(12)))
    values = [float(rule.score([one], now=NOW)[0].value) for one in (far, near)]
    assert values == [45, 30]


def test_confidence_is_carried_and_weighs_nothing() -> None:
    """How well a power is known changes no score; it is told with the window.

    SPEC: SC-37.
    """
    rule = open_scoring("google-sample-v2")
    packet = heard(40)
    scores = [
        rule.score([contact(packet._replace(confidence=confidence))], now=NOW) for confidence in Confidence
    ]
    assert len(set(scores)) == 1
