"""What is judged, what the scoring is handed, and the whole way from a file to rates."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from anopticon_client.scoring import DeviceCalibration, open_scoring
from anopticon_protocol.designs.records import Confidence
from anopticon_testbed.errors import InputError, RecordingError
from anopticon_testbed.evaluation.attenuations import uncalibrated, with_attenuation
from anopticon_testbed.evaluation.contacts import Contacts, Question, find_contacts, with_packets
from anopticon_testbed.evaluation.judging import Draw, judge_contacts, judge_readings, score_contacts
from anopticon_testbed.evaluation.readings import Recording, checked
from anopticon_testbed.evaluation.running import Request, evaluate
from tests.testbed.evaluation_kit import people, write_csv, write_sqlite

MIDNIGHT = 20_000 * 86_400


def recording(rows: list[tuple[str, str, float, float, float | None]]) -> Recording:
    """Readings of receiver, transmitter, time, attenuation, distance in one scene."""
    names = ["receiver", "transmitter", "time_s", "attenuation_db", "distance_m"]
    frame = pl.DataFrame(rows, schema=names, orient="row", strict=False).with_columns(scene=pl.lit("s"))
    return Recording("made", "made", checked(frame, lambda row: f"row {row}"))


def pair(distance: float, minutes: int, attenuation: float = 50, start: float = 0) -> Recording:
    """`b` and `c` at one distance, heard by `b` once in 10 s; `c` hears something else only."""
    rows: list[tuple[str, str, float, float, float | None]] = [
        ("b", "c", start + second, attenuation, distance) for second in range(0, minutes * 60 + 1, 10)
    ]
    return recording([*rows, ("c", "x", start, 90, None)])


def judged(contacts: Contacts) -> list[tuple[str, str, bool]]:
    """Receiver, transmitter and truth of each contact."""
    named = contacts.table.select(pl.col("receiver", "transmitter").cast(pl.String), "near")
    return sorted(named.rows())


def test_a_pair_is_judged_both_ways_if_both_were_there() -> None:
    """Who heard nothing of a near one is judged too; who never listened or was never heard is not (EV-5)."""
    found = find_contacts(pair(1.0, 20), Question())
    # c listened (to x) and missed b, but b was heard by nobody; x stands at no known distance.
    assert judged(found) == [("b", "c", True)]
    assert found.unknown == 1
    both = pair(1.0, 20).readings
    extra = recording([("y", "b", 0, 90, None)]).readings
    found = find_contacts(Recording("made", "made", pl.concat([both, extra])), Question())
    assert judged(found) == [("b", "c", True), ("c", "b", True)]
    empty, heard = sorted(len(handed) for handed in with_packets(found))
    assert (empty, heard) == (0, 1)


@pytest.mark.parametrize(
    ("distance", "minutes", "asked", "near"),
    [(2.0, 15, 15, True), (2.01, 30, 15, False), (1.0, 14, 15, False), (1.0, 1, 0, True), (3.0, 1, 0, False)],
)
def test_near_is_within_both_bounds(distance: float, minutes: int, asked: float, near: bool) -> None:
    """At most D metres for at least M minutes, both bounds included; with M = 0 any time at all (EV-4)."""
    assert judged(find_contacts(pair(distance, minutes), Question(minutes=asked))) == [("b", "c", near)]


def test_windows_are_judged_one_by_one() -> None:
    """40 minutes in windows of 15 are two contacts and a rest that is too short for one (EV-4)."""
    found = find_contacts(pair(1.0, 40), Question(minutes=15, window_minutes=15))
    assert found.table.sort("window").select("window", "near").rows() == [(0, True), (1, True), (2, False)]
    seconds = [
        sum(p.seconds for p in {(q.time, q.seconds): q for q in c[0].packets}.values())
        for c in with_packets(found)
    ]
    assert seconds == [900, 900, 600]


def test_attenuations_are_whole_for_a_phone_halves_rounded_up() -> None:
    """62.5 dB are 63 dB to a scoring, 62.4 dB are 62 dB (EV-6)."""
    for attenuation, whole in ((62.4, 62), (62.5, 63), (63.4, 63)):
        found = find_contacts(pair(1.0, 16, attenuation=attenuation), Question())
        assert {packet.attenuation_db for packet in next(iter(with_packets(found)))[0].packets} == {whole}


@pytest.mark.parametrize("start", [0, MIDNIGHT - 600.5, 1_600_000_000.25])
def test_a_midnight_within_a_recording_changes_nothing(start: float) -> None:
    """Whenever a recording was made, the scoring is handed the same packets of one day (EV-6)."""
    found = find_contacts(pair(1.0, 20, start=start), Question())
    packets = next(iter(with_packets(found)))[0].packets
    assert {packet.day for packet in packets} == {20_000}
    assert {packet.time - MIDNIGHT for packet in packets} == set(range(0, 1_200, 60))
    score = score_contacts(found, open_scoring("minutes"))
    assert score.table["score"].to_list() == [20]
    assert score.table["exposed"].to_list() == [True]
    assert (score.threshold, score.unit) == (15, "minutes")


def test_a_threshold_takes_the_place_of_the_decision() -> None:
    """With T given, exposed is a score of at least T (EV-9)."""
    found = find_contacts(pair(1.0, 20), Question())
    assert score_contacts(found, open_scoring("minutes"), 20).table["exposed"].to_list() == [True]
    assert score_contacts(found, open_scoring("minutes"), 20.5).table["exposed"].to_list() == [False]
    far = find_contacts(pair(1.0, 20, attenuation=80), Question())
    nothing = score_contacts(far, open_scoring("minutes"))
    assert (nothing.table["score"].to_list(), nothing.threshold, nothing.unit) == ([0], None, "")


def test_nothing_near_is_undefined_and_said(tmp_path: Path) -> None:
    """Without a contact, sensitivity and area are None and a sentence says why (EV-8)."""
    path = write_csv(tmp_path / "a.csv", people(seed=2, devices=3, minutes=5))
    evaluation, _ = evaluate(Request([path], "minutes", "", open_scoring("minutes")))
    total = evaluation.contacts[0]
    assert total.near == 0
    assert total.rates["sensitivity"].value is None
    assert total.curve is None
    assert any("sensitivity and AUC are undefined" in remark for remark in evaluation.remarks)
    everything = evaluate(Request([path], "minutes", "", open_scoring("minutes"), Question(1_000, 0)))[0]
    assert everything.contacts[0].rates["specificity"].value is None
    assert any("specificity and AUC are undefined" in remark for remark in everything.remarks)


def test_each_scene_has_a_stream_of_its_own(tmp_path: Path) -> None:
    """Leaving out a scene changes neither rates nor intervals of another (EV-11)."""
    rows = people(seed=3, scene="hall", minutes=20)
    both = write_csv(tmp_path / "both.csv", rows + people(seed=4, scene="room", minutes=20))
    third = write_csv(tmp_path / "third.csv", rows + people(seed=5, scene="bar", minutes=20))
    halls = []
    for path in (both, third):
        request = Request(
            [path],
            "minutes",
            "",
            open_scoring("minutes"),
            Question(minutes=10),
            None,
            65,
            draw=Draw(resamples=100),
        )
        evaluation, _ = evaluate(request)
        halls += [
            next(one for one in judgements if one.scene == "hall")
            for judgements in (evaluation.contacts, evaluation.singles)
        ]
    for one, other in ((halls[0], halls[2]), (halls[1], halls[3])):
        assert one.clustered == other.clustered
        assert one.band is not None
        assert other.band is not None
        assert one.band.auc == other.band.auc


def test_single_readings_are_judged_by_the_best_or_a_given_bound() -> None:
    """Of readings at 40 and 60 dB near, 60 and 80 dB far, the best bound is 40 dB or 60 dB, and is named (EV-12)."""
    rows: list[tuple[str, str, float, float, float | None]] = [
        ("a", f"t{number}", 0, level, distance)
        for number in range(10)
        for level, distance in ((40, 1.0), (40, 1.0), (60, 2.0), (60, 2.1), (80, 3.0), (70, None))
    ]
    table = recording(rows).readings
    bound, (total, *_) = judge_readings(table, 2, None, Draw(resamples=100))
    assert (bound, total.count, total.near) == (40, 50, 30)
    assert total.confusion.true_positives == 20
    bound, (total, *_) = judge_readings(table, 2, 60, Draw(resamples=100))
    assert (bound, total.confusion.true_positives, total.confusion.false_positives) == (60, 30, 10)
    assert total.curve is not None
    # Near outscores far at 80 dB always, at 60 dB in 20 of 30, with ten ties: by hand.
    assert total.curve.auc == pytest.approx((30 * 10 + 20 * 10 + 10 * 10 / 2) / (30 * 20))


def test_intervals_by_device_are_wider_than_by_pair(tmp_path: Path) -> None:
    """Readings that share devices say less than as many that share none (EV-10)."""
    path = write_csv(tmp_path / "a.csv", people(seed=6, devices=8, minutes=5))
    widths = []
    for cluster in ("pair", "device"):
        draw = Draw(cluster, 400, 1)
        band = evaluate(Request([path], "", "", None, draw=draw))[0].singles[0].band
        assert band is not None
        widths.append(band.auc.high - band.auc.low)
    assert widths[1] > widths[0]


def made(**fields: float | str | None) -> Recording:
    """One reading between two models."""
    row = {
        "receiver": "a",
        "transmitter": "b",
        "receiver_model": "R",
        "transmitter_model": "T",
        "scene": "s",
        **fields,
    }
    return Recording("made", "made", checked(pl.DataFrame([row]), lambda row: f"row {row}"))


def calibration(model: str, offset: int, power: int) -> DeviceCalibration:
    """A calibration out of the air."""
    return DeviceCalibration(model, offset, power, Confidence.HIGH, "made up")


def test_attenuation_is_power_less_corrected_signal() -> None:
    """The receiver's offset is added to its RSSI, and that is taken from the power, never below 0 (EV-3)."""
    known = [calibration("R", -6, -49), calibration("T", 50, -25)]
    cases = [
        (made(rssi_dbm=-70, tx_power_dbm=-15), 61),  # the frame's own power goes before the model's
        (made(rssi_dbm=-70), 51),
        (made(rssi_dbm=-70, receiver_model="U"), 45),
        (made(rssi_dbm=-125), -25 + 127),  # clamped at -127, as a phone does
        (made(rssi_dbm=-10), 0),
        (made(attenuation_db=33), 33),
    ]
    for one, expected in cases:
        assert with_attenuation(one, known).readings["attenuation_db"].to_list() == [expected]
    assert with_attenuation(made(rssi_dbm=-70), (), -20).readings["attenuation_db"].to_list() == [50]
    assert uncalibrated(made(rssi_dbm=-70, receiver_model="U"), known) == ["U"]


