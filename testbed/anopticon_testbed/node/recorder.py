"""The sink between a node's radio and its recording; it also keeps the schedule of what was sent, and scan windows."""

from __future__ import annotations

from typing import Final

from anopticon_client.encounters import MAX_SIGHTINGS_PER_SCAN
from anopticon_client.events import Sighting
from anopticon_client.radio.frames import carries, undisguised
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind
from anopticon_client.recording.rows import Row, Sent
from anopticon_client.recording.writer import RecordingWriter
from anopticon_testbed.node.ledger import Ledger

MAX_WINDOW: Final = 4 * MAX_SIGHTINGS_PER_SCAN
"""Of one scan: twice what four seconds of air hold. Of more than the phone looks at, it draws by lot (PH-11)."""
MAX_EARLY_ROWS: Final = 1_000
"""What a radio tells between being opened and the manifest: its scan is not on yet."""


class Recorder:
    """A RadioSink that writes rows in the order in which they come."""

    def __init__(self, tx_power_dbm: int, service_uuid: int) -> None:
        """Keep what comes until `begin`. Frames of any other service are nobody's business here: they are forgotten."""
        self._tx_power_dbm = tx_power_dbm
        self._services = frozenset({service_uuid})
        self._early: list[HeardFrame | RadioEvent] = []
        self._writer: RecordingWriter | None = None
        self._ledger: Ledger | None = None
        self._window: list[Sighting] | None = None

    def begin(self, writer: RecordingWriter, ledger: Ledger) -> None:
        """Write into `writer` and count in `ledger` from now on, first what came before."""
        self._writer, self._ledger = writer, ledger
        early, self._early = self._early, []
        for one in early:
            if isinstance(one, RadioEvent):
                self.happened(one)
            else:
                self.heard(one)

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        if not carries(frame.data, self._services):
            return
        if self._writer is None or self._ledger is None:
            self._keep(frame)
            return
        self._writer.heard(frame)
        self._ledger.heard(frame)
        window = self._window
        if window is not None and frame.rssi_dbm is not None and len(window) < MAX_WINDOW:
            window.append(Sighting(frame.data, frame.rssi_dbm))

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        if self._writer is None or self._ledger is None:
            self._keep(event)
            return
        self._writer.happened(event)
        self._ledger.happened(event)
        sent = self._sent(event)
        if sent is not None:
            self._writer.write(sent)
            self._ledger.sent(sent.frame, sent.mono_ns)

    def write(self, row: Row) -> None:
        """Write a row of the node's own."""
        if self._writer is not None:
            self._writer.write(row)

    def open_window(self) -> None:
        """The phone's scan begins: what is heard from now on is what it gets."""
        self._window = []

    def close_window(self) -> list[Sighting]:
        """The phone's scan is over; gives what it heard, in order."""
        window, self._window = self._window or [], None
        return window

    def _keep(self, one: HeardFrame | RadioEvent) -> None:
        if len(self._early) < MAX_EARLY_ROWS:
            self._early.append(one)

    def _sent(self, event: RadioEvent) -> Sent | None:
        """The row of the transmitter's own schedule that an event of the radio stands for."""
        if event.kind is RadioEventKind.ADVERTISE_OFF:
            return Sent(event.mono_ns, event.wall_ns, b"", b"", self._tx_power_dbm)
        if event.kind not in {RadioEventKind.ADVERTISE_ON, RadioEventKind.ROTATED}:
            return None
        # As receivers record it: where 0xFD6F travels as 0xFD68 the radio itself only knows the latter.
        frame = undisguised(bytes.fromhex(str(event.details.get("frame", ""))))
        if not frame:
            return None
        address = bytes.fromhex(str(event.details.get("address", "")))
        return Sent(event.mono_ns, event.wall_ns, frame, address, self._tx_power_dbm)
