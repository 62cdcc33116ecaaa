"""The virtual air: antennas, physics, and Bumble controllers between them, in real or in virtual time."""

from __future__ import annotations

from anopticon_client.radio.virtual.opening import open_backend, shared_air

__all__ = ["open_backend", "shared_air"]
