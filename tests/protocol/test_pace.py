"""Faster clocks of rehearsals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.pace import MAX_FACTOR, Pace, parse_pace

ANCHOR = 1_767_225_600  # 2026-01-01T00:00:00Z


def test_time_runs_from_the_anchor() -> None:
    """SPEC: TI-5. At the anchor both clocks agree; ten seconds of the wall later a 60x clock is ten minutes on."""
    pace = parse_pace("60x@2026-01-01T00:00:00Z", 0)
    assert pace == Pace(ANCHOR, 60)
    assert [pace.at(ANCHOR), pace.at(ANCHOR + 10), pace.at(ANCHOR - 1)] == [
        ANCHOR,
        1_767_226_200,
        ANCHOR - 60,
    ]


def test_fractions_of_the_wall_count_and_fractions_of_the_clock_do_not() -> None:
    """SPEC: TI-5. Half a second of the wall is thirty of a 60x clock; what it shows is a whole second."""
    pace = Pace(ANCHOR, 60)
    assert pace.at(ANCHOR + 0.5) == ANCHOR + 30
    assert pace.at(ANCHOR + 0.51) == ANCHOR + 30


def test_without_a_time_the_anchor_is_the_start_of_the_day() -> None:
    """SPEC: TI-5. A bare factor counts from UTC midnight of the wall's day."""
    assert parse_pace("2x", ANCHOR + 86_399.5) == Pace(ANCHOR, 2)
    assert parse_pace("2x", ANCHOR + 86_400) == Pace(ANCHOR + 86_400, 2)


def test_a_zone_other_than_utc_is_understood() -> None:
    """SPEC: TI-5. The same moment in another zone is the same anchor."""
    assert parse_pace("7x@2026-01-01T01:00:00+01:00", 0) == Pace(ANCHOR, 7)


@pytest.mark.parametrize("factor", [1, MAX_FACTOR])
def test_factors_at_their_bounds_are_taken(factor: int) -> None:
    """SPEC: TI-5. 1 and MAX_FACTOR are factors."""
    assert parse_pace(f"{factor}x", 0).factor == factor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "60",
        "0x",
        f"{MAX_FACTOR + 1}x",
        "-1x",
        "1.5x",
        "60x@",
        "60x@ ",
        "100000x",
        "60x@2026-01-01T00:00:00Z ",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """SPEC: TI-5. What is not a factor in range with an optional time is refused, and shown."""
    with pytest.raises(InvalidParameterError, match=r"must be like 60x"):
        parse_pace(text, 0)


@pytest.mark.parametrize(
    ("time", "sentence"), [("tomorrow", "is not a time like"), ("2026-01-01T00:00:00", "has no zone")]
)
def test_times_that_cannot_be_shared_are_refused(time: str, sentence: str) -> None:
    """SPEC: TI-5. A word is no time, and a time without a zone is another moment on another machine."""
    with pytest.raises(InvalidParameterError, match=sentence):
        parse_pace(f"60x@{time}", 0)


@given(st.integers(1, MAX_FACTOR), st.floats(0, 1e6))
def test_waiting_for_seconds_of_this_clock_makes_them_pass(factor: int, seconds: float) -> None:
    """After wall_seconds(n) of the wall the clock is n seconds on, up to the fraction that is cut off."""
    pace = Pace(0, factor)
    assert abs(pace.at(pace.wall_seconds(seconds)) - seconds) <= 1
