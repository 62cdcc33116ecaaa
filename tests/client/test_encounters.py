"""What a phone keeps of what it hears: which frames, which signal strengths, how much time, and how many at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.admission import MAX_NEW_OBSERVATIONS_PER_DAY
from anopticon_client.encounters import MAX_READINGS, MAX_SIGHTINGS_PER_SCAN
from anopticon_client.state import Progress
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID, RELEASE_PERIOD_SECONDS
from tests.client.drive import DAY, NEAR, START, Handset, Town, clock, each_design, each_dp3t
from tests.client.tables import SLOT_SECONDS, frame_of, service_data


def seconds_of(handset: Handset) -> list[int]:
    """Seconds of each stored reading, in the order of storage."""
    return [reading.seconds for row in handset.rows for reading in row.readings]


@st.composite
def damaged(draw: st.DrawFn, frame: bytes) -> bytes:
    """A frame of which a few bytes were lost, doubled or replaced."""
    spoilt = bytearray(frame)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(spoilt)))
        spoilt[start : start + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(spoilt)


@each_design
@given(data=st.data())
def test_law_noise_is_not_stored(spec: str, data: st.DataObject) -> None:
    """Bytes without service data of the design leave no trace but the time of the scan, and none raise.

    SPEC: PH-10, AD-3.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    design = town.design
    frame = data.draw(st.one_of(st.binary(max_size=40), damaged(frame_of(design, "somebody"))))
    before = bob.saved.snapshot()
    bob.hear(frame, START + 300)
    after = bob.saved.snapshot()
    length = len(service_data(design, "somebody"))
    mark = bytes([3 + length, 0x16]) + design.service_uuid.to_bytes(2, "little")
    if mark not in frame or len(frame) > 31:
        assert after.observations == ()
    assert len(after.observations) <= 1
    assert after.own_keys == before.own_keys
    assert after.progress.last_scan == START + 300


@each_design
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda frame: frame[:-1], id="cut short"),
        pytest.param(lambda frame: frame + b"\x01", id="a byte more"),
        pytest.param(lambda frame: frame[3:7] + frame[7:] + frame[7:], id="two identifiers"),
        pytest.param(lambda frame: b"\x00" + frame[1:], id="data behind the end mark"),
        pytest.param(
            lambda frame: frame[:5] + b"\x12\x18" + frame[7:9] + b"\x12\x18" + frame[11:], id="battery"
        ),
        pytest.param(lambda frame: b"", id="empty"),
    ],
)
def test_malformed_frames_are_ignored(spec: str, spoil: object) -> None:
    """A frame that is cut, stretched, doubled or of a service nobody knows stores nothing and raises nothing.

    SPEC: PH-10, AD-3.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    frame = frame_of(town.design, "somebody")
    bob.hear(spoil(frame), START + 300)  # type: ignore[operator]
    assert bob.rows == []
    assert bob.warnings == []
    bob.hear(frame, START + 600)
    assert len(bob.rows) == 1


@each_design
def test_frames_of_the_other_service_are_ignored(spec: str) -> None:
    """DP-3T phones do not keep Exposure Notification frames, nor the other way round.

    SPEC: PH-10.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    lengths = {GAEN_SERVICE_UUID: 20, DP3T_SERVICE_UUID: 16}
    del lengths[town.design.service_uuid]
    ((other, length),) = lengths.items()
    bob.hear(encode(other, bytes(length)), START + 300)
    assert bob.rows == []


@each_design
def test_frames_with_and_without_flags_are_the_same(spec: str) -> None:
    """The flags section, which some phones leave out, does not change what is stored.

    SPEC: AD-2.
    """
    town = Town(spec, "with", "without")
    data = service_data(town.design, "somebody")
    for handset, flags in zip(town.handsets, (True, False), strict=True):
        handset.hear(encode(town.design.service_uuid, data, flags=flags), START + 300)
    one, other = town.handsets
    assert one.rows == other.rows != []


