"""A scoring on the command line: chosen by name or file, and explained."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anopticon_client.cli import main
from anopticon_client.cli.scorings import load_calibration, load_scoring
from anopticon_client.errors import ConfigurationError
from anopticon_client.scoring import PRESETS, AttenuationDurations, Confidence, DeviceCalibration
from anopticon_client.scoring.calibration_files import FORM
from anopticon_client.scoring.parsing import MAX_SCORING_BYTES
from anopticon_client.state import Progress, PutObservation, SetProgress
from anopticon_client.storage import SqliteStore
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.gaen import encrypt_metadata, rpis
from anopticon_protocol.designs.records import SETTLED, Observation, Reading, SharedKey, Token
from tests.client.drive import START
from tests.client.test_cli import Terminal

TEK = bytes(range(16))
INTERVAL = START // 600 + 60


@pytest.fixture
def exposed(tmp_path: Path) -> Path:
    """The file of a gaen phone that was near somebody for 15 minutes at 45 dB and 5 at 60 dB."""
    path = tmp_path / "phone.sqlite3"
    (rpi,) = rpis(TEK, INTERVAL, 1)
    sealed = encrypt_metadata(TEK, rpi, b"\x40\xf1\x00\x00")
    readings = [Reading(offset, -60, 300, sealed) for offset in (0, 100, 300)]
    row = Observation(Token(INTERVAL, rpi), SETTLED, (*readings, Reading(599, -75, 300, sealed)))
    match = open_design("gaen").match_of(SharedKey(TEK, START // 600, 144), row, 0)
    store = SqliteStore(path, "gaen")
    store.apply([PutObservation(replace(row, match=match)), SetProgress(Progress(last_scan=START + 40_000))])
    store.close()
    return path


def test_why_a_day_is_an_exposure_is_said(exposed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each number that went into the score is printed, with the phone's rule and with another one.

    SPEC: SC-4.
    """
    assert main(("explain", "--store", str(exposed))) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Monday 2026-03-02: an exposure, 20 of 15 minutes",
        "  20 minutes closer than 63 dB (1200 s; attenuation at most 63 dB)",
    ]
    assert main(("explain", "--store", str(exposed), "--scoring", "google-sample-v2")) == 0
    said = capsys.readouterr().out
    assert "Monday 2026-03-02: no exposure, 1050 of 2700 weighted seconds" in said
    assert "15 minutes up to 50 dB times 100 %, 5 minutes up to 60 dB times 50 %" in said


RECORD = {
    "model": "Maker 1",
    "rssi_offset_db": -20,
    "tx_power_dbm": -15,
    "confidence": "high",
    "source": "this test",
}


def calibrations(*records: Any, form: str = FORM) -> str:
    """The text of a file of calibrations."""
    return json.dumps({"form": form, "calibrations": list(records), "fit": {"beside": 1}})


