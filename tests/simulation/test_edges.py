"""Worlds at the edge of what phones remember: long, slow, and with clocks that differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.positives import MAX_REPORTED_DAYS
from anopticon_simulation.result import Judged, date_of
from anopticon_simulation.scenario import parse_scenario
from tests.simulation.worlds import run

DAY = 86_400
DESIGNS = ("lowcost", "unlinkable", "hybrid", "gaen")


def together(path: Path, *hours: int) -> Path:
    """A contact list: persons 1 and 2 are together for two hours from each of these hours on."""
    lines = [f"{at} 1 2" for hour in hours for at in range(hour * 3_600 + 20, (hour + 2) * 3_600 + 20, 20)]
    path.write_text("\n".join([*lines, "86420 1 3", ""]))
    return path


def world(trace: Path, design: str, positive: dict[str, Any], **sections: dict[str, Any]) -> Judged:
    """A run over that list in which person 1 tests positive as scripted."""
    fields: dict[str, Any] = {
        "world": {"design": design, "seed": 3, "days": sections.pop("world", {}).get("days", 16)},
        "contacts": {"kind": "trace", "file": str(trace)},
        "positives": {"scripted": [{"person": "1", **positive}]},
    }
    return run(parse_scenario(fields | dict(sections), "test"))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("period", [7_200, DAY])
@pytest.mark.parametrize("skew", [0, 900])
def test_fourteen_contagious_days(tmp_path: Path, design: str, period: int, skew: int) -> None:
    """SPEC: SI-1. Reports that reach back as far as phones remember agree with the oracle, at any release period."""
    judged = world(
        together(tmp_path / "list.txt", 0, 5 * 24),
        design,
        {"positive_day": 13, "positive_time": "23:59", "contagious_days_before": 14},
        phones={"clock_skew_seconds_max": skew},
        server={"release_period_seconds": period},
    )
    assert judged.agrees
    days = {date_of(day) for of_person in judged.warned.values() for day in of_person}
    assert "2026-03-07" in days
    assert "2026-03-02" not in days, f"a report reaches back {MAX_REPORTED_DAYS} days at most"


@pytest.mark.parametrize("design", DESIGNS)
def test_a_world_that_outlives_its_warnings(tmp_path: Path, design: str) -> None:
    """SPEC: SI-1. Phones forget after 14 days; they are judged by what they said when they warned."""
    judged = world(
        together(tmp_path / "list.txt", 9),
        design,
        {"positive_day": 1, "contagious_days_before": 2},
        world={"days": 25},
    )
    assert judged.warned
    assert judged.agrees
    assert all(device.phone.exposure_notices == () for device in judged.outcome.devices.values())


@pytest.mark.parametrize(("design", "period", "epoch"), [("gaen", 900, 600), ("lowcost", 60, 900)])
def test_a_release_period_that_splits_epochs_is_refused(design: str, period: int, epoch: int) -> None:
    """The scenario is refused with the field and the design's bound, before anything runs."""
    with pytest.raises(ScenarioError, match=rf"release_period_seconds is {period}.* multiple of {epoch}"):
        parse_scenario({"world": {"design": design}, "server": {"release_period_seconds": period}}, "test")
