"""Sightings folded into observations: coarse, order-free, bounded, deleted after 14 days (SPEC.md 9.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Sighting
from anopticon_client.memory import Memory
from anopticon_client.state import ObservationKey
from anopticon_protocol.advert import Advertisement, parse
from anopticon_protocol.designs.records import SETTLED, Observation, Reading
from anopticon_protocol.errors import AdvertisementError
from anopticon_protocol.params import DAY_SECONDS, MAX_RSSI_DBM, MIN_RSSI_DBM, RETENTION_DAYS

MAX_SIGHTINGS_PER_SCAN: Final = 5_000
"""300 phones in range at four frames a second for four seconds; what comes on top is ignored."""
MAX_NEW_OBSERVATIONS_PER_DAY: Final = 20_000
"""Twice the white paper's 140,000 in 14 days: beyond it somebody floods the air, and the store stays bounded."""

MAX_READINGS: Final = 4_096
"""Readings of one observation: a frame every 200 ms for the ten minutes of an interval makes 3,000."""


class Encounters:
    """The observations of one phone."""

    def __init__(self, config: PhoneConfig, memory: Memory) -> None:
        """Work on `memory`."""
        self._design = config.design
        self._period = config.release_period
        self._memory = memory
        self._new_by_day: dict[int, int] = {}
        for key in memory.observations:
            self._count(key)

    def hear(self, sightings: Sequence[Sighting], now: int) -> list[str]:
        """Fold one scan into the store; returns sentences about what had to be ignored."""
        warnings: list[str] = []
        if len(sightings) > MAX_SIGHTINGS_PER_SCAN:
            over = len(sightings) - MAX_SIGHTINGS_PER_SCAN
            warnings.append(
                f"ignored {over} frames of one scan, beyond {MAX_SIGHTINGS_PER_SCAN} (MAX_SIGHTINGS_PER_SCAN)"
            )
        last = self._memory.progress.last_scan
        # Two scans in one second are a second apart: 0 would mean that no earlier one is known.
        gap = max(1, now - last) if 0 < last <= now else 0
        self._memory.update_progress(last_scan=now)
        heard = self._by_identifier(sightings[:MAX_SIGHTINGS_PER_SCAN])
        new: dict[ObservationKey, list[Reading]] = {}
        refused = sum(not self._read(data, now, rssi_dbm, gap, new) for data, rssi_dbm in heard.items())
        # Each observation is folded once a scan, however many frames of it came under different metadata.
        for key, readings in new.items():
            self._merge(Observation(key.token, key.received, tuple(readings)))
        if refused:
            bound = f"{MAX_NEW_OBSERVATIONS_PER_DAY} (MAX_NEW_OBSERVATIONS_PER_DAY)"
            warnings.append(f"ignored {refused} new identifiers: today's store holds {bound}")
        return warnings

    def settle(self, until: int) -> None:
        """Coarsen the time of receipt of everything that no batch still to come could have been published before."""
        if until <= self._memory.progress.settled_until:
            return
        self._memory.update_progress(settled_until=until)
        for key in [key for key in self._memory.observations if SETTLED < key.received <= until]:
            fine = self._memory.observations[key]
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
        self._new_by_day = {day: count for day, count in self._new_by_day.items() if day >= oldest}

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

    def _read(
        self,
        service_data: bytes,
        now: int,
        rssi_dbm: Sequence[int],
        gap: int,
        new: dict[ObservationKey, list[Reading]],
    ) -> bool:
        """Add what one identifier of a scan gives to `new`; False if the day's store is full."""
        token = self._design.observe(service_data, now)
        received = self._design.received(now, self._period)
        if received <= self._memory.progress.settled_until:
            received = SETTLED
        key = ObservationKey(token, received)
        if key not in self._memory.observations and key not in new:
            if self._new_by_day.get(self._day(key), 0) >= MAX_NEW_OBSERVATIONS_PER_DAY:
                return False
            self._count(key)
        new.setdefault(key, []).extend(self._design.read_scan(service_data, now, rssi_dbm, gap))
        return True

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

    def _day(self, key: ObservationKey) -> int:
        return key.token.slot * self._design.observation_slot_seconds // DAY_SECONDS

    def _count(self, key: ObservationKey) -> None:
        day = self._day(key)
        self._new_by_day[day] = self._new_by_day.get(day, 0) + 1


def _parse(frame: bytes) -> Advertisement | None:
    try:
        return parse(frame)
    except AdvertisementError:
        return None
