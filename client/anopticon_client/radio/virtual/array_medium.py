"""The virtual air for hundreds to thousands of antennas: one queue of advertising events, and NumPy for who hears them.

The physics (`ether`), the moments (`pacing`) and the luck are those of the Bumble medium; what is left out is HCI.
Instead of a timer for each antenna, all events up to a moment are worked off together: at each tick, and before
anything changes. Frames carry the times at which they arrived, not that of the tick.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anopticon_client.radio.interfaces import RadioSink, Timestamps
from anopticon_client.radio.virtual.ether import CHANNELS, PDU_SPACING_NS, Ether, Transmission, airtime_ns
from anopticon_client.radio.virtual.pacing import LATE_NS, Pacer
from anopticon_client.radio.virtual_time import NANOSECONDS
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_protocol.advert import MAX_FRAME_BYTES

TICK_SECONDS: Final = 0.05
"""How late a sink may learn what arrived; the frames' own times are exact."""
LONGEST_NS: Final = airtime_ns(MAX_FRAME_BYTES)
MEMORY_NS: Final = 2 * (len(CHANNELS) * PDU_SPACING_NS + LONGEST_NS)
"""What began so long ago is over, and so is everything that it could disturb."""


class OnAir(NamedTuple):
    """What one antenna sent: an address and a frame."""

    address: bytes
    frame: bytes


class HeardBatch(NamedTuple):
    """Everything that one antenna heard since the last batch, as columns of equal length.

    `mono_ns`, `wall_ns`: when; `rssi_dbm`: how strongly; `event`: which of `events` it was.
    """

    mono_ns: NDArray[np.int64]
    wall_ns: NDArray[np.int64]
    rssi_dbm: NDArray[np.int64]
    event: NDArray[np.intp]
    events: Sequence[OnAir]


@runtime_checkable
class BatchSink(Protocol):
    """A sink that takes what it heard as columns: for thousands of antennas that listen all the time."""

    def heard_many(self, batch: HeardBatch) -> None:
        """Frames arrived."""


@dataclass(slots=True)
class Antenna:
    """One antenna's sending and listening."""

    number: int
    pacer: Pacer
    sink: RadioSink | None = None
    batches: BatchSink | None = None
    timestamps: Timestamps | None = None
    sends: OnAir | None = None
    turn: int = 0
    """Changes with each start and stop, so that events queued before are known to be void."""


class _Event(NamedTuple):
    start_ns: int
    sent: Transmission
    on_air: OnAir
    turn: int


class ArrayMedium:
    """All antennas of one air, on the running loop."""

    def __init__(self, ether: Ether, seed: int) -> None:
        """No antenna yet."""
        self.ether = ether
        self.seed = seed
        self._loop = asyncio.get_running_loop()
        self._antennas: list[Antenna] = []
        self._queue: list[tuple[int, int, int]] = []
        self._air: list[_Event] = []
        self._judged = 0
        """So many of `_air` have been delivered; they stay as rivals of those behind them."""
        self._ticking: asyncio.TimerHandle | None = None

    def add(self, position: tuple[float, float, float], tx_power_dbm: float) -> Antenna:
        """Put up an antenna."""
        self.settle()
        number = self.ether.add(position, tx_power_dbm)
        antenna = Antenna(number, Pacer(self.seed, number))
        self._antennas.append(antenna)
        return antenna

    def now_ns(self) -> int:
        """Nanoseconds of the loop's clock."""
        return round(self._loop.time() * NANOSECONDS)

    def start(self, antenna: Antenna, on_air: OnAir, shortest_ns: int, longest_ns: int) -> None:
        """Send `on_air` from now on, in place of what there was."""
        now_ns = self.settle()
        antenna.turn += 1
        antenna.sends = on_air
        first = antenna.pacer.start(now_ns, shortest_ns, longest_ns)
        heapq.heappush(self._queue, (first, antenna.number, antenna.turn))
        if self._ticking is None:
            self._ticking = self._loop.call_later(TICK_SECONDS, self._tick)

    def stop(self, antenna: Antenna) -> None:
        """Send nothing; an event in the air is cut."""
        self.settle()
        antenna.turn += 1
        antenna.sends = None

    def settle(self) -> int:
        """Work off every event up to now, so that something may change; returns the moment."""
        now_ns = self.now_ns()
        if (self._queue and self._queue[0][0] <= now_ns) or self._judged < len(self._air):
            self._send_until(now_ns)
            self._judge_until(now_ns)
        return now_ns

    def _tick(self) -> None:
        self.settle()
        busy = self._queue or self._judged < len(self._air)
        self._ticking = self._loop.call_later(TICK_SECONDS, self._tick) if busy else None

    def _send_until(self, now_ns: int) -> None:
        queue, antennas, transmit = self._queue, self._antennas, self.ether.transmit
        while queue and queue[0][0] <= now_ns:
            when_ns, number, turn = queue[0]
            antenna = antennas[number]
            on_air = antenna.sends
            if turn != antenna.turn or on_air is None:
                heapq.heappop(queue)
                continue
            sent = transmit(number, when_ns, len(on_air.frame), CHANNELS)
            self._air.append(_Event(when_ns, sent, on_air, turn))
            after = antenna.pacer.advance(now_ns if now_ns - when_ns > LATE_NS else when_ns)
            heapq.heapreplace(queue, (after, number, turn))

    def _judge_until(self, now_ns: int) -> None:
        air = self._air
        hearing = _Hearing(self._antennas, now_ns)
        while self._judged < len(air):
            event = air[self._judged]
            end_ns = event.sent.end_ns
            if end_ns > now_ns:
                break
            self._judged += 1
            if event.turn == self._antennas[event.sent.sender].turn:
                # Every event here uses all channels, so its PDUs overlap those that start within an airtime of it.
                first = bisect_left(air, (event.start_ns - LONGEST_NS,))
                last = bisect_left(air, (event.start_ns + event.sent.airtime_ns,))
                rivals = [other.sent for other in air[first:last] if other is not event]
                hearing.hear(event.on_air, end_ns, *self.ether.receivers(event.sent, rivals))
        hearing.hand_over()
        keep = bisect_left(air, (now_ns - MEMORY_NS,), hi=self._judged)
        del air[:keep]
        self._judged -= keep


