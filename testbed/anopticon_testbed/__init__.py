"""Radios, nodes and recordings: the phone core of `anopticon_client` on the air, and what it takes to measure it."""
