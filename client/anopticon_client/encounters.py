"""Sightings folded into observations: coarse, order-free, bounded, deleted after 14 days (SPEC.md 9.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anopticon_client.admission import MAX_NEW_OBSERVATIONS_PER_DAY, Admission, drawn
from anopticon_client.config import PhoneConfig
from anopticon_client.events import Sighting
from anopticon_client.memory import Memory
from anopticon_client.state import ObservationKey
from anopticon_protocol.advert import Advertisement, parse
from anopticon_protocol.designs.records import SETTLED, Observation, Reading
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.errors import AdvertisementError
from anopticon_protocol.params import DAY_SECONDS, MAX_RSSI_DBM, MIN_RSSI_DBM, RETENTION_DAYS

MAX_SIGHTINGS_PER_SCAN: Final = 5_000
"""300 phones in range at four frames a second for four seconds; of more, so many are drawn at random."""
MAX_READINGS: Final = 4_096
"""Readings of one observation: a frame every 200 ms for the ten minutes of an interval makes 3,000."""


class Encounters:
    """The observations of one phone."""

    def __init__(self, config: PhoneConfig, memory: Memory) -> None:
        """Work on `memory`."""
        self._design = config.design
        self._period = config.release_period
        self._memory = memory
        self._admission = Admission(config.design.epoch_seconds)
        self._begun_by_day: dict[int, int] = {}
        for key in memory.observations:
            day = key.token.slot * self._design.observation_slot_seconds // DAY_SECONDS
            self._begun_by_day[day] = self._begun_by_day.get(day, 0) + 1

    def hear(self, sightings: Sequence[Sighting], now: int, entropy: Entropy) -> list[str]:
        """Fold one scan into the store; returns sentences about what had to be left out, which `entropy` decides."""
        warnings: list[str] = []
        if len(sightings) > MAX_SIGHTINGS_PER_SCAN:
            over = len(sightings) - MAX_SIGHTINGS_PER_SCAN
            warnings.append(
                f"ignored {over} frames of one scan, beyond {MAX_SIGHTINGS_PER_SCAN} (MAX_SIGHTINGS_PER_SCAN)"
            )
            sightings = drawn(sightings, MAX_SIGHTINGS_PER_SCAN, entropy.take("frames", 32))
        last = self._memory.progress.last_scan
        # Two scans in one second are a second apart: 0 would mean that no earlier one is known.
        gap = max(1, now - last) if 0 < last <= now else 0
        self._memory.update_progress(last_scan=now)
        new: dict[ObservationKey, list[Reading]] = {}
        for data, rssi_dbm in self._by_identifier(sightings).items():
            readings = self._design.read_scan(data, now, rssi_dbm, gap)
            new.setdefault(self._key(data, now), []).extend(readings)
        warnings += self._admit(new, now, entropy)
        # Each observation is folded once a scan, however many frames of it came under different metadata.
        for key, readings in new.items():
            self._merge(Observation(key.token, key.received, tuple(readings)))
        return warnings

    def settle(self, until: int) -> None:
        """Coarsen the time of receipt of everything that no batch still to come could have been published before."""
        if until <= self._memory.progress.settled_until:
            return
        self._memory.update_progress(settled_until=until)
        for key in [key for key in self._memory.observations if SETTLED < key.received <= until]:
            fine = self._memory.observations[key]
            settled = ObservationKey(key.token, SETTLED)
            self._admission.settled(key, settled, joined=settled in self._memory.observations)
            self._memory.drop_observation(key)
            self._merge(Observation(key.token, SETTLED, fine.readings, fine.match))

    def expire(self, now: int) -> None:
        """Delete what is older than retention."""
        expired = [
            key for key in self._memory.observations if self._design.observation_expired(key.token.slot, now)
        ]
        for key in expired:
            self._memory.drop_observation(key)
        oldest = now // DAY_SECONDS - RETENTION_DAYS
        self._begun_by_day = {day: count for day, count in self._begun_by_day.items() if day >= oldest}

    def next_expiry(self) -> int | None:
        """When the oldest observation turns too old, or None if there is none."""
        if not self._memory.observations:
            return None
        oldest = min(key.token.slot for key in self._memory.observations)
        return (oldest + 1) * self._design.observation_slot_seconds + RETENTION_DAYS * DAY_SECONDS

    def values(self) -> Sequence[bytes]:
        """Every token value that is stored."""
        return list(self._memory.by_value)

    def rows(self, value: bytes) -> list[Observation]:
        """The observations with this token value."""
        return [self._memory.observations[key] for key in sorted(self._memory.by_value.get(value, ()))]

    def matched(self) -> list[Observation]:
        """Every observation that a published key has matched."""
        return [self._memory.observations[key] for key in sorted(self._memory.matched)]

    def _by_identifier(self, sightings: Sequence[Sighting]) -> dict[bytes, list[int]]:
        heard: dict[bytes, list[int]] = {}
        parsed: dict[bytes, Advertisement | None] = {}
        for frame, rssi_dbm in sightings:
            if frame not in parsed:
                parsed[frame] = _parse(frame)
            said = parsed[frame]
            if said is None or said.service_uuid != self._design.service_uuid:
                continue
            if MIN_RSSI_DBM <= rssi_dbm <= MAX_RSSI_DBM:
                heard.setdefault(said.service_data, []).append(rssi_dbm)
        return heard

    def _key(self, service_data: bytes, now: int) -> ObservationKey:
        """The observation that an identifier heard now belongs to."""
        received = self._design.received(now, self._period)
        if received <= self._memory.progress.settled_until:
            received = SETTLED
        return ObservationKey(self._design.observe(service_data, now), received)

    def _admit(self, new: dict[ObservationKey, list[Reading]], now: int, entropy: Entropy) -> list[str]:
        """Take out of `new`, and out of the store, what is beyond the quota of the present epoch."""
        day = now // DAY_SECONDS
        begun = self._begun_by_day.get(day, 0)
        self._admission.turn_to(now, begun)
        first_heard = [key for key in new if key not in self._memory.observations]
        gone = self._admission.admit(first_heard, self._memory.matched, entropy)
        for key in gone:
            new.pop(key, None)
            if key in self._memory.observations:
                self._memory.drop_observation(key)
        self._begun_by_day[day] = begun + len(first_heard) - len(gone)
        if not gone:
            return []
        bounds = f"takes {self._admission.quota} new ones, a day {MAX_NEW_OBSERVATIONS_PER_DAY}"
        return [
            f"left out {len(gone)} identifiers, drawn by lot: this epoch {bounds} (MAX_NEW_OBSERVATIONS_PER_DAY)"
        ]

    def _merge(self, new: Observation) -> None:
        kept = self._memory.observations.get(ObservationKey(new.token, new.received))
        if kept is not None and (kept.match is None) != (new.match is None):
            # The key was published between the two: what it did not match was heard after that, from somebody who
            # had the identifier from there (PH-28).
            if kept.match is not None:
                return
            kept = None
        folded = self._design.fold(kept.readings if kept else (), new.readings)[:MAX_READINGS]
        self._memory.put_observation(Observation(new.token, new.received, folded, new.match))


def _parse(frame: bytes) -> Advertisement | None:
    try:
        return parse(frame)
    except AdvertisementError:
        return None
