"""Contact files: the published lists load with their published counts, and every fault is named."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_simulation.contacts import opening, readers
from anopticon_simulation.contacts.readers import HASLEMERE_HEADER, read_contacts
from anopticon_simulation.contacts.trace import (
    MAX_DISTANCE_METRES,
    MAX_SPAN_DAYS,
    SECONDS_PER_DAY,
    Contact,
    Trace,
    TraceBuilder,
)
from anopticon_simulation.errors import ContactFileError, SimulationError

HEADER = HASLEMERE_HEADER.decode() + "\n"

ROWS = st.lists(
    st.tuples(
        st.integers(0, 30).map(lambda step: step * 20),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([500, 1_000, 2_000]),
    ).filter(lambda row: row[1] != row[2]),
    max_size=60,
)


def written(folder: Path, text: str | bytes, name: str = "list.txt") -> Path:
    """Write a contacts file and give its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def outcome(path: Path) -> str:
    """How reading ends: nothing for a trace that holds contacts, or the start of our own error."""
    try:
        return "" if read_contacts(path).trace.contacts else "no contact"
    except ContactFileError as error:
        return str(error)[: len(f"contacts file {path}")]


def built(rows: list[tuple[int, int, int, int]]) -> tuple[Trace, TraceBuilder]:
    """Make a trace of records (start, first, second, millimetres) of 20 seconds each."""
    builder = TraceBuilder(20)
    for start, first, second, millimetres in rows:
        builder.add(start, str(first), str(second), millimetres)
    return builder.build(), builder


def seconds_of(trace: Trace) -> dict[tuple[int, str, str], float]:
    """Distance by every second of every pair: what a trace says, in the plainest form."""
    said: dict[tuple[int, str, str], float] = {}
    for contact in trace.contacts:
        pair = trace.people[contact.first], trace.people[contact.second]
        for second in range(contact.start, contact.end):
            assert (second, *pair) not in said, "contacts of one pair overlap"
            said[(second, *pair)] = contact.distance_metres
    return said


@pytest.mark.parametrize(
    ("name", "counts", "kind"),
    [
        ("HighSchool2013_proximity_net.csv.gz", (188_508, 327, 5_818, 5), "face to face"),
        ("primaryschool.csv.gz", (125_773, 242, 8_317, 2), "face to face"),
        ("workplace_InVS_tij.dat.zip", (9_827, 92, 755, 10), "face to face"),
        ("SFHH_tij.dat.gz", (70_261, 403, 9_565, 2), "face to face"),
        ("HaslemereProximity.csv.gz", (102_831, 469, 8_277, 3), "haslemere"),
    ],
    ids=["high school", "primary school", "workplace", "conference", "haslemere"],
)
def test_published_lists_load_with_their_published_counts(
    name: str, counts: tuple[int, int, int, int], kind: str, shared: Callable[[str], Path]
) -> None:
    """Rows, people, pairs and days of each real list are those its README states, and no second is lost."""
    read = read_contacts(shared(f"data/contacts/{name}"))
    trace = read.trace
    assert (read.rows, len(trace.people), trace.pairs, len(trace.days)) == counts
    assert read.format == kind
    assert trace.contact_seconds == read.rows * (300 if kind == "haslemere" else 20)


def test_high_school_classes_are_kept(shared: Callable[[str], Path]) -> None:
    """Every pupil of the grouped list has one of its nine classes, and times stay at their time of day."""
    trace = read_contacts(shared("data/contacts/HighSchool2013_proximity_net.csv.gz")).trace
    assert len(set(trace.groups)) == 9
    assert None not in trace.groups
    moved = trace.shifted_to(20_000 * SECONDS_PER_DAY)
    assert moved.start == 20_000 * SECONDS_PER_DAY + trace.start % SECONDS_PER_DAY
    assert moved.days == (20_000, 20_001, 20_002, 20_003, 20_004)


@pytest.mark.parametrize(
    "name", ["TimeConversion.csv", "HighSchool2013_metadata.txt", "workplace_InVS_metadata.txt"]
)
def test_other_files_beside_the_lists_are_refused(name: str, shared: Callable[[str], Path]) -> None:
    """A table that is no contact list is refused at its first line."""
    with pytest.raises(ContactFileError, match="line 1"):
        read_contacts(shared(f"data/contacts/{name}"))


def test_a_database_is_refused_by_name(shared: Callable[[str], Path]) -> None:
    """An SQLite recording is told apart from a list and said to be one."""
    with pytest.raises(ContactFileError, match="SQLite database"):
        read_contacts(shared("data/ble/dp3t-exp05/scenario01-lunch.sqlite"))


