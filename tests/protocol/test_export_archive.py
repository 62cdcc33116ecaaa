"""The zip around an export: anopticon_protocol.export.archive."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anopticon_protocol.export import archive
from anopticon_protocol.export.archive import EXPORT_BIN, EXPORT_SIG, Archive, open_archive
from anopticon_protocol.export.defects import DefectCode, ExportError, Part, Severity
from anopticon_protocol.export.writer import encode_archive
from anopticon_protocol.export.zip_layout import DEFLATED, DIRECTORY_MAGIC, END_MAGIC, LOCAL_MAGIC
from tests.protocol.export_kit import small_archive, zip_of

FILES = [(EXPORT_BIN, b"bin" * 40), (EXPORT_SIG, b"sig")]


def contents(opened: Archive) -> dict[str, bytes]:
    """Every entry, read whole."""
    return {entry.name: b"".join(opened.chunks(entry)) for entry in opened.entries}


def refusal(data: bytes) -> DefectCode:
    """The code of the defect that keeps the archive, or one of its entries, from being read."""
    with pytest.raises(ExportError) as caught:
        contents(open_archive(data))
    assert caught.value.defect.part is Part.ARCHIVE
    assert caught.value.defect.severity is Severity.REFUSE
    return caught.value.defect.code


def found(data: bytes) -> list[DefectCode]:
    """The codes of what is wrong with the directory."""
    return [defect.code for defect in open_archive(data).defects]


@given(
    st.binary(max_size=300_000) | st.integers(0, 200_000).map(lambda size: bytes(range(256)) * (size // 256)),
    st.binary(max_size=100),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
@settings(max_examples=50)
def test_what_zipfile_wrote_is_read(export_bin: bytes, export_sig: bytes, method: int) -> None:
    """Archives of the standard library read back byte for byte, unless they shrink like a bomb."""
    opened = open_archive(zip_of([(EXPORT_BIN, export_bin), (EXPORT_SIG, export_sig)], method))
    opened.require_sound()
    entry = opened.find(EXPORT_BIN)
    assert entry is not None
    if entry.size > archive.RATIO_FREE_BYTES and entry.size > archive.MAX_RATIO * entry.compressed_size:
        return
    assert contents(opened) == {EXPORT_BIN: export_bin, EXPORT_SIG: export_sig}


@given(st.binary(max_size=1000), st.binary(max_size=100))
def test_zipfile_reads_what_was_written(export_bin: bytes, export_sig: bytes) -> None:
    """Our archives are archives to the standard library too."""
    with zipfile.ZipFile(io.BytesIO(encode_archive(export_bin, export_sig))) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            EXPORT_BIN: export_bin,
            EXPORT_SIG: export_sig,
        }


def test_large_entries_come_in_bounded_chunks() -> None:
    """No chunk is longer than CHUNK_BYTES, stored or deflated."""
    body = random.Random(1).randbytes(200_000).hex().encode()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        opened = open_archive(zip_of([(EXPORT_BIN, body), (EXPORT_SIG, b"")], method))
        chunks = list(opened.chunks(opened.entries[0]))
        assert max(map(len, chunks)) <= archive.CHUNK_BYTES
        assert b"".join(chunks) == body


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("content.sig", DefectCode.ENTRY_EXTRA),
        ("EXPORT.BIN", DefectCode.ENTRY_EXTRA),
        ("sub/export.bin", DefectCode.ENTRY_EXTRA),
        ("empty/", DefectCode.ENTRY_EXTRA),
        ("../export.bin", DefectCode.ENTRY_NAME),
        ("a/../../b", DefectCode.ENTRY_NAME),
        ("/etc/passwd", DefectCode.ENTRY_NAME),
        ("C:\\x", DefectCode.ENTRY_NAME),
        ("..\\x", DefectCode.ENTRY_NAME),
        ("\\\\host\\x", DefectCode.ENTRY_NAME),
        (EXPORT_BIN, DefectCode.ENTRY_DUPLICATE),
        (EXPORT_SIG, DefectCode.ENTRY_DUPLICATE),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_does_not_belong_is_named_and_the_rest_is_readable(name: str, code: DefectCode) -> None:
    """SPEC: EX-9. Any third entry refuses the archive, by its kind, and export.bin can still be looked at."""
    data = zip_of([*FILES, (name, b"x")])
    assert found(data) == [code]
    opened = open_archive(data)
    with pytest.raises(ExportError, match="entry"):
        opened.require_sound()
    entry = opened.find(EXPORT_BIN)
    assert entry is not None
    assert b"".join(opened.chunks(entry)) == b"bin" * 40


def test_missing_entries_are_named() -> None:
    """An archive without export.bin or without export.sig is refused for exactly that."""
    assert found(zip_of([FILES[0]])) == [DefectCode.SIGNATURE_MISSING]
    assert found(zip_of([FILES[1]])) == [DefectCode.EXPORT_MISSING]
    assert found(zip_of([])) == [DefectCode.EXPORT_MISSING, DefectCode.SIGNATURE_MISSING]
    assert open_archive(zip_of([])).find(EXPORT_BIN) is None


@pytest.mark.parametrize("flag", [0x0001, 0x0040, 0x2000])
def test_encrypted_entries_are_refused(flag: int) -> None:
    """SPEC: EX-9. Each encryption flag is recognised, in the list of defects and when the entry is read."""
    data = patched(
        encode_archive(b"bin", b"sig"), {6: flag.to_bytes(2, "little")}, {8: flag.to_bytes(2, "little")}
    )
    assert found(data) == [DefectCode.ENTRY_ENCRYPTED]
    assert refusal(data) is DefectCode.ENTRY_ENCRYPTED


def test_other_compression_methods_are_refused() -> None:
    """SPEC: EX-9. bzip2 is a method that zip knows and an export must not use."""
    data = zip_of(FILES, zipfile.ZIP_BZIP2)
    assert found(data) == [DefectCode.ENTRY_METHOD] * 2
    assert refusal(data) is DefectCode.ENTRY_METHOD


def patched(data: bytes, local: dict[int, bytes], directory: dict[int, bytes]) -> bytes:
    """Overwrite bytes of the first local header and of the first directory entry."""
    out = bytearray(data)
    for start, changes in ((data.index(LOCAL_MAGIC), local), (data.index(DIRECTORY_MAGIC), directory)):
        for place, value in changes.items():
            out[start + place : start + place + len(value)] = value
    return bytes(out)


def u32(value: int) -> bytes:
    """A little-endian u32."""
    return struct.pack("<L", value)


@pytest.mark.parametrize(
    ("local", "directory", "code"),
    [
        ({}, {16: u32(1)}, DefectCode.ENTRY_CORRUPT),
        ({}, {24: u32(4)}, DefectCode.ENTRY_CORRUPT),
        ({}, {20: u32(10**6)}, DefectCode.ARCHIVE_MALFORMED),
        ({}, {42: u32(1)}, DefectCode.ARCHIVE_MALFORMED),
        ({}, {42: u32(2**32 - 1)}, DefectCode.ARCHIVE_MALFORMED),
        ({8: b"\x08\x00"}, {}, DefectCode.ARCHIVE_MALFORMED),
        ({30: b"E"}, {}, DefectCode.ARCHIVE_MALFORMED),
        ({8: b"\x08\x00"}, {10: b"\x08\x00"}, DefectCode.ENTRY_CORRUPT),
        ({}, {0: b"XX"}, DefectCode.ARCHIVE_MALFORMED),
        ({}, {28: b"\xff\xff"}, DefectCode.ARCHIVE_MALFORMED),
        ({}, {30: b"\x01\x00"}, DefectCode.ARCHIVE_MALFORMED),
    ],
)
def test_a_directory_that_lies_is_found_out(
    local: dict[int, bytes], directory: dict[int, bytes], code: DefectCode
) -> None:
    """SPEC: EX-9. Checksum, lengths, offset, method and name are held against the entry itself."""
    assert refusal(patched(encode_archive(b"bin" * 9, b"sig"), local, directory)) is code


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        (4, b"\x01\x00", DefectCode.ARCHIVE_MALFORMED),
        (6, b"\x01\x00", DefectCode.ARCHIVE_MALFORMED),
        (8, b"\x01\x00", DefectCode.ARCHIVE_MALFORMED),
        (8, b"\x11\x00\x11\x00", DefectCode.ENTRY_COUNT),
        (8, b"\xff\xff\xff\xff", DefectCode.ENTRY_COUNT),
        (8, b"\x03\x00\x03\x00", DefectCode.ARCHIVE_MALFORMED),
        (8, b"\x01\x00\x01\x00", DefectCode.ARCHIVE_MALFORMED),
        (12, u32(0), DefectCode.ARCHIVE_MALFORMED),
        (20, b"\x01\x00", DefectCode.NOT_ZIP),
    ],
)
def test_an_end_record_that_lies_is_found_out(place: int, value: bytes, code: DefectCode) -> None:
    """Disks, counts, directory size and comment length are checked before anything is allocated for them."""
    data = bytearray(encode_archive(b"bin", b"sig"))
    start = data.rindex(END_MAGIC)
    data[start + place : start + place + len(value)] = value
    assert refusal(bytes(data)) is code


def test_a_comment_is_allowed_up_to_the_bound() -> None:
    """A short comment is read past, even one that holds an end mark; a long one is not looked behind."""
    plain = encode_archive(b"bin", b"sig")

    def commented(comment: bytes) -> bytes:
        return plain[:-2] + struct.pack("<H", len(comment)) + comment

    assert found(commented(b"by hand " + END_MAGIC + b" really")) == []
    assert found(commented(b"x" * 10 + END_MAGIC)) == []
    assert refusal(commented(bytes(archive.MAX_COMMENT_BYTES + 1))) is DefectCode.NOT_ZIP


def test_data_in_front_of_the_first_entry_is_a_defect() -> None:
    """A zip that is also something else at its start is refused."""
    out = io.BytesIO(b"#!/bin/sh\n")
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as opened:
        for name, data in FILES:
            opened.writestr(name, data)
    assert found(out.getvalue()) == [DefectCode.ARCHIVE_MALFORMED]


def test_an_oversized_archive_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on the archive comes before all parsing."""
    monkeypatch.setattr(archive, "MAX_ARCHIVE_BYTES", 100)
    assert refusal(bytes(101)) is DefectCode.ARCHIVE_OVERSIZED


