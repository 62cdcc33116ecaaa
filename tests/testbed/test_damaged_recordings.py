"""Files that were damaged, or hold something else: refused with a sentence, whatever is in them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_testbed.errors import RecordingError, TestbedError
from anopticon_testbed.evaluation import tables
from anopticon_testbed.evaluation.loading import load
from tests.testbed.evaluation_kit import people, write_csv, write_sqlite, write_tram

ROWS = people(seed=4, devices=4, minutes=2)


def read(path: Path) -> pl.DataFrame:
    """The readings of one path."""
    return load([path], {})[0].readings


@given(st.integers(0, 3), st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_read_but_never_breaks(
    tmp_path: Path, form: int, data: st.DataObject
) -> None:
    """Whatever bytes of a file are changed, the answer is readings or an error with a sentence (EV-2)."""
    rows = people(seed=1, devices=3, minutes=1)
    path = tmp_path / "damaged"
    path.unlink(missing_ok=True)
    writers = (write_csv, write_sqlite, lambda where, _: write_tram(where.parent, [[1, 2, 4]], [1.5]))
    made = writers[0](tmp_path / "damaged.gz", rows) if form == 3 else writers[form](path, rows)
    content = bytearray(made.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    made.write_bytes(content)
    with contextlib.suppress(TestbedError):
        assert load([made], {})[0].readings.height > 0


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    """Columns of lists or records, and bytes among numbers, are refused with the way out (EV-2)."""
    nested = tmp_path / "nested.parquet"
    row = {"receiver": ["b"], "transmitter": ["a"], "rssi_dbm": [{"a": 1}], "distance_m": [1.0]}
    pl.DataFrame(row).write_parquet(nested)
    with pytest.raises(RecordingError, match="a column is neither text nor numbers"):
        read(nested)
    mixed = write_sqlite(tmp_path / "mixed.db", ROWS[:4])
    for value, says in (("x'00ff'", "from row 1: "), ("'loud'", "row 2 of table results: rssi_dbm = 'loud'")):
        with contextlib.closing(sqlite3.connect(mixed)) as database, database:
            database.execute(f"UPDATE results SET rssi = {value} WHERE db_id = 2")
        with pytest.raises(RecordingError, match=says):
            read(mixed)


def test_a_database_that_searches_for_ever_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many steps of SQLite's machine the file is given up (EV-2)."""
    path = write_sqlite(tmp_path / "a.db", ROWS)
    monkeypatch.setattr(tables, "INSTRUCTIONS", 10)
    monkeypatch.setattr(tables, "MAX_STEPS", 3)
    with pytest.raises(RecordingError, match=r"cannot be read as SQLite .interrupted"):
        read(path)
