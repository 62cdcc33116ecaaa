"""Scoring configurations out of TOML and JSON text."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import (
    AttenuationDurations,
    ExposureClass,
    ExposureRule,
    Infectiousness,
    KeyMapping,
    ProximityScoring,
    SummaryScoring,
    WindowScoring,
    parse_scoring,
)
from anopticon_client.scoring.parsing import MAX_SCORING_BYTES
from anopticon_protocol.designs.records import ReportType

WINDOWS = """
kind = "windows"
thresholds_db = [30, 50, 60]
weights_percent = [150, 100, 50, 0]
horizon_days = 10

[mapping]
onset = "0x0400000000000002"
report_type_when_missing = "self_report"

[[classes]]
confirmed_test = 2700

[[classes]]
day_sum = 300
"""


def test_every_kind_can_be_written_down() -> None:
    """Each kind of scoring is read from TOML with its defaults, and from JSON alike.

    SPEC: SC-51.
    """
    assert parse_scoring('kind = "minutes"') == ExposureRule()
    assert parse_scoring('{"kind": "minutes", "minutes_per_day": 20}') == ExposureRule(minutes_per_day=20)
    assert parse_scoring('kind = "durations"\nthresholds_db = [55, 63]') == AttenuationDurations((55, 63))
    assert parse_scoring('kind = "proximity"\nprior_percent = 40') == ProximityScoring(40)
    assert parse_scoring('kind = "summary"\nthreshold = 9') == SummaryScoring(threshold=9)
    assert parse_scoring(WINDOWS) == WindowScoring(
        thresholds_db=(30, 50, 60),
        weights_percent=(150, 100, 50, 0),
        horizon_days=10,
        classes=(ExposureClass(confirmed_test=2_700), ExposureClass(day_sum=300)),
        mapping=KeyMapping(
            (Infectiousness.HIGH, *[Infectiousness.NONE] * 28),
            Infectiousness.STANDARD,
            ReportType.SELF_REPORT,
        ),
    )
    assert parse_scoring(WINDOWS.replace('onset = "0x0400000000000002"', "")) != parse_scoring(WINDOWS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "kind = None, must be one of minutes, durations, proximity, summary, windows"),
        ("kind = 3", "kind = 3, must be one of"),
        ('kind = "minute"', "kind = 'minute', must be one of"),
        ("[kind", "a scoring must be TOML or a JSON object"),
        ("{", "a scoring must be TOML or a JSON object"),
        ('{"a":' * 3_000, "a scoring must be TOML or a JSON object"),
        (
            'kind = "minutes"\nminute_per_day = 3',
            "minute_per_day: unknown field: did you mean 'minutes_per_day'?",
        ),
        ('kind = "minutes"\nzzz = 3', "zzz: unknown field: known are attenuation_bound_db, minutes_per_day"),
        ('kind = "minutes"\nminutes_per_day = 1.5', "minutes_per_day = 1.5, must be a whole number"),
        ('kind = "minutes"\nminutes_per_day = [[1]]', "minutes_per_day = a list, must be a whole number"),
        ('kind = "minutes"\nminutes_per_day = true', "minutes_per_day = True, must be a whole number"),
        ('kind = "minutes"\nminutes_per_day = 0', "minutes_per_day = 0, must be 1..1440 minutes"),
        ('kind = "summary"', "threshold: is missing"),
        ('kind = "durations"\nthresholds_db = 5', "thresholds_db: must be a list of at most 64"),
        (f'kind = "durations"\nthresholds_db = {[1] * 65}', "thresholds_db: must be a list of at most 64"),
        ('kind = "durations"\nthresholds_db = [1, "2"]', "thresholds_db[1] = '2', must be a whole number"),
        (
            WINDOWS.replace("day_sum", "day_sums"),
            "classes[1].day_sums: unknown field: did you mean 'day_sum'?",
        ),
        (WINDOWS.replace("300", "-1"), "classes[1].day_sum = -1, must be 0..1350000 s"),
        (WINDOWS.partition("[[")[0], "classes: is missing"),
        (
            "classes = [3]\n" + WINDOWS.partition("[mapping]")[0],
            "classes[0]: must be a table of names and values",
        ),
        (WINDOWS.replace("onset =", "onsets ="), "mapping.onsets: unknown field: known are onset"),
        (
            WINDOWS.replace('"self_report"', "3"),
            "mapping.report_type_when_missing = 3, must be one of unknown",
        ),
        (WINDOWS.replace('"0x0400000000000002"', "5"), "mapping.onset: must be text of hexadecimal digits"),
        (WINDOWS.replace("0x04", "0x14"), "has bits beyond its 30 entries"),
        ("#" * (MAX_SCORING_BYTES + 1), "a scoring has at most 16384 bytes (MAX_SCORING_BYTES)"),
    ],
    ids=range(25),
)
def test_what_is_no_scoring_is_refused(text: str, says: str) -> None:
    """The error names the field, and for a slip the name that may have been meant.

    SPEC: SC-50, SC-51.
    """
    with pytest.raises(ConfigurationError) as refused:
        parse_scoring(text)
    assert says in str(refused.value)


names = st.sampled_from(["kind", "thresholds_db", "weights_percent", "classes", "mapping", "threshold", "x"])
values = st.recursive(
    st.integers()
    | st.booleans()
    | st.none()
    | st.floats()
    | st.sampled_from(["minutes", "windows", "summary"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, values))
def test_law_whatever_is_given_is_taken_or_refused_in_words(given_fields: dict[str, Any]) -> None:
    """Any JSON object makes a scoring or a ConfigurationError, and nothing else.

    SPEC: SC-51.
    """
    with contextlib.suppress(ConfigurationError):
        parse_scoring(json.dumps(given_fields))


@given(st.text(max_size=60))
def test_law_any_text_is_taken_or_refused_in_words(text: str) -> None:
    """Any text at all makes a scoring or a ConfigurationError.

    SPEC: SC-51.
    """
    with contextlib.suppress(ConfigurationError):
        parse_scoring(text)
