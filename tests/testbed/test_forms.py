"""Forms of recordings: told by content, read alike, refused with the place of what is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation import readings, tables
from anopticon_testbed.evaluation.columns import Dialect, parse_mapping
from anopticon_testbed.evaluation.loading import load
from anopticon_testbed.evaluation.readings import Place
from tests.testbed.evaluation_kit import (
    HEADER,
    as_csv,
    people,
    write_csv,
    write_parquet,
    write_sqlite,
    write_tram,
)

ROWS = people(seed=4, devices=4, minutes=2)


def read(path: Path, columns: str = "") -> pl.DataFrame:
    """The readings of one path."""
    return load([path], parse_mapping(columns) if columns else {})[0].readings


def plain(table: pl.DataFrame) -> pl.DataFrame:
    """The table with names as text, to compare tables of different files."""
    return table.with_columns(pl.col(pl.Categorical).cast(pl.String))


def test_every_form_gives_the_same_readings(tmp_path: Path) -> None:
    """CSV, with semicolons, gzipped, and Parquet, all under misleading names, are the same recording (EV-1)."""
    expected = plain(read(write_csv(tmp_path / "a.csv", ROWS)))
    assert expected.height == len(ROWS)
    forms = [
        write_csv(tmp_path / "b.sqlite", ROWS, ";"),
        write_csv(tmp_path / "c.parquet", ROWS, "\t"),
        write_csv(tmp_path / "d.gz", ROWS).rename(tmp_path / "d.txt"),
        write_parquet(tmp_path / "e[1].csv", ROWS),
    ]
    for path in forms:
        assert plain(read(path)).equals(expected), path.name


def test_the_table_of_dp3t_measurements_is_known(tmp_path: Path) -> None:
    """Its columns need no mapping, milliseconds become seconds, NULL and -1 are unknown distances (EV-1, EV-2)."""
    table = plain(read(write_sqlite(tmp_path / "scene one.bin", ROWS)))
    expected = plain(read(write_csv(tmp_path / "a.csv", ROWS)))
    assert table["distance_m"].null_count() == 2
    assert table["scene"].unique().to_list() == ["scene one"]
    for column in ("rssi_dbm", "tx_power_dbm", "receiver_model"):
        assert table[column].to_list() == expected[column].to_list()
    assert table["time_s"].to_numpy() == pytest.approx(expected["time_s"].to_numpy())
    assert table["receiver"].to_list() == [name[1:] for name in expected["receiver"]]


def test_columns_of_any_name_can_be_mapped(tmp_path: Path) -> None:
    """A mapping goes before names that are known, converts units, and can take a field from no column at all (EV-1)."""
    path = tmp_path / "a.csv"
    path.write_text("me,you,feet,signal,ms,rssi_dbm,tx_power_dbm\nx,y,10,-50,2000,-1,4\n")
    mapping = "receiver=me,transmitter=you,distance_ft=feet,rssi_dbm=signal,time_ms=ms,tx_power_dbm="
    row = plain(read(path, mapping)).row(0, named=True)
    assert (row["receiver"], row["transmitter"], row["rssi_dbm"]) == ("x", "y", -50)
    assert row["distance_m"] == pytest.approx(3.048)
    assert row["time_s"] == 2
    assert row["tx_power_dbm"] is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rssi", "must be FIELD=COLUMN"),
        ("colour=red", "no field 'colour'; the fields are scene, receiver"),
        ("rssi_dbm=a,rssi_dbm=b", "rssi_dbm is given twice"),
        ("=a", "must be FIELD=COLUMN"),
    ],
)
def test_a_mapping_that_is_none_is_refused(text: str, says: str) -> None:
    """A mapping without a sign, of a field that does not exist, or of one field twice is refused."""
    with pytest.raises(InputError, match=says):
        parse_mapping(text)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("rssi_dbm", "loud", r"a\.csv, line 3: rssi_dbm = 'loud' is no number"),
        ("rssi_dbm", "-128.5", r"a\.csv, line 3: rssi_dbm = -128\.5, must be -127\.\.20 dBm"),
        ("tx_power_dbm", "21", r"line 3: tx_power_dbm = 21, must be"),
        ("distance_m", "-2", r"line 3: distance_m = -2, must be 0\.\.1,000 metres"),
        ("distance_m", "1001", "line 3: distance_m = 1001, .* or the unit"),
        ("distance_m", "inf", "line 3: distance_m = inf, must be"),
        ("receiver", " ", "line 3: the field receiver is empty"),
        ("transmitter", "", "line 3: the field transmitter is empty"),
        ("time_s", "yesterday", "line 3: time_s = 'yesterday' is no number"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, field: str, value: str, says: str) -> None:
    """What is out of bounds, no number or empty is refused with file, line and field (EV-2)."""
    lines = as_csv(ROWS[:5]).splitlines()
    fields = lines[2].split(",")
    fields[HEADER.split(",").index(field)] = value
    lines[2] = ",".join(fields)
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(RecordingError, match=says):
        read(path)


@pytest.mark.parametrize("value", ["", "NaN", "null", "-1", "None", " "])
def test_what_is_not_known_is_null(tmp_path: Path, value: str) -> None:
    """Empty, NaN, NULL and -1 are distances that are not known, no distance of 0 (EV-2)."""
    path = tmp_path / "a.csv"
    path.write_text(f"receiver,transmitter,rssi_dbm,distance_m\na,b,-60,{value}\nb,a,-60,1.5\n")
    assert read(path)["distance_m"].to_list() == [None, 1.5]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "none of the known forms"),
        (b"receiver,transmitter,rssi_dbm,distance_m\n", "holds no reading"),
        (b"receiver,transmitter,rssi_dbm\na,b,-60\n", "no column for distance_m; the columns are receiver"),
        (b"receiver,transmitter,distance_m\na,b,1\n", r"no column for rssi_dbm \(or attenuation_db\)"),
        (b"receiver,receiver,rssi_dbm,distance_m\na,b,-60,1\n", "line 1: two columns have one name"),
        (b"receiver,transmitter,rssi_dbm,distance_m\na,b,-60\n", r"a\.bin, line 2: 3 fields where the header has 4"),
        (b"receiver,transmitter,rssi_dbm,distance_m\na,b,-60,1\na,b,-60,1,2\n", "line 3: 5 fields where"),
        (b'receiver,transmitter,rssi_dbm,distance_m\n"a,b,-60,1\na,b,-60,1\n', "a quote stays open"),
        (b"\xff\xfe,,,\n", "no text in UTF-8"),
        (b"hello", "none of the known forms"),
        (b"\x1f\x8b\x08\x00 not really", "damaged gzip"),
        (gzip.compress(as_csv(ROWS).encode())[:200], "damaged gzip"),
        (b"PAR1 not really", "cannot be read as Parquet"),
        (b"SQLite format 3\x00 not really", "cannot be read as SQLite"),
    ],
    ids=[
        "empty", "blank", "header-only", "no-distance", "no-signal", "twin-columns", "short-row", "long-row",
        "open-quote", "binary",
        "words", "bad-gzip", "cut-gzip", "bad-parquet", "bad-sqlite",
    ],
)  # fmt: skip
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Empty, cut, damaged and foreign files are refused with a sentence that says why (EV-1, EV-2)."""
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=says):
        read(path)


def test_in_a_folder_what_is_no_recording_is_passed_over_and_named(tmp_path: Path) -> None:
    """All recordings of a folder are read; notes and tables of something else are named (EV-1)."""
    write_csv(tmp_path / "one.csv", ROWS)
    write_csv(tmp_path / "two.csv.gz", people(seed=5, scene="hall", devices=4, minutes=2))
    (tmp_path / "README.md").write_text("# Notes\n")
    (tmp_path / "models.csv").write_text("maker,model\nA,B\n")
    recording, passed = load([tmp_path], {})
    assert recording.readings.height == 2 * len(ROWS)
    assert recording.readings["scene"].n_unique() == 2
    assert passed == ["README.md", "models.csv"]
    (tmp_path / "three.csv").write_text("receiver,transmitter,rssi_dbm,distance_m\na,b,loud,1\n")
    with pytest.raises(RecordingError, match=r"three\.csv, line 2"):
        load([tmp_path], {})


def test_a_place_without_a_recording_is_refused(tmp_path: Path) -> None:
    """A path that does not exist and a folder without a recording are refused, saying what was found."""
    with pytest.raises(RecordingError, match="there is no file or folder"):
        load([tmp_path / "nowhere"], {})
    with pytest.raises(RecordingError, match="it is empty"):
        load([tmp_path], {})
    (tmp_path / "models.csv").write_text("maker,model\nA,B\n")
    with pytest.raises(RecordingError, match=r"models\.csv: no column for receiver"):
        load([tmp_path], {})
    (tmp_path / "models.csv").unlink()
    write_tram(tmp_path, [[1, 2, 3]], [1.0])
    write_csv(tmp_path / "one.csv", ROWS)
    with pytest.raises(RecordingError, match="score them apart"):
        load([tmp_path], {})


