"""The writer and the reader together: whole recordings, parts, bounds, a full disk, a torn end, damage."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.reader import find_recordings, read_recording
from anopticon_client.recording.rows import Manifest, Row
from anopticon_client.recording.writer import RecordingWriter
from tests.recording.kit import INLINE, MANIFEST, Clock, frame, read, write
from tests.recording.strategies import heard, others

SECOND = 1_000_000_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(heard | others, max_size=30), st.integers(300, 5_000), st.booleans())
def test_a_recording_holds_its_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], part_bytes: int, background: bool
) -> None:
    """SPEC: RC-4. Whatever the size of the parts and whoever writes, the rows come back all, in order, as they were."""
    folder = tmp_path_factory.mktemp("recording")
    write(folder, rows, WriterPolicy(background=background, sync=False, part_bytes=part_bytes))
    assert read(folder) == (rows, [])


def test_every_part_begins_with_the_manifest(tmp_path: Path) -> None:
    """SPEC: RC-4. Each part has the manifest with its own number and its own time, and parts are sorted by name."""
    clock = Clock()
    policy = replace(INLINE, part_seconds=10.0)
    with RecordingWriter(tmp_path, MANIFEST, clock, policy) as writer:
        for number in range(35):
            writer.write(frame(number, clock.mono_ns))
            clock.pass_ns(SECOND)
    rows = list(read_recording(tmp_path))
    manifests = [row for row in rows if isinstance(row, Manifest)]
    assert [manifest.part for manifest in manifests] == [1, 2, 3, 4]
    assert [manifest.mono_ns // SECOND for manifest in manifests] == sorted(
        {m.mono_ns // SECOND for m in manifests}
    )
    assert [replace(row, part=1, mono_ns=0, wall_ns=0) for row in manifests] == [MANIFEST] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"pi-1_run-1_{n:06d}.jsonl" for n in (1, 2, 3, 4)
    ]


def test_a_block_larger_than_a_part_has_one_to_itself(tmp_path: Path) -> None:
    """However small the bound, no part is without rows, and no block is split (RC-4)."""
    with RecordingWriter(tmp_path, MANIFEST, Clock(), replace(INLINE, part_bytes=1)) as writer:
        for number in range(9):
            writer.write(frame(number))
            if number % 3 == 2:
                writer.flush()
    assert writer.counters.parts == 3
    assert read(tmp_path) == ([frame(number) for number in range(9)], [])


def test_rows_after_the_end_are_counted(tmp_path: Path) -> None:
    """A row that comes after closing is dropped and counted, and closing twice is harmless (RC-9)."""
    writer = write(tmp_path, [frame(1)])
    writer.heard(frame(2))
    writer.close()
    assert writer.counters.dropped == 1
    assert read(tmp_path) == ([frame(1)], [])


def test_a_run_goes_on_in_new_parts(tmp_path: Path) -> None:
    """SPEC: RC-5. A process that takes up a run again writes into a part of its own, behind the earlier ones."""
    write(tmp_path, [frame(1)])
    first = (tmp_path / "pi-1_run-1_000001.jsonl").read_bytes()
    write(tmp_path, [frame(2)])
    write(tmp_path, [frame(3)], node="pi-2")
    assert (tmp_path / "pi-1_run-1_000001.jsonl").read_bytes() == first
    found = find_recordings(tmp_path)
    assert [(one.manifest.node, len(one.parts)) for one in found] == [("pi-1", 2), ("pi-2", 1)]
    kept = [[row for row in one.rows() if not isinstance(row, Manifest)] for one in found]
    assert kept == [[frame(1), frame(2)], [frame(3)]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small recording of three blocks."""
    folder = tmp_path_factory.mktemp("small")
    with RecordingWriter(folder, MANIFEST, Clock(), INLINE) as writer:
        for number in range(6):
            writer.write(frame(number))
            if number % 2:
                writer.flush()
    return next(folder.iterdir()).read_bytes()


