"""Spans of time: what two have in common, and how much of them lies before some times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_testbed.analysis.dead_time import Spans, common, covered, in_order

moments = st.integers(0, 40)
spans = st.lists(st.tuples(moments, moments).map(lambda ends: (float(ends[0]), float(ends[1]))), max_size=12)
SECONDS = range(41)


def inside(given_spans: Spans) -> set[int]:
    """The whole seconds that lie in some spans."""
    return {second for start, end in given_spans for second in range(int(start), int(end))}


@given(spans, spans)
def test_law_spans_are_sets_of_seconds(one: Spans, other: Spans) -> None:
    """In whatever order and however mixed up spans come: in order, in common and covered are what sets say (TB-22)."""
    here, there = in_order(one), in_order(other)
    assert here == sorted(here)
    assert inside(here) == inside(one)
    both = common(here, there)
    assert inside(both) == inside(one) & inside(other)
    told = covered(both, np.array(SECONDS, float)).tolist()
    assert told == [float(sum(second < at for second in inside(both))) for at in SECONDS]


@pytest.mark.parametrize(("said", "count"), [({}, 1), ({"count": 7}, 7), ({"count": "many"}, 1)])
def test_a_count_that_is_no_number_is_one(said: dict[str, str | int], count: int) -> None:
    """An event of a damaged recording that does not say how many were dropped stands for one."""
    assert RadioEvent(0, 0, RadioEventKind.DROPPED, said).count == count
