"""Exposure Notification (Google and Apple), Cryptography Specification v1.2 (SPEC.md 6.4).

A random 16-byte Temporary Exposure Key a day. Each 10-minute interval has a Rolling Proximity Identifier that binds the
interval number, and encrypted metadata with the transmit power that only the key opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from anopticon_protocol.designs.base import Design, Published, TimeRange, overlaps
from anopticon_protocol.designs.entries import decode_entries, encode_entries
from anopticon_protocol.designs.expansion import Expansion
from anopticon_protocol.designs.gaen_keys import (
    ENTRY_BYTES,
    PADDED_HEAD,
    check_spans,
    decode_entry,
    encode_entry,
    key_id,
    padded_blocks,
    revise,
    rolling_expansion,
)
from anopticon_protocol.designs.gaen_metadata import calibration_confidence, open_metadata, plain_metadata
from anopticon_protocol.designs.records import (
    SETTLED,
    Candidate,
    Confidence,
    Match,
    Observation,
    OwnKey,
    Packet,
    Reading,
    ReportType,
    SharedKey,
    Token,
)
from anopticon_protocol.designs.uploads import check_common
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import (
    DAY_SECONDS,
    EPHID_BYTES,
    GAEN_SERVICE_UUID,
    INTERVAL_SECONDS,
    METADATA_BYTES,
    SCAN_GAP_STORED_MAX_SECONDS,
)
from anopticon_protocol.primitives import aes_ctr, aes_ecb, hkdf_sha256
from anopticon_protocol.timebase import interval_of

SECRET_BYTES: Final = 16
ROLLING_PERIOD: Final = 144
"""Intervals in a day: TEKRollingPeriod."""
TOLERANCE_INTERVALS: Final = 12
"""An RPI of interval i is accepted when heard in interval i-12 to i+12: two hours either way, in whole intervals."""
REPLAY_GUARD_SECONDS: Final = 1_200
"""Sightings later than this after an RPI's first valid one are dropped: no honest RPI lives longer than 20 minutes."""
EMBARGO_SECONDS: Final = 7_200
"""A key is published two hours after its end: until then receivers would still accept its RPIs."""
MIN_TX_POWER_DBM: Final = -50
MAX_TX_POWER_DBM: Final = 20
"""Metadata that decrypts to a power outside this range is noise or forged (Google's matcher)."""
RPIK_LABEL: Final = b"EN-RPIK"


def rpi_key(tek: bytes) -> bytes:
    """RPIK = HKDF(TEK, no salt, "EN-RPIK", 16)."""
    return hkdf_sha256(tek, RPIK_LABEL, EPHID_BYTES)


def metadata_key(tek: bytes) -> bytes:
    """AEMK = HKDF(TEK, no salt, "EN-AEMK", 16)."""
    return hkdf_sha256(tek, b"EN-AEMK", EPHID_BYTES)


def padded_data(interval: int) -> bytes:
    """The block that is encrypted to an RPI: "EN-RPI", six zero bytes, the interval as u32 little-endian."""
    return PADDED_HEAD + interval.to_bytes(4, "little")


@lru_cache(maxsize=512)
def rpis(tek: bytes, first: int, count: int) -> tuple[bytes, ...]:
    """The RPIs of `count` intervals from interval number `first` on."""
    stream = aes_ecb(rpi_key(tek), padded_blocks(first, count))
    return tuple(stream[start : start + EPHID_BYTES] for start in range(0, len(stream), EPHID_BYTES))


def encrypt_metadata(tek: bytes, rpi: bytes, metadata: bytes) -> bytes:
    """Associated Encrypted Metadata: AES-128-CTR under AEMK with the RPI as counter block. Decrypts as well."""
    return aes_ctr(metadata_key(tek), rpi, metadata)


def transmit_power(metadata: bytes) -> int | None:
    """Transmit power in dBm from decrypted metadata; None if it is not four bytes or the power is out of range."""
    if len(metadata) != METADATA_BYTES:
        return None
    power = int.from_bytes(metadata[1:2], "big", signed=True)
    return power if MIN_TX_POWER_DBM <= power <= MAX_TX_POWER_DBM else None