@pytest.mark.parametrize("filled", [b"", b"\0" * 300], ids=["cut", "zeros behind"])
def test_a_file_torn_at_any_byte_opens_with_every_whole_row(
    small: bytes, tmp_path: Path, filled: bytes
) -> None:
    """SPEC: RC-6. Cut off at any byte, with or without zeros behind, a part opens with all rows before the cut."""
    path = tmp_path / "torn.jsonl"
    for cut in range(0, len(small), 7 if filled else 1):
        path.write_bytes(small[:cut] + filled)
        rows, torn = read(path)
        whole = small[:cut].count(b'"k":"heard"') - (b'"k":"heard"' in small[:cut].rpartition(b"\n")[2])
        closed = small[:cut].endswith(b"}") and small[cut : cut + 1] == b"\n" and not filled
        assert rows in ([frame(n) for n in range(whole)], [frame(n) for n in range(whole + closed)])
        assert len(torn) == (bool(filled) or (small[:cut].rpartition(b"\n")[2] != b"" and not closed))


def test_damage_before_the_end_is_refused_with_file_and_line(small: bytes, tmp_path: Path) -> None:
    """SPEC: RC-7. A changed byte anywhere before the end of the last row is an error that names the file and a line."""
    path = tmp_path / "damaged.jsonl"
    last_check = small.rindex(b'{"k":"check"')
    for at in range(0, last_check - 1, 7):
        changed = bytes([small[at] ^ 1])
        path.write_bytes(small[:at] + changed + small[at + 1 :])
        with pytest.raises(RecordingFileError, match=r"damaged\.jsonl: .*lines? \d"):
            list(read_recording(path))


def test_a_block_that_does_not_match_its_check_is_named_by_its_lines(small: bytes, tmp_path: Path) -> None:
    """The sentence says between which lines the change is (RC-7)."""
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(small.replace(b'"r":-42', b'"r":-43'))
    with pytest.raises(RecordingFileError, match="lines 6 to 7 are not those that line 8 checks"):
        list(read_recording(path))


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n" + bytes(100), b"hello\n", b"{}\n", b'{"k":"heard"}\n']
)
def test_other_files_are_no_recordings(tmp_path: Path, content: bytes) -> None:
    """A file that no crash can have left of a recording is refused, not read as an empty one (RC-7)."""
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingFileError, match="this is no recording"):
        list(read_recording(path))


