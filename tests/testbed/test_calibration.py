"""Offsets from a reference run: recovered, relative to the mean device, beside the data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_testbed.calibration.offsets import MIN_FRAMES, Level, solve
from anopticon_testbed.calibration.pairs import median_of_counts
from anopticon_testbed.cli import main
from anopticon_testbed.errors import InputError
from tests.testbed.runs import write_run

decibels = st.floats(-12, 12, allow_nan=False)
devices = st.lists(st.tuples(decibels, decibels), min_size=3, max_size=8)


def levels(offsets: list[tuple[float, float]], attenuation: float, bump: float = 0.0) -> list[Level]:
    """What each pair of devices with these transmit and receive offsets measures; the first pair is off by `bump`."""
    return [
        Level(f"n{one}", f"n{other}", -attenuation + tx + rx + (bump if (one, other) == (0, 1) else 0), 100)
        for one, (tx, _) in enumerate(offsets)
        for other, (_, rx) in enumerate(offsets)
        if one != other
    ]


@given(devices, st.floats(30, 80))
def test_offsets_are_recovered(offsets: list[tuple[float, float]], attenuation: float) -> None:
    """SPEC: TB-10. Without scatter the solution gives every sum of offsets back, with means of zero and no residual."""
    found = solve(levels(offsets, attenuation))
    assert sum(one.tx_db for one in found.devices.values()) == pytest.approx(0, abs=1e-6)
    assert sum(one.rx_db for one in found.devices.values()) == pytest.approx(0, abs=1e-6)
    assert found.rms_db == pytest.approx(0, abs=1e-6)
    for one, (tx, _) in enumerate(offsets):
        for other, (_, rx) in enumerate(offsets):
            if one != other:
                sums = found.devices[f"n{one}"].tx_db + found.devices[f"n{other}"].rx_db
                assert sums - found.attenuation_db == pytest.approx(tx + rx - attenuation, abs=1e-6)
    means = sum(tx for tx, _ in offsets) / len(offsets), sum(rx for _, rx in offsets) / len(offsets)
    for one, (tx, rx) in enumerate(offsets):
        assert found.devices[f"n{one}"].tx_db == pytest.approx(tx - means[0], abs=1e-6)
        assert found.devices[f"n{one}"].rx_db == pytest.approx(rx - means[1], abs=1e-6)


@given(devices, st.floats(-30, 30))
def test_a_louder_room_changes_no_offset(offsets: list[tuple[float, float]], shift: float) -> None:
    """SPEC: TB-10. The same shift on every pair goes into the attenuation alone."""
    before, after = solve(levels(offsets, 50)), solve(levels(offsets, 50 + shift))
    assert after.attenuation_db - before.attenuation_db == pytest.approx(shift, abs=1e-6)
    for name, one in before.devices.items():
        assert after.devices[name].tx_db == pytest.approx(one.tx_db, abs=1e-6)


def test_what_does_not_fit_shows_in_the_residuals() -> None:
    """SPEC: TB-10. One pair that is 9 dB off has the largest residual, of its sign, and the rms is not zero."""
    found = solve(levels([(0, 0)] * 5, 55, bump=9))
    worst = max(found.residuals, key=lambda one: abs(one.db))
    assert (worst.sender, worst.receiver) == ("n0", "n1")
    assert 3 < worst.db < 9
    assert found.rms_db > 1


@pytest.mark.parametrize(
    ("given_levels", "told"),
    [
        ([], "0 devices heard each other"),
        ([Level("a", "b", -50, 99), Level("b", "a", -50, 99)], "at least 3"),
        (
            [Level(a, b, -50, 99) for a, b in ("ab", "ba", "ac", "ca", "ad", "da")],
            "must hear each other both ways",
        ),
        (
            [
                Level(a, b, -50, 99 if "c" not in a + b else MIN_FRAMES - 1)
                for a, b in ("ab", "ba", "ac", "ca", "bc", "cb")
            ],
            "for want of 30 frames: a to c, c to a, b to c, c to b",
        ),
    ],
    ids=["nothing", "two", "a star", "too few frames"],
)
def test_what_cannot_be_told_apart_is_refused(given_levels: list[Level], told: str) -> None:
    """SPEC: TB-10. Too few devices, frames or directions are refused with what is needed."""
    with pytest.raises(InputError, match=told):
        solve(given_levels)


@given(st.lists(st.integers(-110, -20), min_size=1, max_size=60))
def test_the_median_of_counts_is_the_median(values: list[int]) -> None:
    """Counting strengths gives the median that sorting them gives."""
    ordered = sorted(values)
    middle = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    assert median_of_counts({value: values.count(value) for value in values}) == middle


def test_calibrate_writes_beside_the_data_and_never_into_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SPEC: TB-11. The verb writes calibration.json next to recordings that stay byte for byte what they were."""
    tx, rx = {"a": 3, "b": -3, "c": 0}, {"a": -1, "b": 0, "c": 1}
    folder = write_run(tmp_path, "abc", lambda s, r, n, _: -70 + tx[s] + rx[r] + (-2, 0, 2)[n % 3])
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["calibrate", str(folder)]) == 0
    told = json.loads((folder / "calibration.json").read_text())
    assert told["attenuation_at_1_m_db"] == 55
    assert told["devices"]["a"] == {"tx_offset_db": 3.0, "rx_offset_db": -1.0}
    assert told["rms_residual_db"] == 0
    assert {path: path.read_bytes() for path in before} == before
    assert "attenuation at 1 m between two mean devices: 55.0 dB" in capsys.readouterr().out


def test_calibrate_refuses_an_output_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be written is one sentence, and exit status 2."""
    folder = write_run(tmp_path, "abc", lambda *_: -70, seconds=20)
    assert main(["calibrate", str(folder), "--out", str(tmp_path / "none" / "x")]) == 2
    assert "Name another file with --out" in capsys.readouterr().err


def test_a_run_with_devices_far_apart_is_no_reference_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SPEC: TB-10. Places in the recordings that are more than 2 m apart are named, and nothing is written."""
    at = {"a": (0.0, 0.0, 1.0), "b": (1.0, 0.0, 1.0), "c": (3.0, 0.0, 1.0)}
    folder = write_run(tmp_path, "abc", lambda *_: -70, seconds=20, places=at)
    assert main(["calibrate", str(folder)]) == 2
    told = capsys.readouterr().err
    assert "were 3.0 m apart, and 2 of 6 pairs more than 2 m" in told
    assert not (folder / "calibration.json").exists()


def test_devices_that_say_they_stand_close_are_calibrated(tmp_path: Path) -> None:
    """SPEC: TB-10. Two metres are still close enough: more than four devices cannot all be 1 m from each other."""
    at = {"a": (0.0, 0.0, 1.0), "b": (1.0, 0.0, 1.0), "c": (2.0, 0.0, 1.0)}
    folder = write_run(tmp_path, "abc", lambda *_: -70, seconds=20, places=at)
    assert main(["calibrate", str(folder)]) == 0


@pytest.mark.parametrize("verb", ["calibrate", "preflight"])
def test_recordings_that_do_not_say_what_was_sent_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """SPEC: TB-10. Without any sender's own schedule, as after an import, that is said and not that a run was short."""
    folder = write_run(tmp_path, "abc", lambda *_: -70, seconds=20, mute="abc")
    assert main([verb, str(folder)]) == 2
    assert "no recording says what its node sent" in capsys.readouterr().err
