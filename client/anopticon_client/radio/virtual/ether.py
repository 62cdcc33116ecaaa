"""The physics of the advertising channels: who hears which PDU, how strongly, and which PDUs spoil each other.

An advertising event is one PDU on each of the channels 37, 38 and 39, one after the other (Core Specification
6.B.4.4.2). A scanner listens on one of them at a time, takes the next one with each scan interval, and is deaf
outside its scan window (6.B.4.4.3). Two PDUs that overlap on a channel are both lost at a receiver unless one is
stronger by `CAPTURE_DB`; a receiver that sends at that moment hears nothing.

Times are nanoseconds of the air's clock. Both media ask this class, so they differ only in how PDUs get in and out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anopticon_client.errors import RadioError
from anopticon_client.radio.virtual.propagation import LogDistance, Propagation, Strengths

CHANNELS: Final = (37, 38, 39)
MICROSECOND: Final = 1_000
PDU_SPACING_NS: Final = 500 * MICROSECOND
"""From the start of a PDU to that of the next of its event; the specification allows up to 10 ms."""
OVERHEAD_BYTES: Final = 1 + 4 + 2 + 6 + 3
"""Preamble, access address, header, advertiser's address and checksum around the data (6.B.2.1)."""
NS_PER_BYTE: Final = 8 * MICROSECOND
"""One megabit a second."""
CAPTURE_DB: Final = 21.0
"""A receiver must cope with a rival on its channel that is so much weaker (Core Specification 6.A.4.2)."""
MAX_ANTENNAS: Final = 20_000
"""Beyond this a row of strengths for each PDU fills the memory; no experiment has needed it."""

MAX_KNOWN_BYTES: Final = 64 * 1_048_576
"""Strengths that are kept: room for 2,800 antennas that stand still."""


class Transmission(NamedTuple):
    """One advertising event on the air."""

    sender: int
    start_ns: int
    airtime_ns: int
    channels: tuple[int, ...]
    strengths: Strengths
    """dBm at each antenna that was on the air at `start_ns`; infinite at the sender's own."""

    @property
    def end_ns(self) -> int:
        """When the last PDU of the event is over."""
        return self.start_ns + (len(self.channels) - 1) * PDU_SPACING_NS + self.airtime_ns

    def pdu_start(self, channel: int) -> int:
        """When the PDU on `channel` starts; the event must use it."""
        return self.start_ns + self.channels.index(channel) * PDU_SPACING_NS

    def meets(self, other: Transmission, channel: int) -> bool:
        """Whether the two events overlap on `channel`, which this one uses."""
        if channel not in other.channels:
            return False
        return -other.airtime_ns < other.pdu_start(channel) - self.pdu_start(channel) < self.airtime_ns

    def overlaps(self, other: Transmission) -> bool:
        """Whether the two events share any time."""
        return self.start_ns < other.end_ns and other.start_ns < self.end_ns


def airtime_ns(data_bytes: int) -> int:
    """How long a PDU with so much data is on the air."""
    return (OVERHEAD_BYTES + data_bytes) * NS_PER_BYTE


