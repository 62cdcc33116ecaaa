"""What a phone has stored, as matching sees it: rows by token value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from anopticon_protocol.designs.records import Observation


class StoredRows(Protocol):
    """The observations of a phone, by token value."""

    def values(self) -> Sequence[bytes]:
        """Every token value that is stored."""

    def rows(self, value: bytes) -> list[Observation]:
        """The observations with this token value; empty if there are none."""


class IndexedRows:
    """Stored rows behind a mapping from token value to rows: what tests and tools use."""

    def __init__(self, rows: Mapping[bytes, Sequence[Observation]]) -> None:
        """Take rows already grouped by token value."""
        self._rows = rows

    def values(self) -> Sequence[bytes]:
        """Every token value."""
        return list(self._rows)

    def rows(self, value: bytes) -> list[Observation]:
        """The rows with this value."""
        return list(self._rows.get(value, ()))
