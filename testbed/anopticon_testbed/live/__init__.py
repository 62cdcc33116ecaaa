"""The live view: nodes push their state to one collector, a page shows it (SPEC.md 20.1)."""