def test_without_a_power_nothing_is_scored_and_without_a_signal_a_reading_is_counted() -> None:
    """The error says whose power lacks; readings without a signal strength are counted, not scored (EV-3)."""
    with pytest.raises(RecordingError, match=r"1 of 1 readings .* model 'T': give --tx-power DBM"):
        with_attenuation(made(rssi_dbm=-70))
    silent = with_attenuation(made(rssi_dbm=127, tx_power_dbm=4))
    assert (silent.readings.height, silent.dropped) == (0, {"no signal strength": 1})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"metres": 0}, "metres = 0, must be above 0 and at most 1,000 metres"),
        ({"metres": float("nan")}, "metres = nan, must be"),
        ({"minutes": -1}, r"minutes = -1, must be 0\.\.1440"),
        ({"minutes": 20, "window_minutes": 15}, r"minutes = 20, must be 0\.\.15 minutes, the window"),
        ({"window_minutes": 1_441}, "window = 1441, must be above 0 and at most 1,440 minutes"),
        ({"gap_seconds": 3_601}, "gap = 3601, must be above 0 and at most 3,600 seconds"),
    ],
)
def test_a_question_outside_its_bounds_is_refused(fields: dict[str, float], says: str) -> None:
    """Each bound of a question is named with the value that breaks it (EV-4)."""
    with pytest.raises(InputError, match=says):
        Question(**fields)  # type: ignore[arg-type]  # fields of the table above


