"""Minutes in attenuation bins, and the published decisions on the Dublin tram."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_client.scoring import open_scoring
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.evaluation.contacts import Question
from anopticon_testbed.evaluation.loading import load
from anopticon_testbed.evaluation.running import Request, evaluate
from tests.testbed.evaluation_kit import write_tram


@pytest.mark.parametrize(
    ("name", "exposed", "right"),
    [("swiss-2020-durations", 0, 0), ("german-2020-durations", 0, 0), ("italian-2020-durations", 34, 16)],
)
def test_the_dublin_tram_gives_the_published_decisions(
    shared: Callable[[str], Path], name: str, exposed: int, right: int
) -> None:
    """Of 72 pairs the Swiss and German rules warn none, the Italian 34: 16 of 34 rightly, 18 of 38 wrongly (EV-7).

    Source: Leith and Farrell, PLoS ONE 15(9) e0239943.
    """
    request = Request([shared("data/ble/dublin-tram")], name, "", open_scoring(name))
    found = evaluate(request)[0].contacts[0]
    table = found.confusion
    assert (found.count, found.near) == (72, 34)
    assert table.true_positives + table.false_positives == exposed
    assert (table.true_positives, table.false_positives) == (right, exposed - right)


def test_minutes_of_a_bin_are_spread_over_its_whole_decibels(tmp_path: Path) -> None:
    """4 minutes in 52-56 dB are 1 minute at each of 52, 53, 54 and 55 dB (EV-7)."""
    recording, _ = load([write_tram(tmp_path, [[0, 2, 4], [0, 0, 0]], [1.5, 3.0])], {})
    assert recording.fixed
    first = recording.readings.filter(recording.readings["distance_m"] == 1.5)
    assert first["attenuation_db"].to_list() == [50, 51, 52, 53, 54, 55]
    assert first["seconds"].to_list() == [60, 60, 60, 60, 60, 60]
    # A pair that heard nothing stays a pair, with no time.
    assert recording.readings.filter(recording.readings["distance_m"] == 3.0)["seconds"].to_list() == [0]


def test_a_made_up_tram_is_decided_as_by_hand(tmp_path: Path) -> None:
    """16 minutes below 50 dB are an exposure by the Swiss rule, 16 between 50 and 55 dB, of weight a half, are none."""
    minutes: list[list[float]] = [[16, 0, 0], [0, 16, 0], [16, 0, 0], [0, 0, 30], [0, 0, 0]]
    path = write_tram(tmp_path, minutes, [1.0, 1.0, 3.0, 3.0, 2.0])
    name = "swiss-2020-durations"
    evaluation, _ = evaluate(Request([path], name, "", open_scoring(name), Question(minutes=0)))
    table = evaluation.contacts[0].confusion
    assert (table.true_positives, table.false_negatives) == (1, 2)
    # 30 minutes in 52-56 dB: 22.5 below 55 dB at one half are 11.25, below 15.
    assert (table.false_positives, table.true_negatives) == (1, 1)
    assert evaluation.singles == []
    with pytest.raises(RecordingError, match="durations, no single readings"):
        evaluate(Request([path], "", "", None))


def _damage(folder: Path, part: str, old: str, new: str) -> None:
    path = folder / f"made_{part}.txt"
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("part", "old", "new", "says"),
    [
        (
            "attenuations",
            "2.0000000e+00",
            "-2.0",
            "pair 1, column 2: -2 minutes; a duration cannot be negative",
        ),
        ("attenuations", "2.0000000e+00", "two", "made_attenuations.txt, line 3: could not convert"),
        ("attenuations", "2.0000000e+00", "nan", "line 3: must be 3 finite figures"),
        ("attenuations", "2.0000000e+00", "", "line 4: must be 2 finite figures"),
        ("attenuations", "52-56", "53-56", "3 columns but 2 bins"),
        ("attenuations", "48-50, 50-52", "50-48, 48-52", "a bin of the comment ends before it begins"),
        ("attenuations", "52-56", "52-9000000000", "or beyond 255 dB"),
        (
            "distances",
            "1.5000000e+00\n",
            "",
            "made_distances.txt has 1 rows of 1 figures, must be 2 rows of 1",
        ),
        ("distances", "1.5000000e+00", "-3", "distance_m = -3, must be"),
        ("pairs", "1.0000000e+00\n", "1 9\n", "line 2: must be|line 3: must be|rows of 3 figures"),
    ],
)
def test_a_damaged_set_is_refused_with_its_place(
    tmp_path: Path, part: str, old: str, new: str, says: str
) -> None:
    """Negative and missing durations, text, bins that do not join, parts of other lengths are refused (EV-2)."""
    path = write_tram(tmp_path, [[1, 2, 4], [1, 0, 0]], [1.5, 3.0])
    _damage(tmp_path, part, old, new)
    with pytest.raises(RecordingError, match=says):
        load([path], {})


def test_a_set_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    """Without its distances a matrix is no recording, and the error says which file to put beside it."""
    path = write_tram(tmp_path, [[1, 2, 4]], [1.5])
    (tmp_path / "made_distances.txt").unlink()
    with pytest.raises(RecordingError, match=r"needs made_distances\.txt beside it"):
        load([path], {})
    (tmp_path / "made_distances.txt").write_text("# nothing\n")
    with pytest.raises(RecordingError, match="holds no row"):
        load([path], {})
