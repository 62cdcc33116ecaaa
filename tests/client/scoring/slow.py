"""Exposure Notification a second time: by definition, without regard to speed, and sharing no code with the phone.

Everything is asked of the whole list of packets again and again; numbers are fractions; nothing is sorted but times.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from anopticon_client.scoring import Contact, Packet, WindowScoring


def window_starts(packets: list[Packet]) -> list[int]:
    """The times at which windows begin: the first packet, then each first one 30 minutes or more after a beginning."""
    starts: list[int] = []
    for time in sorted({packet.time for packet in packets}):
        if not starts or time >= starts[-1] + 30 * 60:
            starts.append(time)
    return starts


def scans_of(packets: list[Packet]) -> list[list[Packet]]:
    """Packets that a chain of gaps of at most 25.5 s joins."""
    times = sorted({packet.time for packet in packets})
    first = [t for t in times if not any(t - 25.5 <= earlier < t for earlier in times)]
    return [
        [p for p in packets if t <= p.time and not any(t < later <= p.time for later in first)] for t in first
    ]


def instance(scan: list[Packet]) -> tuple[int, int]:
    """Mean attenuation rounded half up, and the seconds that the scan stands for."""
    decibels = [max(Fraction(p.tx_power_dbm) - p.rssi_dbm, Fraction(0)) for p in scan]
    typical = floor(sum(decibels) / len(decibels) + Fraction(1, 2))
    begin = next(p for p in scan if p.time == min(q.time for q in scan))
    if begin.seconds == 0:
        return typical, 120
    before = begin.time - begin.seconds
    return typical, 60 * min(5, floor(begin.time / 60) - floor(before / 60))


def bucket_weight(typical: int, rule: WindowScoring) -> Fraction:
    """The weight of the first bucket whose threshold is not exceeded."""
    for threshold, weight in zip(rule.thresholds_db, rule.weights_percent, strict=False):
        if typical <= threshold:
            return Fraction(weight, 100)
    return Fraction(rule.weights_percent[-1], 100)


def key_weight(contact: Contact, rule: WindowScoring) -> Fraction | None:
    """What the key of a contact weighs; None if nothing of it counts."""
    kind = int(contact.key.report_type) or int(rule.mapping.report_type_when_missing)
    onset = contact.key.days_since_onset
    known = onset is not None and -14 <= onset <= 14
    level = int(rule.mapping.by_onset[14 + (onset or 0)] if known else rule.mapping.when_missing)
    if kind not in (1, 2, 3, 4) or level == 0:
        return None
    if rule.risk_weights_percent:
        offset = {4: 0, 3: 2, 2: 4, 1: 6}[kind]
        return Fraction(rule.risk_weights_percent[offset + level - 1], 100)
    return Fraction(
        rule.report_weights_percent[kind - 1] * rule.infectiousness_weights_percent[level - 1], 10_000
    )


def day_sums(contacts: list[Contact], rule: WindowScoring, now: int) -> dict[int, tuple[Fraction, Fraction]]:
    """Sum and maximum of the scores of the windows of each UTC day."""
    scores: dict[int, list[Fraction]] = {}
    for contact in contacts:
        weight = key_weight(contact, rule)
        starts = window_starts(list(contact.packets))
        for place, start in enumerate(starts):
            end = starts[place + 1] if place + 1 < len(starts) else float("inf")
            inside = [packet for packet in contact.packets if start <= packet.time < end]
            seen = [instance(scan) for scan in scans_of(inside)]
            day = start // 86_400
            if weight is None or (rule.horizon_days and now // 86_400 - day > rule.horizon_days):
                continue
            score = weight * sum(seconds * bucket_weight(typical, rule) for typical, seconds in seen)
            if score >= rule.min_window_score:
                scores.setdefault(day, []).append(score)
    return {day: (sum(found, Fraction(0)), max(found)) for day, found in scores.items()}


def strongest_of_scans(packets: list[Packet]) -> list[Packet]:
    """Of each identifier and scan the packet with the highest RSSI, the earliest of those."""
    found = []
    for identifier in {packet.identifier for packet in packets}:
        for scan in scans_of([packet for packet in packets if packet.identifier == identifier]):
            best = max(packet.rssi_dbm for packet in scan)
            found.append(min((p for p in scan if p.rssi_dbm == best), key=lambda p: p.time))
    return found


def runs_of(packets: list[Packet]) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Exposures of v1 second by second: rounded duration, mean attenuation, seconds under 50, under 74, and above.

    Every second belongs to the latest sighting not after it, the ones before the first sighting to that.
    """
    sightings = strongest_of_scans(packets)
    by_time = {packet.time: max(packet.tx_power_dbm - packet.rssi_dbm, 0) for packet in sightings}
    times = sorted(by_time)
    found = []
    for first in times:
        if any(first - 600 <= earlier < first for earlier in times):
            continue
        run = [first]
        while any(run[-1] < t <= run[-1] + 600 for t in times):
            run.append(min(t for t in times if t > run[-1]))
        seconds = [
            by_time[max([t for t in run if t <= s] or [first])] for s in range(first - 150, run[-1] + 150)
        ]
        length = run[-1] - first + 300
        duration = 300 * (length // 300 + (length % 300 > 150))
        mean = floor(Fraction(sum(seconds), len(seconds)) + Fraction(1, 2))
        bins = (
            sum(s < 50 for s in seconds),
            sum(50 <= s < 74 for s in seconds),
            sum(s >= 74 for s in seconds),
        )
        found.append((duration, mean, bins))
    return found
