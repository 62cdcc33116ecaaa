"""Counters of time: floors, borders, releases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import MAX_UNIX_TIME
from anopticon_protocol.timebase import (
    check_time,
    day_of,
    day_start,
    epoch_in_day,
    epoch_of,
    interval_of,
    next_release,
    release_bucket,
)
from tests.protocol.strategies import times

periods = st.integers(60, 86_400)


@pytest.mark.parametrize("now", [0, 1, MAX_UNIX_TIME - 1, MAX_UNIX_TIME])
def test_times_in_range_are_taken(now: int) -> None:
    """SPEC: TI-1. Both ends of the range are times."""
    assert check_time(now) == now


@pytest.mark.parametrize("now", [-1, MAX_UNIX_TIME + 1, 10**30])
def test_times_out_of_range_are_refused(now: int) -> None:
    """SPEC: TI-1. A second beyond either end is refused, with the bound named."""
    with pytest.raises(InvalidParameterError, match="MAX_UNIX_TIME"):
        check_time(now)


@pytest.mark.parametrize(
    ("counter", "length"),
    [(day_of, 86_400), (epoch_of, 900), (interval_of, 600)],
    ids=["day", "epoch", "interval"],
)
@pytest.mark.parametrize("number", [1, 19_675, 1_888_888])
def test_the_second_on_a_border_belongs_to_what_begins(
    counter: Callable[[int], int], length: int, number: int
) -> None:
    """SPEC: TI-2. One second before a border still counts to what ends, the border itself to what begins."""
    border = number * length
    assert [counter(border - 1), counter(border), counter(border + length - 1)] == [
        number - 1,
        number,
        number,
    ]


@given(times)
def test_counters_nest(now: int) -> None:
    """Day, epoch of the day and start of the day say the same about every time."""
    assert day_start(now) == day_of(now) * 86_400 <= now < day_start(now) + 86_400
    assert epoch_of(now) == day_of(now) * 96 + epoch_in_day(now)
    assert 0 <= epoch_in_day(now) < 96


@given(times, periods)
def test_release_lies_after_its_period(now: int, period: int) -> None:
    """SPEC: TI-3. The period that holds a time begins at or before it, the next release is strictly later."""
    bucket, release = release_bucket(now, period), next_release(now, period)
    assert bucket <= now < release == bucket + period
    assert bucket % period == 0


def test_counters_agree_with_the_reference_implementation(shared: Callable[[str], Path]) -> None:
    """SPEC: TI-2. Days, epochs and two-hour batches are those that the DP-3T reference printed."""
    for row in json.loads(shared("vectors/dp3t_lowcost.json").read_text())["times"]:
        now = row["unix"]
        assert now == datetime.fromisoformat(row["utc"]).timestamp()
        assert (day_start(now), release_bucket(now, 7_200)) == (row["day_start"], row["batch_start_2h"])
        assert epoch_in_day(now) == row["epoch_in_day"]
    for row in json.loads(shared("vectors/dp3t_unlinkable.json").read_text())["epoch_times"]:
        assert epoch_of(int(datetime.fromisoformat(row["utc"]).timestamp())) == row["epoch"]
