"""The phone's own keys and what it broadcasts: a new identifier each epoch, old keys deleted (SPEC.md 9.2)."""

from __future__ import annotations

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Advertise, Effect
from anopticon_client.memory import Memory
from anopticon_protocol.advert import encode
from anopticon_protocol.designs.records import OwnKey
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS

ORDER_BYTES = 32


class Schedule:
    """The own keys of one phone."""

    def __init__(self, config: PhoneConfig, memory: Memory) -> None:
        """Work on `memory`; nothing is on the air until the first `rotate`."""
        self._config = config
        self._memory = memory
        self._epoch: int | None = None

    def rotate(self, now: int, entropy: Entropy) -> list[Effect]:
        """Broadcast the identifier of the epoch that holds `now`, unless it is on the air already."""
        epoch = now // self._config.design.epoch_seconds
        if epoch == self._epoch:
            return []
        self._epoch = epoch
        design = self._config.design
        data = design.service_data(self._key_for(now, entropy), now, self._config.tx_power_dbm)
        return [Advertise(encode(design.service_uuid, data))]

    def restart(self, now: int, entropy: Entropy) -> list[Effect]:
        """Delete every own key and go on with a fresh, unrelated one."""
        self._memory.drop_own_keys(list(self._memory.own_keys.values()))
        self._memory.put_own_key(self._config.design.first_key(now, entropy))
        self._epoch = None
        return self.rotate(now, entropy)

    def next_rotation(self, now: int) -> int:
        """When the identifier changes next."""
        length = self._config.design.epoch_seconds
        return now - now % length + length

    def expire(self, now: int) -> None:
        """Delete own keys that are older than retention."""
        design = self._config.design
        self._memory.drop_own_keys(
            [key for key in self._memory.own_keys.values() if design.key_expired(key, now)]
        )

    def next_expiry(self) -> int | None:
        """When the oldest own key turns too old, or None if there is none."""
        ends = [self._config.design.key_range(key)[1] for key in self._memory.own_keys.values()]
        return min(ends) + RETENTION_DAYS * DAY_SECONDS if ends else None

    def _key_for(self, now: int, entropy: Entropy) -> OwnKey:
        design = self._config.design
        past: OwnKey | None = None
        for key in self._memory.own_keys.values():
            start, end = design.key_range(key)
            if start <= now < end:
                return self._with_order(key, entropy)
            if end <= now and (past is None or key.index > past.index):
                past = key
        fresh = design.next_key(past, now, entropy) if past else design.first_key(now, entropy)
        if past is not None and past.order:
            # The order in which EphIDs went out is of no use once the key is over, and would help a thief.
            self._memory.put_own_key(OwnKey(past.index, past.span, past.secret))
        self._memory.put_own_key(fresh)
        return fresh

    def _with_order(self, key: OwnKey, entropy: Entropy) -> OwnKey:
        """A clock set back can return to a key whose order is deleted: it gets a new one."""
        if key.order or not self._config.design.shuffles:
            return key
        ordered = OwnKey(key.index, key.span, key.secret, entropy.take("order", ORDER_BYTES))
        self._memory.put_own_key(ordered)
        return ordered