def test_a_recording_that_is_too_large_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the bound, batches before the end of the file (EV-2)."""
    path = write_csv(tmp_path / "a.csv", people(seed=1, devices=6, minutes=10))
    table = write_sqlite(tmp_path / "a.db", people(seed=1, devices=6, minutes=10))
    parquet = write_parquet(tmp_path / "a.parquet", people(seed=1, devices=6, minutes=10))
    monkeypatch.setattr(tables, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(tables, "BATCH_ROWS", 100)
    assert read(path).height == 3_600
    assert read(table).height == 3_600
    monkeypatch.setattr(readings, "MAX_RECORDED_READINGS", 500)
    batches: list[pl.DataFrame] = []
    finished = tables._finished

    def counted(table: pl.DataFrame, dialect: Dialect, path: Path, place: Place) -> pl.DataFrame:
        batches.append(table)
        return finished(table, dialect, path, place)

    monkeypatch.setattr(tables, "_finished", counted)
    for one in (path, table, parquet):
        batches.clear()
        with pytest.raises(RecordingError, match="more than 500 readings; score its scenes one by one"):
            read(one)
        assert len(batches) <= 5  # of some forty


def test_batches_end_between_lines_and_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the batches, no row is cut and an error names the right line (EV-2)."""
    text = as_csv(ROWS).rstrip("\n")
    path = tmp_path / "a.csv"
    path.write_text(text)
    whole = plain(read(path))
    for size in (101, 997, 5_003):
        monkeypatch.setattr(tables, "BATCH_BYTES", size)
        assert plain(read(path)).equals(whole)
    path.write_text(text + "\nroom,a,b,M,M,1,-60,-15,-7\n")
    with pytest.raises(RecordingError, match=rf"line {len(ROWS) + 2}: distance_m = -7"):
        read(path)
    path.write_text(text + "\n" + "x" * 20_000)
    with pytest.raises(RecordingError, match=r"one line is longer|1 fields where"):
        read(path)


def test_durations_and_times_do_not_mix(tmp_path: Path) -> None:
    """A table with a duration in each row has fixed distances; with one here and there it is refused (EV-7)."""
    path = tmp_path / "a.csv"
    path.write_text("receiver,transmitter,attenuation_db,minutes,distance_m\na,b,50,2,1\na,b,60,3,1\n")
    recording, _ = load([path], {})
    assert recording.fixed
    assert recording.readings["seconds"].to_list() == [120, 180]
    path.write_text("receiver,transmitter,attenuation_db,minutes,distance_m\na,b,50,2,1\na,b,60,,1\n")
    with pytest.raises(RecordingError, match="reading 2 has no duration while others have"):
        load([path], {})
    path.write_text("receiver,transmitter,attenuation_db,minutes,distance_m\na,b,50,-2,1\n")
    with pytest.raises(RecordingError, match=r"line 2: seconds = -120, must be 0\.\.86,400"):
        load([path], {})
