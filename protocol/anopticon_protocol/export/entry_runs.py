"""Reading export.bin as runs of entries, for engines that match in bulk: SPEC.md 8.5.2 and 15.4.

The same pass over the same bytes with the same defects as reader.py, but sound keys come many at a time, in the form
that entries of a `gaen` batch have (designs/gaen_keys.py). The transmission risk, which matching has no use for, is
left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from anopticon_protocol.designs.gaen_keys import ENTRY_BYTES, encode_entry
from anopticon_protocol.export.defects import Defect, ExportError, Severity
from anopticon_protocol.export.model import (
    MAX_EXPORT_KEYS,
    MAX_ROLLING_START,
    TEK_BYTES,
    ExportedKey,
    ExportSummary,
    KeyRecord,
)
from anopticon_protocol.export.reader import KEY_DATA_AT, KEY_DATA_HEAD, KEY_TAG, SUFFIX_AT, Scan

TakeRecords: TypeAlias = Callable[[bytes, int, int, int], tuple[bytes, int]]
"""Takes plain records off some bytes: (bytes, position, most records, last rolling start) -> (entries, position)."""
_NO_KEY: Final = bytes(TEK_BYTES)


class EntryRun(NamedTuple):
    """Sound keys that stand one behind the other: their entries, the record number of the first, and their list."""

    entries: bytes
    first: int
    revised: bool


def read_runs(
    chunks: Iterable[bytes], take: TakeRecords | None = None
) -> Iterator[EntryRun | Defect | ExportSummary]:
    """As reader.read_export, with runs in place of records. `take` does the plain ones, by default in Python."""
    for event in _RunScan(chunks, take).run():
        if isinstance(event, Defect) and event.severity is Severity.REFUSE:
            raise ExportError(event)
        if isinstance(event, KeyRecord):
            yield EntryRun(encode_entry(event.key.to_shared()), event.number, event.revised)
        else:
            yield event


class _RunScan(Scan):
    """A pass that takes plain records many at a time and leaves the others to the reader."""

    __slots__ = ("_tails", "_take")

    def __init__(self, chunks: Iterable[bytes], take: TakeRecords | None) -> None:
        super().__init__(chunks)
        self._tails: dict[bytes, bytes] = {}
        self._take = take or self._familiar_records

    def _quickly(self) -> KeyRecord | None:
        window = self._window
        entries, position = self._take(
            window.data, window.position, MAX_EXPORT_KEYS - self._records, MAX_ROLLING_START
        )
        if not entries:
            return self._familiar_record()
        first = self._records + 1
        count = len(entries) // ENTRY_BYTES
        self._records += count
        self._sound += count
        window.position = position
        # The pass hands on what it is given; that its type is wider here is known to read_runs alone.
        return cast("KeyRecord", EntryRun(entries, first, revised=False))

    def _familiar_records(self, data: bytes, at: int, most: int, last_start: int) -> tuple[bytes, int]:
        """Take keys whose bytes behind key_data were decoded before, as long as they follow on each other."""
        del last_start
        tails, pieces, end = self._tails, list[bytes](), len(data)
        while most and at + SUFFIX_AT <= end and data[at] == KEY_TAG:
            after = at + 2 + data[at + 1]
            tail = tails.get(data[at + SUFFIX_AT : after])
            if data[at + 2 : at + KEY_DATA_AT] != KEY_DATA_HEAD or after > end:
                break
            if tail is None and (tail := self._learn(data[at + SUFFIX_AT : after])) is None:
                break
            pieces += (data[at + KEY_DATA_AT : at + SUFFIX_AT], tail)
            at, most = after, most - 1
        return b"".join(pieces), at

    def _learn(self, suffix: bytes) -> bytes | None:
        facts = self._known.get(suffix)
        if facts is None:
            return None
        tail = encode_entry(ExportedKey(_NO_KEY, *facts).to_shared())[TEK_BYTES:]
        self._tails[suffix] = tail
        return tail
