"""A phone with a scoring of its own choice: what it is given, what it tells, and that nothing of it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import pytest

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import ConfigurationError
from anopticon_client.events import Started
from anopticon_client.exposure import contacts, day_scores
from anopticon_client.scoring import (
    AttenuationDurations,
    Confidence,
    DeviceCalibration,
    ExposureRule,
    KeyMapping,
    Scorer,
    SummaryScoring,
    open_scoring,
)
from anopticon_client.scoring.windows import windows_of
from anopticon_protocol.advert import parse
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.gaen import encrypt_metadata
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.messages import BatchEntry, BatchIndex, Upload
from tests.client.drive import DAY, SPECS, START, Handset, Town, clock, each_design, each_dp3t


def town_with(spec: str, rule: Scorer, calibration: DeviceCalibration | None = None) -> tuple[Town, Handset]:
    """Bob has `rule`, has met Ann for fifty minutes at 45 dB on Monday, and she has reported on Tuesday."""
    town = Town(spec, "ann", "bob")
    ann, bob = town.handsets
    bob.config = replace(town.config, rule=rule, calibration=calibration)
    bob.crash()
    town.meet(ann, bob, clock("09:00"), 50)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("13:00", day=1))
    return town, bob


def test_a_phone_tells_what_its_scoring_says() -> None:
    """With the sample configuration fifty minutes near are one exposure, told with the minutes and the weight.

    SPEC: PH-40, SC-52.
    """
    _, bob = town_with("gaen", open_scoring("google-sample-v2"))
    (notice,) = bob.phone.exposure_notices
    assert notice.sentence == (
        "On 2026-03-02 you spent 50 minutes near people who later tested positive, which weigh 50."
    )
    assert notice.seconds == 3_000
    (score,) = bob.phone.day_scores()
    assert (score.day, float(score.value), score.exposed) == (START // DAY, 3_000.0, True)
    assert score.explain()[0] == "Monday 2026-03-02: an exposure, 3000 of 2700 weighted seconds"


def test_a_phone_does_not_tell_what_its_scoring_does_not_say() -> None:
    """A higher threshold: the score of the day is there, and no notice of it."""
    _, bob = town_with("gaen", SummaryScoring(threshold=4_096))
    assert bob.phone.exposure_notices == ()
    (score,) = bob.phone.day_scores()
    assert score.value > 0


@each_design
def test_every_design_scores_attenuation_durations(spec: str) -> None:
    """The DP-3T score does with what any design keeps: fifty minutes below 50 dB, of which thirty count.

    SPEC: SC-10.
    """
    _, bob = town_with(spec, AttenuationDurations())
    (score,) = bob.phone.day_scores()
    assert (float(score.value), score.seconds) == (30.0, 1_800)
    assert "50 minutes closer than 50 dB, of which 30 count" in score.lines[0]


def test_observations_of_one_key_are_one_contact() -> None:
    """Fifty minutes are several identifiers of one key of Exposure Notification, and one contact.

    SPEC: SC-1, GA-13.
    """
    town, bob = town_with("gaen", ExposureRule())
    matched = [row for row in bob.rows if row.match]
    (one,) = contacts(town.design, matched)
    assert len(matched) > 4
    assert len({packet.identifier for packet in one.packets}) > 4
    assert one.key.start == START
    assert one.key.report_type is ReportType.CONFIRMED_TEST


@each_dp3t
def test_observations_of_dp3t_are_contacts_of_their_own(spec: str) -> None:
    """What these designs store does not say which identifiers were of one person, and no contact does.

    SPEC: SC-1.
    """
    town, bob = town_with(spec, ExposureRule())
    matched = [row for row in bob.rows if row.match]
    assert len(contacts(town.design, matched)) == len(matched) > 1
    assert contacts(town.design, [replace(row, match=None) for row in matched]) == []


def test_a_key_revoked_later_counts_no_more() -> None:
    """A key that was self-reported, matched, and revoked by a later batch makes no score from then on.

    SPEC: SC-1, GA-13, PH-25.
    """
    town = Town("gaen", "ann", "bob")
    ann, bob = town.handsets
    (own,) = ann.saved.own_keys.values()
    town.meet(ann, bob, clock("09:00"), 20)
    town.run(clock("01:00", day=1))
    key = SharedKey(own.secret, own.index, own.span, ReportType.SELF_REPORT, 0)
    town.desk.put(clock("02:00", day=1), key)
    town.run(clock("03:00", day=1))
    assert bob.minutes == {0: 20}
    town.desk.put(clock("04:00", day=1), replace(key, report_type=ReportType.REVOKED))
    town.run(clock("05:00", day=1))
    assert bob.minutes == {}
    assert bob.phone.day_scores() == ()
    bob.crash()
    assert bob.minutes == {}


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec != "gaen"])
@pytest.mark.parametrize("name", ["google-sample-v2", "swiss-2020-v1"])
def test_a_scoring_on_times_is_refused_where_none_are_kept(spec: str, name: str) -> None:
    """A phone of a DP-3T design does not start with a scoring that it could not follow.

    SPEC: SC-5.
    """
    with pytest.raises(ConfigurationError, match="needs the time of each packet, which design"):
        PhoneConfig(open_design(spec), {}, open_scoring(name))
    PhoneConfig(open_design("gaen"), {}, open_scoring(name))


def test_a_scoring_that_no_key_could_reach_is_refused() -> None:
    """The German rule of 2020 needs 11 points, and a key without risk level has at most 5.

    SPEC: SC-5.
    """
    with pytest.raises(ConfigurationError, match="needs the transmission risk level"):
        PhoneConfig(open_design("gaen"), {}, open_scoring("german-2020-v1"))
    PhoneConfig(open_design("gaen"), {}, open_scoring("italian-2020-v1"))


def test_a_calibrated_phone_corrects_what_it_hears() -> None:
    """A phone that hears 20 dB too loud takes the fifty minutes at 45 dB for what they were, 65 dB.

    SPEC: SC-40.
    """
    calibration = DeviceCalibration("Too Loud", -20, -15, Confidence.HIGH, "this test")
    _, bob = town_with("gaen", ExposureRule(), calibration)
    assert bob.minutes == {}
    assert bob.phone.exposure_notices == ()
    _, bob = town_with("gaen", ExposureRule())
    assert bob.minutes == {0: 50}


@pytest.mark.parametrize("confidence", list(Confidence), ids=lambda one: one.name)
def test_a_calibrated_phone_says_its_power_and_how_well_it_is_known(confidence: Confidence) -> None:
    """Ann radiates -22 dBm and says so, in metadata of version 1.1; Bob's windows carry the confidence.

    SPEC: SC-41, GA-2.
    """
    town = Town("gaen", "bob")
    (bob,) = town.handsets
    model = DeviceCalibration("Ann's", 0, -22, confidence, "this test")
    ann = Handset("ann", replace(town.config, calibration=model, tx_power_dbm=20))
    town.handsets.append(ann)
    ann.handle(Started(), START)
    (own,) = ann.saved.own_keys.values()
    sealed = parse(ann.frame).service_data[16:]
    plain = encrypt_metadata(own.secret, parse(ann.frame).service_data[:16], sealed)
    assert plain == bytes([0x50 | confidence << 2, 0xEA, 0, 0])
    town.meet(ann, bob, clock("09:00"), 20, -62)
    town.run(clock("13:00"))
    town.report(ann, START)
    town.run(clock("13:00", day=1))
    (near,) = contacts(town.design, [row for row in bob.rows if row.match])
    assert {(packet.attenuation_db, packet.confidence) for packet in near.packets} == {(40, confidence)}
    (window,) = windows_of(near, KeyMapping())
    assert window.confidence is confidence


def test_scores_are_as_of_the_last_event() -> None:
    """Twelve days later the meeting lies beyond the horizon of ten days and its score is gone.

    SPEC: SC-11.
    """
    town, bob = town_with("gaen", AttenuationDurations())
    assert len(bob.phone.day_scores()) == 1
    town.run(clock("13:00", day=12))
    assert bob.phone.day_scores() == ()
    assert day_scores(town.design, AttenuationDurations(), bob.rows, clock("13:00", day=10)) != ()


NEVER_SENT: Sequence[type] = (Upload, SharedKey, BatchEntry, BatchIndex)


@each_design
def test_what_a_phone_sends_is_the_same_whoever_was_met(spec: str) -> None:
    """The upload of somebody who was warned is to the byte that of somebody who met nobody; no message has a field.

    SPEC: SC-4, PH-32.
    """
    sent = []
    for minutes in (0, 50):
        town = Town(spec, "ann", "bob")
        ann, bob = town.handsets
        bob.config = replace(town.config, rule=AttenuationDurations())
        bob.crash()
        town.meet(ann, bob, clock("09:00"), minutes)
        town.run(clock("13:00"))
        town.report(ann, START)
        town.run(clock("13:00", day=1))
        assert bool(bob.phone.day_scores()) is bool(minutes)
        town.report(bob, START, code="0000-0000-0000-000G")
        sent.append(bob.uploads)
    assert sent[0] == sent[1]
    assert sent[0]
    names = {field.name for record in NEVER_SENT for field in fields(record)}
    words = {"score", "exposure", "minutes", "attenuation", "seconds", "risk", "contact", "encounter"}
    assert not {name for name in names for word in words if word in name}
