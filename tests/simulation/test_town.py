"""The synthetic town: repeatable, plausible, and each layer with luck of its own."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Contact, Trace
from anopticon_simulation.sections import TownSection
from anopticon_simulation.streams import Streams
from anopticon_simulation.town import build_town, settle_town

MONDAY = 1_772_409_600  # 2026-03-02, 00:00 UTC
HOUR = 3_600


def section(**changes: Any) -> TownSection:
    """Make a town section from the defaults and what differs from them."""
    return TownSection.model_validate(changes)


def build(seed: int = 1, **changes: Any) -> Trace:
    """Build a town that begins on a Monday."""
    return build_town(section(**changes), MONDAY, Streams(seed))


def between(trace: Trace, first_hour: int, last_hour: int) -> list[Contact]:
    """Give the contacts that begin within these hours of any day."""
    return [c for c in trace.contacts if first_hour * HOUR <= c.start % SECONDS_PER_DAY < last_hour * HOUR]


@pytest.fixture(scope="module")
def town() -> Trace:
    """The default town, with which the demo runs."""
    return build()


def test_the_default_town_is_of_the_promised_size(town: Trace) -> None:
    """300 people, six days, and as many 20-second records as a school trace has."""
    assert len(town.people) == 300
    assert town.days == tuple(range(MONDAY // SECONDS_PER_DAY, MONDAY // SECONDS_PER_DAY + 6))
    assert 100_000 <= town.contact_seconds // 20 <= 200_000


def test_the_default_town_is_the_same_on_every_machine(town: Trace) -> None:
    """The trace is pinned: it changes where the demo's figures would."""
    assert town.digest() == GOLDEN
    assert build(seed=2).digest() != GOLDEN


def test_contacts_are_many_short_ones_and_few_long_ones(town: Trace) -> None:
    """The tail of lengths is heavy: the mean is far above the median, and some last an hour."""
    lengths = sorted(contact.end - contact.start for contact in town.contacts)
    median = lengths[len(lengths) // 2]
    assert sum(lengths) / len(lengths) > 1.5 * median
    assert lengths[-1] >= HOUR
    assert median <= 300


def test_distances_vary_and_stay_in_their_layers(town: Trace) -> None:
    """No contact is nearer or farther than its place allows, and hardly two are alike."""
    for first, last, nearest, farthest in ((18, 23, 0.4, 3.0), (17, 18, 0.8, 5.0), (7, 8, 0.4, 3.0)):
        distances = {contact.distance_metres for contact in between(town, first, last)}
        # A workplace closes at 17:00 and a shop opens then; nothing else shares an hour here.
        assert all(nearest <= distance <= farthest for distance in distances)
        assert len(distances) > 20


def test_school_and_work_rest_at_the_weekend(town: Trace) -> None:
    """On Saturday nobody meets in class, at work or on the way there; at home and in shops they do."""
    saturday = MONDAY // SECONDS_PER_DAY + 5
    hours = Counter(
        contact.start % SECONDS_PER_DAY // HOUR
        for contact in town.contacts
        if contact.start // SECONDS_PER_DAY == saturday
    )
    assert set(hours) <= {17, 18, 19, 20, 21, 22}
    assert hours[17]
    assert hours[19]


def test_people_meet_the_same_people_again(town: Trace) -> None:
    """Pairs in one household meet on most evenings: the town is no random mixing."""
    evenings: dict[tuple[int, int], set[int]] = {}
    for contact in between(town, 18, 23):
        evenings.setdefault((contact.first, contact.second), set()).add(contact.start // SECONDS_PER_DAY)
    often = [pair for pair, days in evenings.items() if len(days) >= 4]
    assert len(often) > 0.9 * len(evenings)


@settings(max_examples=25)
@given(
    st.integers(0, 2**64 - 1),
    st.integers(2, 60),
    st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any),
)
def test_law_everybody_lives_in_one_household(seed: int, people: int, weights: list[int]) -> None:
    """Households part the people, and nobody is both in a class and at a workplace, or twice in one."""
    residents = settle_town(section(people=people, household_size_weights=weights), Streams(seed))
    assert [person for home in residents.households for person in home] == list(range(people))
    daily = [person for group in (*residents.classes, *residents.workplaces) for person in group]
    assert len(daily) == len(set(daily))


@settings(max_examples=15)
@given(st.integers(0, 2**64 - 1), st.integers(1, 3))
def test_law_another_day_leaves_the_days_before(seed: int, days: int) -> None:
    """A longer town begins with the shorter one."""
    short = build(seed, people=30, days=days)
    longer = build(seed, people=30, days=days + 1)
    end = MONDAY + days * SECONDS_PER_DAY
    assert tuple(contact for contact in longer.contacts if contact.start < end) == short.contacts


@settings(max_examples=15)
@given(st.integers(0, 2**64 - 1))
def test_law_a_layer_changed_leaves_the_others(seed: int) -> None:
    """Busier shops change nothing at home, at school, at work or on the way."""
    quiet = build(seed, people=60, days=2)
    busy = build(seed, people=60, days=2, shops={"visitor_fraction": 1.0, "meeting_fraction": 1.0})
    assert between(busy, 17, 18) != between(quiet, 17, 18)
    assert between(busy, 18, 24) == between(quiet, 18, 24)
    assert between(busy, 0, 17) == between(quiet, 0, 17)


def test_groups_name_class_and_workplace(town: Trace) -> None:
    """Pupils and workers carry the name of their group; who stays at home has none."""
    kinds = Counter(group.split()[0] if group else None for group in town.groups)
    assert set(kinds) == {"class", "workplace", None}
    assert kinds["class"] > 40
    assert kinds["workplace"] > 100


GOLDEN = "910a092d3588fdcb2353992fd4b7f78a3b9c4601df13ab68843d0043bb90d3c7"