def test_a_calibration_comes_from_a_file(
    exposed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that hears 20 dB too loud: none of the minutes was closer than 63 dB after all.

    SPEC: SC-40, SC-42.
    """
    path = tmp_path / "models.json"
    path.write_text(calibrations(RECORD | {"model": "Maker 0"}, RECORD))
    record = load_calibration(path, "Maker 1")
    assert record == DeviceCalibration("Maker 1", -20, -15, Confidence.HIGH, "this test")
    options = ("--calibration", str(path), "--model", "Maker 1")
    assert main(("explain", "--store", str(exposed), *options)) == 0
    assert "nothing that counts was heard" in capsys.readouterr().out
    assert load_calibration(None, None) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[]", 'must have "form": "anopticon device calibrations 1" and a list'),
        (b"{", "is no JSON"),
        (b"\xff", "is not text in UTF-8"),
        (b"[" * 20_000, "is no JSON"),
        (calibrations(RECORD, form="other").encode(), 'must have "form"'),
        (calibrations().encode(), "holds 0 models, must be 1..20,000"),
        (calibrations(RECORD, 5).encode(), "calibration 2: must have exactly the fields model,"),
        (calibrations(RECORD | {"x": 1}).encode(), "calibration 1: must have exactly the fields model,"),
        (calibrations(RECORD | {"model": 5}).encode(), "model = 5, must be text"),
        (calibrations(RECORD | {"tx_power_dbm": 1.5}).encode(), "tx_power_dbm = 1.5, must be a whole number"),
        (calibrations(RECORD | {"confidence": "total"}).encode(), "'total', must be one of lowest, low,"),
        (calibrations(RECORD | {"rssi_offset_db": 99}).encode(), "rssi_offset_db = 99, must be -50..50 dB"),
        (calibrations(RECORD | {"model": "Maker 2"}).encode(), "did you mean 'Maker 2'?"),
        (calibrations(RECORD | {"model": "zzz"}).encode(), "has no model 'Maker 1': there are 1 others"),
    ],
    ids=range(14),
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """The error names the file, the record and the field.

    SPEC: SC-42.
    """
    path = tmp_path / "models.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load_calibration(path, "Maker 1")
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)


def test_half_a_calibration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without a model, a model without a file, a file that is not there, and one that is too long."""
    path = tmp_path / "models.json"
    for one, model in ((path, None), (None, "Maker 1")):
        with pytest.raises(ConfigurationError, match="go together"):
            load_calibration(one, model)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_calibration(path, "Maker 1")
    path.write_text(calibrations(RECORD))
    monkeypatch.setattr("anopticon_client.cli.scorings.MAX_CALIBRATION_BYTES", 10)
    with pytest.raises(ConfigurationError, match="MAX_CALIBRATION_BYTES"):
        load_calibration(path, "Maker 1")


def test_nothing_to_explain_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A phone that met nobody says so; a scoring on times is refused where the design keeps none.

    SPEC: SC-5.
    """
    path = tmp_path / "new.sqlite3"
    SqliteStore(path, "lowcost").close()
    assert main(("explain", "--store", str(path))) == 0
    assert "nothing that counts was heard" in capsys.readouterr().out
    assert main(("explain", "--store", str(path), "--scoring", "swiss-2020-v1")) == 2
    assert "which design lowcost does not keep" in capsys.readouterr().err


def test_exposure_windows_can_be_listed(exposed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one window of the file, with its scans; a scoring without windows has none to list.

    SPEC: SC-37, SC-4.
    """
    options = ("explain", "--windows", "--store", str(exposed), "--scoring")
    assert main((*options, "google-sample-v2")) == 0
    assert capsys.readouterr().out.splitlines() == [
        (
            "Monday 2026-03-02: confirmed test, standard infectiousness, lowest confidence: 300 s at 45 dB (least 45), "
            "300 s at 45 dB (least 45), 300 s at 45 dB (least 45), 300 s at 60 dB (least 60)"
        ),
    ]
    assert main((*options, "dp3t")) == 2
    assert "only a scoring of kind windows" in capsys.readouterr().err


def test_explain_can_be_typed() -> None:
    """A running phone answers the same question."""
    assert "nothing that counts was heard" in asyncio.run(Terminal().run("explain"))


def test_every_preset_is_listed_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each name.

    SPEC: SC-52.
    """
    assert main(("scorings",)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(PRESETS)


def test_a_scoring_comes_from_a_file(tmp_path: Path) -> None:
    """A TOML file is read; a preset's name means the preset even if there is a file of that name.

    SPEC: SC-51, SC-52.
    """
    path = tmp_path / "mine.toml"
    path.write_text('kind = "durations"\nminutes_per_day = 10\n')
    assert load_scoring(str(path)) == AttenuationDurations(minutes_per_day=10)
    assert load_scoring("dp3t") == AttenuationDurations()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"kind = 1", "mine.toml: kind = 1, must be one of"),
        (b"\xff\xfe", "mine.toml: is not text in UTF-8"),
        (b"#" * (MAX_SCORING_BYTES + 1), "mine.toml: a scoring has at most 16384 bytes"),
    ],
    ids=["kind", "bytes", "length"],
)
def test_a_file_that_is_no_scoring_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """The error names the file and what is wrong in it.

    SPEC: SC-51.
    """
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        load_scoring(str(path))
    assert says in str(refused.value)


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with the name that may have been meant, before a server is asked anything."""
    with pytest.raises(SystemExit):
        main(("run", "--server", "http://127.0.0.1:9", "--scoring", "dp33t"))
    assert "did you mean 'dp3t'?" in capsys.readouterr().err