@each_design
@pytest.mark.parametrize(
    ("rssi_dbm", "kept"),
    [(127, 0), (-127, 0), (-128, 0), (21, 0), (1_000, 0), (-1_000, 0), (-126, 1), (20, 1), (0, 1)],
)
def test_signal_strengths_that_are_no_measurement_are_ignored(spec: str, rssi_dbm: int, kept: int) -> None:
    """127 and -127 say that nothing was measured, and what lies outside -126..20 dBm cannot have been.

    SPEC: PH-10.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    bob.hear(frame_of(town.design, "somebody"), START + 300, rssi_dbm)
    assert len(bob.rows) == kept


@each_dp3t
def test_packets_of_one_scan_become_one_reading_with_their_mean(spec: str) -> None:
    """The mean of -70 and -71 dBm is rounded half up to -70; what was no measurement takes no part in it.

    SPEC: DS-8, DS-9.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    frame = frame_of(town.design, "somebody")
    bob.scan(START + 300, (frame, -70), (frame, 127), (frame, -71), (frame, -127))
    (row,) = bob.rows
    assert [(reading.offset, reading.rssi_dbm, reading.metadata) for reading in row.readings] == [
        (0, -70, b"")
    ]


def test_gaen_keeps_every_packet_with_its_second_and_its_metadata() -> None:
    """Exposure Notification stores each packet: second in the interval, RSSI, raw gap and encrypted metadata.

    SPEC: GA-3, DS-8.
    """
    town = Town("gaen", "bob")
    (bob,) = town.handsets
    frame = frame_of(town.design, "somebody")
    bob.scan(START)
    bob.scan(START + 610, (frame, -70), (frame, 127), (frame, -71))
    (row,) = bob.rows
    assert row.token.slot == START // 600 + 1
    assert [tuple(reading) for reading in row.readings] == [
        (10, -71, 610, frame[-4:]),
        (10, -70, 610, frame[-4:]),
    ]


@each_dp3t
@pytest.mark.parametrize(
    ("scans", "credited"),
    [
        pytest.param([0], 120, id="first scan ever"),
        pytest.param([-60, 0], 60, id="a minute after"),
        pytest.param([-300, 0], 300, id="five minutes after"),
        pytest.param([-301, 0], 300, id="a second more is not credited"),
        pytest.param([-86_400, 0], 300, id="a day after"),
        pytest.param([60, 0], 120, id="clock set back"),
        pytest.param([60, -60, 0], 60, id="known again after the clock was set back"),
    ],
)
def test_a_scan_stands_for_the_time_since_the_one_before(spec: str, scans: list[int], credited: int) -> None:
    """A scan, heard something or not, starts the gap of the next; at most 300 s count, 120 s if none is known.

    SPEC: DS-7, PH-15.
    """
    town = Town(spec, "bob", now=clock("12:00") - 2 * DAY)
    (bob,) = town.handsets
    for at in scans[:-1]:
        bob.scan(clock("12:00") + at)
    bob.hear(frame_of(town.design, "somebody"), clock("12:00") + scans[-1])
    assert seconds_of(bob) == [credited]


@pytest.mark.parametrize(
    ("gap", "stored"),
    [(0, 0), (60, 60), (301, 301), (65_535, 65_535), (65_536, 65_535), (DAY, 65_535), (-1, 0), (-DAY, 0)],
)
def test_gaen_stores_the_raw_gap(gap: int, stored: int) -> None:
    """Exposure Notification keeps the seconds since the scan before as they are, up to 16 bits; 0 if unknown.

    SPEC: DS-8.
    """
    town = Town("gaen", "bob")
    (bob,) = town.handsets
    if gap:
        bob.scan(START + 2 * DAY - gap)
    bob.hear(frame_of(town.design, "somebody"), START + 2 * DAY)
    assert seconds_of(bob) == [stored]


