"""Stores: where a phone's state survives. `open_store` opens one by name.

>>> open_store("memory", "gaen").load().observations
()
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from anopticon_client.ports import Store
from anopticon_client.storage.memory import MemoryStore
from anopticon_client.storage.sqlite import SqliteStore

MEMORY: Final = "memory"
"""The name of the store that ends with the process; every other name is a file."""


class PhoneStore(Store, Protocol):
    """A store that also remembers which deployment its phone joined."""

    def deployment(self) -> str | None:
        """The text given to `pin`, or None; raises StoreError."""

    def pin(self, deployment: str) -> None:
        """Remember the deployment this phone joined; raises StoreError."""


def open_store(name: str, design: str) -> PhoneStore:
    """Open the store called `name` for a phone of `design` (its text form): `memory`, or the path of a file."""
    return MemoryStore() if name == MEMORY else SqliteStore(Path(name), design)


__all__ = ["MEMORY", "MemoryStore", "PhoneStore", "SqliteStore", "open_store"]
