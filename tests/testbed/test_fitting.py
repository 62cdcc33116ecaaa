"""Calibration of models: what was put into made-up readings comes out of the fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from anopticon_client.scoring import Confidence
from anopticon_testbed.cli import main
from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation.calibration_files import load_calibrations
from anopticon_testbed.evaluation.fit_report import records
from anopticon_testbed.evaluation.fitting import FREE_SPACE_DB, Fit, fit_models
from anopticon_testbed.evaluation.loading import load
from anopticon_testbed.evaluation.readings import Recording, checked

POWER = {"A": -20.0, "B": -31.0, "C": -9.0}
OFFSET = {"A": 0.0, "B": 4.0, "C": -7.0}


def made(
    pairs: list[tuple[str, str]],
    distances: tuple[float, ...] = (1.0,),
    noise: float = 0.0,
    scans: int = 3,
    *,
    between: float = 0.0,
    seed: int = 8,
) -> Recording:
    """Readings of (receiver, transmitter) pairs by the model of the fit, exponent 2, 10 readings a scan.

    `noise` and `between` are the spread of scans and of sessions, dB.
    """
    random = np.random.default_rng(seed)
    rows = []
    for receiver, transmitter in pairs:
        for distance in distances:
            apart = random.normal(0, between)
            for scan in range(scans):
                level = POWER[transmitter] - OFFSET[receiver] - FREE_SPACE_DB - 20 * np.log10(distance)
                shift = apart + random.normal(0, noise)
                rows += [
                    (
                        "s",
                        receiver,
                        transmitter,
                        receiver,
                        transmitter,
                        scan * 300.0 + one,
                        level + shift,
                        distance,
                    )
                    for one in np.arange(10) * 0.3
                ]
    names = [
        "scene",
        "receiver",
        "transmitter",
        "receiver_model",
        "transmitter_model",
        "time_s",
        "rssi_dbm",
        "distance_m",
    ]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return Recording("made", "made", checked(frame, lambda row: f"row {row}"))


def figures(fit: Fit) -> dict[str, tuple[float | None, float | None]]:
    """Offset and power of each model."""
    return {
        one.model: (
            None if one.offset_db is None else round(one.offset_db.value, 6),
            None if one.power_dbm is None else round(one.power_dbm.value, 6),
        )
        for one in fit.models
    }


ALL = [(one, other) for one in "ABC" for other in "ABC"]


@pytest.mark.parametrize("distances", [(1.0,), (0.5, 1.0, 4.0)])
def test_offsets_and_powers_come_out_as_they_were_put_in(distances: tuple[float, ...]) -> None:
    """Without noise the fit is exact: adding a model's offset gives what the reference would have read (EV-13)."""
    fit = fit_models(made(ALL, distances), "A")
    assert figures(fit) == {model: (OFFSET[model], POWER[model]) for model in "ABC"}
    assert fit.exponent == pytest.approx(2)
    assert fit.exponent_fitted == (len(distances) > 1)
    assert fit.readings == len(ALL) * len(distances) * 30
    assert all(one.residual_sd == pytest.approx(0, abs=1e-6) for one in fit.models)


def test_another_reference_shifts_offsets_and_powers_together() -> None:
    """Seen from B, offsets and powers differ from those seen from A by one constant (EV-13)."""
    fit = fit_models(made(ALL), "B")
    assert figures(fit) == {model: (OFFSET[model] - 4, POWER[model] - 4) for model in "ABC"}


def test_the_loss_and_the_exponent_can_be_given() -> None:
    """A larger loss at 1 m means that more power must have been sent; a given exponent is not fitted (EV-13)."""
    fit = fit_models(made(ALL, (1.0, 2.0)), "A", loss_db=FREE_SPACE_DB + 5, exponent=2)
    assert figures(fit)["C"] == (-7, -4)
    assert not fit.exponent_fitted


def test_intervals_hold_the_truth_and_scatter_is_estimated() -> None:
    """With 3 dB between scans, intervals hold nearly all of the true figures, and none is absurdly wide (EV-13)."""
    fit = fit_models(made(ALL, (1.0, 2.0, 3.0), noise=3, scans=8), "A")
    held = 0
    for one in fit.models:
        assert one.offset_db is not None
        assert one.power_dbm is not None
        held += one.offset_db.interval.low <= OFFSET[one.model] <= one.offset_db.interval.high
        held += one.power_dbm.interval.low <= POWER[one.model] <= one.power_dbm.interval.high
        assert one.power_dbm.interval.high - one.power_dbm.interval.low < 4
        assert 2 < one.residual_sd < 4
    assert held >= 5  # of 6
    assert fit.session_sd is not None
    assert fit.session_sd < 1.5  # nothing was put in between sessions


