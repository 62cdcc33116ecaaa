"""The verbs `export` and `import`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_client.recording.reader import find_recordings, read_recording
from anopticon_client.recording.rows import Manifest
from anopticon_testbed.cli import main
from tests.recording.kit import frame, write

FRAMES = [frame(number) for number in range(20)]


def test_a_recording_goes_out_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC: RC-15. Exported by ending and imported by first bytes, the frames are those that were recorded."""
    write(tmp_path / "rec", list(FRAMES))
    for ending in ("parquet", "pcap", "btsnoop"):
        target = tmp_path / f"out.{ending}"
        assert main(["export", str(tmp_path / "rec"), str(target)]) == 0
        assert main(["import", str(target), str(tmp_path / ending)]) == 0
        back = [row for row in read_recording(tmp_path / ending) if not isinstance(row, Manifest)]
        assert [row.wall_ns // 1_000 for row in back] == [row.wall_ns // 1_000 for row in FRAMES]
    out = capsys.readouterr().out
    assert "20 frames" in out
    assert "21 rows" in out


def test_what_was_left_out_and_torn_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC: RC-17. A torn end and frames that the form cannot hold are told, and the verb is done all the same."""
    write(tmp_path, [frame(1), frame(2)._replace(data=bytes(300))])
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes() + b'{"k":"hea')
    assert main(["export", str(path), str(tmp_path / "out.pcap")]) == 0
    out = capsys.readouterr().out
    assert "torn at line" in out
    assert "left out (1): frames of more than 247 bytes" in out


def test_several_files_are_imported_under_one_run(tmp_path: Path) -> None:
    """Each file is a node of its own, named after it; name, run and distance can be given (RC-15)."""
    line = f"1588139637;{'00' * 16};0badcafe;-45;3a:5b:c1:d2:0e:77 (random)\n"
    for name in ("left", "right"):
        (tmp_path / f"{name}.csv").write_text(f"Time;RPI;AEM;RSSI;BDADDR\n{line}")
    files = [str(tmp_path / f"{name}.csv") for name in ("left", "right")]
    assert main(["import", *files, str(tmp_path / "rec"), "--run", "hall-2", "--metres", "1.5"]) == 0
    found = find_recordings(tmp_path / "rec")
    assert [(one.manifest.node, one.manifest.run) for one in found] == [
        ("left", "hall-2"),
        ("right", "hall-2"),
    ]
    assert [len(list(one.rows())) for one in found] == [3, 3]


def test_a_capture_is_of_one_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture cannot say who heard a frame, so that of several nodes one must be named (RC-16)."""
    line = f"1588139637;{'00' * 16};0badcafe;-45;3a:5b:c1:d2:0e:77 (random)\n"
    for name, frames in (("left", 1), ("right", 2)):
        (tmp_path / f"{name}.csv").write_text("Time;RPI;AEM;RSSI;BDADDR\n" + line * frames)
    files = [str(tmp_path / f"{name}.csv") for name in ("left", "right")]
    assert main(["import", *files, str(tmp_path / "rec")]) == 0
    target = tmp_path / "out.pcap"
    assert main(["export", str(tmp_path / "rec"), str(target)]) == 2
    assert "--node (left, right)" in capsys.readouterr().err
    assert not target.exists()
    assert main(["export", str(tmp_path / "rec"), str(target), "--node", "right"]) == 0
    assert "2 frames" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "rec"), str(tmp_path / "x.pcap"), "--node", "middle"]) == 2
    assert "no node 'middle'" in capsys.readouterr().err


def test_scenes_of_one_experiment_are_runs_of_their_own(
    tmp_path: Path, shared: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files that each hold every node become a run each, and are refused as one before anything is written."""
    scenes = [shared(f"data/ble/dp3t-exp25/scenario0{n}") for n in ("1-110-103.sqlite", "2-110-02.sqlite")]
    files = [str(scene) for scene in scenes]
    assert main(["import", *files, str(tmp_path / "one"), "--run", "exp25"]) == 2
    assert "leave --run out" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()
    assert main(["import", *files, str(tmp_path / "two")]) == 0
    assert {one.manifest.run for one in find_recordings(tmp_path / "two")} == {scene.stem for scene in scenes}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["export", "{0}/rec", "{0}/out.wav"], "give --to parquet, pcap or btsnoop"),
        (["export", "{0}/nothing", "{0}/out.pcap"], "No such file"),
        (["import", "{0}/nothing", "{0}/new"], "No such file"),
        (["import", "{0}", "{0}/new"], "no folder of Parquet files"),
        (["import", "{0}/text", "{0}/new"], "begins like none of"),
        (["import", "{0}/text", "{0}/new", "--from", "pcap"], "no capture"),
        (["import", "{0}/text", "{0}/new", "--from", "mh"], "no head of such a table"),
        (["import", "{0}/text", "{0}/new", "--from", "dp3t"], "not a database"),
        (["import", "{0}/text", "{0}/new", "--from", "parquet"], "Not a directory"),
        (["import", "{0}/text", "{0}/new", "--node", "../up"], "must match"),
        (["import", "{0}/text", "{0}/new", "--metres", "-1"], "must be 0 to"),
        (["import", "{0}/out.log", "{0}/rec"], "is there already"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """SPEC: RC-18. The exit status is 2 and the sentence says what is wrong."""
    write(tmp_path / "rec", list(FRAMES))
    (tmp_path / "text").write_text("hello, world\n" * 3)
    assert main(["export", str(tmp_path / "rec"), str(tmp_path / "out.log")]) == 0
    assert main(["import", str(tmp_path / "out.log"), str(tmp_path / "rec")]) == 0
    capsys.readouterr()
    assert main([argument.format(tmp_path) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
