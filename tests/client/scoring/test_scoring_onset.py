"""The map from days since onset to infectiousness, and its text form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import Infectiousness, KeyMapping, parse_onset_text
from anopticon_protocol.designs.records import ReportType

levels = st.sampled_from(Infectiousness)


@given(st.lists(levels, min_size=29, max_size=29), levels)
def test_law_the_text_form_round_trips(by_onset: list[Infectiousness], missing: Infectiousness) -> None:
    """Every map comes back from its sixteen digits, in capitals and with a prefix too.

    SPEC: SC-33.
    """
    mapping = KeyMapping(tuple(by_onset), missing)
    text = mapping.onset_text()
    assert len(text) == 16
    assert parse_onset_text(text) == parse_onset_text(f"0x{text.upper()}") == mapping


def test_the_map_of_the_sample_app() -> None:
    """0x0555555555555555 is standard for every day and for a missing one, as without any map.

    SPEC: SC-33.
    """
    assert parse_onset_text("0x0555555555555555") == KeyMapping()
    assert KeyMapping().onset_text() == "0555555555555555"


def test_the_lowest_bits_are_the_earliest_day() -> None:
    """A map that is high on day -14 and standard when missing is 2 and a 1 above 29 pairs of bits.

    SPEC: SC-33.
    """
    mapping = parse_onset_text("0400000000000002")
    assert mapping.infectiousness(-14) is Infectiousness.HIGH
    assert mapping.infectiousness(-13) is mapping.infectiousness(14) is Infectiousness.NONE
    assert mapping.infectiousness(None) is Infectiousness.STANDARD


@pytest.mark.parametrize("days", [-15, 15, 2**31 - 1])
def test_beyond_two_weeks_is_as_good_as_missing(days: int) -> None:
    """An onset out of range, the vendors' number for unknown among them, gets the value for a missing one.

    SPEC: SC-33.
    """
    mapping = KeyMapping((Infectiousness.NONE,) * 29, Infectiousness.HIGH)
    assert mapping.infectiousness(days) is Infectiousness.HIGH


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be 1..16 hexadecimal digits"),
        ("0x", "must be 1..16 hexadecimal digits"),
        ("5" * 17, "must be 1..16 hexadecimal digits"),
        ("-5", "must be 1..16 hexadecimal digits"),
        ("1_0", "must be 1..16 hexadecimal digits"),
        ("1000000000000000", "has bits beyond its 30 entries"),
        ("3", "entry of day -14 is 3, must be 0..2"),
    ],
    ids=["empty", "prefix only", "too long", "sign", "underscore", "too many bits", "a level that is none"],
)
def test_what_is_no_map_is_refused(text: str, says: str) -> None:
    """The error says what is wrong and where.

    SPEC: SC-33.
    """
    with pytest.raises(ConfigurationError, match=says):
        parse_onset_text(text)


def test_a_mapping_out_of_bounds_is_refused() -> None:
    """A map of another length, and a type for missing ones that says nothing, are refused.

    SPEC: SC-33, SC-34.
    """
    with pytest.raises(ConfigurationError, match="by_onset has 28 days, must be 29"):
        KeyMapping((Infectiousness.NONE,) * 28)
    for kind in (ReportType.UNKNOWN, ReportType.REVOKED):
        with pytest.raises(ConfigurationError, match="report_type_when_missing"):
            KeyMapping(report_type_when_missing=kind)
