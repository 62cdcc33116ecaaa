"""Recordings: what one node of a testbed heard, sent and did, row by row (SPEC.md 19)."""