class Gaen(Design):
    """Exposure Notification. Slots are 10-minute intervals; a key spans up to 144 of them."""

    name = "gaen"
    slot_seconds = INTERVAL_SECONDS
    epoch_seconds = INTERVAL_SECONDS
    observation_slot_seconds = INTERVAL_SECONDS
    service_uuid = GAEN_SERVICE_UUID
    secret_bytes = SECRET_BYTES
    max_upload_keys = 30
    keeps_times = True

    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh TEK whose rolling start is UTC midnight, also when it is made in the middle of the day."""
        start = now - now % DAY_SECONDS
        return OwnKey(interval_of(start), ROLLING_PERIOD, entropy.take("seed", SECRET_BYTES))

    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The RPI of the interval and its encrypted metadata."""
        rpi = rpis(key.secret, key.index, key.span)[interval_of(now) - key.index]
        return rpi + encrypt_metadata(key.secret, rpi, plain_metadata(tx_power_dbm, confidence))

    def observe(self, service_data: bytes, now: int) -> Token:
        """The raw RPI, under the interval in which it was heard."""
        return Token(interval_of(now), service_data[:EPHID_BYTES])

    def received(self, now: int, release_period: int) -> int:
        """The time of receipt is in the slot; no check against the time of publication is made."""
        del now, release_period
        return SETTLED

    def read_scan(
        self, service_data: bytes, now: int, rssi_dbm: Sequence[int], gap_seconds: int
    ) -> list[Reading]:
        """One reading a packet with its second and raw scan gap: published scoring is defined on these."""
        gap = min(gap_seconds, SCAN_GAP_STORED_MAX_SECONDS)
        offset, metadata = now % INTERVAL_SECONDS, service_data[EPHID_BYTES:]
        return [Reading(offset, rssi, gap, metadata) for rssi in rssi_dbm]

    def fold(self, kept: Iterable[Reading], new: Iterable[Reading]) -> tuple[Reading, ...]:
        """Keep every packet, sorted."""
        return tuple(sorted((*kept, *new)))

    def uploadable(
        self, own: Sequence[OwnKey], since: int, now: int, withheld: Sequence[TimeRange]
    ) -> tuple[SharedKey, ...]:
        """Keys of the contagious days; today's is cut short so that it ends with the current interval."""
        shared = []
        for key in own:
            span = min(key.span, interval_of(now) + 1 - key.index)
            start, end = key.index * INTERVAL_SECONDS, (key.index + span) * INTERVAL_SECONDS
            if span > 0 and end > since and not overlaps((start, end), withheld):
                shared.append(SharedKey(key.secret, key.index, span))
        return tuple(sorted(shared))

    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """1..30 keys, each 1..144 intervals long, not overlapping unless they share their start."""
        check_common(self, keys, now)
        check_spans(keys, ROLLING_PERIOD)

    def release_from(self, key: SharedKey) -> int:
        """Two hours after the end of the key."""
        return self.key_range(key)[1] + EMBARGO_SECONDS

    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """Entries of 23 bytes (gaen_keys.py)."""
        return encode_entries(keys, encode_entry)

    def read(self, count: int, body: bytes) -> Published:
        """The published keys."""
        return decode_entries(count, body, ENTRY_BYTES, decode_entry)

    def candidates(self, key: SharedKey, until: int) -> Iterator[Candidate]:
        """The RPI of each interval of the key, acceptable two hours either way."""
        del until
        for interval, rpi in enumerate(rpis(key.secret, key.index, key.span), start=key.index):
            yield Candidate(rpi, interval - TOLERANCE_INTERVALS, interval + TOLERANCE_INTERVALS)

    def expansion(self, until: int) -> Expansion:
        """One RPI an interval, as many as the entry's rolling period."""
        del until
        return rolling_expansion(RPIK_LABEL, TOLERANCE_INTERVALS, REPLAY_GUARD_SECONDS)

    def admit(
        self, rows: Sequence[Observation], candidate: Candidate | None, release: int
    ) -> list[Observation]:
        """Rows within the tolerance, less readings that come too long after the RPI's first valid one."""
        del release
        if candidate is None:
            return []
        valid = [row for row in rows if candidate.first_slot <= row.token.slot <= candidate.last_slot]
        if not valid:
            return []
        limit = min(_second(row, reading) for row in valid for reading in row.readings) + REPLAY_GUARD_SECONDS
        kept = (
            replace(
                row, readings=tuple(reading for reading in row.readings if _second(row, reading) <= limit)
            )
            for row in valid
        )
        return [row for row in kept if row.readings]

    def match_of(self, key: SharedKey | None, row: Observation, reference_tx_power_dbm: int) -> Match | None:
        """What the key says, and the pad that opens the metadata of the row's packets; None if no packet is usable.

        A key that was revoked, and one of the reserved type, matches nothing (SPEC.md GA-12). A row that this key
        has matched before keeps its match; only the report type may be revised (GA-13).
        """
        del reference_tx_power_dbm
        if key is None or key.report_type is ReportType.RECURSIVE:
            return None
        if row.match is not None and row.match.key_id:
            return revise(row.match, key)
        if key.report_type is ReportType.REVOKED:
            return None
        pad = encrypt_metadata(key.secret, row.token.value, bytes(METADATA_BYTES))
        for reading in row.readings:
            power = transmit_power(open_metadata(pad, reading.metadata))
            if power is not None:
                ours = key_id(key.secret)
                return Match(power, key.report_type, key.days_since_onset, pad, ours, key.index)
        return None

    def packets(self, row: Observation, match: Match) -> list[Packet]:
        """Each packet with its second and its own power; those whose metadata is not usable are left out."""
        found = []
        for reading in row.readings:
            power, confidence = match.tx_power_dbm, Confidence.LOWEST
            if match.pad:
                plain = open_metadata(match.pad, reading.metadata)
                said = transmit_power(plain)
                if said is None:
                    continue
                power, confidence = said, calibration_confidence(plain)
            now = _second(row, reading)
            day = now // DAY_SECONDS
            found.append(
                Packet(day, reading.rssi_dbm, power, reading.seconds, now, row.token.value, confidence)
            )
        return found


def _second(row: Observation, reading: Reading) -> int:
    return row.token.slot * INTERVAL_SECONDS + reading.offset