def test_a_zip_bomb_costs_no_memory() -> None:
    """SPEC: EX-10. A quarter of a gigabyte of zeros in 260 kB is given up within the first chunks."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    bomb = b"".join(squeezer.compress(block) for _ in range(256)) + squeezer.flush()
    data = deflated(bomb, size=256 << 20, crc=0)
    tracemalloc.start()
    assert refusal(data) is DefectCode.ENTRY_RATIO
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_bomb_that_hides_its_size_is_found_while_inflating() -> None:
    """SPEC: EX-10. The size in the directory is not believed: the ratio is that of the bytes that come out."""
    data = deflated(zlib.compress(bytes(10 << 20))[2:-4], size=3, crc=zlib.crc32(b"bin"))
    assert refusal(data) is DefectCode.ENTRY_RATIO


def test_entries_over_their_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """export.bin and export.sig each have their own longest size."""
    monkeypatch.setattr(archive, "MAX_EXPORT_BYTES", 20)
    assert refusal(encode_archive(bytes(21), b"sig")) is DefectCode.ENTRY_OVERSIZED
    monkeypatch.setattr(archive, "MAX_SIGNATURE_FILE_BYTES", 2)
    assert refusal(encode_archive(bytes(20), b"sig")) is DefectCode.ENTRY_OVERSIZED


def deflated(body: bytes, *, size: int, crc: int) -> bytes:
    """An archive whose export.bin has deflated bytes and a directory made by hand."""
    method = struct.pack("<H", DEFLATED)
    lengths = u32(crc) + u32(len(body)) + u32(size)
    return patched(encode_archive(body, b""), {8: method, 14: lengths}, {10: method, 16: lengths})


@pytest.mark.parametrize(
    "body",
    [
        zlib.compress(b"bin" * 9)[2:-5],
        zlib.compress(b"bin" * 9)[2:-4] + b"more",
        zlib.compress(b"bin" * 9)[2:-4] + bytes(archive.CHUNK_BYTES),
        b"\xff\xff\xff",
        b"",
    ],
)
def test_deflated_bytes_must_end_where_the_entry_ends(body: bytes) -> None:
    """Deflated data that is cut, followed by more, or no deflate at all, is corrupt."""
    assert refusal(deflated(body, size=27, crc=zlib.crc32(b"bin" * 9))) is DefectCode.ENTRY_CORRUPT


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_archive(data: bytes) -> None:
    """Bytes without an end record, alone or before one, give ExportError and nothing else."""
    for whole in (data, data + encode_archive(b"bin", b"sig"), data + END_MAGIC + bytes(18)):
        with contextlib.suppress(ExportError):
            assert set(contents(open_archive(whole))) <= {EXPORT_BIN, EXPORT_SIG}


@pytest.mark.parametrize("length", range(len(small_archive())))
def test_an_archive_cut_anywhere_is_refused(length: int) -> None:
    """No proper beginning of an archive is one."""
    assert refusal(small_archive()[:length]) is DefectCode.NOT_ZIP


@given(st.data())
@settings(max_examples=400)
def test_a_mutated_archive_is_read_or_refused(data: st.DataObject) -> None:
    """Bytes changed, inserted and removed: no exception but ExportError, nothing long comes out."""
    mutated = bytearray(zip_of([(EXPORT_BIN, b"bin" * 100), (EXPORT_SIG, b"sig")], zipfile.ZIP_DEFLATED))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    try:
        read = contents(open_archive(bytes(mutated)))
    except ExportError:
        return
    assert all(len(one) <= 1 << 20 for one in read.values())
