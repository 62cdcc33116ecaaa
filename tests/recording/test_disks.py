"""Disks that hang, vanish or lie, and memory while a large recording is read."""

from __future__ import annotations

import errno
import os
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.parts import PartFile
from anopticon_client.recording.reader import find_recordings, read_recording
from anopticon_client.recording.rows import Manifest, PhoneInput, Row
from anopticon_client.recording.storing import store_rows
from anopticon_client.recording.writer import RecordingWriter
from tests.recording.kit import INLINE, MANIFEST, Clock, frame, read, write


def test_a_disk_that_hangs_makes_no_radio_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC: RC-9. While a write hangs rows are taken up to the bound and counted beyond it; then all else is there."""
    reached, released = threading.Event(), threading.Event()
    real = PartFile.append

    def hanging(part: PartFile, block: bytes) -> None:
        reached.set()
        released.wait()
        real(part, block)

    with RecordingWriter(
        tmp_path, MANIFEST, Clock(), WriterPolicy(flush_seconds=0.001, buffer_rows=100)
    ) as writer:
        monkeypatch.setattr(PartFile, "append", hanging)
        writer.heard(frame(0))
        reached.wait()
        for number in range(1, 151):
            writer.heard(frame(number))
        assert writer.counters.dropped == 50
        released.set()
    rows, torn = read(tmp_path)
    events = [row for row in rows if isinstance(row, RadioEvent)]
    assert [(event.kind, event.details["count"]) for event in events] == [(RadioEventKind.DROPPED, 50)]
    assert [row for row in rows if row not in events] == [frame(number) for number in range(101)]
    assert torn == []


def test_memory_of_inputs_is_bounded(tmp_path: Path) -> None:
    """Batches that wait count by their bytes: those beyond the bound are dropped, frames are not (RC-9)."""
    policy = replace(INLINE, buffer_bytes=1_000)
    with RecordingWriter(tmp_path, MANIFEST, Clock(mono_ns=10), policy) as writer:
        for number in range(5):
            writer.write(PhoneInput(0, 0, number, "batch", number, bytes(400)))
        writer.write(frame(0))
        assert writer.counters.dropped == 3
        writer.flush()
        writer.write(PhoneInput(0, 0, 9, "batch", 9, bytes(400)))
    rows, _ = read(tmp_path)
    assert [row.number for row in rows if isinstance(row, PhoneInput)] == [0, 1, 9]


def test_a_disk_that_vanishes_is_left_for_a_new_part(tmp_path: Path) -> None:
    """SPEC: RC-8. When the file can no longer be written at all, the recording goes on in another, without a gap."""
    said: list[str] = []
    with RecordingWriter(tmp_path, MANIFEST, Clock(), INLINE, said.append) as writer:
        writer.write(frame(1))
        writer.flush()
        # The descriptor is taken away from under the part, as a stick is that somebody pulls out.
        part = writer._appender._part
        assert part
        os.close(part._file)
        writer.write(frame(2))
        assert not writer.flush()
        assert writer.flush()
        writer.write(frame(3))
    rows, torn = read(tmp_path)
    assert [row for row in rows if not isinstance(row, RadioEvent)] == [frame(1), frame(2), frame(3)]
    assert torn == []
    assert len(list(tmp_path.iterdir())) == 2
    assert len(said) == 2


def test_a_disk_that_cannot_sync_is_left_for_a_new_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed sync says of a file holds for the rest of it: rows go on in another part, none twice (RC-8)."""
    with RecordingWriter(tmp_path, MANIFEST, Clock(), WriterPolicy(background=False)) as writer:
        writer.write(frame(1))
        with monkeypatch.context() as patch:

            def failing(descriptor: int) -> None:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            patch.setattr(os, "fsync", failing)
            assert not writer.flush()
        writer.write(frame(2))
    rows, _ = read(tmp_path)
    assert [row for row in rows if not isinstance(row, RadioEvent)] == [frame(1), frame(2)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_large_recording_is_read_a_line_at_a_time(tmp_path: Path) -> None:
    """SPEC: RC-3. Memory while reading does not grow with the file: 4 MB of rows take less than a tenth of that."""
    write(tmp_path, [frame(number) for number in range(20_000)], replace(INLINE, buffer_rows=20_000))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    tracemalloc.start()
    count = sum(1 for _ in read_recording(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_001
    assert peak < size / 10


def test_rows_are_stored_as_they_are(tmp_path: Path) -> None:
    """Rows with several manifests become several parts, each with its own as it was (RC-4)."""
    second = replace(MANIFEST, node="pi-2", part=7, mono_ns=99)
    rows: list[Row] = [MANIFEST, frame(1), second, frame(2), frame(3)]
    paths = store_rows(tmp_path, rows)
    assert [path.name for path in paths] == ["pi-1_run-1_000001.jsonl", "pi-2_run-1_000007.jsonl"]
    assert list(read_recording(tmp_path)) == rows
    assert [one.manifest for one in find_recordings(tmp_path)] == [MANIFEST, second]
    assert all(isinstance(next(one.rows()), Manifest) for one in find_recordings(tmp_path))