@given(ROWS)
def test_law_merging_keeps_every_second_and_the_nearer_distance(
    rows: list[tuple[int, int, int, int]],
) -> None:
    """A second is in the trace if and only if a record covers it, at the nearest distance given for it."""
    trace, _ = built(rows)
    wanted: dict[tuple[int, str, str], float] = {}
    for start, first, second, millimetres in rows:
        pair = str(min(first, second)), str(max(first, second))
        for moment in range(start, start + 20):
            wanted[(moment, *pair)] = min(wanted.get((moment, *pair), 1e9), millimetres / 1000)
    assert seconds_of(trace) == wanted


@given(ROWS, st.randoms(use_true_random=False), st.booleans())
def test_law_order_direction_and_repetition_do_not_matter(
    rows: list[tuple[int, int, int, int]], luck: Random, twice: bool
) -> None:
    """Records shuffled, turned round or said twice give the same trace, byte for byte."""
    other = [(start, second, first, distance) for start, first, second, distance in rows] * (1 + twice)
    luck.shuffle(other)
    assert built(other)[0].digest() == built(rows)[0].digest()


@given(ROWS)
def test_law_contacts_are_as_long_as_they_can_be(rows: list[tuple[int, int, int, int]]) -> None:
    """No contact of a pair ends where its next begins at the same distance: they would be one."""
    trace, _ = built(rows)
    ends = {(c.end, c.first, c.second, c.distance_metres) for c in trace.contacts}
    assert not any((c.start, c.first, c.second, c.distance_metres) in ends for c in trace.contacts)
    assert list(trace.contacts) == sorted(trace.contacts)


@given(ROWS, st.integers(0, 20_000))
def test_law_shifting_moves_whole_days(rows: list[tuple[int, int, int, int]], day: int) -> None:
    """A shift keeps time of day, lengths, people and distances."""
    trace, _ = built(rows)
    moved = trace.shifted_to(day * SECONDS_PER_DAY)
    assert [
        (c.start % SECONDS_PER_DAY, c.end - c.start, c.first, c.second, c.distance_metres)
        for c in moved.contacts
    ] == [
        (c.start % SECONDS_PER_DAY, c.end - c.start, c.first, c.second, c.distance_metres)
        for c in trace.contacts
    ]
    assert not moved.contacts or moved.start // SECONDS_PER_DAY == day


def test_a_shift_goes_to_a_midnight() -> None:
    """Shifting to noon would move every time of day, and is refused."""
    with pytest.raises(SimulationError, match="midnight"):
        built([(0, 1, 2, 1_000)])[0].shifted_to(43_200)


def test_records_that_overlap_off_the_grid_are_joined() -> None:
    """Two 20-second records ten seconds apart are one contact of 30 seconds."""
    trace, _ = built([(0, 1, 2, 1_000), (10, 2, 1, 1_000)])
    assert trace.contacts == (Contact(0, 30, 0, 1, 1.0),)


def test_people_are_in_order_of_number() -> None:
    """Names that are numbers are sorted by value, not as words, and people without contacts stay."""
    builder = TraceBuilder(20)
    builder.add_person("33", "class 3")
    builder.add(0, "10", "9", 1_000)
    trace = builder.build()
    assert trace.people == ("9", "10", "33")
    assert trace.groups == (None, None, "class 3")


def test_face_to_face_lists_state_the_end_of_their_interval(tmp_path: Path) -> None:
    """The time in a row is when its interval ends, and the distance is the caller's."""
    path = written(tmp_path, "40 7 3\n60 3 7\n")
    trace = read_contacts(path, default_distance_metres=1.5).trace
    assert trace.people == ("3", "7")
    assert trace.contacts == (Contact(20, 60, 0, 1, 1.5),)
    assert read_contacts(path, resolution_seconds=10).trace.contact_seconds == 20


def test_haslemere_steps_are_five_minutes_of_a_day_that_starts_at_seven(tmp_path: Path) -> None:
    """Step 192 ends at 23:00 and step 193 is 07:00 of the next day; distances are kept."""
    trace = read_contacts(written(tmp_path, HEADER + "1,5,6,3\n192,5,6,0\n193,6,5,2.5\n")).trace
    hour = 3_600
    assert trace.contacts == (
        Contact(7 * hour, 7 * hour + 300, 0, 1, 3.0),
        Contact(23 * hour - 300, 23 * hour, 0, 1, 0.0),
        Contact(31 * hour, 31 * hour + 300, 0, 1, 2.5),
    )