class _Hearing:
    """Hands frames to the sinks of whoever heard them."""

    def __init__(self, antennas: Sequence[Antenna], now_ns: int) -> None:
        self._antennas = antennas
        self._now_ns = now_ns
        self._offsets: dict[Timestamps, tuple[int, int]] = {}
        self._batched = np.array([antenna.batches is not None for antenna in antennas], np.bool_)
        self._events: list[OnAir] = []
        self._columns: list[tuple[NDArray[np.intp], NDArray[np.int64], int]] = []

    def hear(self, on_air: OnAir, end_ns: int, who: NDArray[np.intp], strengths: NDArray[np.int64]) -> None:
        """These antennas heard this at that moment."""
        address, frame = on_air
        batched = self._batched[who]
        if batched.any():
            self._columns.append((who, strengths, end_ns))
            self._events.append(on_air)
            who, strengths = who[~batched], strengths[~batched]
        for number, rssi in zip(who.tolist(), strengths.tolist(), strict=True):
            antenna = self._antennas[number]
            if antenna.sink is not None:
                mono, wall = self._offset(antenna)
                antenna.sink.heard(
                    HeardFrame(mono + end_ns, wall + end_ns, address, _KIND, _PDU, rssi, frame)
                )

    def hand_over(self) -> None:
        """Give their batches to the sinks that take them."""
        if not self._columns:
            return
        who = np.concatenate([column[0] for column in self._columns])
        order = np.argsort(who, kind="stable")
        lengths = [len(column[0]) for column in self._columns]
        strengths = np.concatenate([column[1] for column in self._columns])[order]
        event = np.repeat(np.arange(len(lengths)), lengths)[order]
        ends = np.array([column[2] for column in self._columns])[event]
        receivers, begins = np.unique(who[order], return_index=True)
        bounds = [*begins.tolist(), len(who)]
        for place, number in enumerate(receivers.tolist()):
            antenna = self._antennas[number]
            if antenna.batches is not None:
                mono, wall = self._offset(antenna)
                here = slice(bounds[place], bounds[place + 1])
                times = ends[here]
                antenna.batches.heard_many(
                    HeardBatch(times + mono, times + wall, strengths[here], event[here], self._events)
                )

    def _offset(self, antenna: Antenna) -> tuple[int, int]:
        timestamps = antenna.timestamps
        assert timestamps is not None  # noqa: S101 - whoever has a sink has timestamps
        if timestamps not in self._offsets:
            moment = timestamps()
            self._offsets[timestamps] = (moment.mono_ns - self._now_ns, moment.wall_ns - self._now_ns)
        return self._offsets[timestamps]


_KIND, _PDU = AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND
