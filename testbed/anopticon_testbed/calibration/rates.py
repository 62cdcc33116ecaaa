"""Whether every pair of nodes hears each other as often as it should, and what is wrong if not (SPEC.md 20.2).

A full receiver near a sender gets nearly every PDU. What falls short has few causes, and each leaves its mark: a
duplicate filter gives one PDU each ten seconds whatever the distance, a scan with pauses takes the same share from all
senders, a dead radio takes everything, and a wall takes one pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Final

ADVERTISING_DELAY_MS: Final = 5.0
"""Mean of the random 0 to 10 ms that a controller adds to each interval (Core Specification 6.B.4.4.2.2.1)."""
FULL_SHARE: Final = 0.75
"""A receiver that gets three quarters of what is sent is sound: collisions and the odd wall take the rest."""
LONE_SHARE: Final = 0.5
"""A pair this far below what its receiver gets from others is a matter of that pair."""
FILTER_PER_MINUTE: Final = (3.0, 12.0)
"""A scan that is restarted every 10 s with a duplicate filter hears each identifier six times a minute."""
FILTER_GAP_SECONDS: Final = 4.0
"""Hardly ever two of them closer than this; a scan with pauses hears bursts instead."""
MIN_SECONDS: Final = 30.0
"""A shorter run tells a filter from bad luck in no way."""


class Cause(Enum):
    """What is wrong."""

    TOO_SHORT = "too short"
    DEAF = "deaf"
    MUTE = "mute"
    FILTERED = "duplicate filter"
    PART_TIME = "scan duty"
    WEAK_PAIR = "weak pair"


@dataclass(frozen=True, slots=True)
class NodeRate:
    """What a node should do: PDUs a minute that it sends (None: it does not say, 0: it sends none), its scan duty."""

    sent_per_minute: float | None
    duty: float
    listens: bool = True


@dataclass(frozen=True, slots=True)
class PairRate:
    """What `receiver` got from `sender`: PDUs in `seconds`, their median in dBm, the median time between two."""

    sender: str
    receiver: str
    count: int
    seconds: float
    rssi_dbm: float | None = None
    gap_seconds: float | None = None

    @property
    def per_minute(self) -> float:
        """PDUs a minute."""
        return 60 * self.count / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, with what to do next."""

    cause: Cause
    subject: str
    sentence: str


def nominal_per_minute(interval_ms: tuple[float, float]) -> float:
    """PDUs a minute at an advertising interval from and to, in ms."""
    return 60_000 / (sum(interval_ms) / 2 + ADVERTISING_DELAY_MS)


def judge(nodes: Mapping[str, NodeRate], pairs: Iterable[PairRate]) -> list[Fault]:
    """Everything that is wrong, gravest first. Pairs that are not given heard nothing."""
    known = {(pair.sender, pair.receiver): pair for pair in pairs}
    seconds = max((pair.seconds for pair in known.values()), default=0.0)
    if seconds < MIN_SECONDS:
        return [
            Fault(
                Cause.TOO_SHORT,
                "run",
                f"the nodes ran together for {seconds:.0f} s: let them run for at least {MIN_SECONDS:.0f} s",
            )
        ]
    table = _Table(nodes, known)
    faults = [*table.deaf(), *table.mute()]
    for receiver in table.hearing:
        fault = table.filtered(receiver) or table.part_time(receiver)
        faults += [fault] if fault else []
    return [*faults, *table.weak_pairs({fault.subject for fault in faults})]


