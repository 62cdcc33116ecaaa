"""Recordings through the phone core again: the same notifications, or the differences by name (SPEC.md 20.6)."""
