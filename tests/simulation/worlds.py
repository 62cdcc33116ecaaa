"""Small worlds that several test modules run."""

from __future__ import annotations

from typing import Any

from anopticon_simulation.keyserver import open_link
from anopticon_simulation.plan import Plan, make_plan
from anopticon_simulation.result import Judged, judge
from anopticon_simulation.scenario import Scenario, parse_scenario
from anopticon_simulation.world import World

DESIGNS = ("lowcost", "unlinkable", "hybrid", "hybrid:window_minutes=15", "gaen")


def village(design: str = "gaen", **sections: dict[str, Any]) -> Scenario:
    """A village of 40 people and three days, six of whom test positive; `sections` add to the scenario."""
    fields: dict[str, Any] = {
        "title": "a village",
        "world": {"seed": 5},
        "contacts": {"town": {"people": 40, "days": 3}},
        "positives": {
            "drawn": {"count": 6, "onset_day_first": 0, "onset_day_last": 1, "test_delay_hours_max": 24}
        },
    }
    for name, values in sections.items():
        fields[name] = fields.get(name, {}) | values
    return parse_scenario(fields, "test").with_design(design)


def run(scenario: Scenario, server: str | None = None) -> Judged:
    """Run a scenario to its verdict."""
    plan = make_plan(scenario)
    return run_plan(plan, server)


def run_plan(plan: Plan, server: str | None = None) -> Judged:
    """Run a plan to its verdict."""
    section = plan.scenario.server
    link = open_link(server, plan.design, section.release_period_seconds, section.retention_days, plan.start)
    try:
        return judge(plan, World(plan, link).run())
    finally:
        link.close()
