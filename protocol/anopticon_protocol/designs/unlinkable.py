"""The unlinkable design: white paper section 2.2, with a filter of our own (SPEC.md 6.2 and 8.4).

Every epoch has its own random seed, so nothing links two epochs. Phones store a hash that binds the heard EphID to the
epoch it was heard in; the server publishes the same hashes in a filter. A replay in another epoch can never match.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from anopticon_protocol.designs.base import Published
from anopticon_protocol.designs.dp3t import Dp3tDesign
from anopticon_protocol.designs.expansion import Hashed
from anopticon_protocol.designs.records import Confidence, OwnKey, SharedKey, Token
from anopticon_protocol.designs.uploads import (
    MAX_KEY_AGE_SECONDS,
    check_common,
    check_plain_span,
    check_unique,
)
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.fingerprints import REMAINDER_BYTES, FingerprintFilter
from anopticon_protocol.params import DAY_SECONDS, EPHID_BYTES, EPOCH_SECONDS
from anopticon_protocol.primitives import sha256
from anopticon_protocol.timebase import day_of, epoch_of

SECRET_BYTES: Final = 32
EPOCH_FIELD_BYTES: Final = 4


def ephid_of_seed(seed: bytes) -> bytes:
    """EphID_i: the first 16 bytes of SHA-256(seed_i)."""
    return sha256(seed)[:EPHID_BYTES]


def hashed_observation(ephid: bytes, epoch: int) -> bytes:
    """SHA-256(EphID || epoch as u32 big-endian): what a receiver stores and what a server publishes, 32 bytes."""
    return sha256(ephid + epoch.to_bytes(EPOCH_FIELD_BYTES, "big"))


class Unlinkable(Dp3tDesign):
    """Unlinkable DP-3T. Slots are epochs; what is heard is kept by the day, since the hash holds the epoch."""

    name = "unlinkable"
    slot_seconds = EPOCH_SECONDS
    observation_slot_seconds = DAY_SECONDS
    secret_bytes = SECRET_BYTES
    max_upload_keys = MAX_KEY_AGE_SECONDS // EPOCH_SECONDS + 1

    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh seed for this epoch."""
        return OwnKey(epoch_of(now), 1, entropy.take("seed", SECRET_BYTES))

    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The EphID of the epoch."""
        del now, tx_power_dbm, confidence
        return ephid_of_seed(key.secret)

    def observe(self, service_data: bytes, now: int) -> Token:
        """The hash of EphID and epoch, filed under the day."""
        return Token(day_of(now), hashed_observation(service_data, epoch_of(now)))

    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """At most one seed an epoch, dated within retention."""
        check_common(self, keys, now)
        check_plain_span(keys)
        check_unique(keys, "index", lambda key: key.index)

    def release_from(self, key: SharedKey) -> int:
        """Not before the epoch is over."""
        return self.key_range(key)[1]

    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """The filter of the hashed observations; the seeds themselves stay on the server."""
        values = (hashed_observation(ephid_of_seed(key.secret), key.index) for key in keys)
        built = FingerprintFilter.build(values, remainder_bytes=REMAINDER_BYTES)
        return len(built), built.encode()

    def read(self, count: int, body: bytes) -> Published:
        """The published filter."""
        return FingerprintFilter.decode(count, body, remainder_bytes=REMAINDER_BYTES)

    def expansion(self, until: int) -> Hashed:
        """A filter, with nothing to expand."""
        del until
        return Hashed(REMAINDER_BYTES)
