"""The hybrid design: white paper section 2.3; what it leaves open is decided in SPEC.md 6.3.

One random 16-byte seed per time window. Its EphIDs are broadcast in random order within the window, and accepted only
in that window. No official vectors exist; ours are marked so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from anopticon_protocol.designs.base import Published
from anopticon_protocol.designs.dp3t import Dp3tDesign, broadcast_order, ephids_of
from anopticon_protocol.designs.entries import decode_entries, encode_entries
from anopticon_protocol.designs.expansion import Expansion, Scheme
from anopticon_protocol.designs.records import Candidate, Confidence, OwnKey, SharedKey
from anopticon_protocol.designs.uploads import (
    MAX_KEY_AGE_SECONDS,
    check_common,
    check_plain_span,
    check_unique,
)
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import DAY_SECONDS, EPOCH_SECONDS

WINDOW_LABEL: Final = b"DP3T-HYBRID"
SECRET_BYTES: Final = 16
WINDOW_FIELD_BYTES: Final = 4
ENTRY_BYTES: Final = SECRET_BYTES + WINDOW_FIELD_BYTES
DEFAULT_WINDOW_MINUTES: Final = 120
_EPOCH_MINUTES = EPOCH_SECONDS // 60
_DAY_MINUTES = DAY_SECONDS // 60


def window_ephids(seed: bytes, count: int) -> tuple[bytes, ...]:
    """The `count` EphIDs of a window seed, in generation order."""
    return ephids_of(seed, WINDOW_LABEL, count)


class Hybrid(Dp3tDesign):
    """Hybrid DP-3T. Slots are windows, counted as floor(Unix seconds / window length)."""

    name = "hybrid"
    shuffles = True
    secret_bytes = SECRET_BYTES

    def __init__(self, window_minutes: int = DEFAULT_WINDOW_MINUTES) -> None:
        """`window_minutes`: a multiple of 15 that divides a day, so that windows never straddle midnight."""
        fits = _EPOCH_MINUTES <= window_minutes <= _DAY_MINUTES
        if not fits or window_minutes % _EPOCH_MINUTES or _DAY_MINUTES % window_minutes:
            msg = (
                f"window_minutes = {window_minutes}: must be a multiple of 15 that divides 1440, in 15..1440"
            )
            raise InvalidParameterError(msg)
        self.window_minutes = window_minutes
        self.slot_seconds = self.observation_slot_seconds = window_minutes * 60
        self.epochs_per_window = self.slot_seconds // EPOCH_SECONDS
        self.max_upload_keys = MAX_KEY_AGE_SECONDS // self.slot_seconds + 1

    @property
    def spec(self) -> str:
        """Name and window length."""
        return f"{self.name}:window_minutes={self.window_minutes}"

    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh seed for the window that holds `now`."""
        return OwnKey(
            now // self.slot_seconds, 1, entropy.take("seed", SECRET_BYTES), entropy.take("order", 32)
        )

    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The EphID that the window's secret order puts into this epoch."""
        del tx_power_dbm, confidence
        place = broadcast_order(key.order, self.epochs_per_window)[now % self.slot_seconds // EPOCH_SECONDS]
        return window_ephids(key.secret, self.epochs_per_window)[place]

    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """At most one seed a window, dated within retention."""
        check_common(self, keys, now)
        check_plain_span(keys)
        check_unique(keys, "index", lambda key: key.index)

    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """Entries of 20 bytes: seed, then the window as u32 big-endian."""
        return encode_entries(keys, lambda key: key.secret + key.index.to_bytes(WINDOW_FIELD_BYTES, "big"))

    def read(self, count: int, body: bytes) -> Published:
        """The published (seed_w, w)."""
        return decode_entries(count, body, ENTRY_BYTES, _decode)

    def candidates(self, key: SharedKey, until: int) -> Iterator[Candidate]:
        """The EphIDs of the window, each acceptable anywhere in it and nowhere else."""
        del until
        for ephid in window_ephids(key.secret, self.epochs_per_window):
            yield Candidate(ephid, key.index, key.index)

    def expansion(self, until: int) -> Expansion:
        """One stream, of the window's own length."""
        del until
        return Expansion(
            scheme=Scheme.STREAM,
            entry_bytes=ENTRY_BYTES,
            secret_bytes=SECRET_BYTES,
            label=WINDOW_LABEL,
            per_slot=self.epochs_per_window,
            most_slots=1,
            last_slot=2 ** (8 * WINDOW_FIELD_BYTES) - 1,
            tolerance=0,
            decode=_decode,
        )


def _decode(entry: bytes) -> SharedKey:
    return SharedKey(entry[:SECRET_BYTES], int.from_bytes(entry[SECRET_BYTES:], "big"), 1)