def test_what_cannot_be_judged_is_refused_with_the_way_out() -> None:
    """Without times, or with measurements too far apart, the error says which option helps (EV-3)."""
    with pytest.raises(RecordingError, match=r"no reading has a time.*--readings-only"):
        find_contacts(made(rssi_dbm=-50, distance_m=1), Question())
    rows: list[tuple[str, str, float, float, float | None]] = [
        ("a", "b", 0, 50, 1.0),
        ("a", "b", 400, 50, 1.0),
    ]
    with pytest.raises(RecordingError, match=r"at most 300 s apart.*longer --gap"):
        find_contacts(recording(rows), Question())


def test_a_recording_without_distances_is_refused(tmp_path: Path) -> None:
    """Where no distance is known nothing can be judged."""
    rows = people(seed=1, devices=3, minutes=1)[:2]
    with pytest.raises(RecordingError, match="no reading has a distance"):
        evaluate(Request([write_sqlite(tmp_path / "a.db", rows)], "minutes", "", open_scoring("minutes")))


def test_a_single_scene_has_no_second_line() -> None:
    """All together and the only scene would be the same line twice."""
    found = find_contacts(pair(1.0, 20), Question())
    scored = score_contacts(found, open_scoring("minutes"))
    assert [one.scene for one in judge_contacts(scored.table, Draw(resamples=100))] == ["all"]