class _Table:
    """Pairs by receiver and sender."""

    def __init__(self, nodes: Mapping[str, NodeRate], known: Mapping[tuple[str, str], PairRate]) -> None:
        self._nodes = nodes
        self._known = known
        self._senders = [name for name, node in nodes.items() if node.sent_per_minute != 0]
        self._receivers = [name for name, node in nodes.items() if node.listens]
        self.hearing = [name for name in self._receivers if self._heard(name)]

    def deaf(self) -> list[Fault]:
        """Receivers that hear nobody."""
        return [
            Fault(
                Cause.DEAF,
                name,
                f"{name} hears nobody: its receiver is dead, not scanning or out of range. "
                "Run doctor there, and look for `failed` events in its recording",
            )
            for name in self._receivers
            if name not in self.hearing and any(other != name for other in self._senders)
        ]

    def mute(self) -> list[Fault]:
        """Senders that nobody hears though somebody hears others."""
        return [
            Fault(
                Cause.MUTE,
                name,
                f"nobody hears {name}: its transmitter is dead, silent or out of range. Run doctor there, and see "
                "whether its recording has `sent` rows",
            )
            for name in self._senders
            if any(other != name for other in self.hearing)
            and not any(self._count(name, other) for other in self._receivers if other != name)
        ]

    def filtered(self, receiver: str) -> Fault | None:
        """Whether a duplicate filter thins what the receiver hears."""
        heard = self._heard(receiver)
        low, high = FILTER_PER_MINUTE
        marked = [
            pair
            for pair in heard
            if low <= pair.per_minute <= high
            and (pair.gap_seconds is None or pair.gap_seconds >= FILTER_GAP_SECONDS)
            and (self._sent(pair.sender) is None or self._share(pair) < FULL_SHARE)
        ]
        if 2 * len(marked) <= len(heard):
            return None
        rate = median(pair.per_minute for pair in marked)
        return Fault(
            Cause.FILTERED,
            receiver,
            f"{receiver} hears each sender only {rate:.0f} times a minute: its controller or its system filters "
            "duplicates. Use a radio that hands on every PDU (hci:..., or bluez with its passive tap)",
        )

    def part_time(self, receiver: str) -> Fault | None:
        """Whether the receiver gets the same share from everybody, and too small a one."""
        shares = [self._share(pair) for pair in self._heard(receiver) if self._sent(pair.sender)]
        if not shares or median(shares) >= FULL_SHARE:
            return None
        declared = self._nodes[receiver].duty
        known = f"; its radio declares a duty of {declared:.0%}" if declared < 1 else ""
        return Fault(
            Cause.PART_TIME,
            receiver,
            f"{receiver} gets {median(shares):.0%} of what is sent: it listens only part of the time{known}. Look at "
            "its scan window, at other users of the adapter, and at WiFi on the same antenna",
        )

    def weak_pairs(self, blamed: set[str]) -> list[Fault]:
        """Pairs far below what both of their nodes get and give elsewhere."""
        faults = []
        for receiver in self.hearing:
            typical = median([self._share(pair) for pair in self._heard(receiver)])
            for sender in self._senders:
                if sender == receiver or {sender, receiver} & blamed:
                    continue
                pair = self._known.get((sender, receiver), PairRate(sender, receiver, 0, MIN_SECONDS))
                if self._share(pair) < LONE_SHARE * typical:
                    level = "" if pair.rssi_dbm is None else f" at {pair.rssi_dbm:.0f} dBm"
                    faults.append(
                        Fault(
                            Cause.WEAK_PAIR,
                            f"{sender} to {receiver}",
                            f"{receiver} hears {sender} {pair.per_minute:.0f} times a minute{level}, others more: "
                            "distance, a wall or an antenna stands between the two",
                        )
                    )
        return faults

    def _heard(self, receiver: str) -> Sequence[PairRate]:
        pairs = (self._known.get((sender, receiver)) for sender in self._senders if sender != receiver)
        return [pair for pair in pairs if pair is not None and pair.count > 0]

    def _count(self, sender: str, receiver: str) -> int:
        pair = self._known.get((sender, receiver))
        return 0 if pair is None else pair.count

    def _sent(self, sender: str) -> float | None:
        return self._nodes[sender].sent_per_minute

    def _share(self, pair: PairRate) -> float:
        """Of what was sent; where that is not known, of the most that anybody got from that sender."""
        sent = self._sent(pair.sender)
        if sent is None:
            rates = [one.per_minute for (sender, _), one in self._known.items() if sender == pair.sender]
            sent = max(rates, default=0.0)
        return min(pair.per_minute / sent, 1.0) if sent else 0.0
