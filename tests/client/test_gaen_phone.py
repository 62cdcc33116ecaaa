"""What only Exposure Notification knows: cut keys, the replay guard, transmit power from encrypted metadata."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anopticon_client.matching import IndexedRows, match
from anopticon_client.state import OwnKeyId
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.gaen import encrypt_metadata, rpis
from anopticon_protocol.designs.records import (
    SETTLED,
    Observation,
    OwnKey,
    Reading,
    ReportType,
    SharedKey,
    Token,
)
from anopticon_protocol.params import GAEN_SERVICE_UUID
from tests.client.drive import NEAR, START, Handset, Town, clock

FIRST_INTERVAL = START // 600
TEK = bytes(range(16))


def frame_at(key: OwnKey | SharedKey, at: int, tx_power_dbm: int) -> bytes:
    """A frame under `key` for the interval of `at`, whatever its span, that claims to be sent with this power."""
    (rpi,) = rpis(key.secret, at // 600, 1)
    plain = bytes([0x40]) + tx_power_dbm.to_bytes(1, "big", signed=True) + bytes(2)
    return encode(GAEN_SERVICE_UUID, rpi + encrypt_metadata(key.secret, rpi, plain))


def only_key(handset: Handset) -> OwnKey:
    """The one own key of a phone that has but one."""
    (key,) = handset.saved.own_keys.values()
    return key


def heard_then_published(scans: list[tuple[str, int, int]], span: int = 144) -> Handset:
    """Bob hears frames of one key: each scan is a time, a claimed power and an RSSI; then the key is published."""
    town = Town("gaen", "bob")
    (bob,) = town.handsets
    key = SharedKey(TEK, FIRST_INTERVAL, span)
    bob.scan(clock(scans[0][0]) - 300)
    for at, power, rssi_dbm in scans:
        bob.hear(frame_at(key, clock(at), power), clock(at), rssi_dbm)
    town.desk.put(clock("02:00", day=1), key)
    town.run(clock("12:00", day=1))
    return bob


@pytest.mark.parametrize(
    ("power", "rssi_dbm", "minutes"),
    [
        pytest.param(-50, NEAR, {0: 5}, id="lowest power"),
        pytest.param(-51, NEAR, {}, id="below the lowest"),
        pytest.param(20, -43, {0: 5}, id="highest power, 63 dB"),
        pytest.param(20, -44, {}, id="highest power, 64 dB"),
        pytest.param(21, -10, {}, id="above the highest"),
        pytest.param(-15, -78, {0: 5}, id="reference power, 63 dB"),
        pytest.param(-30, -93, {0: 5}, id="a weak sender is nearer than it sounds"),
        pytest.param(127, 0, {}, id="noise"),
    ],
)
def test_transmit_power_comes_from_the_metadata(power: int, rssi_dbm: int, minutes: dict[int, float]) -> None:
    """Attenuation is the decrypted power less the RSSI; metadata with a power out of range is not believed.

    SPEC: GA-8, DS-10.
    """
    assert heard_then_published([("08:00", power, rssi_dbm)]).minutes == minutes


def test_each_packet_counts_with_its_own_power() -> None:
    """Of four packets of one interval one has noise for metadata and one a power that puts it too far away.

    SPEC: GA-8.
    """
    said = [("08:00", 127), ("08:02", -15), ("08:04", 20), ("08:06", -20)]
    bob = heard_then_published([(at, power, NEAR) for at, power in said])
    assert bob.minutes == {0: 4}
    (row,) = bob.rows
    assert row.match is not None
    assert row.match.tx_power_dbm == -15


@pytest.mark.parametrize("length", [0, 3, 5])
def test_metadata_of_another_length_than_four_bytes_is_never_used(length: int) -> None:
    """A stored reading whose metadata has not four bytes gives no power, so its observation does not match.

    SPEC: GA-8.
    """
    design = open_design("gaen")
    key = SharedKey(TEK, FIRST_INTERVAL, 144)
    (rpi,) = rpis(TEK, FIRST_INTERVAL, 1)
    sound = encrypt_metadata(TEK, rpi, b"\x40\xf1\x00\x00")
    rows = {
        metadata: Observation(Token(FIRST_INTERVAL, rpi), SETTLED, (Reading(0, NEAR, 300, metadata),))
        for metadata in (sound, (sound + b"\x00")[:length])
    }
    found = {
        metadata: match(design, (key,), clock("02:00", day=1), IndexedRows({rpi: [row]}))
        for metadata, row in rows.items()
    }
    assert [len(matched) for matched in found.values()] == [1, 0]


@pytest.mark.parametrize("length", [19, 21])
def test_a_frame_with_metadata_of_another_length_is_ignored(length: int) -> None:
    """A frame whose service data is a byte short or long stores nothing.

    SPEC: AD-3, PH-10.
    """
    town = Town("gaen", "ann", "bob")
    ann, bob = town.handsets
    data = parse(ann.frame).service_data
    uuid = GAEN_SERVICE_UUID.to_bytes(2, "little")
    body = (data + b"\x00")[:length]
    bob.hear(b"\x03\x03" + uuid + bytes([3 + length, 0x16]) + uuid + body, START + 60)
    assert bob.rows == []
    bob.hear(b"\x03\x03" + uuid + bytes([3 + 20, 0x16]) + uuid + data, START + 60)
    assert len(bob.rows) == 1


@pytest.mark.parametrize(
    ("times", "minutes"),
    [
        pytest.param(["08:00:00", "08:20:00"], 10, id="at 1,200 s"),
        pytest.param(["08:00:00", "08:20:01"], 5, id="at 1,201 s"),
        pytest.param(["08:00:00", "08:10:00", "08:20:00", "08:20:01"], 15, id="from the first, not the last"),
        pytest.param(["05:59:59", "06:00:00", "06:20:00"], 10, id="what is not valid starts no guard"),
        pytest.param(["07:59:59", "08:10:00", "08:19:59", "08:20:00"], 15, id="across intervals"),
    ],
)
def test_replay_guard(times: list[str], minutes: int) -> None:
    """Of one RPI, what comes more than 1,200 s after its first valid sighting does not count.

    SPEC: GA-7.
    """
    town = Town("gaen", "bob")
    (bob,) = town.handsets
    key = SharedKey(TEK, FIRST_INTERVAL, 144)
    frame = frame_at(key, clock("08:00"), -15)
    for at in times:
        bob.scan(clock(at) - 300)
        bob.hear(frame, clock(at))
    town.desk.put(clock("02:00", day=1), key)
    town.run(clock("12:00", day=1))
    assert bob.minutes == {0: minutes}


def test_a_key_is_expanded_for_its_rolling_period_only() -> None:
    """An RPI of the interval after a cut key's end is nobody's; that of its last interval matches.

    SPEC: GA-9.
    """
    span = 8 * 6
    inside = heard_then_published([("07:59:59", -15, NEAR)], span)
    outside = heard_then_published([("08:00:00", -15, NEAR)], span)
    assert (inside.minutes, outside.minutes) == ({0: 5}, {})


def test_the_day_of_the_report_has_a_cut_key_and_a_fresh_one() -> None:
    """The uploaded key of today ends with the interval of the report; its successor starts at the same midnight.

    SPEC: GA-4, GA-5, PH-51.
    """
    town = Town("gaen", "ann")
    (ann,) = town.handsets
    town.run(clock("12:00", day=1))
    first, second = sorted(ann.saved.own_keys.values(), key=lambda key: key.index)
    town.run(clock("13:04:59", day=1))
    town.report(ann, START)
    (keys,) = town.desk.accepted.values()
    assert set(keys) == {
        SharedKey(first.secret, FIRST_INTERVAL, 144),
        SharedKey(second.secret, FIRST_INTERVAL + 144, 13 * 6 + 1),
    }
    fresh = only_key(ann)
    assert (fresh.index, fresh.span) == (FIRST_INTERVAL + 144, 144)
    assert fresh.secret not in {first.secret, second.secret}
    assert set(ann.saved.own_keys) == {OwnKeyId(fresh.index, fresh.secret)}
    assert town.desk.files == {}
    town.run(clock("15:10", day=1))
    assert sorted(town.desk.files) == [clock("14:00", day=1)]
    town.run(clock("16:10", day=1))
    assert sorted(town.desk.files) == [clock("14:00", day=1), clock("16:00", day=1)]


@pytest.mark.parametrize(
    ("report_type", "counts"),
    [(kind, kind not in (ReportType.RECURSIVE, ReportType.REVOKED)) for kind in ReportType],
    ids=[kind.name for kind in ReportType],
)
def test_report_types(report_type: ReportType, counts: bool) -> None:
    """Keys that were revoked and those of the reserved type match nothing; the type of the others is kept.

    SPEC: GA-12.
    """
    town = Town("gaen", "ann", "bob")
    ann, bob = town.handsets
    town.meet(ann, bob, clock("09:00"), 20)
    own = only_key(ann)
    key = SharedKey(own.secret, own.index, own.span)
    town.run(clock("01:00", day=1))
    town.desk.put(clock("02:00", day=1), replace(key, report_type=report_type, days_since_onset=-3))
    town.run(clock("12:00", day=1))
    assert bob.minutes == ({0: 20} if counts else {})
    said = {(row.match.report_type, row.match.days_since_onset) for row in bob.rows if row.match}
    assert said == ({(report_type, -3)} if counts else set())
