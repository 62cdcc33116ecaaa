"""Reports read from bytes, against Bumble's own reader and against nonsense."""

from __future__ import annotations

import contextlib

import pytest
from bumble import hci
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.duplicates import ENOUGH, MAX_REMEMBERED, SETTLE_NS, DuplicateWatch
from anopticon_client.radio.hci.hearing import Hearing
from anopticon_client.radio.hci_reports import MalformedReportError, address_kind, decode_reports, is_report
from anopticon_client.radio.interfaces import Moment
from anopticon_client.radio.virtual.pdu import ADV_IND, ADV_NONCONN_IND, AirPdu
from anopticon_client.radio.virtual.reporter import Reporter
from anopticon_client.radio_records import AddressType, PduType, RadioEventKind
from tests.client.radio.listening import Ear

ADDRESSES = st.binary(min_size=6, max_size=6)
PDUS = st.builds(
    AirPdu,
    kind=st.integers(0, 3),
    properties=st.just(0),
    address=ADDRESSES,
    is_random=st.booleans(),
    data=st.binary(max_size=31),
)


def reports_of_bumble(packet: bytes) -> list[tuple[bytes, int, int, bytes]]:
    """Address, address type, strength and data as Bumble reads them."""
    event = hci.HCI_Packet.from_bytes(packet)
    assert isinstance(
        event, hci.HCI_LE_Advertising_Report_Event | hci.HCI_LE_Extended_Advertising_Report_Event
    )
    return [
        (bytes(one.address)[::-1], int(one.address.address_type), one.rssi, one.data) for one in event.reports
    ]


@given(PDUS, st.integers(-127, 20), st.booleans())
def test_what_a_controller_reports_is_read_as_bumble_reads_it(pdu: AirPdu, rssi: int, extended: bool) -> None:
    """Each report of a virtual controller says the same to us, to Bumble, and what was on the air (RA-1, RA-11)."""
    reporter = Reporter()
    reporter.extended = extended
    (packet,) = reporter.reports(pdu, rssi, active=False)
    assert is_report(packet)
    (ours,) = decode_reports(packet)
    ((address, address_type, strength, data),) = reports_of_bumble(packet)
    assert (
        (ours.address, ours.rssi_dbm, ours.data)
        == (address, strength, data)
        == (pdu.address[::-1], rssi, pdu.data)
    )
    assert bool(address_type) == pdu.is_random == (ours.address_type is not AddressType.PUBLIC)
    assert ours.pdu is list(PduType)[[0, 1, 3, 2][pdu.kind or 0]]


@given(st.lists(st.tuples(PDUS, st.integers(-127, 20)), min_size=1, max_size=4), st.booleans())
def test_one_event_may_hold_several_reports(items: list[tuple[AirPdu, int]], extended: bool) -> None:
    """Reports that come in one packet are read one after the other, as the kernel reads them (RA-33)."""
    reporter = Reporter()
    reporter.extended = extended
    single = [packet for pdu, rssi in items for packet in reporter.reports(pdu, rssi, active=False)]
    body = b"".join(packet[5:] for packet in single)
    joined = single[0][:2] + bytes([min(len(body) + 2, 255), single[0][3], len(single)]) + body
    assert decode_reports(joined) == [report for packet in single for report in decode_reports(packet)]


@given(st.binary(max_size=80), st.sampled_from([0x02, 0x0D]), st.integers(0, 255))
def test_nonsense_from_a_controller_is_refused_or_read_but_never_crashes(
    body: bytes, subevent: int, count: int
) -> None:
    """Any bytes in a report event give reports or MalformedReportError (RA-33)."""
    packet = bytes([4, 0x3E, min(len(body) + 2, 255), subevent, count]) + body
    if is_report(packet):
        with contextlib.suppress(MalformedReportError):
            for report in decode_reports(packet):
                assert len(report.address) == 6
    for cut in range(5):
        assert not is_report(packet[:cut])


@given(PDUS, st.booleans(), st.data())
def test_a_report_that_is_cut_is_malformed(pdu: AirPdu, extended: bool, draw: st.DataObject) -> None:
    """No prefix of a report is taken for a report (RA-33)."""
    reporter = Reporter()
    reporter.extended = extended
    (packet,) = reporter.reports(pdu, -50, active=False)
    length = draw.draw(st.integers(6, len(packet) - 1))
    with pytest.raises(MalformedReportError):
        decode_reports(packet[:length])


