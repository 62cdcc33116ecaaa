"""Floods of made-up identifiers: what they cannot take from a phone, and the chance they leave to honest ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.admission import MAX_NEW_OBSERVATIONS_PER_DAY, Admission, drawn
from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.state import ObservationKey
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import SETTLED, Token
from anopticon_protocol.entropy import Entropy
from tests.client.drive import DAY, NEAR, START, Handset, Town, bytes_of, clock, each_design
from tests.client.tables import frame_of

EPOCH = 900
CAPACITY = 960
"""Of a small store, for laws: a share of 5 for each of 96 epochs."""


def key(name: object) -> ObservationKey:
    """The observation of a made-up identifier."""
    return ObservationKey(Token(0, bytes_of(name)), 0)


class Keeper:
    """A store behind an Admission: what began and what went."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """An empty store."""
        self.admission = Admission(EPOCH, capacity)
        self.kept: set[ObservationKey] = set()

    def scan(self, now: int, names: Sequence[object], seed: object = "seed") -> set[ObservationKey]:
        """A scan that heard these; returns what began and stayed, or went."""
        before = set(self.kept)
        self.admission.turn_to(now, len(self.kept))
        new = [one for one in map(key, names) if one not in self.kept]
        self.kept |= set(new)
        self.kept -= set(self.admission.admit(new, (), Entropy(bytes_of(seed))))
        return before ^ self.kept


def flood(town: Town, bob: Handset, at: int, count: int, name: str = "bogus") -> None:
    """Scans a second apart with `count` made-up identifiers in all."""
    for step, start in enumerate(range(0, count, MAX_SIGHTINGS_PER_SCAN)):
        names = range(start, min(start + MAX_SIGHTINGS_PER_SCAN, count))
        bob.scan(at + step, *((frame_of(town.design, (name, number)), NEAR) for number in names))


@given(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=96), first=st.integers(0, 95))
def test_law_an_epoch_takes_nothing_from_another(sizes: list[int], first: int) -> None:
    """Whatever one epoch brings: what began in another stays, later ones keep their share, the day its bound.

    SPEC: PH-11, PH-17.
    """
    keeper = Keeper()
    for epoch, size in enumerate(sizes[: 96 - first], start=first):
        changed = keeper.scan(epoch * EPOCH, [(epoch, number) for number in range(size)])
        assert keeper.admission.quota >= keeper.admission.share == 5
        assert changed <= {key((epoch, number)) for number in range(size)}
        assert len(changed) == min(size, keeper.admission.quota)
        assert len(keeper.kept) <= CAPACITY


@given(
    arrivals=st.lists(st.lists(st.integers(0, 300), max_size=120), min_size=1, max_size=6),
    data=st.data(),
)
def test_law_order_and_repetition_do_not_matter(arrivals: list[list[int]], data: st.DataObject) -> None:
    """Who is kept of an epoch depends on who was there: not on the order, the scan or how often.

    SPEC: PH-18.
    """
    everybody = sorted({one for scan in arrivals for one in scan})
    shuffled = data.draw(st.permutations(everybody))
    one, other = Keeper(), Keeper()
    for second, scan in enumerate(arrivals):
        one.scan(second, scan)
    other.scan(0, shuffled)
    assert one.kept == other.kept
    assert len(one.kept) == min(len(everybody), one.admission.quota)


@pytest.mark.parametrize("attack", ["before", "after", "around", "again and again"])
def test_an_honest_identifier_survives_a_flood_with_its_fair_chance(attack: str) -> None:
    """Of h honest and k made-up identifiers each is kept with probability Q / (h + k), whenever the flood comes.

    SPEC: PH-18.
    """
    honest, bogus, worlds = [("honest", n) for n in range(10)], [("bogus", n) for n in range(190)], 400
    scans = {
        "before": [bogus, honest],
        "after": [honest, bogus],
        "around": [bogus[:95], honest, bogus[95:]],
        "again and again": [bogus, honest, bogus, bogus, bogus],
    }[attack]
    survived = 0
    for world in range(worlds):
        keeper = Keeper()
        for second, scan in enumerate(scans):
            keeper.scan(second, scan, seed=world)
        quota = keeper.admission.quota
        survived += sum(key(one) in keeper.kept for one in honest)
    chance, drawn_in_all = quota / 200, worlds * 10
    assert quota == 5 + (CAPACITY - 96 * 5) // 8
    assert abs(survived / drawn_in_all - chance) < 5 * math.sqrt(chance * (1 - chance) / drawn_in_all)


def test_every_frame_of_a_crowded_scan_has_the_same_chance() -> None:
    """A scan looks at 5,000 frames of any part of it alike: of a phone that sent 16 among 10,000 it looks at some.

    SPEC: PH-11.
    """
    frames = [*range(10_000)]
    chosen = [drawn(frames, MAX_SIGHTINGS_PER_SCAN, bytes_of(world)) for world in range(40)]
    assert all(len(set(one)) == MAX_SIGHTINGS_PER_SCAN for one in chosen)
    for place in range(0, 10_000, 2_500):
        share = sum(place <= frame < place + 2_500 for one in chosen for frame in one) / (40 * 2_500)
        assert abs(share - 0.5) < 5 * math.sqrt(0.5 * 0.5 / (40 * 2_500))
    assert all(set(range(9_000, 9_016)) & set(one) for one in chosen)


@each_design
def test_a_flood_blinds_a_phone_for_its_own_epoch_alone(spec: str) -> None:
    """People met before and after a flood are all kept, and whoever of its epoch is kept has lost no reading.

    SPEC: PH-17, PH-18.
    """
    town = Town(spec, "flooded", "calm")
    bob, calm = town.handsets
    epoch, at = town.design.epoch_seconds, clock("12:00")
    for step in range(3):
        there = [(frame_of(town.design, (step, n)), NEAR) for n in range(40)]
        for handset in (bob, calm):
            handset.scan(at + step * epoch, *there)
        if step == 1:
            flood(town, bob, at + epoch + 310, 12_000)
            for second in range(3):
                calm.scan(at + epoch + 310 + second)
        for handset in (bob, calm):
            handset.scan(at + step * epoch + 400, *there)
    kept = {row.token: row.readings for row in bob.rows}
    known = {row.token: row.readings for row in calm.rows}
    first_of_flood = (at + epoch) // town.design.observation_slot_seconds
    lost = [token for token in known if token not in kept]
    left, share = (DAY - 43_200 - epoch) // epoch, 10_000 // (DAY // epoch)
    assert len(kept) == 80 + share + (20_000 - 40 - left * share) // 8
    assert 25 < len(lost) < 40, "of the forty of the flooded epoch about one in six stays"
    assert all(token.slot == first_of_flood for token in lost)
    assert all(kept[token] == known[token] for token in known if token in kept)


def test_a_flood_all_day_long_leaves_every_epoch_its_share() -> None:
    """After 20 hours of flood an epoch still begins its 104 observations, and the day ends within its bound.

    SPEC: PH-11, PH-17.
    """
    keeper = Keeper(MAX_NEW_OBSERVATIONS_PER_DAY)
    begun = []
    for epoch in range(96):
        before = len(keeper.kept)
        keeper.scan(epoch * EPOCH, [(epoch, number) for number in range(2_000)])
        begun.append(len(keeper.kept) - before)
    assert (begun[0], begun[32], begun[-1]) == (104 + 1_252, 121, 104)
    assert begun == sorted(begun, reverse=True)
    assert len(keeper.kept) <= MAX_NEW_OBSERVATIONS_PER_DAY


def test_what_a_published_key_has_matched_does_not_go() -> None:
    """An observation of which the person may have been told is kept, whatever lot it has.

    SPEC: PH-18.
    """
    admission = Admission(EPOCH, CAPACITY)
    admission.turn_to(0, 0)
    told = [key(("told", number)) for number in range(20)]
    assert admission.admit(told, (), Entropy(bytes(32))) == []
    gone = admission.admit([key(number) for number in range(500)], set(told), Entropy(bytes(32)))
    assert len(gone) == 520 - admission.quota
    assert not set(gone) & set(told)
    assert len(admission.admit([key("late")], set(told), Entropy(bytes(32)))) == 1


def test_what_was_settled_meanwhile_can_still_go_unless_it_holds_more() -> None:
    """Settling changes the key of an observation: alone it keeps its lot, joined to an earlier one it stays.

    SPEC: PH-18, PH-26.
    """
    admission = Admission(EPOCH, CAPACITY)
    admission.turn_to(0, 0)
    fine = [key(number) for number in range(admission.quota)]
    settled = [ObservationKey(one.token, SETTLED) for one in fine]
    admission.admit(fine, (), Entropy(bytes(32)))
    for number, one in enumerate(fine):
        admission.settled(one, settled[number], joined=number < 10)
    admission.settled(key("of an earlier epoch"), settled[0], joined=False)
    gone = admission.admit([key(("new", number)) for number in range(4_000)], (), Entropy(bytes(32)))
    assert len(gone) == 4_000
    assert not set(gone) & set(settled[:10])
    assert len(set(gone) & set(settled[10:])) > 40


def test_a_flood_while_batches_settle_stays_within_the_quota() -> None:
    """Observations that lose their release period in the middle of a flooded epoch are neither lost nor counted twice.

    SPEC: PH-17, PH-26.
    """
    town = Town("unlinkable", "bob")
    (bob,) = town.handsets
    town.run(clock("12:00"))
    flood(town, bob, clock("12:00:01"), 2_500)
    before = len(bob.rows)
    town.run(clock("12:06"))
    assert {row.received for row in bob.rows} == {SETTLED}
    flood(town, bob, clock("12:07"), 2_500, "more")
    assert len(bob.rows) == before == 104 + (20_000 - 48 * 104) // 8
    assert len(bob.saved.observations) == bob.phone.observation_count


def test_a_restart_in_the_middle_of_a_flood_stays_within_the_day() -> None:
    """A restarted phone gives the epoch a new quota out of what is left of the day.

    SPEC: PH-11, PH-17.
    """
    town = Town("lowcost", "bob")
    (bob,) = town.handsets
    at = START + 23 * 3_600
    for life in range(12):
        flood(town, bob, at + 10 * life, 5_000, f"life {life}")
        bob.crash()
    assert 15_000 < len(bob.rows) <= MAX_NEW_OBSERVATIONS_PER_DAY
    assert open_design("lowcost").epoch_seconds == EPOCH
