"""The records that pass between a design and those who use it: keys, observations, candidates (SPEC.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

SETTLED: Final = -1
"""`Observation.received` once every batch that could have been published before it has been processed."""
NO_TIME: Final = -1
"""`Packet.time` in designs that keep no time finer than their slot."""


class ReportType(IntEnum):
    """Why a key was published (Exposure Notification export, field 5); DP-3T designs know CONFIRMED_TEST only."""

    UNKNOWN = 0
    CONFIRMED_TEST = 1
    CLINICAL_DIAGNOSIS = 2
    SELF_REPORT = 3
    RECURSIVE = 4
    REVOKED = 5


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One secret of this phone's own schedule.

    It is valid for `span` slots of the design from slot `index` on. `order` is the seed of the broadcast order of
    designs that shuffle (empty otherwise); it is never uploaded.
    """

    index: int
    span: int
    secret: bytes
    order: bytes = b""


@dataclass(frozen=True, slots=True, order=True)
class SharedKey:
    """A key as uploaded and, by the designs that publish lists, as published.

    `secret` comes first so that sorting a list of them by value leaves no trace of who uploaded what when.
    `days_since_onset` is -14..14 or None for unknown; only Exposure Notification carries it and `report_type`.
    """

    secret: bytes
    index: int
    span: int
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None


class Token(NamedTuple):
    """What a phone compares: the stored form of one heard identifier, in the slot that it was heard in."""

    slot: int
    value: bytes


class Reading(NamedTuple):
    """One measurement of an identifier.

    `offset` counts seconds from the start of the slot (0 in designs whose grain is the slot). `seconds` is the time
    the scan stands for: already capped in DP-3T designs, the raw gap to the previous scan (0 unknown) in Exposure
    Notification. `metadata` is the encrypted metadata as heard, empty in DP-3T designs.
    """

    offset: int
    rssi_dbm: int
    seconds: int
    metadata: bytes = b""


@dataclass(frozen=True, slots=True)
class Match:
    """What a published key said about an observation that it matched.

    `tx_power_dbm` is the power of its first usable packet, and of all packets where `pad` is empty. The other fields
    are those of Exposure Notification: `pad` opens the metadata of every packet of this RPI (XOR, the key stream of
    AES-CTR); `key_id` is the same for all observations of one key, and of no other; `key_start` is the key's first
    interval; `revised` says that the report type was changed once by a later publication.
    """

    tx_power_dbm: int
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None
    pad: bytes = b""
    key_id: bytes = b""
    key_start: int = 0
    revised: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a phone keeps of one identifier in one slot.

    `received` is the start of the release period it was heard in, or SETTLED. `readings` is sorted: the order in
    which things were heard is not kept. `match` is None until a published key matches.
    """

    token: Token
    received: int
    readings: tuple[Reading, ...]
    match: Match | None = None


class Candidate(NamedTuple):
    """One identifier that a published key makes: its token value and the slots it may have been heard in."""

    value: bytes
    first_slot: int
    last_slot: int


class Confidence(IntEnum):
    """How well the power that a packet claims is known (Exposure Notification metadata 1.1, byte 0, bits 3:2)."""

    LOWEST = 0
    """Nobody measured: the value of a whole fleet."""
    LOW = 1
    """The mean of the maker's models."""
    MEDIUM = 2
    """A model like this one was measured."""
    HIGH = 3
    """This model was measured."""


class Packet(NamedTuple):
    """One packet of a person whose key was published, as a scoring takes it.

    With a `time` (Unix seconds) it is one packet, and `seconds` is the time since the previous scan ended, 0 if
    unknown. Without (NO_TIME) it is what a design keeps instead: a mean RSSI, and `seconds` what it stands for.
    `identifier` tells packets of one RPI from those of the next.
    """

    day: int
    rssi_dbm: int
    tx_power_dbm: int
    seconds: int
    time: int = NO_TIME
    identifier: bytes = b""
    confidence: Confidence = Confidence.LOWEST

    @property
    def attenuation_db(self) -> int:
        """Transmit power less RSSI, never below 0."""
        return max(self.tx_power_dbm - self.rssi_dbm, 0)