def test_what_is_put_right_is_said(tmp_path: Path) -> None:
    """Rows out of order, said twice or with two distances are mended, each with a sentence."""
    text = HEADER + "5,1,2,4\n3,1,2,2\n3,2,1,2\n3,2,1,4\n"
    read = read_contacts(written(tmp_path, text))
    assert read.notes == (
        "rows were not in order of time (first at line 3) and were sorted",
        "2 rows said again what another said and were merged",
        "1 of these gave another distance; the nearer was kept",
        "times are relative and were taken to count from a midnight",
    )
    assert read.trace.contacts[0].distance_metres == 2.0
    assert read_contacts(written(tmp_path, "1385982020 1 2\n")).notes == ()


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip", "windows", "byte order mark", "padded"])
def test_packing_is_recognised_by_content(packing: str, tmp_path: Path) -> None:
    """The same list reads the same however it is packed, whatever the file is called."""
    text = b"40 1 2\n60 1 3\n"
    path = tmp_path / "list.anything"
    match packing:
        case "gzip":
            path.write_bytes(gzip.compress(text))
        case "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("folder/list.dat", text)
        case "windows":
            path.write_bytes(text.replace(b"\n", b"\r\n"))
        case "byte order mark":
            path.write_bytes(b"\xef\xbb\xbf" + text)
        case "padded":
            path.write_bytes(b"\n" + text.replace(b" ", b"\t  ") + b"\n\n")
        case _:
            path.write_bytes(text)
    assert read_contacts(path).trace.digest() == read_contacts(written(tmp_path, text)).trace.digest()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (HEADER, "holds a header but no contact"),
        ("40 1\n", r"line 1: has 2 columns; a face-to-face list has 3 columns"),
        ("40,1,2\n", r"line 1: has 1 columns"),
        ("40 1 2\n60 1\n", r"line 2: has 2 columns where the first line has 3"),
        ("40 1 2 A B\n60 1 2\n", r"line 2: has 3 columns where the first line has 5"),
        ("time_step,user1_id,user2_id\n", "the header lacks the column distance_m"),
        ("user1_id,time_step,user2_id,distance_m\n", "the header must be time_step,user1_id"),
        (HEADER + "1,5,6\n", r"line 2: has 3 columns; the header names 4"),
        ("40 1 2\n-20 1 2\n", r"line 2, column 1 is '-20', but a time in seconds must not be negative"),
        ("0 1 2\n", r"line 1, column 1 is '0', but it is the end of an interval of 20 s"),
        ("40.5 1 2\n", r"line 1, column 1 is '40.5', but a time in seconds must be a whole number"),
        ("4_0 1 2\n", r"column 1 is '4_0', but a time in seconds must be a whole number"),
        ("40 1 two\n", r"line 1, column 3 is 'two', but a person's number must be a whole number"),
        ("40 -1 2\n", r"line 1, column 2 is '-1', but a person's number must not be negative"),
        ("40 1 2\n40 7 007\n", r"line 2: person 7 cannot meet themselves"),
        ("9999999999 1 2\n", "beyond MAX_TIME_SECONDS"),
        (f"40 1 {'9' * 13}\n", "at most 12 digits"),
        (f"40 1 {'9' * 60}\n", r"column 3 is '9{40}\.\.\.'"),
        ("40 1 2\n1385982020 1 2\n", f"more than MAX_SPAN_DAYS .{MAX_SPAN_DAYS}"),
        (HEADER + "0,5,6,1\n", r"line 2, column 1 is '0', but time steps count from 1"),
        (HEADER + "1,5,6,nan\n", r"line 2, column 4 is 'nan', but a distance must be between 0 and 1000"),
        (HEADER + "1,5,6,inf\n", r"column 4 is 'inf', but a distance"),
        (HEADER + "1,5,6,1e400\n", r"column 4 is '1e400', but a distance"),
        (HEADER + "1,5,6,-1\n", r"column 4 is '-1', but a distance"),
        (HEADER + f"1,5,6,{MAX_DISTANCE_METRES + 1}\n", r"column 4 is '1001.0', but a distance"),
        (HEADER + "1,5,6,1_0\n", r"column 4 is '1_0', but a distance"),
        (HEADER + "1,5,6,far\n", r"column 4 is 'far', but a distance must be a number"),
        ("40 1 2 A B\n60 1 2 A C\n", r"line 2, column 5 is 'C', but person 2 was in group B before"),
        (f"40 1 2 A {'B' * 33}\n", "a group is at most 32 ASCII"),
        ("40 1 2 A É\n", "a group is at most 32 ASCII"),
        ("40 1 2\x00\n", "line 1: holds a zero byte"),
        ("40 1 2" + " " * 300 + "\n", "line 1: is longer than MAX_LINE_BYTES"),
    ],
)  # fmt: skip
def test_a_bad_list_is_refused_with_line_column_and_rule(text: str, sentence: str, tmp_path: Path) -> None:
    """Each fault of a list is refused in a sentence that says where it is and what the rule is."""
    with pytest.raises(ContactFileError, match=sentence):
        read_contacts(written(tmp_path, text))


