"""Real contacts: on recorded traces the warned set equals the oracle's, for every design and channel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_simulation.result import result_of
from anopticon_simulation.scenario import Scenario, load_scenario
from tests.simulation.worlds import run

TRACES = {
    "school": ("HighSchool2013_proximity_net.csv.gz", 327),
    "primary-school": ("primaryschool.csv.gz", 242),
    "conference": ("SFHH_tij.dat.gz", 403),
    "workplace": ("workplace_InVS_tij.dat.zip", 92),
}
DESIGNS = ("lowcost", "unlinkable", "hybrid", "gaen")


def scenario(name: str, file: Path, design: str, channel: str) -> Scenario:
    """A shipped scenario on its recorded trace."""
    base = load_scenario(name).with_contacts_file(str(file)).with_design(design)
    return base.with_channel(channel)


def check(name: str, shared: Callable[[str], Path], design: str, channel: str) -> None:
    """Run one world and hold every warning against the oracle."""
    file, people = TRACES[name]
    judged = run(scenario(name, shared(f"data/contacts/{file}"), design, channel))
    result = result_of(judged)
    assert (result["people"], result["positives"], result["uploads"]) == (people, 3, 3)
    assert result["oracle"] == {
        "missed": 0,
        "rightly_warned": result["warned"],
        "wrongly_warned": 0,
        "agrees_to_the_second": True,
    }
    assert result["warned"] > 0


@pytest.mark.parametrize("channel", ["perfect", "lossy"])
@pytest.mark.parametrize("design", DESIGNS)
def test_office(shared: Callable[[str], Path], design: str, channel: str) -> None:
    """Two weeks of an office, 92 people."""
    check("workplace", shared, design, channel)


@pytest.mark.heavy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("channel", ["perfect", "lossy"])
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", ["school", "primary-school", "conference"])
def test_schools_and_conference(shared: Callable[[str], Path], name: str, design: str, channel: str) -> None:
    """Five days of a high school, two of a primary school, two of a conference."""
    check(name, shared, design, channel)
