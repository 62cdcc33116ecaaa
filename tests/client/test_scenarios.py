"""One suite of stories, told to every design alike: who is warned, of which day, and with how many minutes."""

from __future__ import annotations

import pytest

from anopticon_client.events import ReportRequested, UploadResult
from anopticon_client.exposure import ExposureRule
from anopticon_client.state import PutOwnKey
from anopticon_protocol.codes import make_code
from anopticon_protocol.messages import Upload
from tests.client.drive import CODE, DAY, FAR, NEAR, SECOND_CODE, START, Town, clock, each_design

MIDNIGHT = START // DAY


@each_design
def test_who_was_near_is_warned_once_with_the_right_minutes(spec: str) -> None:
    """Twenty minutes near somebody who reports the same day give one notice that says twenty minutes.

    SPEC: PH-31, PH-40.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 20}
    assert bob.told == [f"exposure-{MIDNIGHT}"]
    (notice,) = bob.phone.exposure_notices
    assert (notice.day, notice.seconds, notice.shown) == (MIDNIGHT, 1_200, True)
    assert "On 2026-03-02 you spent 20 minutes closer than 63 dB" in notice.sentence
    assert ann.minutes == {}
    assert ann.told == ["report"]


@each_design
def test_who_was_far_or_never_there_is_not_warned(spec: str) -> None:
    """A phone beyond the attenuation bound counts no minutes, one that never met the person matches nothing.

    SPEC: PH-31.
    """
    town = Town(spec, "ann", "far", "none", "other")
    ann, far, none, other = town.handsets
    town.meet(ann, far, clock("09:00"), 60, FAR)
    town.meet(none, other, clock("10:00"), 60)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=1))
    assert [handset.minutes for handset in (far, none, other)] == [{}, {}, {}]
    assert [handset.told for handset in (far, none, other)] == [[], [], []]
    assert sum(row.match is not None for row in far.rows) >= 1
    assert not any(row.match for row in (*none.rows, *other.rows))


@each_design
@pytest.mark.parametrize(("rssi_dbm", "counted"), [(-78, {0: 20}), (-79, {})])
def test_the_attenuation_bound_is_met_from_below(spec: str, rssi_dbm: int, counted: dict[int, int]) -> None:
    """At 63 dB, the bound, minutes count; at 64 dB they do not.

    SPEC: PH-31.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20, rssi_dbm)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=1))
    assert bob.minutes == counted


@each_design
@pytest.mark.parametrize(("minutes", "told"), [(10, []), (15, [f"exposure-{MIDNIGHT}"])])
def test_the_minutes_of_the_rule_are_enough(spec: str, minutes: int, told: list[str]) -> None:
    """Fifteen minutes warn under a rule of fifteen; ten minutes are counted but do not warn.

    SPEC: PH-31.
    """
    town = Town(spec, "ann", "bob", rule=ExposureRule(minutes_per_day=15))
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), minutes)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: minutes}
    assert bob.told == told


@each_design
def test_contact_before_the_contagious_period_does_not_count(spec: str) -> None:
    """Of contacts on two days only the one since the person became contagious counts.

    SPEC: UP-7.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 30)
    town.meet(ann, bob, clock("09:00", day=2), 20)
    town.run(clock("13:00", day=2))
    town.report(ann, clock("00:00", day=2))
    town.run(clock("12:00", day=4))
    assert bob.minutes == {2: 20}
    assert bob.told == [f"exposure-{MIDNIGHT + 2}"]


@each_design
def test_contact_after_the_report_does_not_count(spec: str) -> None:
    """What a phone broadcasts after its report is unrelated to the report, in the same epoch and on the same day.

    SPEC: PH-51.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("12:40"), 20)
    town.run(clock("13:00:30"))
    before = ann.frame
    town.report(ann, START)
    assert ann.frame != before
    town.meet(ann, bob, clock("13:01"), 40)
    town.meet(ann, bob, clock("09:00", day=1), 40)
    town.run(clock("12:00", day=3))
    assert bob.minutes == {0: 20}


@each_design
def test_a_report_counts_what_came_before_it_in_its_own_epoch(spec: str) -> None:
    """The key of the running epoch, window or day is uploaded too: what it was used for until now is warned of.

    SPEC: HY-5, UP-7.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("13:00"), 10)
    town.run(clock("13:12"))
    town.report(ann, START)
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 10}


@each_design
def test_contact_across_midnight_counts_for_both_days(spec: str) -> None:
    """Each scan counts for the day on which it ends.

    SPEC: PH-30, PH-40.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("23:30"), 60)
    town.run(clock("13:00", day=1))
    town.report(ann, START)
    town.run(clock("12:00", day=3))
    assert bob.minutes == {0: 25, 1: 35}
    assert bob.told == [f"exposure-{MIDNIGHT}", f"exposure-{MIDNIGHT + 1}"]


