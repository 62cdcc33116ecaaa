"""Who was near whom for how long: the distance between measurements, windows, scans."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_testbed.errors import InputError
from anopticon_testbed.evaluation.readings import checked
from anopticon_testbed.evaluation.scans import thinned, with_scans
from anopticon_testbed.evaluation.truth import near_times, stretches, while_known, windowed, with_pairs


def table(rows: list[tuple[str, str, float, float | None]]) -> pl.DataFrame:
    """Readings of receiver, transmitter, time, distance in one scene, at -60 dBm."""
    names = ["receiver", "transmitter", "time_s", "distance_m"]
    frame = pl.DataFrame(rows, schema=names, orient="row", strict=False)
    return checked(frame.with_columns(scene=pl.lit("s"), rssi_dbm=pl.lit(-60.0)), lambda row: f"row {row}")


def times(
    rows: list[tuple[str, str, float, float | None]],
    gap: float = 300,
    window: float = 86_400,
    bound: float = 2,
) -> list[tuple[int, float, float]]:
    """Window, seconds near and seconds known of the only pair."""
    pieces = windowed(stretches(with_pairs(table(rows)), gap), window)
    found = near_times(pieces, bound).sort("window")
    return [
        (number, near, known)
        for number, near, known in found.select("window", "near_s", "known_s").iter_rows()
    ]


def test_a_distance_changes_evenly_between_two_measurements() -> None:
    """From 1 m to 3 m in 100 s, half of the time is within 2 m, however the sides alternate (EV-4)."""
    assert times([("a", "b", 0, 1.0), ("b", "a", 100, 3.0)]) == [(0, 50.0, 100.0)]
    assert times([("a", "b", 0, 1.0), ("b", "a", 100, 2.0)]) == [(0, 100.0, 100.0)]
    assert times([("a", "b", 0, 2.5), ("a", "b", 100, 2.1)]) == [(0, 0.0, 100.0)]


def test_time_at_an_unknown_distance_is_no_contact() -> None:
    """Over a longer gap than allowed nothing is known, and a reading without a distance measures nothing (EV-4)."""
    rows: list[tuple[str, str, float, float | None]] = [
        ("a", "b", 0, 1.0),
        ("a", "b", 60, 1.0),
        ("a", "b", 200, None),
        ("a", "b", 361, 1.0),
    ]
    assert times(rows) == [(0, 60.0, 60.0)]
    assert times(rows, gap=301) == [(0, 361.0, 361.0)]


@given(
    st.lists(st.tuples(st.integers(1, 400), st.floats(0, 6)), min_size=2, max_size=30),
    st.integers(10, 2_000),
    st.floats(0.5, 5),
)
def test_windows_share_out_the_whole_time(steps: list[tuple[int, float]], window: int, bound: float) -> None:
    """Cut into windows of any length, near and known time add up to what they are uncut (EV-4)."""
    now = 0.0
    rows: list[tuple[str, str, float, float | None]] = []
    for step, distance in steps:
        now += step
        rows.append(("a", "b", now, distance))
    whole = times(rows, bound=bound)
    cut = times(rows, window=window, bound=bound)
    for column in (1, 2):
        assert sum(row[column] for row in cut) == pytest.approx(sum(row[column] for row in whole))
    assert all(row[2] <= window + 1e-6 for row in cut)
    assert all(row[1] <= row[2] + 1e-6 for row in cut)


def test_only_what_was_heard_while_the_distance_was_known_is_kept() -> None:
    """Readings before the first and after the last measurement, and in a gap, are no evidence (EV-6)."""
    rows: list[tuple[str, str, float, float | None]] = [
        ("a", "b", 0, None),
        ("a", "b", 10, 1.0),
        ("b", "a", 20, None),
        ("a", "b", 30, 1.0),
        ("a", "b", 40, None),
        ("a", "b", 1_000, 1.0),
        ("a", "c", 20, None),
    ]
    paired = with_pairs(table(rows))
    kept = while_known(paired, stretches(paired, 300))
    assert sorted(kept["time_s"].to_list()) == [10, 20, 30]


def scans(moments: list[float], transmitter: str = "b") -> list[tuple[float, float]]:
    """Begin of scan and time since the scan before, of readings at some moments."""
    found = with_scans(table([("a", transmitter, moment, 1.0) for moment in moments]))
    return found.select("scan_s", "since_s").unique(maintain_order=True).rows()


def test_a_gap_ends_a_scan_and_a_scan_stands_for_the_time_since_the_one_before() -> None:
    """Readings 25.5 s apart are of one scan, further apart of two; the first stands for the median (EV-6)."""
    assert scans([0, 2, 27.5, 300, 301, 620]) == [(0, 310), (300, 300), (620, 320)]
    assert scans([0, 25.6]) == [(0, 25.6), (25.6, 25.6)]
    assert scans([0, 4]) == [(0, 0)]


@given(st.integers(40, 4_000))
def test_listening_that_goes_on_is_cut_so_that_its_scans_add_up(seconds: int) -> None:
    """Scans of unbroken listening stand, together, for its length within half a scan (EV-6)."""
    found = scans([float(second) for second in range(0, seconds + 1, 5)])
    total = sum(since for _, since in found) if len(found) > 1 else 60
    assert abs(total - seconds) <= 35


def test_every_receiver_scans_by_itself() -> None:
    """One receiver's silence is not broken by another that hears something."""
    rows = [("a", "b", 0.0, 1.0), ("c", "b", 20.0, 1.0), ("a", "b", 40.0, 1.0)]
    found = with_scans(table(list(rows)))
    assert found.filter(pl.col("receiver").cast(pl.String) == "a")["scan_s"].to_list() == [0, 40]


def test_a_phone_that_listens_now_and_then_hears_a_part() -> None:
    """With 4 s of every 300 s, what was heard in the first 4 s of each 300 s is left."""
    everything = table([("a", "b", float(second), 1.0) for second in range(0, 900, 2)])
    assert thinned(everything, 4, 300)["time_s"].to_list() == [0, 2, 300, 302, 600, 602]


@pytest.mark.parametrize(
    ("listen", "every"), [(0, 300), (-1, 300), (301, 300), (4, 601), (float("nan"), 300)]
)
def test_a_phone_that_cannot_be_is_refused(listen: float, every: float) -> None:
    """Listening for no time, for longer than until the next scan, or too rarely is refused, naming the bound."""
    with pytest.raises(InputError, match=r"thin = .*LISTEN <= EVERY <= 600"):
        thinned(table([("a", "b", 0, 1.0)]), listen, every)
