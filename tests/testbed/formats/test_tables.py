"""Tables of earlier testbeds and DP-3T's measurements as rows."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_client.radio_records import AddressType, HeardFrame
from anopticon_client.recording.rows import Manifest, Row, Truth
from anopticon_protocol.advert import parse
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats import dp3t
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.dp3t import read_dp3t
from anopticon_testbed.formats.registry import detect, read_foreign
from anopticon_testbed.formats.testbed_csv import read_ececli, read_mh

OPTIONS = ImportOptions()
RPI = bytes(range(16)).hex()
ECECLI = (
    "Timestamp,MAC,RSSI,UUID,RPI,Version,TX_Power,Reserved\r\n"
    f"1588139637.1880398,b8:27:eb:74:3e:15,-45,fd6f,{RPI},40,0c,0000\r\n"
    f"1588139647.6160166,b8:27:eb:74:3e:15,-4294967234,fd6f,{RPI},40,0c,0000\r\n"
    f"1588139658.0907686,b8:27:eb:74:3e:15,-35,fd68,{RPI},40,0c,0000\r\n"
    f"1588139668.5,1:2:3:4:5:6,-60,fd6f,{RPI},40,0c,0000\r\n"
)
MH = (
    "Time;RPI;AEM;RSSI;BDADDR\n"
    f"1588139637;{RPI};0badcafe;-45;3a:5b:c1:d2:0e:77 (random)\n"
    "Time;RPI;AEM;RSSI;BDADDR;LAT;LON;Altitude;Speed\n"
    f"1588139639;{RPI};0badcafe;-46;b8:27:eb:74:3e:15 (public);47.1;8.2;500;0.1\n"
)


def frames_of(rows: list[Row]) -> list[HeardFrame]:
    """The frames, after the one manifest at the beginning."""
    assert isinstance(rows[0], Manifest)
    return [row for row in rows[1:] if isinstance(row, HeardFrame)]


def made(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_bytes(text.encode())
    return path


def test_a_table_of_nists_testbed_is_read(tmp_path: Path) -> None:
    """SPEC: RC-15. Time, address, RSSI and service data come over; nonsense of the source is left out and counted."""
    path = made(tmp_path / "100cm A.csv", ECECLI)
    notes = Notes()
    rows = list(read_ececli(path, ImportOptions(metres=1.0), notes))
    manifest = rows[0]
    assert isinstance(manifest, Manifest)
    assert manifest.node == "100cm-A"
    first, second = frames_of(rows)
    assert first.wall_ns == first.mono_ns == 1_588_139_637_188_039_800
    assert (first.address.hex(":"), first.rssi_dbm) == ("b8:27:eb:74:3e:15", -45)
    assert parse(first.data).service_data.hex() == RPI + "400c0000"
    assert (second.address, second.rssi_dbm) == (bytes([1, 2, 3, 4, 5, 6]), -60)
    assert [row.distance_m for row in rows if isinstance(row, Truth)] == [1.0, 1.0]
    assert sorted(notes.left_out.values()) == [1, 1]


@pytest.mark.parametrize("column", ["AEM", "META"])
def test_encrypted_metadata_of_nists_testbed_is_read(tmp_path: Path, column: str) -> None:
    """Both other heads of these tables are known (RC-15)."""
    text = f"Timestamp,MAC,RSSI,UUID,RPI,{column}\n1588139637.5,b8:27:eb:74:3e:15,-45,fd6f,{RPI},0badcafe\n"
    path = made(tmp_path / "a.csv", text)
    (frame,) = frames_of(list(read_ececli(path, OPTIONS, Notes())))
    assert parse(frame.data).service_data.hex() == RPI + "0badcafe"
    assert detect(path) == "ececli"


def test_a_log_of_mh_is_read(tmp_path: Path) -> None:
    """SPEC: RC-15. Heads that come again, positions behind, and both kinds of address are read."""
    path = made(tmp_path / "rx_raw_data.csv", MH)
    assert detect(path) == "mh"
    first, second = frames_of(list(read_mh(path, OPTIONS, Notes())))
    assert (first.wall_ns, first.rssi_dbm, first.address_type) == (
        1_588_139_637_000_000_000,
        -45,
        AddressType.NON_RESOLVABLE,
    )
    assert parse(first.data).service_data.hex() == RPI + "0badcafe"
    assert (second.address.hex(":"), second.address_type) == ("b8:27:eb:74:3e:15", AddressType.PUBLIC)


def test_a_filtered_log_of_mh_is_refused_with_advice(tmp_path: Path) -> None:
    """The log that keeps the strongest RSSI only is no sample of signal strengths (RC-18)."""
    path = made(tmp_path / "rx_data.csv", "StartTime;EndTime;RPI;AEM;MaxRSSI;BDADDR\n1;2;3;4;-5;6\n")
    for name in ("auto", "mh"):
        with pytest.raises(RecordingError, match="import the raw one"):
            list(read_foreign(path, name, OPTIONS, Notes()))


def test_a_line_that_the_end_cuts_off_is_left_out(tmp_path: Path) -> None:
    """A table whose writer was killed is read up to its last whole line (RC-17)."""
    notes = Notes()
    rows = list(read_mh(made(tmp_path / "cut.csv", MH[:-30]), OPTIONS, notes))
    assert len(frames_of(rows)) == 1
    assert notes.left_out == {"a line that the end of the file cuts off": 1}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("1588139668.5,", "yesterday,", "line 5 column Timestamp: 'yesterday' is no time"),
        ("1588139668.5,", "nan,", "line 5 column Timestamp: 'nan' is no time"),
        ("1588139668.5,", "1e99,", "line 5 column Timestamp: '1e99' is no time"),
        ("1:2:3:4:5:6", "1:2:3:4:5", "line 5 column MAC"),
        ("1:2:3:4:5:6", "1:2:3:4:5:678", "line 5 column MAC"),
        ("-60", "loud", "line 5 column RSSI: 'loud' is no whole number"),
        ("-60", "-" + "9" * 30, "line 5 column RSSI"),
        (RPI, RPI[2:], "line 2 column RPI"),
        ("40,0c,0000", "40,0c", "line 2 has 7 fields, the head has 8"),
        ("Timestamp", "Timestump", "line 1 is no head of such a table"),
        ("fd6f", "\0" * 5_000, "line 2 is longer than 4096 bytes"),
        ("fd6f", "," * 50, "line 2 has more than 32 fields"),
    ],
)
def test_a_bad_line_is_refused_with_line_and_column(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """SPEC: RC-18. What is malformed is an error that names file, line and column."""
    path = made(tmp_path / "bad.csv", ECECLI.replace(old, new))
    with pytest.raises(RecordingError, match=complaint) as caught:
        list(read_ececli(path, OPTIONS, Notes()))
    assert "bad.csv" in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([(ECECLI, read_ececli), (MH, read_mh)]), st.data())
def test_no_table_does_worse_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[str, Callable[[Path, ImportOptions, Notes], Iterator[Row]]],
    data: st.DataObject,
) -> None:
    """Tables with characters changed give rows or one RecordingError (RC-18)."""
    content = bytearray(case[0].encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.mktemp("fuzz") / "table.csv"
    path.write_bytes(content)
    with contextlib.suppress(RecordingError):
        list(case[1](path, OPTIONS, Notes()))


# -- DP-3T's measurements ----------------------------------------------------------------------------------------

COLUMNS = (
    "db_id INTEGER PRIMARY KEY, receiver_id, receiver_model, transmitter_id, transmitter_model, timestamp, rssi, "
    "tx_power, ground_truth_distance"
)
READINGS: list[tuple[object, ...]] = [
    (1, 7, "SM-G973F", 3, "iPhone11", 1587102977032.0, -88, -20, None),
    (2, 7, "SM-G973F", 3, "iPhone11", 1587102978032.0, -80, -20, 1.5),
    (3, 2, "SM-A405FN", 3, "iPhone11", 1587102976.5, -70, -20, -1.0),
    (4, 7, "SM-G973F", 3, "iPhone11", 1587102977532.0, -81, -20, 1.5),
    (5, 7, "SM-G973F", 4, "SM-G981B/DS", 1587102977632.0, -4294967234, -21, 2.0),
]


def database(path: Path, readings: list[tuple[object, ...]], columns: str = COLUMNS) -> Path:
    """A file of measurements."""
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(f"CREATE TABLE results({columns})")
        for reading in readings:
            opened.execute(f"INSERT INTO results VALUES ({', '.join('?' * len(reading))})", reading)
    return path


def test_measurements_become_one_recording_for_each_receiver(tmp_path: Path) -> None:
    """SPEC: RC-15. By receiver and time, the true distance before the first frame that it holds for."""
    path = database(tmp_path / "scenario.sqlite", READINGS)
    notes = Notes()
    rows = list(read_dp3t(path, OPTIONS, notes))
    said: list[tuple[object, ...]] = []
    for row in rows:
        if isinstance(row, Manifest):
            said.append((row.node, row.run))
        elif isinstance(row, Truth):
            said.append((row.sender, row.distance_m, row.tx_power_dbm))
        elif isinstance(row, HeardFrame):
            said.append((row.rssi_dbm, row.wall_ns))
    assert said == [
        ("2-SM-A405FN", "scenario"),
        ("3-iPhone11", None, -20),
        (-70, 1_587_102_976_500_000_000),
        ("7-SM-G973F", "scenario"),
        ("3-iPhone11", None, -20),
        (-88, 1_587_102_977_032_000_000),
        ("3-iPhone11", 1.5, -20),
        (-81, 1_587_102_977_532_000_000),
        (-80, 1_587_102_978_032_000_000),
    ]
    assert list(notes.left_out.values()) == [1]


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        (1, -1, "column receiver_id: '-1'"),
        (1, "seven", "column receiver_id: 'seven'"),
        (2, 5, "column receiver_model: '5'"),
        (4, "x" * 101, "column transmitter_model"),
        (5, "noon", "column timestamp: 'noon'"),
        (5, -5.0, "column timestamp"),
        (5, float("inf"), "column timestamp"),
        (6, 1.5, "column rssi: '1.5'"),
        (7, 200, "column tx_power: '200'"),
        (8, "near", "column ground_truth_distance: 'near'"),
        (8, 1e9, "column ground_truth_distance"),
    ],
)
def test_a_bad_measurement_is_refused_with_record_and_column(
    tmp_path: Path, column: int, value: object, complaint: str
) -> None:
    """SPEC: RC-18. A value out of bounds is an error that names the record and the column."""
    reading = [*READINGS[0]]
    reading[column] = value
    with pytest.raises(RecordingError, match=f"record 1, {complaint}"):
        list(read_dp3t(database(tmp_path / "bad.sqlite", [tuple(reading)]), OPTIONS, Notes()))


def test_other_databases_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such table, a view in its place, a missing column, bytes that are no database, an endless search (RC-18)."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS rssi FROM n"
    for name, statement in (("none", "CREATE TABLE other(x)"), ("view", f"CREATE VIEW results AS {endless}")):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as opened, opened:
            opened.execute(statement)
        with pytest.raises(RecordingError, match="has no table `results`"):
            list(read_dp3t(tmp_path / name, OPTIONS, Notes()))
    with pytest.raises(RecordingError, match="lacks the column receiver_id"):
        list(read_dp3t(database(tmp_path / "few", [], "rssi"), OPTIONS, Notes()))
    whole = database(tmp_path / "whole", READINGS * 0).read_bytes()
    made_bad = tmp_path / "damaged"
    made_bad.write_bytes(whole[:60] + b"\xff" * (len(whole) - 60))
    with pytest.raises(RecordingError, match="cannot be read as a database"):
        list(read_dp3t(made_bad, OPTIONS, Notes()))
    many = database(tmp_path / "many", [(None, *READINGS[0][1:])] * 50_000)
    monkeypatch.setattr(dp3t, "MAX_SQLITE_STEPS", 0)
    with pytest.raises(RecordingError, match="interrupted"):
        list(read_dp3t(many, OPTIONS, Notes()))


def test_published_measurements_are_read_whole(shared: Callable[[str], Path]) -> None:
    """SPEC: RC-15. The six scenarios of DP-3T's experiment 5: every reading, and every one with a true distance."""
    folder = shared("data/ble/dp3t-exp05/scenario01-lunch.sqlite").parent
    heard, known = Counter[str](), 0
    for path in sorted(folder.glob("*.sqlite")):
        metres: dict[bytes, float | None] = {}
        for row in read_dp3t(path, OPTIONS, Notes()):
            if isinstance(row, Manifest):
                metres.clear()
            elif isinstance(row, Truth):
                metres[row.address] = row.distance_m
            elif isinstance(row, HeardFrame):
                heard[path.stem] += 1
                known += metres[row.address] is not None
    assert sum(heard.values()) == 184_717
    assert known == 139_837
