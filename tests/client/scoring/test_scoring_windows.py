"""Exposure windows and scan instances of Exposure Notification v2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import ScoringError
from anopticon_client.scoring import (
    Confidence,
    Contact,
    ExposureWindow,
    Infectiousness,
    KeyFacts,
    KeyMapping,
    ScanInstance,
    shuffled_windows,
)
from anopticon_client.scoring.windows import seconds_since_last_scan, windows_of
from anopticon_protocol.designs.records import ReportType
from tests.client.scoring.given import MIDNIGHT, MONDAY, NOON, contact, heard, kept

SEED = bytes(32)


def scans(one: Contact) -> list[list[tuple[int, int, int]]]:
    """The scans of each window of a contact."""
    return [[(*scan,) for scan in window.scans] for window in windows_of(one, KeyMapping())]


@pytest.mark.parametrize(("after", "windows"), [(1_799, 1), (1_800, 2)])
def test_a_window_ends_thirty_minutes_after_its_first_packet(after: int, windows: int) -> None:
    """A packet 1,800 s after the first one of a window begins the next; a second earlier it does not.

    SPEC: SC-30.
    """
    assert len(scans(contact(heard(50), heard(50, NOON + 900), heard(50, NOON + after)))) == windows


def test_a_window_is_counted_from_its_own_first_packet() -> None:
    """Packets every ten minutes for an hour and a half: three in each window.

    SPEC: SC-30.
    """
    found = scans(contact(*(heard(50, NOON + 600 * n) for n in range(9))))
    assert [len(window) for window in found] == [3, 3, 3]


@pytest.mark.parametrize(("gap", "instances"), [(25, 1), (26, 2)])
def test_packets_of_one_scan_are_one_instance(gap: int, instances: int) -> None:
    """25 s after the packet before it a packet is of the same scan, 26 s after it of the next.

    SPEC: SC-31.
    """
    assert len(scans(contact(heard(50), heard(50, NOON + gap)))[0]) == instances


def test_a_scan_goes_on_from_packet_to_packet() -> None:
    """A chain of packets 25 s apart is one scan however long it is, until its window ends.

    SPEC: SC-31.
    """
    first, second = scans(contact(*(heard(50, NOON + 25 * n) for n in range(73))))
    assert (len(first), len(second)) == (1, 1)


def test_an_instance_has_mean_and_least_attenuation_and_the_time_of_its_first_packet() -> None:
    """Of 50, 51 and 60 dB the mean is 53.67, rounded 54; of 50 and 51 it is 50.5, rounded up.

    SPEC: SC-31.
    """
    one = contact(heard(51, NOON, 180), heard(50, NOON + 1, 60), heard(60, NOON + 20, 300))
    assert scans(one) == [[(54, 50, 180)]]
    assert scans(contact(heard(50), heard(51))) == [[(51, 50, 300)]]


@pytest.mark.parametrize(
    ("second", "gap", "expected"),
    [
        pytest.param(0, 0, 120, id="unknown"),
        pytest.param(59, 59, 0, id="the same minute"),
        pytest.param(0, 1, 60, id="a second, across a minute"),
        pytest.param(59, 60, 60, id="a minute"),
        pytest.param(58, 59, 60, id="59 s, across a minute"),
        pytest.param(0, 299, 300, id="299 s"),
        pytest.param(59, 299, 240, id="299 s, one minute fewer"),
        pytest.param(0, 300, 300, id="300 s"),
        pytest.param(0, 65_535, 300, id="hours"),
    ],
)
def test_seconds_since_the_last_scan_are_whole_minutes_by_the_clock(
    second: int, gap: int, expected: int
) -> None:
    """Minutes are counted as the clock shows them, at most five; an unknown scan before is two minutes ago.

    SPEC: SC-32.
    """
    assert seconds_since_last_scan(NOON + second, gap) == expected


def test_a_window_says_what_the_key_said_and_nothing_of_the_key() -> None:
    """Day, report type, infectiousness, confidence of the first packet and the scans are all that there is.

    SPEC: SC-37.
    """
    late = MIDNIGHT - 60
    packets = (
        heard(50, late)._replace(confidence=Confidence.MEDIUM),
        heard(40, late + 300)._replace(confidence=Confidence.HIGH),
    )
    key = KeyFacts(MIDNIGHT - 86_400, ReportType.UNKNOWN, 2)
    mapping = KeyMapping(
        (*[Infectiousness.NONE] * 16, Infectiousness.HIGH, *[Infectiousness.NONE] * 12),
        report_type_when_missing=ReportType.SELF_REPORT,
    )
    (window,) = windows_of(contact(*packets, key=key), mapping)
    assert window == ExposureWindow(
        MONDAY - 1,
        ReportType.SELF_REPORT,
        Infectiousness.HIGH,
        Confidence.MEDIUM,
        (ScanInstance(50, 50, 300), ScanInstance(40, 40, 300)),
    )
    assert window._fields == ("day", "report_type", "infectiousness", "confidence", "scans")


@given(st.permutations(range(6)), st.binary(min_size=32, max_size=32))
def test_law_the_order_of_windows_is_the_entropys_alone(order: list[int], entropy: bytes) -> None:
    """Whatever order contacts come in, the same secret bytes give the same order, with every window in it.

    SPEC: SC-37.
    """
    near = [contact(*(heard(40 + n, NOON + 1_800 * k) for k in range(3))) for n in range(6)]
    straight = shuffled_windows(near, KeyMapping(), entropy)
    assert shuffled_windows([near[n] for n in order], KeyMapping(), entropy) == straight
    assert sorted(straight) == sorted(window for one in near for window in windows_of(one, KeyMapping()))


def test_windows_are_shuffled() -> None:
    """Over many draws each window is in each place about as often as any other.

    SPEC: SC-37.
    """
    near = [contact(heard(40 + n)) for n in range(4)]
    places = [[0] * 4 for _ in range(4)]
    for draw in range(800):
        entropy = draw.to_bytes(32, "big")
        for place, window in enumerate(shuffled_windows(near, KeyMapping(), entropy)):
            places[window.scans[0].typical_attenuation_db - 40][place] += 1
    assert all(150 <= times <= 250 for row in places for times in row)


def test_packets_without_times_make_no_windows() -> None:
    """What a DP-3T design keeps is refused, not taken for midnight.

    SPEC: SC-5.
    """
    with pytest.raises(ScoringError, match="one has none"):
        list(windows_of(contact(heard(50), kept(50, 300)), KeyMapping()))
    assert list(windows_of(contact(), KeyMapping())) == []
