"""Floor plans: walls, places of nodes, walkers; and how strong a signal is behind walls (SPEC.md 20.7)."""

from __future__ import annotations

from anopticon_testbed.floorplan.plan import FloorPlan, Walker, load_plan, shipped_plans
from anopticon_testbed.floorplan.walls import Walled

__all__ = ["FloorPlan", "Walker", "Walled", "load_plan", "shipped_plans"]
