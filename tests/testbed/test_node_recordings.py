"""Recordings of nodes: the sender's schedule says whose a frame is, positions say how far away it was."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.reader import read_recording
from anopticon_client.recording.rows import ClockReading, Manifest, Moved, Row, Sent, Truth
from anopticon_client.recording.writer import RecordingWriter
from anopticon_client.scoring import open_scoring
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.contacts import Question, find_contacts
from anopticon_testbed.evaluation.loading import load
from anopticon_testbed.evaluation.nodes import read_nodes
from anopticon_testbed.evaluation.readings import Recording
from anopticon_testbed.evaluation.running import Request, evaluate
from anopticon_testbed.formats.parquet import write_parquet
from tests.testbed.runs import CAN, POLICY, SECOND, START, frame_of

Place = tuple[float, float, float]


def manifest(node: str, position: Place | None, run: str = "run", **about: str) -> Manifest:
    """The first row of a node."""
    return Manifest(node, run, 0, START, "beacon", 0xFD68, "test", -15, position, CAN, "test", about=about)


def heard(sender: str, second: float, rssi: int | None = -60, address: bytes = b"\1" * 6) -> HeardFrame:
    """A frame of `sender`, heard at a second of the receiver's clock."""
    now = round(second * SECOND)
    kinds = AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND
    return HeardFrame(now, START + now, address, *kinds, rssi, frame_of(sender))


def sent(node: str, second: int = 0, power: int = -15) -> Sent:
    """A node begins to send its frame."""
    return Sent(second * SECOND, START + second * SECOND, frame_of(node), b"", power)


def moved(second: float, place: Place) -> Moved:
    """A node is somewhere."""
    now = round(second * SECOND)
    return Moved(now, START + now, place)


def write(folder: Path, first: Manifest, *rows: Row) -> None:
    """Write the recording of one node with the real writer."""
    with RecordingWriter(folder, first, lambda: (0, START), POLICY) as writer:
        for row in rows:
            writer.write(row)


def read(folder: Path) -> Recording:
    """Everything in a folder as one recording."""
    return load([folder], {})[0]


def rows_of(recording: Recording) -> list[tuple[object, ...]]:
    """Receiver, transmitter, seconds since the start, RSSI, power and distance."""
    chosen = recording.readings.sort("time_s", "receiver").select(
        pl.col("receiver", "transmitter").cast(pl.String),
        pl.col("time_s") - START / SECOND,
        "rssi_dbm",
        "tx_power_dbm",
        pl.col("distance_m").round(3),
    )
    return chosen.rows()


def test_schedules_and_positions_make_readings(tmp_path: Path) -> None:
    """A heard frame becomes a reading with its sender, the sender's power and their distance (EV-1)."""
    write(
        tmp_path,
        manifest("a", (0, 0, 0)),
        sent("a"),
        heard("b", 1),
        heard("b", 2, None),
        heard("a", 3),
        heard("x", 4),
    )
    write(tmp_path, manifest("b", (3, 4, 0)), sent("b", power=-7), heard("a", 5, -70))
    recording = read(tmp_path)
    assert recording.form == "recordings of nodes"
    assert rows_of(recording) == [
        ("a", "b", 1, -60, -7, 5),
        ("a", "b", 2, None, -7, 5),
        ("b", "a", 5, -70, -15, 5),
    ]
    assert recording.dropped == {"sender unknown": 1}


def test_recordings_as_parquet_are_the_same(tmp_path: Path) -> None:
    """A folder that was exported as Parquet gives the readings of the lines it was made from (EV-1)."""
    lines, exported = tmp_path / "lines", tmp_path / "exported"
    lines.mkdir()
    write(lines, manifest("a", (0, 0, 0)), sent("a"), heard("b", 1), moved(2, (1, 0, 0)), heard("b", 3))
    write(lines, manifest("b", (3, 4, 0)), sent("b"), heard("a", 5, -70))
    write_parquet(exported, read_recording(lines))
    assert rows_of(read(exported)) == rows_of(read(lines))


def test_a_frame_that_two_nodes_sent_is_nobodys(tmp_path: Path) -> None:
    """A replayed frame could have come from either node, so that it has no known sender (EV-3)."""
    write(tmp_path, manifest("a", (0, 0, 0)), sent("a"), heard("b", 1))
    write(tmp_path, manifest("b", (3, 4, 0)), sent("b"), heard("a", 2))
    write(tmp_path, manifest("c", (9, 9, 0)), sent("b"))
    recording = read(tmp_path)
    assert [row[:2] for row in rows_of(recording)] == [("b", "a")]
    assert recording.dropped == {"sender unknown": 1}


def test_a_walkers_distance_changes_evenly_and_is_known_without_a_frame(tmp_path: Path) -> None:
    """B walks from 10 m to 0 m and back in 20 minutes: 4 of them within 2 m, however little is heard (EV-4)."""
    write(tmp_path, manifest("a", (0, 0, 0)), sent("a"), heard("b", 10), heard("b", 1_190))
    walk = [moved(0, (10, 0, 0)), moved(600, (0, 0, 0)), moved(1_200, (10, 0, 0))]
    write(tmp_path, manifest("b", (99, 0, 0)), sent("b"), *walk, heard("a", 600), heard("a", 1_200))
    recording = read(tmp_path)
    assert [row[5] for row in rows_of(recording)] == pytest.approx([9.833, 0, 9.833, 10], abs=1e-3)
    table = find_contacts(recording, Question(minutes=3.9)).table
    assert table["near"].to_list() == [True, True]
    assert table["known_s"].to_list() == [1_190, 1_190]
    assert table["near_s"].to_list() == pytest.approx([238] * 2, abs=2.5)  # a's log ends at 1,190 s
    assert find_contacts(recording, Question(minutes=4.1)).table["near"].to_list() == [False, False]