@each_design
def test_the_gap_survives_a_restart(spec: str) -> None:
    """A phone that was restarted between two scans still knows when the first one ended.

    SPEC: PH-15.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    bob.scan(START + 300)
    bob.crash()
    bob.hear(frame_of(town.design, "somebody"), START + 500)
    assert seconds_of(bob) == [200]


@each_design
def test_times_are_stored_as_coarse_as_the_design_allows(spec: str) -> None:
    """Of when something was heard the slot is stored and, until settled, the release period; in GAEN the second.

    SPEC: PH-12.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    at = clock("13:47:11")
    bob.hear(frame_of(town.design, "somebody"), at)
    (row,) = bob.rows
    assert row.token.slot == at // SLOT_SECONDS[spec]
    if spec == "gaen":
        assert (row.received, row.readings[0].offset) == (-1, at % 600)
        return
    assert row.received == at - at % RELEASE_PERIOD_SECONDS
    assert [reading.offset for reading in row.readings] == [0]


@each_design
def test_only_so_many_frames_of_one_scan_are_looked_at(spec: str) -> None:
    """Of 5,002 frames in a scan two are left out, and that is said; the scan itself is kept.

    SPEC: PH-11.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    late = [(frame_of(town.design, "late"), NEAR), (frame_of(town.design, "later"), NEAR)]
    bob.scan(START + 300, *[(frame_of(town.design, "crowd"), NEAR)] * MAX_SIGHTINGS_PER_SCAN, *late)
    assert 1 <= len(bob.rows) <= 3
    assert bob.warnings == ["ignored 2 frames of one scan, beyond 5000 (MAX_SIGHTINGS_PER_SCAN)"]


@pytest.mark.parametrize("spec", ["lowcost", "unlinkable", "gaen"])
def test_a_flood_of_made_up_identifiers_stays_within_its_bound(spec: str) -> None:
    """An epoch takes its quota of new identifiers; people known before the flood are still counted, and so is tomorrow.

    SPEC: PH-11, PH-17.
    """
    town = Town(spec, "bob")
    (bob,) = town.handsets
    at = clock("12:30")
    known = frame_of(town.design, "known")
    bob.scan(at - 600)
    bob.hear(known, at - 300)
    share, left = (69, 69) if spec == "gaen" else (104, 46)
    quota = share + (MAX_NEW_OBSERVATIONS_PER_DAY - 1 - left * share) // 8
    flood = [(frame_of(town.design, number), NEAR) for number in range(quota + 2)]
    bob.scan(at, *flood[:-1])
    bob.scan(at + 1, *flood)
    assert len(bob.rows) == 1 + quota
    bounds = f"this epoch takes {quota} new ones, a day 20000 (MAX_NEW_OBSERVATIONS_PER_DAY)"
    assert bob.warnings == [f"left out {n} identifiers, drawn by lot: {bounds}" for n in (1, 2)]
    bob.scan(at + 60, (known, NEAR), (frame_of(town.design, "new"), NEAR))
    assert len(bob.rows) == 1 + quota
    if spec == "lowcost":
        assert max(seconds_of(bob)) == 300 + 59
    bob.hear(frame_of(town.design, "tomorrow"), at + DAY)
    assert len(bob.rows) == 2 + quota


def test_an_observation_keeps_only_so_many_readings() -> None:
    """A frame sent like mad is cut off at 4,096 packets, the same ones in whatever order they came.

    SPEC: PH-16.
    """
    town = Town("gaen", "bob", "cid")
    bob, cid = town.handsets
    frame = frame_of(town.design, "mad")
    packets = [(frame, -20 - number % 100) for number in range(MAX_SIGHTINGS_PER_SCAN)]
    bob.scan(clock("12:00"), *packets)
    bob.scan(clock("12:00:05"), *packets)
    cid.scan(clock("12:00"), *reversed(packets))
    cid.scan(clock("12:00:05"), *reversed(packets))
    (row,) = bob.rows
    assert len(row.readings) == MAX_READINGS == 4_096
    assert cid.rows == bob.rows


def test_no_scan_leaves_no_trace() -> None:
    """A phone that never scanned has no scan time: the default of a fresh store."""
    (bob,) = Town("lowcost", "bob").handsets
    assert bob.saved.progress.last_scan == Progress().last_scan == 0
