"""The contact truth: real seconds near contagious people, from the trace and nothing else."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Trace, TraceBuilder
from anopticon_simulation.truth import Contagious, enough, near_seconds

MINUTE = 60
MIDNIGHT = 20_000 * SECONDS_PER_DAY
DAY = 20_000

MEETINGS = st.lists(
    st.tuples(
        st.integers(-10, 10).map(lambda step: MIDNIGHT + step * MINUTE),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([1_000, 2_000, 3_000]),
    ).filter(lambda meeting: meeting[1] != meeting[2]),
    max_size=30,
)
CONTAGIOUS = st.lists(
    st.builds(
        lambda person, since, length: Contagious(person, MIDNIGHT + since, MIDNIGHT + since + length),
        st.integers(0, 3),
        st.integers(-700, 700),
        st.integers(0, 900),
    ),
    max_size=3,
    unique_by=lambda one: one.person,
)


def minutes_together(*meetings: tuple[int, int, int, int]) -> Trace:
    """Make a trace of meetings (start, first, second, millimetres) of one minute each."""
    builder = TraceBuilder(MINUTE)
    for person in range(4):
        builder.add_person(str(person), None)
    for start, first, second, millimetres in meetings:
        builder.add(start, str(first), str(second), millimetres)
    return builder.build()


def truly_exposed(
    trace: Trace, contagious: list[Contagious], metres: float, minutes: int
) -> dict[int, dict[int, int]]:
    """Who was exposed by the two steps of the truth: seconds near, and enough of them in a day."""
    return enough(near_seconds(trace, contagious, metres), minutes)


@given(MEETINGS, CONTAGIOUS, st.integers(1, 5))
def test_law_the_truth_counts_every_second_once_per_contagious_person(
    meetings: list[tuple[int, int, int, int]], contagious: list[Contagious], minutes: int
) -> None:
    """Counted second by second, exactly the days with enough of them are reported, with their sum."""
    trace = minutes_together(*meetings)
    plain: Counter[tuple[int, int]] = Counter()
    for contact in trace.contacts:
        if contact.distance_metres <= 2.0:
            for second in range(contact.start, contact.end):
                for one in contagious:
                    if one.since <= second < one.until and one.person in (contact.first, contact.second):
                        other = contact.first + contact.second - one.person
                        plain[other, second // SECONDS_PER_DAY] += 1
    wanted = {key: seconds for key, seconds in plain.items() if seconds >= minutes * MINUTE}
    found = truly_exposed(trace, contagious, 2.0, minutes)
    assert {(who, day): seconds for who, days in found.items() for day, seconds in days.items()} == wanted


def test_two_contagious_people_add_up() -> None:
    """Eight minutes near each of two contagious people are sixteen minutes of one day."""
    meetings = [(MIDNIGHT + at * MINUTE, 0, ill, 1_000) for at in range(8) for ill in (1, 2)]
    both = [Contagious(ill, MIDNIGHT, MIDNIGHT + SECONDS_PER_DAY) for ill in (1, 2)]
    assert truly_exposed(minutes_together(*meetings), both, 2.0, 15) == {0: {DAY: 16 * MINUTE}}
    assert truly_exposed(minutes_together(*meetings), both[:1], 2.0, 15) == {}


def test_a_contact_over_midnight_counts_for_each_day_apart() -> None:
    """Twenty minutes, ten on either side of midnight (UTC), are no day of fifteen."""
    meetings = [(MIDNIGHT + at * MINUTE, 0, 1, 1_000) for at in range(-10, 10)]
    ill = [Contagious(1, MIDNIGHT - SECONDS_PER_DAY, MIDNIGHT + SECONDS_PER_DAY)]
    trace = minutes_together(*meetings)
    assert truly_exposed(trace, ill, 2.0, 15) == {}
    assert truly_exposed(trace, ill, 2.0, 10) == {0: {DAY - 1: 10 * MINUTE, DAY: 10 * MINUTE}}


def test_the_distance_bound_is_included() -> None:
    """Two metres are within a bound of two metres, and not within one of 1.9."""
    trace = minutes_together(*[(MIDNIGHT + at * MINUTE, 0, 1, 2_000) for at in range(15)])
    ill = [Contagious(1, MIDNIGHT, MIDNIGHT + SECONDS_PER_DAY)]
    assert truly_exposed(trace, ill, 2.0, 15) == {0: {DAY: 900}}
    assert truly_exposed(trace, ill, 1.9, 15) == {}


def test_only_the_contagious_window_counts() -> None:
    """Before the window and from its end on, nobody is exposed."""
    trace = minutes_together(*[(MIDNIGHT + at * MINUTE, 0, 1, 1_000) for at in range(40)])
    window = [Contagious(1, MIDNIGHT + 10 * MINUTE, MIDNIGHT + 25 * MINUTE)]
    assert truly_exposed(trace, window, 2.0, 15) == {0: {DAY: 15 * MINUTE}}
    assert truly_exposed(trace, window, 2.0, 16) == {}