def test_an_unknown_strength_is_none_and_unknown_kinds_are_unknown() -> None:
    """HCI's 127 means no strength; kinds and address types that nobody knows are told as unknown (RA-4)."""
    pdu = AirPdu(ADV_NONCONN_IND, 0, bytes(6), is_random=True, data=b"x")
    packet = bytearray(pdu.legacy_report + b"\x7f")
    (report,) = decode_reports(bytes(packet))
    assert report.rssi_dbm is None
    packet[5] = 9
    packet[6] = 7
    (report,) = decode_reports(bytes(packet))
    assert (report.pdu, report.address_type) == (PduType.UNKNOWN, AddressType.UNKNOWN)
    kinds = [address_kind(bytes([top]) + bytes(5), 1) for top in (0x00, 0x40, 0x80, 0xC0)]
    assert kinds == [
        AddressType.NON_RESOLVABLE, AddressType.RESOLVABLE, AddressType.UNKNOWN, AddressType.STATIC,
    ]  # fmt: skip


def test_extended_pdus_reach_extended_scans_alone_and_active_scans_get_responses() -> None:
    """A scan by legacy commands hears no extended PDU; an active one gets the responses of scannable ones (RA-11)."""
    reporter = Reporter()
    extended = AirPdu(None, 0x01, bytes(6), is_random=True, data=bytes(100))
    assert list(reporter.reports(extended, -50, active=False)) == []
    reporter.extended = True
    (packet,) = reporter.reports(extended, -50, active=False)
    (report,) = decode_reports(packet)
    assert (report.pdu, len(report.data)) == (PduType.EXTENDED, 100)
    asked = AirPdu(ADV_IND, 0, bytes(6), is_random=True, data=b"\x02\x01\x06", scan_response=b"\x02\x0a\x00")
    for reporter.extended in (False, True):
        first, second = (decode_reports(packet)[0] for packet in reporter.reports(asked, -50, active=True))
        assert (first.pdu, second.pdu) == (PduType.ADV_IND, PduType.SCAN_RSP)
        assert (first.data, second.data) == (b"\x02\x01\x06", b"\x02\x0a\x00")


def test_malformed_reports_are_counted_and_told_ever_more_seldom() -> None:
    """A thousand broken reports make ten dropped events, whose counts say how many there were (RA-6)."""
    ear = Ear()
    hearing = Hearing(ear, lambda: Moment(1, 2))
    for _ in range(1_000):
        hearing.on_report(bytes([4, 0x3E, 3, 2, 1, 0]))
    assert set(ear.kinds()) == {RadioEventKind.DROPPED}
    assert len(ear.events) == 10
    assert sum(int(event.details["count"]) for event in ear.events) == 512


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**9)), max_size=300))
def test_a_repeat_settles_the_question_for_good(heard: list[tuple[int, int]]) -> None:
    """Once an advertisement came twice within a scan, nothing is flagged any more (RA-8)."""
    watch = DuplicateWatch()
    now = 0
    assert not watch.heard(b"a", b"x", now)
    assert not watch.heard(b"a", b"x", now + 1)
    for who, wait in heard:
        now += wait
        assert not watch.heard(bytes([who]), b"", now)
        assert not watch.scan_changed(now)


@pytest.mark.parametrize("scans", [True, False], ids=["short-scans", "one-long-scan"])
def test_advertisements_that_come_once_each_are_flagged_once(scans: bool) -> None:
    """Also in scans of four seconds, whose beginnings empty the filter, ENOUGH lonely advertisements suffice (RA-8)."""
    watch = DuplicateWatch()
    flags = 0
    for number in range(4 * ENOUGH):
        now = number * 300_000_000_000
        flags += watch.heard(bytes([number]), b"", now)
        if scans:
            flags += watch.scan_changed(now + SETTLE_NS)
            flags += watch.scan_changed(now + 2 * SETTLE_NS)
        assert flags == int(number >= ENOUGH - (1 if scans else 0))
    assert flags == 1


def test_a_crowd_in_a_moment_is_no_evidence_and_takes_no_memory() -> None:
    """Thousands that are heard once within less than two seconds prove nothing, and are not all kept (RA-8)."""
    watch = DuplicateWatch()
    for number in range(5_000):
        assert not watch.heard(number.to_bytes(6, "big"), b"", number)
    assert len(watch._waiting) <= MAX_REMEMBERED + 1
