"""What radios hear: contact intervals turned into signal strengths at the moments when phones scan (SPEC.md 11.3).

attenuation = level at 1 m + slope * log10(distance) + an offset per pair and day + carriage of both + fading per scan,
and RSSI = transmit power - attenuation in whole dBm. A scan hears everybody in contact at that moment, unless the scan
lost it or the level is below the receiver's floor. All noise is keyed by who, whom and when: another receiver in the
world changes nothing for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from anopticon_simulation.contacts.trace import SECONDS_PER_DAY, Contact, Trace
from anopticon_simulation.sections import ChannelSection, PhonesSection
from anopticon_simulation.streams import below, log10, normal, uniform

MIN_RSSI_DBM: Final = -126
"""The weakest level a radio reports; -127 and 127 mean that it does not know."""
MAX_RSSI_DBM: Final = 20


class Heard(NamedTuple):
    """One sender as one scan heard it."""

    sender: int
    rssi_dbm: int


class Scan(NamedTuple):
    """One scan that heard somebody. `seconds_since_previous_scan` is 0 for a phone's first."""

    time: int
    receiver: int
    heard: tuple[Heard, ...]
    seconds_since_previous_scan: int


class ScanTimes:
    """When each phone scans: number n of a person ends at start + n * interval + its phase + jitter."""

    def __init__(self, phones: PhonesSection, seed: int, start: int) -> None:
        self._phones = phones
        self._seed = seed
        self._start = start
        self._phase: dict[int, int] = {}

    def time(self, person: int, number: int) -> int:
        """End of scan `number` (from 0) of `person`, in Unix seconds; strictly growing with `number`."""
        phones = self._phones
        if person not in self._phase:
            self._phase[person] = below(self._seed, "scan/phase", phones.scan_interval_seconds, person)
        nominal = self._start + self._phase[person] + number * phones.scan_interval_seconds
        width = 2 * phones.scan_jitter_seconds + 1
        jitter = below(self._seed, "scan/jitter", width, person, number) if width > 1 else 0
        return nominal + jitter

    def within(self, person: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """(number, time) of every scan of `person` that ends in [begin, end)."""
        interval = self._phones.scan_interval_seconds
        first = (begin - self._start) // interval - 2
        for number in range(max(0, first), max(0, (end - self._start) // interval + 1)):
            time = self.time(person, number)
            if begin <= time < end:
                yield number, time


class Channel:
    """The air between all phones of one world."""

    def __init__(self, section: ChannelSection, phones: PhonesSection, seed: int, start: int) -> None:
        self._section = section
        self._phones = phones
        self._seed = seed
        self._times = ScanTimes(phones, seed, start)

    def scans(self, trace: Trace, adopters: Collection[int]) -> tuple[Scan, ...]:
        """Every scan that hears somebody, in order of (time, receiver)."""
        have_phone = frozenset(adopters)
        heard: dict[tuple[int, int, int], dict[int, int]] = {}
        for contact in trace.contacts:
            if contact.first not in have_phone or contact.second not in have_phone:
                continue
            for receiver, sender in ((contact.first, contact.second), (contact.second, contact.first)):
                for number, time in self._times.within(receiver, contact.start, contact.end):
                    rssi = self.rssi(contact, sender, receiver, time)
                    if rssi is not None:
                        heard.setdefault((time, receiver, number), {})[sender] = rssi
        return tuple(
            Scan(
                time,
                receiver,
                tuple(Heard(*one) for one in sorted(found.items())),
                self._gap(receiver, number),
            )
            for (time, receiver, number), found in sorted(heard.items())
        )

    def rssi(self, contact: Contact, sender: int, receiver: int, time: int) -> int | None:
        """Level in dBm at which `receiver` hears `sender` in the scan that ends at `time`; None: not at all."""
        section, seed = self._section, self._seed
        if self._off(sender, time) or self._off(receiver, time):
            return None
        if section.loss_fraction and uniform(seed, "loss", sender, receiver, time) < section.loss_fraction:
            return None
        distance = max(contact.distance_metres, section.minimum_distance_metres)
        level = section.level_at_1m_db + section.slope_db_per_decade * log10(distance)
        day = time // SECONDS_PER_DAY
        if section.pair_day_sd_db:
            pair = sorted((sender, receiver))
            level += section.pair_day_sd_db * normal(seed, "pair-day", *pair, day)
        if section.fading_sd_db:
            level += section.fading_sd_db * normal(seed, "fading", sender, receiver, time)
        level += self._carriage(sender, day) + self._carriage(receiver, day)
        rssi = math.floor(section.tx_power_dbm - level + 0.5)
        if rssi < section.receiver_floor_dbm or rssi < MIN_RSSI_DBM:
            return None
        return min(rssi, MAX_RSSI_DBM)

    def _carriage(self, person: int, day: int) -> float:
        """What the place where a person carries the phone today costs, in dB."""
        if not self._section.carriage:
            return 0.0
        point = uniform(self._seed, "carriage", person, day)
        for place in self._section.carriage:
            if point < place.fraction:
                return place.offset_db
            point -= place.fraction
        return 0.0

    def _off(self, person: int, time: int) -> bool:
        """Whether a person's radio is off: some hours of some days."""
        phones = self._phones
        if not phones.off_days_fraction or not phones.off_hours:
            return False
        day = time // SECONDS_PER_DAY
        if uniform(self._seed, "off/day", person, day) >= phones.off_days_fraction:
            return False
        first_hour = below(self._seed, "off/hour", 25 - phones.off_hours, person, day)
        hour = time % SECONDS_PER_DAY // 3600
        return first_hour <= hour < first_hour + phones.off_hours

    def _gap(self, receiver: int, number: int) -> int:
        """Seconds since the scan before this one that the radio was on for; 0 for the first."""
        time = self._times.time(receiver, number)
        for earlier in range(number - 1, max(-1, number - 1 - SECONDS_PER_DAY), -1):
            before = self._times.time(receiver, earlier)
            if not self._off(receiver, before):
                return time - before
        return 0
