"""The low-cost design: white paper of 25 May 2020, section 2.1, as instantiated by the DP-3T reference (SPEC.md 6.1).

A chain of day keys, SK_t = SHA-256(SK_{t-1}). Publishing SK_t gives away that day and every later one, which is why a
phone starts a fresh chain the moment it reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from anopticon_protocol.designs.base import Published
from anopticon_protocol.designs.dp3t import Dp3tDesign, broadcast_order, ephids_of
from anopticon_protocol.designs.entries import decode_entries, encode_entries
from anopticon_protocol.designs.expansion import Expansion, Scheme
from anopticon_protocol.designs.records import Candidate, Confidence, OwnKey, SharedKey
from anopticon_protocol.designs.uploads import check_common, check_plain_span
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import DAY_SECONDS, EPOCH_SECONDS, RETENTION_DAYS
from anopticon_protocol.primitives import sha256
from anopticon_protocol.timebase import day_of, epoch_in_day

BROADCAST_LABEL: Final = b"broadcast key"
"""Lower case, 13 bytes. A profile of April 2020 had a capital B: its vectors are of a dead variant."""
EPHIDS_PER_DAY: Final = DAY_SECONDS // EPOCH_SECONDS
SECRET_BYTES: Final = 32
DAY_FIELD_BYTES: Final = 4
ENTRY_BYTES: Final = SECRET_BYTES + DAY_FIELD_BYTES


def next_day_key(secret: bytes) -> bytes:
    """SK_{t+1} = SHA-256(SK_t) over the 32 raw bytes."""
    return sha256(secret)


def day_ephids(secret: bytes) -> tuple[bytes, ...]:
    """The 96 EphIDs of the day key `secret`, in generation order."""
    return ephids_of(secret, BROADCAST_LABEL, EPHIDS_PER_DAY)


class LowCost(Dp3tDesign):
    """Low-cost DP-3T. Slots are UTC days."""

    name = "lowcost"
    shuffles = True
    slot_seconds = DAY_SECONDS
    observation_slot_seconds = DAY_SECONDS
    secret_bytes = SECRET_BYTES
    max_upload_keys = 1
    shares_every_later_key = True

    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh chain that begins today."""
        return OwnKey(day_of(now), 1, entropy.take("seed", SECRET_BYTES), entropy.take("order", 32))

    def next_key(self, previous: OwnKey, now: int, entropy: Entropy) -> OwnKey:
        """Hash forward to today. A phone that slept longer than the retention time starts a fresh chain."""
        days = day_of(now) - previous.index
        if not 1 <= days <= RETENTION_DAYS + 1:
            return self.first_key(now, entropy)
        secret = _forward(previous.secret, days)
        return OwnKey(previous.index + days, 1, secret, entropy.take("order", 32))

    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The EphID that the day's secret order puts into this epoch."""
        del tx_power_dbm, confidence
        place = broadcast_order(key.order, EPHIDS_PER_DAY)[epoch_in_day(now)]
        return day_ephids(key.secret)[place]

    def uploadable(
        self, own: Sequence[OwnKey], since: int, now: int, withheld: Sequence[tuple[int, int]]
    ) -> tuple[SharedKey, ...]:
        """The oldest day key of the contagious period that the later ones follow from.

        A clock that was set back behind the first key leaves a key of a chain of its own, which leads nowhere.
        """
        keys = sorted(super().uploadable(own, since, now, withheld), key=lambda key: key.index)
        chain = [key for key in keys if _forward(key.secret, keys[-1].index - key.index) == keys[-1].secret]
        return tuple(chain[:1])

    def remaining(self, key: SharedKey, now: int, until: int) -> SharedKey | None:
        """The key hashed forward to the first day that is not too old, as long as that is not past `until`."""
        while key.index <= day_of(until):
            if not self.key_expired(key, now):
                return key
            key = SharedKey(next_day_key(key.secret), key.index + 1, key.span)
        return None

    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """Exactly one key, dated within retention (the reference expands a key dated 1970 for 18,383 days)."""
        check_common(self, keys, now)
        check_plain_span(keys)

    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """Entries of 36 bytes: SK_t, then the day as u32 big-endian."""
        return encode_entries(keys, lambda key: key.secret + key.index.to_bytes(DAY_FIELD_BYTES, "big"))

    def read(self, count: int, body: bytes) -> Published:
        """The published (SK_t, t)."""
        return decode_entries(count, body, ENTRY_BYTES, _decode)

    def candidates(self, key: SharedKey, until: int) -> Iterator[Candidate]:
        """The 96 EphIDs of every day from the key's own until `until`, at most MAX_CHAIN_DAYS of them."""
        secret = key.secret
        last = min(day_of(until - 1), key.index + MAX_CHAIN_DAYS - 1)
        for day in range(key.index, last + 1):
            for ephid in day_ephids(secret):
                yield Candidate(ephid, day, day)
            secret = next_day_key(secret)

    def expansion(self, until: int) -> Expansion:
        """A stream a day, and the chain of days."""
        return Expansion(
            scheme=Scheme.STREAM,
            entry_bytes=ENTRY_BYTES,
            secret_bytes=SECRET_BYTES,
            label=BROADCAST_LABEL,
            per_slot=EPHIDS_PER_DAY,
            most_slots=MAX_CHAIN_DAYS,
            last_slot=day_of(until - 1),
            tolerance=0,
            decode=_decode,
        )


MAX_CHAIN_DAYS: Final = RETENTION_DAYS + 2
"""Days that one published key is expanded for: retention, the day of the report, and a late upload's extra day."""


def _forward(secret: bytes, days: int) -> bytes:
    """The day key `days` after that of `secret`."""
    for _ in range(days):
        secret = next_day_key(secret)
    return secret


def _decode(entry: bytes) -> SharedKey:
    return SharedKey(entry[:SECRET_BYTES], int.from_bytes(entry[SECRET_BYTES:], "big"), 1)
