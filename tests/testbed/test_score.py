"""`anopticon-testbed score` from its arguments to table, JSON and plot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from anopticon_client.scoring import PRESETS
from anopticon_testbed.cli import main
from tests.testbed.evaluation_kit import people, write_csv, write_tram

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two made-up scenes in one file."""
    rows = people(seed=11, scene="room", devices=6, minutes=30) + people(
        seed=12, scene="hall", devices=5, minutes=20
    )
    return write_csv(tmp_path_factory.mktemp("room") / "made.csv", rows)


def score(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a successful run prints."""
    assert main(["score", *map(str, arguments), "--resamples", "100"]) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """What a successful run writes as JSON."""
    out = folder / "out.json"
    score(capsys, *arguments, "--out", out)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return found


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_evaluated(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Each scoring by name gives counts that add up, per scene and together, and rates that follow from them (EV-9)."""
    level = ["--risk-level", "6"] if PRESETS[name].scorer.needs_risk_levels else []
    found = document(capsys, tmp_path, room, "--config", name, "--minutes", "10", *level)
    total, *scenes = found["contacts"]
    assert [one["scene"] for one in scenes] == ["hall", "room"]
    for count in ("judged", "near", "true_positives", "false_positives", "true_negatives", "false_negatives"):
        assert total[count] == sum(one[count] for one in scenes)
    assert total["judged"] == 6 * 5 + 5 * 4
    for one in found["contacts"]:
        assert one["near"] == one["true_positives"] + one["false_negatives"]
        sensitivity = one["rates"]["sensitivity"]
        assert sensitivity["value"] == pytest.approx(one["true_positives"] / one["near"])
        assert one["roc"]["threshold"][0] is None
    assert found["scoring"]["name"] == name
    assert found["scoring"]["source"] == PRESETS[name].source


def test_a_scoring_does_well_on_a_recording_where_distance_decides(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 3 dB of scatter the score ranks contacts far better than chance, and better than single readings."""
    found = document(capsys, tmp_path, room, "--config", "german-2020-durations", "--minutes", "10")
    contacts, singles = found["contacts"][0], found["readings"]["judgements"][0]
    assert contacts["auc"] > 0.85
    assert contacts["auc_interval"]["low"] > 0.7
    assert singles["auc"] > 0.8


def test_a_scoring_can_stand_in_a_file(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration of one's own gives what the preset with the same figures gives; a wrong one is refused (EV-9)."""
    path = tmp_path / "mine.toml"
    path.write_text('kind = "durations"\nthresholds_db = [55, 63]\nweights_percent = [100, 50, 0]\n')
    own = document(capsys, tmp_path, room, "--config", path, "--minutes", "10")
    preset = document(capsys, tmp_path, room, "--config", "german-2020-durations", "--minutes", "10")
    assert own["contacts"] == preset["contacts"]
    assert (own["scoring"]["name"], own["scoring"]["source"]) == ("mine.toml", "the file mine.toml")
    for data, says in (
        (b'kind = "magic"', "kind = 'magic'"),
        (b"\xff", "cannot be read as text"),
        (b" " * 20_000, "is larger than 16,384 bytes"),
    ):
        path.write_bytes(data)
        assert main(["score", str(room), "--config", str(path)]) == 2
        assert says in capsys.readouterr().err


def test_a_scoring_of_times_is_not_defined_on_durations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes in bins have no times, so that scorings of Exposure Notification cannot be asked (EV-7)."""
    path = write_tram(tmp_path, [[16.0, 0, 0], [0, 0, 16.0]], [1.0, 3.0])
    assert main(["score", str(path), "--config", "google-sample-v2"]) == 2
    assert "durations without times, which google-sample-v2 is not defined on" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_file_to_the_byte(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON, table and drawing follow from recording, options and seed; another seed moves the intervals (EV-11)."""
    arguments: list[str | Path] = [room, "--config", "minutes", "--minutes", "10"]
    runs = []
    for name in ("one", "two"):
        out, plot = tmp_path / f"{name}.json", tmp_path / f"{name}.svg"
        told = score(capsys, *arguments, "--out", out, "--plot", plot)
        runs.append((told, out.read_bytes(), plot.read_bytes()))
    assert runs[0] == runs[1]
    other = document(capsys, tmp_path, *arguments, "--seed", "2")
    first = json.loads(runs[0][1])
    assert other["contacts"][0]["auc"] == first["contacts"][0]["auc"]
    assert other["contacts"][0]["auc_interval"] != first["contacts"][0]["auc_interval"]


def test_the_table_says_what_was_asked_and_what_is_undefined(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal shows question, scoring, counts with intervals, and the word undefined in place of a rate (EV-8)."""
    told = score(capsys, room, "--config", "dp3t", "--minutes", "10", "--window", "15", "--threshold", "900")
    assert "a contact is a pair at most 2 m apart for at least 10 minutes of a window of 15 minutes" in told
    assert "Scoring    dp3t: DP-3T, Exposure Score Calculation" in told
    line = next(line for line in told.splitlines() if line.startswith("all"))
    assert "0.000 (0.000.." in line
    assert "undefined" in line
    assert "precision is undefined" in told
    assert "(the best bound on these very readings)?" in told
    assert "bootstrap over pairs (100 resamples, seed 1)." in told


def test_single_readings_can_be_judged_alone(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --readings-only no scoring is asked for, and --bound decides."""
    plot = tmp_path / "plot.png"
    told = score(capsys, room, "--readings-only", "--bound", "60", "--cluster", "device", "--plot", plot)
    assert "Contacts" not in told
    assert "by at most 60 dB?" in told
    assert "bootstrap over devices" in told
    assert plot.read_bytes().startswith(PNG)


def test_a_phone_that_listens_seldom_hears_less(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thinned to 4 s of every 300 s the same contacts are judged on fewer scans: the truth stays (EV-6)."""
    whole = document(capsys, tmp_path, room, "--config", "minutes", "--minutes", "10")
    thin = document(capsys, tmp_path, room, "--config", "minutes", "--minutes", "10", "--thin", "4/300")
    assert thin["contacts"][0]["near"] == whole["contacts"][0]["near"]
    assert thin["contacts"][0]["rates"] != whole["contacts"][0]["rates"]
    assert thin["question"]["thin"] == [4, 300]


def test_drawings_are_made_without_a_display(room: Path, tmp_path: Path) -> None:
    """On a machine without a display SVG, PNG and PDF are drawn, with curves, band, scores and attenuations."""
    environment = {
        key: value for key, value in os.environ.items() if key not in {"DISPLAY", "WAYLAND_DISPLAY"}
    }
    for name in ("plot.svg", "plot.png", "plot.pdf"):
        command = [sys.executable, "-m", "anopticon_testbed", "score", str(room), "--config", "minutes"]
        command += ["--resamples", "100", "--minutes", "10", "--plot", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert (tmp_path / "plot.png").read_bytes().startswith(PNG)
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")
    texts = "".join(ET.parse(tmp_path / "plot.svg").getroot().itertext())  # noqa: S314 (our own file)
    for words in (
        "ROC, 95 % band",
        "contacts: AUC 0.",
        "single readings: AUC 0.",
        "Score by distance",
        "exposed from 15",
    ):
        assert words in texts


def test_a_tram_is_drawn_without_a_panel_for_single_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Durations have no single readings, and a class that is missing leaves a curve undefined in the drawing too."""
    plot = tmp_path / "plot.svg"
    path = write_tram(tmp_path, [[16.0, 0, 0], [0, 0, 16.0]], [1.0, 1.5])
    told = score(capsys, path, "--config", "dp3t", "--plot", plot)
    assert "one distance a pair, no times" in told
    texts = "".join(ET.parse(plot).getroot().itertext())  # noqa: S314 (our own file)
    assert "contacts: undefined" in texts
    assert "single readings" not in texts


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config", "swis-2020-durations"], "did you mean 'swiss-2020-durations'?"),
        (
            ["--config", "german-2020-v1"],
            "weighs the transmission risk level of keys: give --risk-level 1..8",
        ),
        (["--config", "dp3t", "--risk-level", "9"], "risk-level = 9, must be 0..8"),
        (["--config", "dp3t", "--minutes", "-1"], "minutes = -1, must be"),
        (["--config", "dp3t", "--thin", "often"], "thin = 'often', must be LISTEN/EVERY"),
        (["--config", "dp3t", "--thin", "9/5"], "LISTEN <= EVERY"),
        (["--config", "dp3t", "--seed", "-1"], "seed = -1, must be 0 or more"),
        (["--config", "dp3t", "--resamples", "99"], "resamples = 99, must be 100..100,000"),
        (["--config", "dp3t", "--columns", "x"], "must be FIELD=COLUMN"),
        (["--config", "dp3t", "--columns", "rssi_dbm=loudness"], "there is no column 'loudness' to map"),
        (["--config", "dp3t", "--plot", "plot.gif"], "must end in one of .svg, .png, .pdf"),
        (["--config", "dp3t", "--plot", "no/such/folder/plot.svg"], "cannot be written"),
        (["--config", "dp3t", "--out", "no/such/folder/out.json"], "cannot be written"),
        (["--config", "dp3t", "--calibration", "no-such-file"], "no-such-file cannot be read"),
        (["--config", "dp3t", "--columns", "tx_power_dbm="], "give --tx-power DBM"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    room: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """A wrong option ends with status 2 and one sentence that names it and its bounds."""
    quick = [] if "--resamples" in arguments else ["--resamples", "100"]
    assert main(["score", str(room), *arguments, *quick]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.startswith("anopticon-testbed: ")
    assert told.count("\n") == 1


def test_models_without_a_calibration_are_named(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A calibration moves the attenuations of its models; those that it lacks are named (EV-3)."""
    record = {
        "model": "M0",
        "rssi_offset_db": 10,
        "tx_power_dbm": -20,
        "confidence": "high",
        "source": "made up",
    }
    path = tmp_path / "models.json"
    path.write_text(json.dumps({"form": "anopticon device calibrations 1", "calibrations": [record]}))
    plain = document(capsys, tmp_path, room, "--config", "minutes", "--minutes", "10")
    told = score(capsys, room, "--config", "minutes", "--minutes", "10", "--calibration", path)
    assert "No calibration for M1: their figures are taken as they are." in told
    moved = document(capsys, tmp_path, room, "--config", "minutes", "--minutes", "10", "--calibration", path)
    assert moved["contacts"][0]["auc"] != plain["contacts"][0]["auc"]
