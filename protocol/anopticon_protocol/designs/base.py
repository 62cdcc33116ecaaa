"""The one contract of all designs (SPEC.md 6).

A phone, a server and a simulator use a `Design` without knowing which one it is. What differs is only:

- the key schedule          first_key, next_key, service_data
- what a phone keeps        observe, fold, and at which grain (observation_slot_seconds)
- what is uploaded          uploadable, check_upload, max_upload_keys
- what is published when    release_from, publish, read
- how a phone matches       candidates (or membership in a filter), admit, match_of, packets

Matching itself, the join of published and observed tokens, lies outside (anopticon_client.matching), so that a
faster engine can take its place for every design at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, Protocol

from anopticon_protocol.designs.expansion import Expansion, Hashed
from anopticon_protocol.designs.records import (
    Candidate,
    Confidence,
    Match,
    Observation,
    OwnKey,
    Packet,
    Reading,
    SharedKey,
    Token,
)
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.params import (
    DAY_SECONDS,
    RETENTION_DAYS,
    SCAN_CREDIT_MAX_SECONDS,
    SCAN_CREDIT_UNKNOWN_SECONDS,
)

TimeRange = tuple[int, int]
"""Unix seconds, from the first included to the last excluded."""


class Membership(Protocol):
    """A published set that can only be asked whether it holds a token value."""

    def __contains__(self, value: bytes) -> bool:
        """Whether `value` was published; true for about `false_positive_rate` of all other values as well."""

    def __len__(self) -> int:
        """Number of published values."""


Published = tuple[SharedKey, ...] | Membership
"""What a batch holds once read: keys to expand, or a set to ask."""


class Design(ABC):
    """One tracing design with its parameters. Instances are stateless and may be shared."""

    name: ClassVar[str]
    """How the design is called in the registry, in batches and in uploads."""
    slot_seconds: int
    """Unit of OwnKey.index, OwnKey.span, SharedKey.index and SharedKey.span."""
    epoch_seconds: int
    """How long one identifier is broadcast."""
    observation_slot_seconds: int
    """Unit of Token.slot: the grain of time at which a phone keeps what it heard."""
    service_uuid: ClassVar[int]
    secret_bytes: ClassVar[int]
    max_upload_keys: int
    """Keys in one upload. With their fixed length this fixes the length of every upload, full or not."""
    shares_every_later_key: ClassVar[bool] = False
    """Whether one published key gives away all later ones of its chain, so that nothing can be withheld."""
    keeps_times: ClassVar[bool] = False
    """Whether a phone keeps the second of each packet, on which published scoring is defined."""
    shuffles: ClassVar[bool] = False
    """Whether the identifiers of one key go out in a secret random order, whose seed is OwnKey.order."""

    @property
    def spec(self) -> str:
        """The text that opens this design again, name and parameters: what batches and uploads carry."""
        return self.name

    # -- the key schedule ---------------------------------------------------------------------------------------
    @abstractmethod
    def first_key(self, now: int, entropy: Entropy) -> OwnKey:
        """A fresh key, unrelated to any other, for the slot that holds `now`."""

    def next_key(self, previous: OwnKey, now: int, entropy: Entropy) -> OwnKey:  # noqa: ARG002 - chains need it
        """The key that follows `previous` at `now`, a time after its end. Fresh unless the design chains keys."""
        return self.first_key(now, entropy)

    def key_range(self, key: OwnKey | SharedKey) -> TimeRange:
        """The time that `key` is for."""
        return key.index * self.slot_seconds, (key.index + key.span) * self.slot_seconds

    @abstractmethod
    def service_data(
        self, key: OwnKey, now: int, tx_power_dbm: int, confidence: Confidence | None = None
    ) -> bytes:
        """The bytes to broadcast at `now` under `key`: the identifier, and encrypted metadata if there is any.

        `confidence` is how well `tx_power_dbm` is known, None if nobody says; designs without metadata tell neither.
        """

    # -- what a phone keeps of what it heard ----------------------------------------------------------------------
    @abstractmethod
    def observe(self, service_data: bytes, now: int) -> Token:
        """The token to store for an identifier heard at `now`."""

    def received(self, now: int, release_period: int) -> int:
        """What to store as Observation.received: the release period that holds `now`, kept until settled."""
        return now - now % release_period

    def read_scan(
        self, service_data: bytes, now: int, rssi_dbm: Sequence[int], gap_seconds: int
    ) -> list[Reading]:
        """Readings to store for one identifier of one scan: one, with the mean RSSI, worth the time since the last.

        `gap_seconds` is the time since the previous scan, 0 if unknown.
        """
        del service_data, now
        return [Reading(0, mean_rounded_half_up(rssi_dbm), credited_seconds(gap_seconds))]

    def fold(self, kept: Iterable[Reading], new: Iterable[Reading]) -> tuple[Reading, ...]:
        """Merge readings without keeping their order: equal ones add up their seconds."""
        seconds: dict[tuple[int, int, bytes], int] = {}
        for reading in (*kept, *new):
            key = (reading.offset, reading.rssi_dbm, reading.metadata)
            seconds[key] = seconds.get(key, 0) + reading.seconds
        return tuple(sorted(Reading(o, rssi, total, data) for (o, rssi, data), total in seconds.items()))

    # -- what is uploaded and what is published -------------------------------------------------------------------
    @abstractmethod
    def uploadable(
        self, own: Sequence[OwnKey], since: int, now: int, withheld: Sequence[TimeRange]
    ) -> tuple[SharedKey, ...]:
        """The keys to upload at `now` for a person contagious from `since` on, less those touching `withheld`.

        Raises InvalidParameterError if the design cannot withhold.
        """

    @abstractmethod
    def check_upload(self, keys: Sequence[SharedKey], now: int) -> None:
        """Raise UploadError naming the field unless every key, and all of them together, may be published."""

    def release_from(self, key: SharedKey) -> int:  # noqa: ARG002 - designs with an embargo need it
        """The first second at which `key` may be published. 0: at once, since phones check the time of receipt."""
        return 0

    @abstractmethod
    def publish(self, keys: Iterable[SharedKey]) -> tuple[int, bytes]:
        """The body of a batch for `keys`, and its count: the same bytes whatever order the keys come in."""

    @abstractmethod
    def read(self, count: int, body: bytes) -> Published:
        """Read the body of a batch; raises BatchError naming the entry at fault."""

    # -- how a phone matches --------------------------------------------------------------------------------------
    def candidates(self, key: SharedKey, until: int) -> Iterator[Candidate]:
        """Every identifier that `key` makes for time before `until`. Not called for filters."""
        raise NotImplementedError

    def expansion(self, until: int) -> Expansion | Hashed | None:  # noqa: ARG002 - chains need it
        """What engines need to match a batch of this design in bulk; None if they must go by `candidates`."""
        return None

    def admit(
        self, rows: Sequence[Observation], candidate: Candidate | None, release: int
    ) -> list[Observation]:
        """The rows of one token value that count as a match with a batch released at `release`.

        Default: heard in a slot of the candidate, in a release period before this batch was published.
        """
        return [row for row in rows if _in_slots(row, candidate) and row.received < release]

    def match_of(
        self,
        key: SharedKey | None,
        row: Observation,  # noqa: ARG002 - metadata needs it
        reference_tx_power_dbm: int,
    ) -> Match | None:
        """What `key` (None from a filter) says about a row it matched; None if the row must be ignored after all.

        Default: frames carry no transmit power, so they are taken to have the deployment's reference power.
        """
        if key is None:
            return Match(reference_tx_power_dbm)
        return Match(reference_tx_power_dbm, key.report_type, key.days_since_onset)

    def packets(self, row: Observation, match: Match) -> list[Packet]:
        """What a scoring is given of a matched row. Default: each reading as one, on the day of its slot."""
        day = row.token.slot * self.observation_slot_seconds // DAY_SECONDS
        return [
            Packet(day, reading.rssi_dbm, match.tx_power_dbm, reading.seconds, identifier=row.token.value)
            for reading in row.readings
        ]

    # -- what is deleted when -------------------------------------------------------------------------------------
    def key_expired(self, key: OwnKey | SharedKey, now: int) -> bool:
        """Whether `key` ended more than RETENTION_DAYS ago and must be deleted."""
        return self.key_range(key)[1] + RETENTION_DAYS * DAY_SECONDS <= now

    def remaining(self, key: SharedKey, now: int, until: int) -> SharedKey | None:  # noqa: ARG002 - chains need it
        """What is left at `now` of a key that was in use up to `until`; None once all of it is too old."""
        return None if self.key_expired(key, now) else key

    def observation_expired(self, slot: int, now: int) -> bool:
        """Whether everything heard in `slot` is more than RETENTION_DAYS old and must be deleted."""
        return (slot + 1) * self.observation_slot_seconds + RETENTION_DAYS * DAY_SECONDS <= now


def credited_seconds(gap_seconds: int) -> int:
    """What one scan stands for, given the seconds since the scan before it (0 unknown): SPEC.md 6.6."""
    return min(gap_seconds, SCAN_CREDIT_MAX_SECONDS) if gap_seconds > 0 else SCAN_CREDIT_UNKNOWN_SECONDS


def mean_rounded_half_up(values: Sequence[int]) -> int:
    """Mean of whole numbers (dBm or dB), halves rounded up, in whole-number arithmetic on every machine alike."""
    return (2 * sum(values) + len(values)) // (2 * len(values))


def overlaps(one: TimeRange, others: Iterable[TimeRange]) -> bool:
    """Whether time range `one` shares a second with any of `others`."""
    return any(one[0] < end and start < one[1] for start, end in others)


def _in_slots(row: Observation, candidate: Candidate | None) -> bool:
    return candidate is None or candidate.first_slot <= row.token.slot <= candidate.last_slot


Factory = Callable[..., Design]
"""Builds a design from its named whole-number parameters; raises InvalidParameterError naming the one at fault."""
