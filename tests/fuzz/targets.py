"""What must hold for any bytes that come from outside: one function a target, each fed with bytes by a fuzzer.

A target raises nothing but for a law that is broken. Engines are compared with the readers that say what is wrong, and
with each other, so that a fuzzer finds differences and not only crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from anopticon_client.matching import Contents, ExportJob, IndexedRows, match_contents
from anopticon_client.native import engines
from anopticon_protocol.batch import Batch
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.designs.gaen_keys import ENTRY_BYTES, encode_entry
from anopticon_protocol.errors import BatchError
from anopticon_protocol.export.defects import Defect, ExportError
from anopticon_protocol.export.entry_runs import EntryRun, read_runs
from anopticon_protocol.export.model import EXPORT_MAGIC, ExportSummary, KeyRecord
from anopticon_protocol.export.reader import read_export

RELEASE: Final = 1_600_300_800
ENGINES: Final = engines()


def export(data: bytes) -> None:
    """export.bin without its magic: each engine reads the records, defects and summary that the reader reads."""
    for file in (EXPORT_MAGIC + data, data):
        expected = list(_flat(read_export([file])))
        for engine in ENGINES:
            for chunks in ([file], [file[at : at + 13] for at in range(0, len(file), 13)]):
                found = list(_flat(read_runs(chunks, engine.take_records)))
                assert found == expected, (engine.name, found, expected)
            _finish(ExportJob(engine, [file], IndexedRows({bytes(16): []}), now=RELEASE))


def batch(data: bytes) -> None:
    """A whole batch: it is read, or refused as a batch; its contents fare in every engine as in the reader."""
    try:
        read = Batch.decode_unverified(data)
    except BatchError:
        return
    _compare(read.design.spec, Contents(read.count, read.body))


def contents(data: bytes) -> None:
    """A byte for the design, one for the count, then a body: every engine says what the reader says."""
    if len(data) < 2:
        return
    spec = list(DESIGNS)[data[0] % len(DESIGNS)]
    _compare(spec, Contents(data[1], data[2:]))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {one.__name__: one for one in (export, batch, contents)}


def _compare(spec: str, given: Contents) -> None:
    design = open_design(spec)
    try:
        design.read(given.count, given.body)
    except BatchError as error:
        expected = f"{error.reason}: {error}"
    else:
        expected = "[]"
    value = bytes(32 if spec == "unlinkable" else 16)
    for engine in ENGINES:
        try:
            found = str(match_contents(engine, design, given, RELEASE, IndexedRows({value: []})))
        except BatchError as error:
            found = f"{error.reason}: {error}"
        assert found == expected, (engine.name, found, expected)


def _flat(events: Iterator[EntryRun | KeyRecord | Defect | ExportSummary]) -> Iterator[object]:
    try:
        for event in events:
            if isinstance(event, EntryRun):
                for place in range(len(event.entries) // ENTRY_BYTES):
                    entry = event.entries[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES]
                    yield entry, event.first + place, event.revised
            elif isinstance(event, KeyRecord):
                yield encode_entry(event.key.to_shared()), event.number, event.revised
            else:
                yield event
    except ExportError as error:
        yield str(error)


def _finish(job: ExportJob) -> None:
    try:
        while not job.step():
            pass
    except ExportError:
        return
    job.result()
