"""The verb `analyse`: what it prints and writes, its exit status, and its errors."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from anopticon_testbed.cli import main
from tests.testbed.made_runs import MadeNode, MadeRun

NODES = [MadeNode("a", (0, 0, 0)), MadeNode("b", (1, 0, 0)), MadeNode("c", (5, 0, 0))]


def test_an_analysis_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command prints the tables and writes a page, Markdown, JSON, and each plot as SVG and PNG."""
    run = MadeRun(NODES, seconds=330, fading_sd=4, scans=True).write(tmp_path / "in")
    assert main(["analyse", str(run), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "clean: 6 identifiers under 6 addresses" in told
    for title in (
        "Dead time",
        "Rotation",
        "Clocks",
        "Contacts",
        "Signal strength against distance",
        "Reception",
    ):
        assert f"\n{title}" in f"\n{told}"
    said = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert said["version"] == 1
    assert said["runs"][0]["rotation"]["clean"]
    assert said["strength"]["frames"] == sum(node["frames"] for node in said["runs"][0]["nodes"])
    page = (tmp_path / "out" / "index.html").read_text()
    names = {"strength", "reception", "listening", "rotation", "pairs", "clocks", "contacts"}
    for name in names:
        ET.parse(tmp_path / "out" / f"{name}.svg")  # noqa: S314 - our own file
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f'src="{name}.svg"' in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_same_recordings_give_the_same_bytes(tmp_path: Path) -> None:
    """Two analyses of the same recordings are equal, pictures included."""
    run = MadeRun(NODES, seconds=60, fading_sd=4).write(tmp_path / "in")
    for name in ("one", "two"):
        assert main(["analyse", str(run), "--out", str(tmp_path / name)]) == 0
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) >= 13
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_rotation_that_is_not_clean_is_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A leak is said and is the exit status, and a grace may forgive it."""
    run = MadeRun(NODES, seconds=400, leaks=True).write(tmp_path / "in")
    assert main(["analyse", str(run)]) == 1
    assert "NOT CLEAN" in capsys.readouterr().out
    assert main(["analyse", str(run), "--grace", "1"]) == 0


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--near", "0", "--near = 0, must be 0.1 to 100"),
        ("--bound", "256", "--bound = 256, must be 0 to 255"),
        ("--interval-ms", "5", "--interval-ms = 5, must be 20 to 10240"),
        ("--grace", "-1", "--grace = -1, must be 0 to 3600"),
        ("--scan-every", "0", "--scan-every = 0, must be 1 to 3600"),
    ],
)
def test_options_have_bounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str
) -> None:
    """An option outside its bounds is refused with the bound."""
    assert main(["analyse", str(tmp_path), option, value]) == 2
    assert capsys.readouterr().err == f"anopticon-testbed: {sentence}\n"


def test_a_folder_without_recordings_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, a missing one, and a file that is none end with a sentence that names them."""
    assert main(["analyse", str(tmp_path)]) == 2
    assert "holds no recording" in capsys.readouterr().err
    assert main(["analyse", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err
    (tmp_path / "text.jsonl").write_text("hello\n")
    assert main(["analyse", str(tmp_path / "text.jsonl")]) == 2
    assert "text.jsonl" in capsys.readouterr().err
