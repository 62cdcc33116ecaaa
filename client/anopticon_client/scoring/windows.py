"""Exposure windows and scan instances, as Exposure Notification v2 makes them of packets (SPEC.md 16.4).

A window covers up to 30 minutes near one person, and nothing in it says which key it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from anopticon_client.errors import ScoringError
from anopticon_client.scoring.infectiousness import Infectiousness, KeyMapping
from anopticon_client.scoring.records import Contact
from anopticon_protocol.designs.base import mean_rounded_half_up
from anopticon_protocol.designs.records import NO_TIME, Confidence, Packet, ReportType
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import DAY_SECONDS, SCAN_CREDIT_UNKNOWN_SECONDS

SAME_SCAN_SECONDS: Final = 25
"""Packets at most this far apart are of one scan: 1.5 times the longest scan, 17 s, in whole seconds."""
WINDOW_SECONDS: Final = 1_800
"""A packet this long after the first of a window begins the next."""
MAX_MINUTES_SINCE_LAST_SCAN: Final = 5
_MINUTE = 60


class ScanInstance(NamedTuple):
    """One scan that heard a person: mean and least attenuation, and the seconds that it stands for."""

    typical_attenuation_db: int
    min_attenuation_db: int
    seconds_since_last_scan: int


class ExposureWindow(NamedTuple):
    """Up to 30 minutes near a person: the UTC day, what the key said, the scans."""

    day: int
    report_type: ReportType
    infectiousness: Infectiousness
    confidence: Confidence
    scans: tuple[ScanInstance, ...]


def windows_of(contact: Contact, mapping: KeyMapping) -> Iterator[ExposureWindow]:
    """The windows of one key, in order of time; raises ScoringError if a packet has no time."""
    infectiousness = mapping.infectiousness(contact.key.days_since_onset)
    report_type = mapping.report_type(contact.key.report_type)
    for packets in _windows(sort_by_time(contact.packets)):
        first = packets[0]
        yield ExposureWindow(
            first.time // DAY_SECONDS,
            report_type,
            infectiousness,
            first.confidence,
            tuple(_instance(scan) for scan in _scans(packets)),
        )


def shuffled_windows(
    contacts: Iterable[Contact], mapping: KeyMapping, entropy: bytes
) -> tuple[ExposureWindow, ...]:
    """Every window, in an order that 32 fresh secret bytes decide: which ones were of one person cannot be told."""
    # Sorted before it is shuffled: the order says nothing of the order in which contacts came.
    windows = sorted(window for contact in contacts for window in windows_of(contact, mapping))
    fresh = Entropy(entropy)
    for place in range(len(windows) - 1, 0, -1):
        drawn = fresh.below("window order", place + 1)
        windows[place], windows[drawn] = windows[drawn], windows[place]
    return tuple(windows)


def sort_by_time(packets: Iterable[Packet]) -> list[Packet]:
    """In one order, whatever order they came in; raises ScoringError if one has no time."""
    found = sorted(packets, key=_order)
    if found and found[0].time == NO_TIME:
        raise ScoringError("this scoring is defined on packets with times, and one has none (NO_TIME)")
    return found


def seconds_since_last_scan(time: int, gap_seconds: int) -> int:
    """Whole minutes between two scans by the clock, 0..5, in seconds; 120 if no earlier scan is known."""
    if gap_seconds <= 0:
        return SCAN_CREDIT_UNKNOWN_SECONDS
    minutes = time // _MINUTE - (time - gap_seconds) // _MINUTE
    return _MINUTE * min(MAX_MINUTES_SINCE_LAST_SCAN, minutes)


def _order(packet: Packet) -> tuple[int, bytes, int, int, int, int]:
    strength = packet.rssi_dbm, packet.tx_power_dbm
    return packet.time, packet.identifier, packet.seconds, *strength, packet.confidence


def _windows(packets: list[Packet]) -> Iterator[list[Packet]]:
    window: list[Packet] = []
    for packet in packets:
        if window and packet.time - window[0].time >= WINDOW_SECONDS:
            yield window
            window = []
        window.append(packet)
    if window:
        yield window


def _scans(packets: list[Packet]) -> Iterator[list[Packet]]:
    scan: list[Packet] = []
    for packet in packets:
        if scan and packet.time - scan[-1].time > SAME_SCAN_SECONDS:
            yield scan
            scan = []
        scan.append(packet)
    yield scan


def _instance(scan: list[Packet]) -> ScanInstance:
    attenuations = [packet.attenuation_db for packet in scan]
    first = scan[0]
    since = seconds_since_last_scan(first.time, first.seconds)
    return ScanInstance(mean_rounded_half_up(attenuations), min(attenuations), since)
