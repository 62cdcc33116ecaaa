"""Radios and recordings: to come. The phone core of `anopticon_client` will run here unchanged."""
