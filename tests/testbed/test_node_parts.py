"""Parts of a node: chrony's line, the measured offset, the ledger's bounds, plans, the lock of a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.interfaces import Moment
from anopticon_client.radio_records import AddressType, HeardFrame, PduType, RadioEvent, RadioEventKind
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.writer import RecordingWriter
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID
from anopticon_testbed.errors import InputError, SetupError
from anopticon_testbed.node.clocks import Chrony, between, parse_tracking
from anopticon_testbed.node.ledger import MAX_FRAMES, SECOND_NS, Ledger
from anopticon_testbed.node.locking import only_node
from anopticon_testbed.node.plan import NodePlan
from anopticon_testbed.node.recorder import Recorder
from anopticon_testbed.status import beacon_tag
from tests.recording.kit import MANIFEST
from tests.testbed.runs import CAN, frame_of

TRACKING = (
    "C0A80001,192.168.0.1,2,1772445600.123456789,{correction},-0.000021,0.000044,-12.345,-0.001,0.045,"
    "{delay},0.000250000,64.2,{leap}"
)


@pytest.mark.parametrize(
    ("correction", "delay", "leap", "told"),
    [
        ("0.001500000", "0.000500000", "Normal", (-1_500_000, 500_000)),
        ("-0.000002000", "0.0", "Normal", (2_000, 250_000)),
        ("0.0", "0.0", "Not synchronised", None),
        ("nan", "0.0", "Normal", None),
        ("x", "0.0", "Normal", None),
        ("1e300", "0.0", "Normal", None),
    ],
    ids=["behind", "ahead", "not synchronised", "not a number", "no number", "absurd"],
)
def test_the_line_of_chrony_is_read(
    correction: str, delay: str, leap: str, told: tuple[int, int] | None
) -> None:
    """SPEC: TB-1. The offset is minus the correction, the error half the delay and the dispersion."""
    assert parse_tracking(TRACKING.format(correction=correction, delay=delay, leap=leap)) == told


def test_a_line_of_chrony_as_it_was_measured() -> None:
    """SPEC: TB-1. Chrony 4.3, told that true time is 9.65 s later, says 9.65 in this field: the clock is behind."""
    line = (
        "{},,5,1795701930.752885988,9.652057648,-9.652057648,9.652057648,0.000,0.000,0.000,"
        "0.000000000,0.000000000,0.0,Normal\n"
    )
    assert parse_tracking(line.format("C0A80001")) == (-9_652_057_648, 0)
    assert parse_tracking(line.format("7F7F0101")) is None, "it follows its own clock"


@given(st.text(max_size=200))
def test_any_text_of_chrony_is_survived(text: str) -> None:
    """Whatever chronyc prints gives an offset or nothing."""
    parse_tracking(text)


@pytest.mark.anyio
@pytest.mark.parametrize("there", [True, False], ids=["there", "absent"])
async def test_chrony_is_asked_as_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """SPEC: TB-1. The program's answer becomes a reading with its source; without the program there is none."""
    if there:
        program = tmp_path / "chronyc"
        line = TRACKING.format(correction="0.001", delay="0", leap="Normal")
        program.write_text(f'#!/bin/sh\n[ "$*" = "-c -n tracking" ] && echo "{line}"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin" if there else str(tmp_path))
    reading = await Chrony(lambda: Moment(1, 2))()
    assert (reading is not None) == there
    if reading is not None:
        assert (reading.mono_ns, reading.wall_ns, reading.offset_ns, reading.source) == (
            1,
            2,
            -1_000_000,
            "chrony",
        )


@given(st.integers(0, 10**18), st.integers(0, 10**10), st.integers(0, 10**10), st.integers(-(10**15), 10**15))
def test_the_true_offset_lies_within_the_error(sent: int, there: int, back: int, offset: int) -> None:
    """SPEC: TB-1. However long each way took, the measured offset is off by no more than it says."""
    theirs = sent + there - offset
    found = between(sent, sent + there + back, theirs)
    assert abs(found.offset_ns - offset) <= found.error_ns + 1


def heard(at: float, data: bytes, rssi: int | None = -60) -> HeardFrame:
    """A frame heard at some second."""
    at_ns = round(at * SECOND_NS)
    return HeardFrame(at_ns, at_ns, b"", AddressType.UNKNOWN, PduType.UNKNOWN, rssi, data)


def test_a_flood_of_frames_fills_no_memory() -> None:
    """SPEC: TB-5. Of a hundred thousand different frames each is counted and at most MAX_FRAMES are kept."""
    ledger = Ledger(CAN, 0)
    for number in range(100_000):
        ledger.heard(heard(1.0, number.to_bytes(4, "big")))
    assert ledger.heard_nodes({}, "me", SECOND_NS) == ((), 100_000)
    assert len(ledger._buckets[-1].frames) == MAX_FRAMES


def test_a_node_that_hears_itself_tells_nothing_of_it() -> None:
    """SPEC: TB-5. Own frames, as some systems report them, are neither another node's nor a stranger's."""
    ledger = Ledger(CAN, 0)
    ledger.heard(heard(1.0, frame_of("me")))
    ledger.heard(heard(1.0, frame_of("you"), None))
    names = {beacon_tag(frame_of("me")): "me", beacon_tag(frame_of("you")): "you"}
    assert ledger.heard_nodes(names, "me", SECOND_NS) == ((), 0), (
        "and without a strength there is no level to tell"
    )


def test_what_was_heard_long_ago_is_forgotten() -> None:
    """A minute later nothing of it is told."""
    ledger = Ledger(CAN, 0)
    ledger.heard(heard(1.0, b"x"))
    assert ledger.heard_nodes({}, "me", 50 * SECOND_NS)[1] == 1
    assert ledger.heard_nodes({}, "me", 70 * SECOND_NS)[1] == 0


@given(st.lists(st.floats(0.01, 20), min_size=1, max_size=30))
def test_duty_is_the_share_of_time_with_the_scan_on(spans: list[float]) -> None:
    """SPEC: TB-7. Spans on and off in turn give a share between 0 and 1, and the right one within the first minute."""
    ledger = Ledger(CAN, 0)
    at = on_for = 0.0
    for number, span in enumerate(spans):
        kind = RadioEventKind.SCAN_OFF if number % 2 else RadioEventKind.SCAN_ON
        ledger.happened(RadioEvent(round(at * SECOND_NS), 0, kind))
        at += span
        on_for += span if number % 2 == 0 else 0
    duty = ledger.duty(round(at * SECOND_NS))
    assert duty is not None
    assert 0 <= duty <= 1
    if at < 55:
        assert duty == pytest.approx(on_for / at, abs=1e-6)


def test_rotations_and_tags_follow_the_radio() -> None:
    """SPEC: TB-5. The tag on the air comes first, one that ended a minute ago is gone, a reset is no rotation."""
    ledger = Ledger(CAN, 0)
    assert ledger.interval_ms() is None
    for at, name in enumerate("aabc"):
        ledger.sent(frame_of(name), at * SECOND_NS)
    assert ledger.rotations == 2
    assert len(ledger.tags(3 * SECOND_NS)) == 3
    assert len(ledger.tags(63 * SECOND_NS)) == 2
    assert ledger.interval_ms() == 240
    ledger.sent(b"", 100 * SECOND_NS)
    assert ledger.interval_ms() is None


def test_what_a_radio_tells_before_the_manifest_waits() -> None:
    """Events from opening a radio are written behind the manifest, not lost."""
    recorder = Recorder(-15, DP3T_SERVICE_UUID)
    recorder.happened(RadioEvent(5, 6, RadioEventKind.RESET, {"reason": "x"}))
    recorder.heard(heard(0.0, encode(DP3T_SERVICE_UUID, bytes(16))))
    assert len(recorder._early) == 2


def test_passers_by_leave_no_trace(tmp_path: Path) -> None:
    """SPEC: TB-1. A phone nearby that runs another service is in no row, no window and no count of the node."""
    ours, theirs = encode(DP3T_SERVICE_UUID, bytes(16)), encode(GAEN_SERVICE_UUID, b"passer-by of 20 byte")
    recorder, ledger = Recorder(-15, DP3T_SERVICE_UUID), Ledger(CAN, 0)
    recorder.heard(heard(0.0, theirs))
    policy = WriterPolicy(background=False, sync=False)
    with RecordingWriter(tmp_path, MANIFEST, lambda: (0, 0), policy) as writer:
        recorder.begin(writer, ledger)
        recorder.open_window()
        for data in (theirs, ours, theirs):
            recorder.heard(heard(1.0, data))
        assert [sighting.frame for sighting in recorder.close_window()] == [ours]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert ours.hex().encode() in kept
    assert theirs.hex().encode() not in kept
    assert ledger.frames == 1


@pytest.mark.parametrize(
    ("given_fields", "told"),
    [
        ({"name": "a/b"}, "--name"),
        ({"name": ""}, "--name"),
        ({"name": "x" * 33}, "--name"),
        ({"run": "../x"}, "--run"),
        ({"about": {"key": "x" * 201}}, "note 'key'"),
        ({"about": {str(number): "" for number in range(33)}}, "MAX_NOTES"),
    ],
    ids=["slash", "empty", "long", "run", "note", "notes"],
)
def test_a_plan_with_bad_names_is_refused(tmp_path: Path, given_fields: dict[str, object], told: str) -> None:
    """SPEC: TB-6. Names that cannot be part of a file name are refused, and so are notes beyond their bounds."""
    fields: dict[str, object] = {"name": "pi", "run": "r", "folder": tmp_path, "radio": "virtual"}
    with pytest.raises(InputError, match=told):
        NodePlan(**{**fields, **given_fields})  # type: ignore[arg-type]


def test_a_name_is_held_by_one_node(tmp_path: Path) -> None:
    """SPEC: TB-2. The second node of a name in a folder is refused, another name is not, and afterwards it is free."""
    with only_node(tmp_path, "pi"):
        with pytest.raises(SetupError, match="another --name"), only_node(tmp_path, "pi"):
            pass
        with only_node(tmp_path, "pi2"):
            pass
    with only_node(tmp_path, "pi"):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """Where the folder is a file, the sentence says what to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="--out"), only_node(tmp_path / "file", "pi"):
        pass
