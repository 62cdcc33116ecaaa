"""The shell around a Phone: ports in, effects carried out. See `Runner`."""

from __future__ import annotations

from anopticon_client.runner.loop import Ports, Runner, ScanPlan, Watcher, system_entropy

__all__ = ["Ports", "Runner", "ScanPlan", "Watcher", "system_entropy"]
