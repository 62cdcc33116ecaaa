"""What the three DP-3T designs share: frames without metadata, shuffled EphIDs, keys shared as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from anopticon_protocol.designs.base import Design, TimeRange, overlaps
from anopticon_protocol.designs.records import OwnKey, SharedKey, Token
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES, EPOCH_SECONDS
from anopticon_protocol.primitives import aes_ctr_keystream, hmac_sha256, shuffled


class Dp3tDesign(Design):
    """Base of lowcost, unlinkable and hybrid: 16-byte EphIDs on 0xFD68, one per 15-minute epoch."""

    epoch_seconds = EPOCH_SECONDS
    service_uuid = DP3T_SERVICE_UUID

    def observe(self, service_data: bytes, now: int) -> Token:
        """Raw EphID in its slot (white paper 2.1 and 2.3)."""
        return Token(now // self.observation_slot_seconds, service_data)

    def uploadable(
        self, own: Sequence[OwnKey], since: int, now: int, withheld: Sequence[TimeRange]
    ) -> tuple[SharedKey, ...]:
        """Every key in use at some time from `since` to `now`, less those touching a withheld range."""
        if withheld and self.shares_every_later_key:
            msg = f"withheld: the {self.name} design publishes a chain and cannot leave out a part of it"
            raise InvalidParameterError(msg)
        shared = []
        for key in own:
            start, end = self.key_range(key)
            if end > since and start <= now and not overlaps((start, end), withheld):
                shared.append(SharedKey(key.secret, key.index, key.span))
        return tuple(sorted(shared))


@lru_cache(maxsize=256)
def ephids_of(stream_secret: bytes, label: bytes, count: int) -> tuple[bytes, ...]:
    """`count` EphIDs in generation order: PRG(PRF(secret, label)) cut into 16-byte pieces.

    PRF is HMAC-SHA256, PRG is AES-256-CTR with a counter from 0 (reference implementation; for hybrid our choice).
    """
    stream = aes_ctr_keystream(hmac_sha256(stream_secret, label), count * EPHID_BYTES)
    return tuple(stream[start : start + EPHID_BYTES] for start in range(0, len(stream), EPHID_BYTES))


@lru_cache(maxsize=1024)
def broadcast_order(seed: bytes, count: int) -> tuple[int, ...]:
    """The order in which a phone broadcasts its EphIDs: secret, random, unrelated to the key (white paper 2.1)."""
    return shuffled(count, seed)
