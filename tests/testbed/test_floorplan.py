"""Floor plans: walls take what they say, walkers keep their pace, bad files are refused with the field."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.virtual.propagation import LogDistance
from anopticon_testbed.errors import InputError
from anopticon_testbed.floorplan import Walker, Walled, load_plan, shipped_plans
from anopticon_testbed.floorplan.plan import MAX_PLAN_BYTES, Wall
from anopticon_testbed.floorplan.walls import wall_losses

# Sixty-fourths of a metre, so that sides are computed without rounding: whoever just touches a wall is one case.
coordinates = st.integers(-20 * 64, 20 * 64).map(lambda part: part / 64)
points = st.tuples(coordinates, coordinates)
GOOD = 'title = "x"\n[[nodes]]\nname = "a"\nat = [0, 0, 1]\n'


def field(*places: tuple[float, float]) -> SimpleNamespace:
    """Antennas at height 1 with the reference power."""
    return SimpleNamespace(
        positions=np.array([(x, y, 1.0) for x, y in places]), tx_power_dbm=np.full(len(places), -15.0)
    )


def test_a_wall_between_takes_its_decibels() -> None:
    """SPEC: TB-12. Behind one wall of 7 dB a signal is 7 dB weaker, behind two it is 14, beside them it is not."""
    walls = [Wall(points=((1, -5), (1, 5)), loss_db=7), Wall(points=((2, -5), (2, 5)), loss_db=7)]
    places = field((0, 0), (1.5, 0), (3, 0), (0, 3))
    strengths = Walled(walls).strengths(places, 0, 0)
    free = LogDistance().strengths(places, 0, 0)
    assert (free - strengths)[1:].tolist() == [7, 14, 0]


def test_what_is_too_weak_is_not_heard() -> None:
    """SPEC: TB-12. Below -100 dBm there is nothing, and a walker that moves changes what is known of its way."""
    places = field((0, 0), (2, 0))
    air = Walled([Wall(points=((1, -1), (1, 1)), loss_db=60)])
    assert np.isnan(air.strengths(places, 0, 0)[1])
    places.positions[1] = (2, 9, 1)
    assert air.strengths(places, 0, 0)[1] > -100


@given(points, points, points, points)
def test_walls_are_the_same_both_ways(
    one: tuple[float, float], other: tuple[float, float], start: tuple[float, float], end: tuple[float, float]
) -> None:
    """SPEC: TB-12. What a wall takes from one to the other it takes on the way back, whichever end it is drawn from."""
    found = {
        float(wall_losses(np.array([[*a, *b, 5.0]]), np.array(x), np.array([y]))[0])
        for a, b in ((start, end), (end, start))
        for x, y in ((one, other), (other, one))
    }
    assert len(found) == 1
    assert found <= {0.0, 5.0}


walkers = st.builds(
    lambda waypoints, speed, pause: Walker(name="w", waypoints=tuple(waypoints), speed=speed, pause_s=pause),
    st.lists(points, min_size=2, max_size=6),
    st.floats(0.1, 5),
    st.floats(0, 100),
)


@given(walkers, st.floats(0, 5_000), st.floats(0.01, 5))
def test_a_walker_is_never_faster_than_it_says(walker: Walker, at: float, span: float) -> None:
    """SPEC: TB-12. Between two moments a walker covers no more than its speed allows, also over the end of a round."""
    way = math.dist(walker.position(at), walker.position(at + span))
    assert way <= walker.speed * span + 1e-6


@given(walkers)
def test_a_walker_comes_by_every_waypoint(walker: Walker) -> None:
    """SPEC: TB-12. One round passes every waypoint and takes the way's length by the speed, and every pause."""
    loop = [*walker.waypoints, walker.waypoints[0]]
    way = sum(math.dist(*leg) for leg in pairwise(loop))
    assert walker.round_seconds == pytest.approx(way / walker.speed + len(walker.waypoints) * walker.pause_s)
    at = 0.0
    for start, end in pairwise(loop):
        at += walker.pause_s
        assert math.dist(walker.position(max(at - 1e-9, 0)), start) < 1e-6 or walker.round_seconds == 0
        at += math.dist(start, end) / walker.speed


@pytest.mark.parametrize("name", shipped_plans())
def test_shipped_plans_are_good(name: str) -> None:
    """Every plan of the package can be loaded and has at least eight nodes and a walker."""
    plan = load_plan(name)
    assert len(plan.nodes) >= 8
    assert plan.walkers
    assert len(plan.first(9).nodes) + len(plan.first(9).walkers) == 9


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = ", "no TOML"),
        ("title = " + "[\n" * 10_000, "no TOML"),
        ("title = " + "9" * 5_000, "MAX_PLAN_LINE"),
        ('title = "x"', "0 nodes and walkers"),
        (GOOD + '[[nodes]]\nname = "a"\nat = [1, 0, 1]\n', "two nodes are called 'a'"),
        (GOOD + "[[walls]]\npoints = [[0, 0]]\nloss_db = 3\n", "walls.0.points"),
        (GOOD + "[[walls]]\npoints = [[0, 0], [0, nan]]\nloss_db = 3\n", "walls.0.points.1.1"),
        (GOOD + "[[walls]]\npoints = [[0, 0], [0, 1]]\nloss_db = -3\n", "walls.0.loss_db"),
        (GOOD + "windows = 3\n", "nodes.0.windows"),
        (GOOD.replace("[0, 0, 1]", "[0, 5000, 1]"), "nodes.0.at.1"),
        (GOOD.replace('"a"', '"a/b"'), "nodes.0.name"),
        ("#" * (MAX_PLAN_BYTES + 1), "MAX_PLAN_BYTES"),
        (".".join(["a"] * 10_000) + " = 1", "MAX_PLAN_LINE"),
    ],
    ids=[
        "syntax",
        "deep",
        "digits",
        "empty",
        "twice",
        "point",
        "nan",
        "negative",
        "unknown",
        "far",
        "name",
        "long",
        "line",
    ],
)
def test_a_bad_plan_is_refused_with_the_field(tmp_path: Path, text: str, told: str) -> None:
    """SPEC: TB-12. What is wrong in a plan is named with its place in the file."""
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        load_plan(str(path))


def test_a_plan_that_is_not_there_lists_those_that_are() -> None:
    """A wrong name is answered with the names of the shipped plans."""
    with pytest.raises(InputError, match="office"):
        load_plan("castle")