def test_a_line_without_end_is_read_in_bounded_memory(tmp_path: Path, small: bytes) -> None:
    """A file that never ends its line is a torn one, read piece by piece (RC-6)."""
    path = tmp_path / "endless.jsonl"
    path.write_bytes(small + b"7" * 3_000_000)
    rows, (torn,) = read(path)
    assert len(rows) == 6
    assert torn.bytes_lost == 3_000_000


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """No file of this process grows beyond `limit` bytes: what a full disk is to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing_before_and_says_so_once(tmp_path: Path) -> None:
    """SPEC: RC-8. While the disk is full rows are kept up to a bound; afterwards it goes on, without a torn row."""
    said: list[str] = []
    clock = Clock()
    policy = replace(INLINE, buffer_rows=50)
    writer = RecordingWriter(tmp_path, MANIFEST, clock, policy, said.append)
    path = next(tmp_path.iterdir())
    rows: list[Row] = [frame(number) for number in range(200)]
    for row in rows[:20]:
        writer.write(row)
    assert writer.flush()
    with file_size_limit(path.stat().st_size + 700):
        for row in rows[20:100]:
            writer.write(row)
            writer.flush()
        assert len(said) == 1
        assert "File too large" in said[0]
        intact, torn = read(path)
        assert torn == []
    assert writer.flush()
    writer.write(rows[100])
    writer.close()
    assert len(said) == 2
    assert "works again" in said[1]
    found, torn = read(tmp_path)
    assert torn == []
    lost = writer.counters.dropped
    assert 0 < lost < 80
    events = [row for row in found if isinstance(row, RadioEvent)]
    assert [(event.kind, event.details.get("count")) for event in events] == [
        (RadioEventKind.FAILED, None),
        (RadioEventKind.DROPPED, lost),
    ]
    kept = [row for row in found if not isinstance(row, RadioEvent)]
    assert kept == [*rows[: 100 - lost], rows[100]]
    assert kept[: len(intact)] == intact


def test_a_disk_that_stays_full_is_an_error_at_the_end(tmp_path: Path) -> None:
    """Closing says how many rows could not be written (RC-8)."""
    writer = RecordingWriter(tmp_path, MANIFEST, Clock(), INLINE)
    with file_size_limit(next(tmp_path.iterdir()).stat().st_size + 10):
        writer.write(frame(1))
        writer.write(frame(2))
        with pytest.raises(RecordingFileError, match="the last 2 rows could not be written"):
            writer.close()
    assert read(tmp_path) == ([], [])


def test_rows_out_of_bounds_are_counted_and_said(tmp_path: Path) -> None:
    """SPEC: RC-9. A frame that no recording can hold costs no other row, and the recording says so."""
    bad = frame(1)._replace(rssi_dbm=-4294967234)
    writer = write(tmp_path, [frame(0), bad, frame(2)])
    rows, _ = read(tmp_path)
    assert rows[:2] == [frame(0), frame(2)]
    (event,) = rows[2:]
    assert isinstance(event, RadioEvent)
    assert event.details["count"] == 1
    assert "rssi_dbm must be a whole number" in str(event.details["reason"])
    assert writer.counters.refused == 1


def test_a_stepped_clock_moves_no_row(tmp_path: Path) -> None:
    """SPEC: RC-10. Rows keep both clocks as they were and their order, when the wall is set back by a day."""
    clock = Clock(5 * SECOND)
    rows: list[Row] = []
    with RecordingWriter(tmp_path, MANIFEST, clock, replace(INLINE, part_seconds=4)) as writer:
        for number in range(20):
            clock.pass_ns(SECOND)
            if number == 10:
                clock.wall_ns -= 86_400 * SECOND
            row = frame(number)._replace(mono_ns=clock.mono_ns, wall_ns=clock.wall_ns)
            rows.append(row)
            writer.write(row)
    assert read(tmp_path) == (rows, [])
    assert len(list(tmp_path.iterdir())) == 6


def test_many_threads_lose_no_row(tmp_path: Path) -> None:
    """Rows added by several threads while the writer's own writes are all there, each thread's in order (RC-4)."""
    with RecordingWriter(
        tmp_path, MANIFEST, Clock(), WriterPolicy(flush_seconds=0.001, sync=False)
    ) as writer:

        def add(first: int) -> None:
            for number in range(first, first + 3_000):
                writer.heard(frame(number))

        threads = [threading.Thread(target=add, args=(10_000 * index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    rows, _ = read(tmp_path)
    numbers = [row.mono_ns for row in rows]
    for index in range(3):
        own = [number for number in numbers if number // 10_000 == index]
        assert own == list(range(10_000 * index, 10_000 * index + 3_000))


def test_a_folder_that_cannot_be_is_an_error_at_once(tmp_path: Path) -> None:
    """A recording that cannot begin says so before anything is recorded."""
    blocked = tmp_path / "file"
    blocked.write_text("here")
    with pytest.raises(RecordingFileError, match="choose another folder"):
        RecordingWriter(blocked, MANIFEST, Clock(), INLINE)
    with pytest.raises(RecordingFileError, match="node must match"):
        RecordingWriter(tmp_path / "new", replace(MANIFEST, node="../pi"), Clock(), INLINE)
    with pytest.raises(RecordingFileError, match="holds no recording"):
        list(read_recording(tmp_path / "new"))
    with pytest.raises(RecordingFileError, match="No such file"):
        list(read_recording(tmp_path / "nowhere.jsonl"))


@pytest.mark.parametrize(
    "name", ["flush_seconds", "part_bytes", "part_seconds", "buffer_rows", "buffer_bytes"]
)
def test_a_policy_of_nothing_is_refused(name: str) -> None:
    """A recorder that would spin, or hold nothing, is not begun."""
    make: Callable[..., WriterPolicy] = WriterPolicy
    with pytest.raises(RecordingFileError, match=f"{name} must be above 0"):
        make(**{name: 0})