def test_a_near_node_that_was_not_heard_is_a_miss(tmp_path: Path) -> None:
    """C stands beside a and they never hear each other: both orders are judged, and missed (EV-5)."""
    end = 1_200
    write(
        tmp_path, manifest("a", (0, 0, 0)), sent("a"), *(heard("b", second) for second in range(0, end, 10))
    )
    write(
        tmp_path, manifest("b", (1, 0, 0)), sent("b"), *(heard("c", second) for second in range(0, end, 10))
    )
    write(
        tmp_path,
        manifest("c", (0, 1, 0)),
        sent("c"),
        *(heard("a", second, -90) for second in range(0, end, 10)),
    )
    evaluation, _ = evaluate(Request([tmp_path], "minutes", "", open_scoring("minutes")))
    total = evaluation.contacts[0]
    assert (total.count, total.near) == (6, 6)
    assert (total.confusion.true_positives, total.confusion.false_negatives) == (2, 4)


def test_clocks_that_are_off_are_put_right(tmp_path: Path) -> None:
    """What a clock was found to be off is taken from each of its times, changing evenly between checks (EV-4)."""
    clock = [
        ClockReading(0, START, 10 * SECOND, 0, "chrony"),
        ClockReading(0, START + 100 * SECOND, 20 * SECOND, 0, "chrony"),
    ]
    write(
        tmp_path, manifest("a", (0, 0, 0)), sent("a"), *clock, heard("b", 0), heard("b", 50), heard("b", 200)
    )
    write(tmp_path, manifest("b", (1, 0, 0)), sent("b"))
    assert [row[2] for row in rows_of(read(tmp_path))] == [-10, 35, 180]


def test_truth_rows_tell_sender_distance_and_power_from_their_moment_on(tmp_path: Path) -> None:
    """Where somebody measured, no other log is needed, and the newest row before a frame counts (EV-1)."""
    near, far, other, unnamed = (bytes([number]) * 6 for number in (2, 3, 4, 5))
    truths = [
        Truth(0, START, near, 1.5, -20, "phone"),
        Truth(0, START + 10 * SECOND, near, 4.0, -20, "phone"),
        Truth(0, START, far, None, None, "tablet"),
        Truth(0, START, unnamed, 2.0, None),
    ]
    frames = [
        heard("p", 5, address=near),
        heard("p", 15, address=near),
        heard("q", 5, address=far),
        heard("r", 5, address=other),
        heard("s", 5, address=unnamed),
    ]
    write(tmp_path, manifest("a", None), *truths, *frames)
    recording = read(tmp_path)
    assert sorted(rows_of(recording), key=str) == [
        ("a", "050505050505", 5, -60, None, 2.0),
        ("a", "phone", 15, -60, -20, 4.0),
        ("a", "phone", 5, -60, -20, 1.5),
        ("a", "tablet", 5, -60, None, None),
    ]
    assert recording.dropped == {"sender unknown": 1}
    assert recording.tracks is None


def test_a_calibration_may_be_of_a_model_or_of_a_node(tmp_path: Path) -> None:
    """The model is what the manifest says, else the node's own name."""
    write(tmp_path, manifest("a", (0, 0, 0), model="Pixel"), sent("a"), heard("b", 1))
    write(tmp_path, manifest("b", (1, 0, 0)), sent("b"))
    models = read(tmp_path).readings.select(pl.col("receiver_model", "transmitter_model").cast(pl.String))
    assert models.rows() == [("Pixel", "b")]


def test_runs_are_scenes_of_their_own(tmp_path: Path) -> None:
    """The same node in two runs stands where each run says (EV-5)."""
    for run, place in (("one", 1.0), ("two", 7.0)):
        write(tmp_path, manifest("a", (0, 0, 0), run), sent("a"), heard("b", 1))
        write(tmp_path, manifest("b", (place, 0, 0), run), sent("b"))
    found = read(tmp_path).readings.select(pl.col("scene").cast(pl.String), "distance_m").sort("scene")
    assert found.rows() == [("one", 1), ("two", 7)]


def test_a_torn_end_is_told_and_damage_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A node that was killed leaves a torn last line, which is counted; a changed file is refused (EV-3)."""
    write(tmp_path, manifest("a", (0, 0, 0)), sent("a"), heard("b", 1))
    write(tmp_path, manifest("b", (1, 0, 0)), sent("b"), heard("a", 2))
    path = next(tmp_path.glob("a_*"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"k":"heard","m":5')
    assert read(tmp_path).dropped == {"bytes behind a torn end, after a crash of the node": 18}
    path.write_bytes(whole.replace(b'"r":-60', b'"r":-61'))
    from anopticon_testbed.cli import main  # noqa: PLC0415 (only this test speaks to the command)

    assert main(["score", str(tmp_path), "--config", "minutes"]) == 2
    assert "the file was changed" in capsys.readouterr().err


def test_nothing_heard_is_no_recording(tmp_path: Path) -> None:
    """Nodes that heard nothing, or rows of nobody, are refused with what to do."""
    write(tmp_path, manifest("a", (0, 0, 0)), sent("a"))
    with pytest.raises(RecordingError, match="no node heard anything; record with at least two nodes"):
        read(tmp_path)
    write(tmp_path, manifest("b", (0, 0, 0)), heard("x", 1))
    with pytest.raises(RecordingError, match=r"1 frames were heard, and none is in the schedule .* together"):
        read(tmp_path)
    with pytest.raises(RecordingError, match="rows come before the manifest"):
        read_nodes([sent("a")], "made")
