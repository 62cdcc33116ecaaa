"""A recording as the air of a world: simulated phones hear what real radios heard, when they heard it (SPEC.md 11.3).

Stands where `Channel` stands. Every phone is a node of the recording. Whatever it broadcasts, another hears it in the
scans, and with the strengths, with which that node was heard: nothing is drawn, nothing is fitted. Scans are those of
the recorded phone; where none ran, those of the scenario, four seconds each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from anopticon_simulation.channel import MAX_RSSI_DBM, MIN_RSSI_DBM, Heard, Scan, ScanTimes
from anopticon_simulation.contacts.recordings import NOBODY, NS, Recorded, RecordedNode, read_recordings
from anopticon_simulation.contacts.trace import MAX_DISTANCE_METRES, SECONDS_PER_DAY, Trace, TraceBuilder
from anopticon_simulation.errors import ScenarioError
from anopticon_simulation.sections import PhonesSection

LISTEN_SECONDS: Final = 4
"""How long a scan of a phone lasts where no phone ran: as the phone's own shell listens."""
GRAIN_SECONDS: Final = 10
"""Steps in which distances are looked at."""


class RecordedAir:
    """The air between all nodes of a recording, laid on the day that a world begins with."""

    def __init__(self, recorded: Recorded, phones: PhonesSection, seed: int, start: int) -> None:
        """Move the recording so that the midnight (UTC) before it is `start`, a midnight of the world."""
        self._recorded = recorded
        self._shift_ns = (recorded.begun_ns // NS // SECONDS_PER_DAY * SECONDS_PER_DAY - start) * NS
        self._times = ScanTimes(phones, seed, start)
        self.tx_power_dbm = self._usual_power()
        """What phones of the world radiate: what most of those recorded did."""
        self.trace = self._trace()
        self.end = -((self._shift_ns - recorded.ended_ns) // NS)
        """First whole second of the world after the recording."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be left out or put right, in sentences."""
        moved = [f"{name} ({shift:+d} dB)" for name, shift in self._shifts().items() if shift]
        if not moved:
            return self._recorded.notes
        said = f"strengths moved to {self.tx_power_dbm} dBm of transmit power: {', '.join(moved)}"
        return (*self._recorded.notes, said)

    def scans(self, trace: Trace, adopters: Collection[int]) -> tuple[Scan, ...]:
        """Every scan that hears somebody, in order of (time, receiver)."""
        number = {name: place for place, name in enumerate(trace.people)}
        have_phone = frozenset(adopters)
        found: list[Scan] = []
        for node in self._recorded.nodes.values():
            if number[node.name] in have_phone:
                found += self._of_node(node, number, have_phone)
        return tuple(sorted(found))

    def _of_node(
        self, node: RecordedNode, number: dict[str, int], adopters: frozenset[int]
    ) -> Iterator[Scan]:
        shift = self._shifts()
        receiver, before = number[node.name], 0
        for begun, ended in self._windows(node, receiver):
            time = (ended - self._shift_ns) // NS
            if time <= before:
                continue  # a clock that was set back, or two scans in one second
            heard = []
            for place in range(bisect_left(node.at_ns, begun), bisect_left(node.at_ns, ended)):
                if node.sender[place] == NOBODY:
                    continue
                name = self._recorded.people[node.sender[place]]
                rssi = node.rssi_dbm[place] + shift[name]
                if number[name] in adopters and name != node.name and MIN_RSSI_DBM <= rssi <= MAX_RSSI_DBM:
                    heard.append(Heard(number[name], rssi))
            if heard:
                yield Scan(time, receiver, tuple(sorted(heard)), time - before if before else 0)
            before = time

    def _windows(self, node: RecordedNode, receiver: int) -> Iterator[tuple[int, int]]:
        if node.scans_ns:
            yield from node.scans_ns
            return
        first, last = node.begun_ns - self._shift_ns, node.ended_ns - self._shift_ns
        for _, time in self._times.within(receiver, first // NS + LISTEN_SECONDS, last // NS + 1):
            end = time * NS + self._shift_ns
            yield end - LISTEN_SECONDS * NS, end

    def _shifts(self) -> dict[str, int]:
        """What is added to the strengths of each sender, so that all radiate alike and attenuations stay."""
        powers = {name: self._recorded.tx_power_dbm(name) for name in self._recorded.people}
        return {name: 0 if power is None else self.tx_power_dbm - power for name, power in powers.items()}

    def _usual_power(self) -> int:
        powers = [self._recorded.tx_power_dbm(name) for name in self._recorded.people]
        known = Counter(power for power in powers if power is not None)
        if not known:
            raise ScenarioError("no recording says what anybody sent: who heard whom cannot be told")
        return min(known, key=lambda power: (-known[power], power))

    def _trace(self) -> Trace:
        """Who was how near to whom, on a grid of ten seconds, as far as anybody knows."""
        builder = TraceBuilder(GRAIN_SECONDS)
        nodes = self._recorded.nodes
        for name in self._recorded.people:
            builder.add_person(name, None)
        names = list(self._recorded.people)
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                self._pair(builder, nodes.get(one), nodes.get(other), (one, other))
        return builder.build()

    def _pair(
        self,
        builder: TraceBuilder,
        one: RecordedNode | None,
        other: RecordedNode | None,
        names: tuple[str, str],
    ) -> None:
        # What only sends has no recording: its place is known to those who heard it alone.
        mine, theirs = one or RecordedNode(names[0], 0), other or RecordedNode(names[1], 0)
        known = [node for node in (one, other) if node is not None]
        if not known:
            return
        begin = max(node.begun_ns for node in known) - self._shift_ns
        end = min(node.ended_ns for node in known) - self._shift_ns
        for second in range(-(-begin // NS // GRAIN_SECONDS) * GRAIN_SECONDS, end // NS, GRAIN_SECONDS):
            at = second * NS + self._shift_ns
            metres = mine.metres(theirs, at)
            metres = theirs.metres(mine, at) if metres is None else metres
            if metres is not None and metres <= MAX_DISTANCE_METRES:
                builder.add(second, *names, max(1, round(metres * 1_000)))


def open_recording(path: Path, phones: PhonesSection, seed: int, start: int) -> RecordedAir:
    """The air of a recording or a folder of them; raises ContactFileError or ScenarioError."""
    return RecordedAir(read_recordings(path), phones, seed, start)