def test_what_differs_between_sessions_is_estimated_and_widens_the_intervals() -> None:
    """With 6 dB between sessions, about 95 of 100 intervals hold the truth, and the 6 dB are found (EV-13)."""
    distances = tuple(0.5 * 1.3**step for step in range(8))
    held, spreads = 0, []
    for seed in range(40):
        pairs = [("A", sender) for sender in "ABC"]
        fit = fit_models(made(pairs, distances, noise=1, between=6, seed=seed), "A")
        assert fit.session_sd is not None
        spreads.append(fit.session_sd)
        for one in fit.models:
            assert one.power_dbm is not None
            held += one.power_dbm.interval.low <= POWER[one.model] <= one.power_dbm.interval.high
    assert 106 <= held <= 119  # of 120
    assert np.mean(spreads) == pytest.approx(6, abs=0.5)


def test_a_long_session_counts_no_more_than_a_short_one() -> None:
    """Ten times the readings of one session leave every figure where it was (EV-13)."""
    short = made(ALL)
    more = pl.concat([short.readings] + [short.readings.filter(pl.col("receiver") == "B")] * 9)
    assert figures(fit_models(Recording("made", "made", more), "A")) == figures(fit_models(short, "A"))


def test_models_that_nothing_joins_are_left_out_and_named() -> None:
    """C hears only itself: its level cannot be compared, so that it is no part of the fit (EV-14)."""
    fit = fit_models(made([("A", "A"), ("A", "B"), ("B", "A"), ("C", "C")]), "A")
    assert fit.apart == ("C",)
    assert figures(fit) == {"A": (0, -20), "B": (4, -31)}
    assert fit.left_out == 30


def test_a_half_that_was_not_measured_is_assumed_and_says_so() -> None:
    """B only sends and C only listens: their records have the lowest confidence and say what was assumed (EV-14)."""
    fit = fit_models(made([("A", "A"), ("A", "B"), ("C", "A")]), "A")
    assert figures(fit) == {"A": (0, -20), "B": (None, -31), "C": (-7, None)}
    by_model = {one.model: one for one in records(fit, "made up")}
    assert by_model["A"].confidence is Confidence.HIGH
    assert (by_model["B"].rssi_offset_db, by_model["B"].confidence) == (0, Confidence.LOWEST)
    assert "offset not measured, 0 assumed" in by_model["B"].source
    assert (by_model["C"].tx_power_dbm, by_model["C"].confidence) == (
        round((-20 - 31) / 2),
        Confidence.LOWEST,
    )
    assert "power not measured" in by_model["C"].source
    assert all(one.source.endswith("made up") for one in by_model.values())


