"""Which of too many new identifiers a phone keeps: a quota for each epoch, and a fair draw within it (SPEC.md 9.3).

Whoever floods the air with made-up identifiers must neither blind the phone for the rest of the day nor choose which
people it forgets. So each epoch may begin only so many observations, and which ones is decided by lots that neither
strength nor order nor repetition can improve.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeVar

from anopticon_client.state import ObservationKey
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import DAY_SECONDS
from anopticon_protocol.primitives import aes_ctr_keystream, hmac_sha256

MAX_NEW_OBSERVATIONS_PER_DAY: Final = 20_000
"""Twice the white paper's 140,000 in 14 days: beyond it somebody floods the air, and the store stays bounded."""
RESERVED_PARTS: Final = 2
"""One part in two of a day's room is reserved, in equal shares, for its epochs: a flood cannot take it in advance."""
SPARE_PARTS: Final = 8
"""One epoch may use an eighth of what is not reserved: 1,252 identifiers on top of its share on a fresh day, more than
four full lecture halls, and eight hours of flood before little is left."""
_LOT_BYTES: Final = 8

Item = TypeVar("Item")


def drawn(items: Sequence[Item], count: int, seed: bytes) -> list[Item]:
    """A uniform choice of `count` of `items`, from a secret 32-byte `seed`; in no order that means anything."""
    stream = aes_ctr_keystream(seed, _LOT_BYTES * len(items))
    lots = [stream[start : start + _LOT_BYTES] for start in range(0, len(stream), _LOT_BYTES)]
    return [items[place] for place in sorted(range(len(items)), key=lots.__getitem__)[:count]]


class Admission:
    """The observations that began in the present epoch, and how many there may be.

    It knows them in memory only, and only until the epoch is over: nothing finer than PH-12 allows is stored.
    """

    def __init__(self, epoch_seconds: int, capacity: int = MAX_NEW_OBSERVATIONS_PER_DAY) -> None:
        """Share out `capacity` places a day among its epochs."""
        self._epoch_seconds = epoch_seconds
        self._epochs = DAY_SECONDS // epoch_seconds
        self._capacity = capacity
        self.share = capacity // (RESERVED_PARTS * self._epochs)
        """What each epoch may begin, whatever happened in the others."""
        self.quota = 0
        """What the present epoch may begin."""
        self._epoch = -1
        self._begun: dict[ObservationKey, None] = {}
        self._fixed = 0
        self._secret = b""

    def turn_to(self, now: int, begun_today: int) -> None:
        """Begin the epoch that holds `now`, if it has not begun: `begun_today` observations of the day are there."""
        epoch = now // self._epoch_seconds
        if epoch == self._epoch:
            return
        self._epoch, self._begun, self._fixed, self._secret = epoch, {}, 0, b""
        room = max(0, self._capacity - begun_today)
        reserved = (self._epochs - epoch % self._epochs) * self.share
        self.quota = min(room, self.share + max(0, room - reserved) // SPARE_PARTS)

    def admit(
        self, new: Iterable[ObservationKey], matched: Collection[ObservationKey], entropy: Entropy
    ) -> list[ObservationKey]:
        """Let `new` observations begin; returns those that must go, some of them from earlier scans of this epoch.

        An observation that a published key has `matched` stays: the person may have been told.
        """
        self._begun.update(dict.fromkeys(new))
        over = len(self._begun) + self._fixed - self.quota
        if over <= 0:
            return []
        for key in [key for key in self._begun if key in matched]:
            self.fix(key)
        self._secret = self._secret or entropy.take("lots", 32)
        # The lowest lots stay. They only ever get lower, so whoever is kept in the end was kept from the first scan on.
        ranked = sorted(self._begun, key=lambda key: hmac_sha256(self._secret, key.token.value))
        gone = ranked[self.quota - self._fixed :]
        for key in gone:
            del self._begun[key]
        return gone

    def settled(self, key: ObservationKey, settled: ObservationKey, *, joined: bool) -> None:
        """An observation goes on under another key; `joined` if one from an earlier epoch had that key already."""
        if key in self._begun:
            self.fix(key)
            if not joined:
                self._begun[settled] = None
                self._fixed -= 1

    def fix(self, key: ObservationKey) -> None:
        """An observation of this epoch counts, but cannot go any more."""
        del self._begun[key]
        self._fixed += 1
