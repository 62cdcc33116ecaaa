"""A whole virtual testbed in one process: nodes, walkers, walls, a key server, a collector (SPEC.md 20.7)."""