def test_what_cannot_be_fitted_is_refused() -> None:
    """No usable reading, an unknown reference, distances bound to models, a power that no phone has: all refused."""
    nothing = made(ALL).readings.with_columns(rssi_dbm=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(RecordingError, match="no reading has a signal strength"):
        fit_models(Recording("made", "made", nothing))
    with pytest.raises(InputError, match="reference = 'Z' received nothing; the receivers are A, B, C"):
        fit_models(made(ALL), "Z")
    one, other = made([("A", "A")], (1.0,)).readings, made([("A", "B")], (2.0,)).readings
    with pytest.raises(RecordingError, match="say how the loss grows with --exponent"):
        fit_models(Recording("made", "made", pl.concat([one, other])), "A")
    with pytest.raises(InputError, match="the fit of 'B' is no calibration: tx_power_dbm"):
        records(fit_models(made(ALL), "A", loss_db=15), "made up")


def test_records_go_through_a_file_unchanged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What fit-models writes, with figures of the fit beside it, load_calibrations reads (EV-13, EV-15)."""
    recording = tmp_path / "made.parquet"
    made(ALL).readings.with_columns(pl.col(pl.Categorical).cast(pl.String)).write_parquet(recording)
    out = tmp_path / "models.json"
    assert (
        main(["fit-models", str(recording), "--reference", "A", "--source", "made up", "--out", str(out)])
        == 0
    )
    told = capsys.readouterr().out
    assert "Reference  A, whose offset is 0" in told
    assert "Too few sessions" in told
    loaded = load_calibrations(out)
    assert [(one.model, one.rssi_offset_db, one.tx_power_dbm) for one in loaded] == [
        ("A", 0, -20), ("B", 4, -31), ("C", -7, -9),
    ]  # fmt: skip
    assert loaded == records(fit_models(load([recording], {})[0], "A"), "made up")
    fit = json.loads(out.read_text())["fit"]
    assert fit["models"][1]["offset_db"]["value"] == pytest.approx(4)
    assert main(["fit-models", str(recording), "--loss", "-1"]) == 2
    assert "loss = -1, must be 0..120 dB" in capsys.readouterr().err
    assert main(["fit-models", str(recording), "--out", str(tmp_path / "no" / "file.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err


TABLE = "oem,model,rssi correction (android rssi + it = iphone rssi),tx (as iphone would),has direct measurement\n"


def test_the_published_table_is_read_as_it_stands(tmp_path: Path) -> None:
    """Corrections and powers of the published table become records; what was measured has high confidence (EV-15)."""
    path = tmp_path / "table.csv"
    path.write_text(TABLE + "X,One,-6,-31,no\nX,Two,3,-20,yes\nY,One,0,0,no\n\n")
    assert [
        (one.model, one.rssi_offset_db, one.tx_power_dbm, one.confidence) for one in load_calibrations(path)
    ] == [
        ("One", -6, -31, Confidence.MEDIUM),
        ("Two", 3, -20, Confidence.HIGH),
    ]


RECORD = {"model": "A", "rssi_offset_db": 0, "tx_power_dbm": -20, "confidence": "high", "source": "made up"}


def form(*calibrations: object) -> str:
    """A file of our own form."""
    return json.dumps({"form": "anopticon device calibrations 1", "calibrations": calibrations})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("{}", 'must have "form": "anopticon device calibrations 1"'),
        (form(), "holds 0 models"),
        (form(RECORD, 7), "calibration 2: must have exactly the fields model"),
        (form({**RECORD, "colour": 1}), "calibration 1: must have exactly"),
        (form({**RECORD, "tx_power_dbm": "loud"}), "tx_power_dbm = 'loud', must be a whole number"),
        (form({**RECORD, "tx_power_dbm": True}), "tx_power_dbm = True, must be a whole number"),
        (form({**RECORD, "model": 5}), "model = 5, must be text"),
        (form({**RECORD, "confidence": "total"}), "confidence = 'total', must be one of lowest"),
        (form({**RECORD, "tx_power_dbm": 21}), r"calibration 1: tx_power_dbm = 21, must be -50\.\.20 dBm"),
        ("maker,model\n", "neither JSON of the form .* nor a table with a column 'rssi correction'"),
        (TABLE, "holds 0 models"),
        (TABLE + "X,One,-6\n", "line 2: 3 fields where the header has 5"),
        (TABLE + "X,One,six,-31,no\n", "line 2: invalid literal"),
        ("model\rmodel", "is no CSV"),
        (TABLE + "X,One,-60,-31,no\n", "line 2: rssi_offset_db = -60"),
    ],
)
def test_a_file_of_calibrations_is_read_whole_or_refused(tmp_path: Path, text: str, says: str) -> None:
    """A wrong record is named, and nothing of its file is used (EV-15)."""
    path = tmp_path / "models"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        load_calibrations(path)


def test_a_file_that_is_no_list_of_models_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing, a binary and a huge file are refused before they are parsed (EV-15)."""
    with pytest.raises(InputError, match="cannot be read"):
        load_calibrations(tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="no text in UTF-8"):
        load_calibrations(tmp_path / "binary")
    monkeypatch.setattr("anopticon_testbed.evaluation.calibration_files.MAX_BYTES", 1)
    with pytest.raises(InputError, match="is larger than 1 bytes"):
        load_calibrations(tmp_path / "binary")


def test_the_anechoic_measurements_can_be_fitted(shared: Callable[[str], Path]) -> None:
    """Seven models at 1 m: the reference is the iPhone, which all others heard and which heard them (EV-13)."""
    fit = fit_models(load([shared("data/ble/dp3t-exp25")], {})[0])
    assert (fit.reference, fit.readings, len(fit.models), fit.left_out) == ("iPhone11", 1_202, 7, 0)
    offset = {one.model: one.offset_db.value for one in fit.models if one.offset_db}
    # By hand from the session means: the S10 reads the iPhone at -42.0 dBm where the iPhones read each other at -48.
    assert offset["SM-G973F"] == pytest.approx(-6.0, abs=0.5)
    assert fit.session_sd is None


def test_people_who_move_are_sessions_of_similar_distances() -> None:
    """Distances that differ by a little are one session: walking makes no session of each step (EV-13)."""
    near = made([("A", "A"), ("A", "B"), ("B", "A")], tuple(np.linspace(0.95, 1.05, 11)))
    far = made([("A", "A"), ("A", "B"), ("B", "A")], (2.0,))
    fit = fit_models(Recording("made", "made", pl.concat([near.readings, far.readings])), "A")
    assert fit.sessions == 6
    offset, power = figures(fit)["B"]
    assert offset == pytest.approx(4, abs=0.01)
    assert power == pytest.approx(-31, abs=0.01)
    assert fit.exponent == pytest.approx(2, abs=0.01)
