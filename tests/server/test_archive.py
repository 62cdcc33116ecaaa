"""One suite over both archives, and what only the one on disk can get wrong."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_server.archive import Archive, DirectoryArchive, Entry, Kind, MemoryArchive
from anopticon_server.errors import NotFoundError, StorageError

Build = Callable[[Path], Archive]
each_archive = pytest.mark.parametrize(
    "build", [lambda _: MemoryArchive(), DirectoryArchive], ids=["memory", "directory"]
)


@each_archive
def test_what_is_put_is_there_as_it_was(build: Build, tmp_path: Path) -> None:
    """A file is read back, listed by release with its hash and length, and kept apart by kind."""
    archive = build(tmp_path)
    assert archive.put(Kind.BATCH, 7_200, b"later")
    assert archive.put(Kind.BATCH, 3_600, b"early")
    assert archive.put(Kind.EXPORT, 3_600, b"zip")
    assert archive.read(Kind.BATCH, 3_600) == b"early"
    assert archive.entries(Kind.EXPORT) == (Entry(3_600, hashlib.sha256(b"zip").hexdigest(), 3),)
    assert [entry.release for entry in archive.entries(Kind.BATCH)] == [3_600, 7_200]


@each_archive
def test_a_release_is_written_once(build: Build, tmp_path: Path) -> None:
    """A second file for a release is turned away, the first one stays (SV-10)."""
    archive = build(tmp_path)
    assert archive.put(Kind.BATCH, 3_600, b"first")
    assert not archive.put(Kind.BATCH, 3_600, b"second")
    assert archive.read(Kind.BATCH, 3_600) == b"first"
    assert archive.entries(Kind.BATCH)[0].length == 5


@each_archive
def test_what_is_deleted_is_gone(build: Build, tmp_path: Path) -> None:
    """A deleted file is not listed and not read; deleting it again does nothing."""
    archive = build(tmp_path)
    archive.put(Kind.BATCH, 3_600, b"x")
    for _ in range(2):
        archive.delete(Kind.BATCH, 3_600)
        assert archive.entries(Kind.BATCH) == ()
        assert not (archive.path(Kind.BATCH, 3_600) or Path("nowhere")).exists()
        with pytest.raises(NotFoundError):
            archive.read(Kind.BATCH, 3_600)


@each_archive
@given(marks=st.lists(st.integers(0, 2**40), max_size=6))
def test_law_completeness_only_grows(
    build: Build, tmp_path_factory: pytest.TempPathFactory, marks: list[int]
) -> None:
    """Whatever order publishers say it in, the largest counts (SV-11)."""
    archive = build(tmp_path_factory.mktemp("archive"))
    for number, mark in enumerate(marks):
        archive.complete(mark)
        assert archive.complete_until() == max(marks[: number + 1])


@each_archive
def test_a_wiped_archive_is_empty(build: Build, tmp_path: Path) -> None:
    """Nothing is left, and a release may be written anew with other bytes."""
    archive = build(tmp_path)
    archive.put(Kind.BATCH, 3_600, b"old")
    archive.complete(3_600)
    assert archive.entries(Kind.BATCH)[0].length == 3
    archive.wipe()
    assert (archive.entries(Kind.BATCH), archive.complete_until()) == ((), 0)
    assert archive.put(Kind.BATCH, 3_600, b"new bytes")
    assert archive.entries(Kind.BATCH)[0].length == 9


def test_two_processes_see_each_others_files(tmp_path: Path) -> None:
    """What one archive object writes or deletes another on the same folder sees at once."""
    one, other = DirectoryArchive(tmp_path), DirectoryArchive(tmp_path)
    one.put(Kind.BATCH, 3_600, b"x")
    one.complete(3_600)
    assert [entry.release for entry in other.entries(Kind.BATCH)] == [3_600]
    assert other.complete_until() == 3_600
    other.delete(Kind.BATCH, 3_600)
    assert one.entries(Kind.BATCH) == ()


def test_files_do_not_tell_when_they_were_made(tmp_path: Path) -> None:
    """The times of a published file are those of its release."""
    archive = DirectoryArchive(tmp_path)
    archive.put(Kind.BATCH, 3_600, b"x")
    archive.complete(3_600)
    for path in tmp_path.rglob("3600"):
        assert path.stat().st_mtime == 3_600


def test_leftovers_of_a_crash_are_neither_served_nor_kept(tmp_path: Path) -> None:
    """A half written file has a name that nobody asks for, and goes at the next start."""
    archive = DirectoryArchive(tmp_path)
    leftover = tmp_path / "batches" / ".unfinished-0123456789abcdef"
    leftover.write_bytes(b"half")
    (tmp_path / "batches" / "notes.txt").write_bytes(b"not ours")
    assert archive.entries(Kind.BATCH) == ()
    archive.remove_unfinished()
    assert not leftover.exists()
    assert (tmp_path / "batches" / "notes.txt").exists()


def test_a_publisher_whose_unfinished_file_is_swept_away_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts just then deletes the file of a command beside it; the release comes out whole."""
    archive = DirectoryArchive(tmp_path)
    real, calls = os.link, []

    def sweep_then_link(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 1:
            archive.remove_unfinished()
        real(source, target)

    monkeypatch.setattr(os, "link", sweep_then_link)
    assert archive.put(Kind.BATCH, 3_600, b"whole")
    assert archive.read(Kind.BATCH, 3_600) == b"whole"
    assert len(calls) == 2


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where links are not supported a file gets its name by renaming, and is still written once."""

    def unsupported(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", source, None, target)

    monkeypatch.setattr(os, "link", unsupported)
    archive = DirectoryArchive(tmp_path)
    assert archive.put(Kind.BATCH, 3_600, b"first")
    assert not archive.put(Kind.BATCH, 3_600, b"second")
    assert archive.read(Kind.BATCH, 3_600) == b"first"
    assert not list(tmp_path.rglob(".unfinished-*"))


def test_a_folder_that_is_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    """An archive whose folder was deleted under it raises our error, not the system's."""
    archive = DirectoryArchive(tmp_path / "archive")
    for folder in (tmp_path / "archive").iterdir():
        folder.rmdir()
    for attempt in (
        lambda: archive.put(Kind.BATCH, 3_600, b"x"),
        lambda: archive.entries(Kind.BATCH),
        lambda: archive.complete(3_600),
        archive.complete_until,
    ):
        with pytest.raises(StorageError, match="archive cannot be"):
            attempt()


def test_a_file_where_the_folder_should_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    """An archive that cannot be made raises our error."""
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(StorageError, match="archive cannot be made"):
        DirectoryArchive(tmp_path / "archive")
