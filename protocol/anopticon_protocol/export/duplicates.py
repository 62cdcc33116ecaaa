"""Keys that stand in an export more than once, or out of order: SPEC.md 8.5.3 and 8.5.5.

A stage behind the reader, because it needs memory that grows with the file (about 90 bytes a key, bounded by
MAX_EXPORT_KEYS) and the reader needs none. A consumer that adds keys to a set has no use for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anopticon_protocol.export.defects import Defect, DefectCode, Part
from anopticon_protocol.export.model import KeyRecord
from anopticon_protocol.export.reader import Event


def drop_duplicates(events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on, with a Defect in place of a repeated key, and one remark if keys do not ascend.

    The same key in `keys` and in `revised_keys` is no duplicate: a revision names the key that it revises.
    """
    seen: dict[bool, set[bytes]] = {False: set(), True: set()}
    last = {False: b"", True: b""}
    unsorted = False
    for event in events:
        if not isinstance(event, KeyRecord):
            yield event
            continue
        key_data, revised = event.key.key_data, event.revised
        if key_data in seen[revised]:
            name = "revised_keys" if revised else "keys"
            sentence = f"key {key_data.hex()} stands in {name} already"
            yield Defect(DefectCode.DUPLICATE_KEY, sentence, Part.EXPORT_BIN, event.offset, event.number)
            continue
        if key_data < last[revised] and not unsorted:
            unsorted = True
            sentence = "keys do not ascend from here: their order may show who uploaded together"
            yield Defect(DefectCode.UNSORTED, sentence, Part.EXPORT_BIN, event.offset, event.number)
        seen[revised].add(key_data)
        last[revised] = key_data
        yield event
