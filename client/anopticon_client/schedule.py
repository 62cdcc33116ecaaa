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
        self._current: OwnKey | None = None
        self._newest = -1

    def rotate(self, now: int, entropy: Entropy) -> list[Effect]:
        """Broadcast the identifier of the epoch that holds `now`, unless it is on the air already."""
        epoch = now // self._config.design.epoch_seconds
        if epoch == self._epoch:
            return []
        self._epoch = epoch
        design = self._config.design
        self._current = self._key_for(now, entropy)
        config = self._config
        data = design.service_data(
            self._current, now, config.announced_power_dbm, config.announced_confidence
        )
        return [Advertise(encode(design.service_uuid, data))]

    def restart(self, now: int, entropy: Entropy) -> list[Effect]:
        """Delete every own key and go on with a fresh, unrelated one."""
        self._memory.drop_own_keys(list(self._memory.own_keys.values()))
        self._memory.put_own_key(self._config.design.first_key(now, entropy))
        self._epoch = self._current = None
        return self.rotate(now, entropy)

    def next_rotation(self, now: int) -> int:
        """When the identifier changes next."""
        length = self._config.design.epoch_seconds
        return now - now % length + length

    def expire(self, now: int) -> None:
        """Delete own keys that are older than retention."""
        design = self._config.design
        expired = [key for key in self._memory.own_keys.values() if design.key_expired(key, now)]
        if self._current in expired:
            # Gone is gone: what comes next must not follow from it, nor write it down again.
            self._current = None
        self._memory.drop_own_keys(expired)

    def next_expiry(self) -> int | None:
        """When the oldest own key turns too old, or None if there is none."""
        ends = [self._config.design.key_range(key)[1] for key in self._memory.own_keys.values()]
        return min(ends) + RETENTION_DAYS * DAY_SECONDS if ends else None

    def _key_for(self, now: int, entropy: Entropy) -> OwnKey:
        design = self._config.design
        slot = now // design.slot_seconds
        latest = self._current
        if latest is not None and latest.index <= slot < latest.index + latest.span:
            return latest
        if latest is not None and latest.index == self._newest and latest.index + latest.span <= slot:
            # The common case, without a look at every key: time went on, and the key in use is the newest one.
            return self._follow(latest, now, entropy)
        current: OwnKey | None = None
        past: OwnKey | None = None
        for key in list(self._memory.own_keys.values()):
            start, end = design.key_range(key)
            if start <= now < end:
                current = key
            elif end <= now:
                self._forget_order(key)
                if past is None or key.index > past.index:
                    past = key
        self._newest = max((key.index for key in self._memory.own_keys.values()), default=-1)
        if current is not None:
            return self._with_order(current, entropy)
        return self._follow(past, now, entropy)

    def _follow(self, past: OwnKey | None, now: int, entropy: Entropy) -> OwnKey:
        """Make the key for `now`, which comes after `past`."""
        design = self._config.design
        if past is not None:
            self._forget_order(past)
        fresh = design.next_key(past, now, entropy) if past else design.first_key(now, entropy)
        self._memory.put_own_key(fresh)
        self._newest = max(self._newest, fresh.index)
        return fresh

    def _forget_order(self, key: OwnKey) -> None:
        """The order in which EphIDs went out is of no use once the key is over, and would help a thief."""
        if key.order:
            self._memory.put_own_key(OwnKey(key.index, key.span, key.secret))

    def _with_order(self, key: OwnKey, entropy: Entropy) -> OwnKey:
        """A clock set back can return to a key whose order is deleted: it gets a new one."""
        if key.order or not self._config.design.shuffles:
            return key
        ordered = OwnKey(key.index, key.span, key.secret, entropy.take("order", ORDER_BYTES))
        self._memory.put_own_key(ordered)
        return ordered
