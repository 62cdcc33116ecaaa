"""Exposures as Exposure Notification v1 makes them of packets: runs of sightings, their attenuation (SPEC.md 16.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from anopticon_client.scoring.records import Contact
from anopticon_client.scoring.windows import SAME_SCAN_SECONDS, sort_by_time
from anopticon_protocol.designs.records import Packet

MAX_RUN_GAP_SECONDS: Final = 600
"""Sightings further apart belong to two exposures."""
SCAN_INTERVAL_SECONDS: Final = 300
"""What one sighting stands for; half of it is put before the first and after the last."""


class Exposure(NamedTuple):
    """One run of sightings of one key.

    `attenuation_db` is weighted by time. `threshold_seconds` is the time below the low threshold, between the two, and
    from the high one on; the three add up to the length of the run and its edges.
    """

    duration_seconds: int
    attenuation_db: int
    threshold_seconds: tuple[int, int, int]


def exposures_of(contact: Contact, thresholds_db: tuple[int, ...]) -> Iterator[Exposure]:
    """The exposures of one key, in order of time; raises ScoringError if a packet has no time."""
    run: list[Packet] = []
    for sighting in sort_by_time(_merged(contact.packets)):
        if run and sighting.time - run[-1].time > MAX_RUN_GAP_SECONDS:
            yield _exposure(run, thresholds_db)
            run = []
        run.append(sighting)
    if run:
        yield _exposure(run, thresholds_db)


def rounded_duration(seconds: int) -> int:
    """The time between first and last sighting and one scan interval more, to the nearest multiple, halves down."""
    whole = seconds + SCAN_INTERVAL_SECONDS
    rest = whole % SCAN_INTERVAL_SECONDS
    return whole - rest + (SCAN_INTERVAL_SECONDS if rest > SCAN_INTERVAL_SECONDS // 2 else 0)


def _merged(packets: Iterable[Packet]) -> Iterator[Packet]:
    """Of each identifier and scan the strongest packet, at its own time; of equally strong ones the first."""
    ordered = sorted(sort_by_time(packets), key=lambda packet: packet.identifier)
    for _, found in groupby(ordered, key=lambda packet: packet.identifier):
        scan: list[Packet] = []
        for packet in found:
            if scan and packet.time - scan[-1].time > SAME_SCAN_SECONDS:
                yield max(scan, key=lambda one: one.rssi_dbm)
                scan = []
            scan.append(packet)
        yield max(scan, key=lambda one: one.rssi_dbm)


def _exposure(run: list[Packet], thresholds_db: tuple[int, ...]) -> Exposure:
    first, last = run[0], run[-1]
    half = SCAN_INTERVAL_SECONDS // 2
    marks = [
        (first.time - half, first.attenuation_db),
        *((packet.time, packet.attenuation_db) for packet in run),
        (last.time + half, last.attenuation_db),
    ]
    total = weighted = 0
    by_threshold = [0] * (len(thresholds_db) + 1)
    previous = marks[0]
    for mark in marks:
        # Of several sightings in one second the first one stands for the time until the next second that has one.
        length = mark[0] - previous[0]
        if length == 0:
            continue
        total += length
        weighted += previous[1] * length
        by_threshold[sum(previous[1] >= threshold for threshold in thresholds_db)] += length
        previous = mark
    below, between, above = by_threshold
    mean = (2 * weighted + total) // (2 * total)
    return Exposure(rounded_duration(last.time - first.time), mean, (below, between, above))