@dataclass(slots=True)
class Ether:
    """All antennas of one air, as columns."""

    propagation: Propagation = field(default_factory=LogDistance)
    collisions: bool = True
    capture_db: float = CAPTURE_DB
    count: int = 0
    _positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros((8, 3)))
    _power: NDArray[np.float64] = field(default_factory=lambda: np.zeros(8))
    _scan: NDArray[np.int64] = field(default_factory=lambda: np.full((8, 3), -1, np.int64))
    """Since when it scans (-1 for not at all), scan interval, scan window."""

    _known: dict[int, Strengths] = field(default_factory=dict)
    """Strengths of steady models, until an antenna joins or moves."""

    def add(self, position: tuple[float, float, float], tx_power_dbm: float) -> int:
        """Put up an antenna; returns its number. Numbers are never used twice. Raises RadioError if the air is full."""
        index = self.count
        if index >= MAX_ANTENNAS:
            raise RadioError(f"no room for one more antenna: an air holds {MAX_ANTENNAS} (MAX_ANTENNAS)")
        if index == len(self._power):
            more = len(self._power)
            self._positions = np.concatenate([self._positions, np.zeros((more, 3))])
            self._power = np.concatenate([self._power, np.zeros(more)])
            self._scan = np.concatenate([self._scan, np.full((more, 3), -1, np.int64)])
        self.count = index + 1
        self._known.clear()
        self._positions[index] = position
        self._power[index] = tx_power_dbm
        return index

    @property
    def positions(self) -> NDArray[np.float64]:
        """Metres, one row (x, y, z) for each antenna."""
        return self._positions[: self.count]

    @property
    def tx_power_dbm(self) -> NDArray[np.float64]:
        """Transmit power of each antenna."""
        return self._power[: self.count]

    def move(self, antenna: int, position: tuple[float, float, float]) -> None:
        """From now on the antenna is there."""
        self._positions[antenna] = position
        self._known.clear()

    def listen(self, antenna: int, since_ns: int, interval_ns: int, window_ns: int) -> None:
        """The antenna's receiver begins to scan, on channel 37."""
        self._scan[antenna] = (since_ns, interval_ns, window_ns)

    def deafen(self, antenna: int) -> None:
        """The antenna's receiver is off."""
        self._scan[antenna, 0] = -1

    def transmit(
        self, sender: int, start_ns: int, data_bytes: int, channels: tuple[int, ...]
    ) -> Transmission:
        """A frame leaves `sender`."""
        strengths = self.propagation.strengths(self, sender, start_ns)
        strengths[sender] = np.inf
        return Transmission(sender, start_ns, airtime_ns(data_bytes), channels, strengths)

    def receivers(
        self, sent: Transmission, rivals: Sequence[Transmission]
    ) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Who hears the event, and at how many dBm; `rivals` are all events that overlap it.

        Whoever hears more than one of its PDUs, at the edge of a scan interval, counts once.
        """
        scan = self._scan[: len(sent.strengths)]
        candidates = np.flatnonzero(np.isfinite(sent.strengths) & (scan[:, 0] >= 0))
        if not len(candidates):
            return candidates, np.empty(0, np.int64)
        since, interval, window = scan[candidates].T
        strengths = sent.strengths[candidates]
        heard = np.zeros(len(candidates), np.bool_)
        spoilers = self._spoilers(sent, rivals) if self.collisions and rivals else {}
        everywhere = spoilers.pop(sent.channels, ())
        slot, into = np.divmod(sent.start_ns - since, interval)
        for rank, channel in enumerate(sent.channels):
            if rank:
                into += PDU_SPACING_NS
                over = into >= interval
                if over.any():
                    slot += over
                    into -= np.where(over, interval, 0)
            caught = (slot % len(CHANNELS) == channel - CHANNELS[0]) & (slot >= 0)
            caught &= into + sent.airtime_ns <= window
            for channels, some in spoilers.items():
                if channel in channels:
                    caught &= self._clear(strengths, some, candidates)
            heard |= caught
        if everywhere:
            heard &= self._clear(strengths, everywhere, candidates)
        return candidates[heard], strengths[heard].astype(np.int64)

    def _spoilers(
        self, sent: Transmission, rivals: Sequence[Transmission]
    ) -> dict[tuple[int, ...], Sequence[Transmission]]:
        """The rivals by the channels on which their PDUs overlap those of `sent`."""
        found: dict[tuple[int, ...], Sequence[Transmission]] = {}
        for rival in rivals:
            shift = rival.start_ns - sent.start_ns
            if rival.channels == sent.channels:
                hit = sent.channels if -rival.airtime_ns < shift < sent.airtime_ns else ()
            else:
                hit = tuple(channel for channel in sent.channels if sent.meets(rival, channel))
            if hit:
                found[hit] = [*found.get(hit, ()), rival]
        return found

    def _clear(
        self, strengths: Strengths, rivals: Sequence[Transmission], candidates: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Where every rival can be captured over; who joined after a rival began hears none of that rival."""
        enough = strengths - self.capture_db
        spoilt = np.zeros(len(candidates), np.bool_)
        for rival in rivals:
            if candidates[-1] < len(rival.strengths):
                spoilt |= rival.strengths[candidates] > enough
            else:
                known = candidates < len(rival.strengths)
                spoilt[known] |= rival.strengths[candidates[known]] > enough[known]
        return ~spoilt