@each_design
def test_a_report_by_somebody_who_met_nobody_warns_nobody(spec: str) -> None:
    """A lonely person's report is taken like any other, and matches nothing anywhere."""
    town = Town(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    town.meet(bob, cid, clock("09:00"), 60)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("12:00", day=2))
    assert ann.told == ["report"]
    assert town.desk.files
    assert bob.told == cid.told == []
    assert not any(row.match for row in (*bob.rows, *cid.rows))


@each_design
def test_people_who_tested_positive_count_together(spec: str) -> None:
    """Ten minutes near each of two people who report make twenty, which warns though neither alone would.

    SPEC: PH-31.
    """
    town = Town(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    town.meet(ann, bob, clock("09:00"), 10)
    town.meet(cid, bob, clock("10:00"), 10)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("18:00"))
    assert bob.told == []
    town.report(cid, START, code=SECOND_CODE)
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 20}
    assert bob.told == [f"exposure-{MIDNIGHT}"]


@each_design
def test_a_second_report_on_the_same_day_adds_what_came_between(spec: str) -> None:
    """A day's key ends with a report; its successor of the same day can be reported on its own.

    SPEC: PH-51.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("08:00"), 20)
    town.run(clock("09:00"))
    town.report(ann, START)
    town.meet(ann, bob, clock("10:00"), 30)
    town.run(clock("11:00"))
    town.report(ann, START, code=SECOND_CODE)
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 50}
    first, second = (set(keys) for keys in town.desk.accepted.values())
    assert not {key.secret for key in first} & {key.secret for key in second}


@each_design
def test_a_withheld_hour_is_not_published_or_cannot_be(spec: str) -> None:
    """A person may leave out a time; the chain of the low-cost design cannot, says so, and then sends nothing.

    SPEC: UP-7, LC-5, PH-55.
    """
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 30)
    town.meet(ann, bob, clock("09:00", day=1), 20)
    town.run(clock("13:00", day=1))
    frame = ann.frame
    town.report(ann, START, withheld=[(clock("08:00"), clock("12:00"))])
    town.run(clock("12:00", day=3))
    if town.design.shares_every_later_key:
        assert any("cannot leave out" in sentence for sentence in ann.warnings)
        assert (ann.uploads, bob.minutes) == ([], {})
        assert ann.saved.upload is None
        assert frame in [frame for at, frame in ann.aired if at <= clock("13:00", day=1)]
        return
    assert bob.minutes == {1: 20}


@each_design
def test_withholding_everything_sends_nothing_and_keeps_the_keys(spec: str) -> None:
    """A report with no key left in it is refused on the phone, which goes on as if nothing had been asked.

    SPEC: PH-55.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("13:00"))
    keys, frame = dict(ann.saved.own_keys), ann.frame
    town.report(ann, START, withheld=[(START - DAY, START + 2 * DAY)])
    assert ann.uploads == []
    assert (ann.saved.own_keys, ann.frame) == (keys, frame)
    assert len(ann.warnings) == 1


@each_design
def test_an_upload_holds_only_keys_of_the_contagious_period(spec: str) -> None:
    """No uploaded key ended before the contagious period or begins after the report; the code is the typed one.

    SPEC: UP-7.
    """
    town = Town(spec, "ann")
    (ann,) = town.handsets
    town.run(clock("13:00", day=4))
    town.report(ann, clock("06:00", day=3))
    (body,) = ann.uploads
    upload = Upload.decode(body)
    assert upload.code == CODE.replace("-", "")
    assert upload.design == town.design.spec
    for key in upload.keys:
        start, end = town.design.key_range(key)
        assert end > clock("06:00", day=3)
        assert start <= clock("13:00", day=4)
    own = {change.key.secret for change in ann.changes if isinstance(change, PutOwnKey)}
    assert {key.secret for key in upload.keys} <= own


@each_design
def test_strangers_keys_match_nothing(spec: str) -> None:
    """Batches of a hundred unrelated phones leave a phone that heard somebody else alone."""
    strangers = Town(spec, *(f"stranger-{number}" for number in range(100)), now=clock("12:00"))
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("12:00"), 30)
    for number, stranger in enumerate(strangers.handsets):
        code = make_code(number.to_bytes(16, "big"))
        stranger.handle(ReportRequested(code, START), clock("12:20"))
        assert town.desk.take(stranger.uploads[0], clock("12:20")).result is UploadResult.ACCEPTED
    town.run(clock("12:00", day=2))
    assert len(town.desk.accepted) == 100
    assert len(bob.saved.batches) >= 1
    assert not any(row.match for row in bob.rows)


@each_design
def test_two_frames_in_one_scan_are_two_people(spec: str) -> None:
    """Minutes near two people at the same time count for each, as the exposure rule has it.

    SPEC: PH-31.
    """
    town = Town(spec, "ann", "bob", "cid")
    ann, bob, cid = town.handsets
    town.run(clock("09:00"))
    bob.scan(town.now)
    for at in range(clock("09:05"), clock("09:21"), 300):
        town.run(at)
        bob.scan(at, (ann.frame, NEAR), (cid.frame, NEAR))
    town.report(ann, START)
    town.report(cid, START, code=SECOND_CODE)
    town.run(clock("12:00", day=2))
    assert bob.minutes == {0: 40}
