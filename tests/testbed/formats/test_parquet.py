"""Recordings as Parquet and back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_client.errors import RecordingFileError
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import Row
from anopticon_client.recording.schema import KINDS
from anopticon_client.recording.storing import store_rows
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats import columns, parquet
from anopticon_testbed.formats.columns import COLUMNS
from anopticon_testbed.formats.common import ImportOptions, Notes
from tests.recording.kit import MANIFEST, frame, write
from tests.recording.strategies import manifests, rows

ROOT = Path(__file__).resolve().parents[3]


def read(folder: Path) -> list[Row]:
    """Every row of a folder of Parquet files."""
    return list(parquet.read_parquet(folder, ImportOptions(), Notes()))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(manifests, st.lists(rows, max_size=25), st.integers(1, 5))
def test_parquet_brings_every_row_back(
    tmp_path_factory: pytest.TempPathFactory, first: Row, others: list[Row], chunk: int
) -> None:
    """SPEC: RC-15. Rows of every kind come back from Parquet as they were and in order, from files of any size."""
    folder = tmp_path_factory.mktemp("parquet") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "CHUNK_ROWS", chunk)
        patch.setattr(parquet, "SLICE_ROWS", chunk)
        assert parquet.write_parquet(folder, [first, *others]) == 1 + len(others)
        assert read(folder) == [first, *others]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """A name with signs that mean something in a pattern is a name, and other folders are left alone (RC-15)."""
    for name in ("run[1]", "run1", "run*", "run?"):
        assert parquet.write_parquet(tmp_path / name, [MANIFEST, frame(1)]) == 2
        assert read(tmp_path / name) == [MANIFEST, frame(1)]


def test_lines_to_parquet_to_lines_are_the_same_bytes(tmp_path: Path) -> None:
    """A part made from Parquet again holds the rows, byte for byte, that the recorder wrote (RC-15)."""
    write(tmp_path / "a", [frame(number) for number in range(50)])
    parquet.write_parquet(tmp_path / "b", read_recording(tmp_path / "a"))
    store_rows(tmp_path / "c", read(tmp_path / "b"))
    (before,), (after,) = (list((tmp_path / name).iterdir()) for name in "ac")
    assert before.name == after.name
    assert rows_of(before) == rows_of(after)


def rows_of(path: Path) -> list[str]:
    """The lines of a part without its checks."""
    return [line for line in path.read_text().splitlines() if not line.startswith('{"k":"check"')]


def test_tables_are_joined_by_the_manifest(tmp_path: Path) -> None:
    """Any program finds node and run of a frame: `part_seq` is the `seq` of its manifest (RC-15)."""
    write(tmp_path / "rec", [frame(1), frame(2)], node="pi-1")
    write(tmp_path / "rec", [frame(3)], node="pi-2")
    parquet.write_parquet(tmp_path / "out", read_recording(tmp_path / "rec"))
    heard = pl.read_parquet(tmp_path / "out" / "heard-*.parquet")
    manifest = pl.read_parquet(tmp_path / "out" / "manifest-*.parquet")
    joined = heard.join(manifest, left_on="part_seq", right_on="seq").sort("seq")
    assert joined["node"].to_list() == ["pi-1", "pi-1", "pi-2"]
    assert heard["rssi_dbm"].to_list() == [frame(1).rssi_dbm, frame(2).rssi_dbm, frame(3).rssi_dbm]
    assert heard["data"].to_list()[0] == frame(1).data


def test_every_kind_has_its_columns() -> None:
    """No attribute of a row is missing from the tables, and SPEC.md has them in their order (RC-15)."""
    section = (ROOT / "SPEC.md").read_text(encoding="utf-8").split("### 19.4 ")[1].split("\n## ")[0]
    for name, kind in KINDS.items():
        assert [column.name for column in COLUMNS[name]] == [field.attribute for field in kind.fields]
        shown = ", ".join(f"`{field.attribute}`" for field in kind.fields)
        assert f"\n| `{name}` | {shown} |\n" in section


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (pl.col("rssi_dbm") + 500, "column rssi_dbm must be a whole number"),
        (pl.col("mono_ns").cast(pl.Float64), "column mono_ns: is Float64"),
        (pl.lit("secret").alias("address_type"), "column address_type must be one of"),
        (pl.lit(b"x" * 20).alias("address"), "column address must be at most 16 bytes"),
        (pl.lit(None, pl.Int64).alias("wall_ns"), "column wall_ns must be a whole number"),
        (pl.lit(None, pl.Int64).alias("seq"), "column seq: a row has no place"),
    ],
)
def test_a_table_out_of_bounds_is_refused_by_column(tmp_path: Path, change: pl.Expr, complaint: str) -> None:
    """SPEC: RC-18. A value that no recording can hold is an error that names table and column."""
    folder = tmp_path / "out"
    parquet.write_parquet(folder, [MANIFEST, frame(1)])
    path = folder / "heard-00001.parquet"
    pl.read_parquet(path).with_columns(change).write_parquet(path)
    with pytest.raises(RecordingFileError, match=f"table heard, {complaint}"):
        read(folder)


def test_long_cells_that_are_stored_once_fill_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC: RC-18. A small file that claims to hold many long cells is refused before they are made."""
    folder = tmp_path / "out"
    parquet.write_parquet(folder, [MANIFEST, frame(1)])
    path = folder / "heard-00001.parquet"
    many = pl.read_parquet(path).select(pl.all().repeat_by(1_000).explode())
    bomb = many.with_columns(seq=pl.int_range(1, 1_001, dtype=pl.Int64), data=pl.lit(b"x" * 1_000))
    bomb.write_parquet(path)
    assert len(read(folder)) == 1_001
    monkeypatch.setattr(columns, "MAX_COLUMN_BYTES", 999_999)
    with pytest.raises(RecordingFileError, match="column data holds more than 999,999 bytes in 1,000 rows"):
        read(folder)


def test_a_folder_that_lacks_rows_is_refused(tmp_path: Path) -> None:
    """A missing table, a missing row and bytes that are no Parquet are errors that say which (RC-18)."""
    folder = tmp_path / "out"
    parquet.write_parquet(folder, [MANIFEST, frame(1), frame(2), frame(3)])
    path = folder / "heard-00001.parquet"
    pl.read_parquet(path).filter(pl.col("seq") != 2).write_parquet(path)
    with pytest.raises(RecordingError, match="where seq 2 is due, there is 3"):
        read(folder)
    path.write_bytes(b"PAR1 and then nothing of the kind PAR1")
    with pytest.raises(RecordingError, match=r"heard-00001\.parquet"):
        read(folder)
    path.write_bytes(b"text")
    with pytest.raises(RecordingError, match="no Parquet file"):
        read(folder)
    (folder / "manifest-00001.parquet").unlink()
    with pytest.raises(RecordingError, match="has no manifest-00001"):
        read(folder)
    with pytest.raises(RecordingError, match="is there already"):
        parquet.write_parquet(folder, [MANIFEST])