def test_files_that_cannot_be_opened_say_so(tmp_path: Path) -> None:
    """An absent file, a folder and a damaged archive are refused, each with its reason."""
    with pytest.raises(ContactFileError, match="there is no such file"):
        read_contacts(tmp_path / "absent")
    with pytest.raises(ContactFileError, match="no regular file"):
        read_contacts(tmp_path)
    packed = gzip.compress(b"40 1 2\n" * 1_000)
    with pytest.raises(ContactFileError, match="cannot be read"):
        read_contacts(written(tmp_path, packed[:-9]))
    with pytest.raises(ContactFileError, match="cannot be read"):
        read_contacts(written(tmp_path, packed[:-8] + b"\0" * 8))
    with pytest.raises(ContactFileError, match="cannot be read"):
        read_contacts(written(tmp_path, b"PK\x03\x04 and no more"))


def test_zips_hold_one_plain_file(tmp_path: Path) -> None:
    """An archive with several files, none, or another packing is refused."""
    path = tmp_path / "list.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "40 1 2\n")
        archive.writestr("b", "40 1 2\n")
    with pytest.raises(ContactFileError, match="zip with 2 files"):
        read_contacts(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("only-a-folder")
    with pytest.raises(ContactFileError, match="zip with 0 files"):
        read_contacts(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "40 1 2\n")
    with pytest.raises(ContactFileError, match="another method than deflate"):
        read_contacts(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "40 1 2\n")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ContactFileError, match="encrypted zip"):
        read_contacts(path)


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_a_decompression_bomb_is_refused(
    packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file that swells beyond the bound stops at the bound."""
    monkeypatch.setattr(opening, "MAX_TEXT_BYTES", 50_000)
    bomb = b"40 1 2\n" * 20_000
    path = tmp_path / "bomb"
    if packing == "gzip":
        path.write_bytes(gzip.compress(bomb))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", bomb)
    assert path.stat().st_size < 5_000
    with pytest.raises(ContactFileError, match="MAX_TEXT_BYTES"):
        read_contacts(path)


def test_a_bomb_without_lines_is_refused_at_once(tmp_path: Path) -> None:
    """A gigabyte of one byte is stopped at the first line's bound."""
    with pytest.raises(ContactFileError, match="MAX_LINE_BYTES"):
        read_contacts(written(tmp_path, gzip.compress(b"7" * 10_000_000)))


@pytest.mark.parametrize(
    ("module", "bound", "value"),
    [(opening, "MAX_ROWS", 5), (opening, "MAX_FILE_BYTES", 20), (readers, "MAX_PEOPLE", 5)],
    ids=["rows", "file", "people"],
)
def test_rows_people_and_bytes_are_bounded(
    module: object, bound: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bound, set low here, is named by the error that keeps it."""
    path = written(tmp_path, "".join(f"40 {number} {number + 10}\n" for number in range(9)))
    assert read_contacts(path).rows == 9
    monkeypatch.setattr(module, bound, value)
    with pytest.raises(ContactFileError, match=bound):
        read_contacts(path)


def test_zip_archives_are_bounded_before_they_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large zip is refused unread: its directory alone could fill the memory."""
    path = tmp_path / "list.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "40 1 2\n")
    monkeypatch.setattr(opening, "MAX_ZIP_BYTES", 20)
    with pytest.raises(ContactFileError, match="MAX_ZIP_BYTES"):
        read_contacts(path)


@given(st.binary(max_size=300))
def test_law_any_bytes_load_or_raise_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever is in the file, the reader gives a trace or a ContactFileError, never another failure."""
    path = written(tmp_path_factory.mktemp("fuzz"), data)
    assert outcome(path) in {"", f"contacts file {path}"}


@given(
    st.lists(st.lists(st.sampled_from(["20", "1", "2", "-1", "x", "", "1e9", "A"]), max_size=6), max_size=5)
)
def test_law_any_table_loads_or_raises_our_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    """Tables that look almost right, in either format, load or are refused with our error."""
    folder = tmp_path_factory.mktemp("fuzz")
    for text in ("\n".join(" ".join(row) for row in rows), HEADER + "\n".join(",".join(row) for row in rows)):
        path = written(folder, text)
        assert outcome(path) in {"", f"contacts file {path}"}
