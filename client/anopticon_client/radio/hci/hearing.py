"""From report packets to heard frames: the short way that every PDU takes, and what is said about it on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from anopticon_client.radio.duplicates import DuplicateWatch
from anopticon_client.radio.hci_reports import MalformedReportError, decode_reports
from anopticon_client.radio.interfaces import RadioSink, Timestamps
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind

FILTER_ADVICE: Final = "this controller drops repeated advertisements, so rates mean nothing; use another one"


class Hearing:
    """Turns the packets of one controller into frames for one sink."""

    def __init__(
        self, sink: RadioSink, timestamps: Timestamps, accepts: Callable[[bytes], bool] | None = None
    ) -> None:
        """Frames whose data `accepts` refuses are not passed on; all are if it is None."""
        self._sink = sink
        self._timestamps = timestamps
        self._accepts = accepts
        self._duplicates = DuplicateWatch()
        self._malformed = 0

    def on_report(self, packet: bytes) -> None:
        """An advertising report event came from the controller."""
        moment = self._timestamps()
        try:
            reports = decode_reports(packet)
        except MalformedReportError:
            self._count_malformed()
            return
        for pdu, address, address_type, rssi_dbm, data in reports:
            if self._accepts is not None and not self._accepts(data):
                continue
            if not self._duplicates.settled and self._duplicates.heard(address, data, moment.mono_ns):
                self._flag()
            self._sink.heard(
                HeardFrame(moment.mono_ns, moment.wall_ns, address, address_type, pdu, rssi_dbm, data)
            )

    def scan_changed(self, on: bool) -> None:  # noqa: FBT001 - called back with this one fact
        """The scan went on or off."""
        kind = RadioEventKind.SCAN_ON if on else RadioEventKind.SCAN_OFF
        self.happened(kind)
        if self._duplicates.scan_changed(self._timestamps().mono_ns):
            self._flag()

    def happened(self, kind: RadioEventKind, **details: str | int) -> None:
        """Tell the sink that something happened now."""
        moment = self._timestamps()
        self._sink.happened(RadioEvent(moment.mono_ns, moment.wall_ns, kind, details))

    def _flag(self) -> None:
        self.happened(RadioEventKind.FAILED, reason="duplicates are filtered", advice=FILTER_ADVICE)

    def _count_malformed(self) -> None:
        """Tell of malformed reports, ever more seldom: a broken adapter floods nobody's log."""
        self._malformed += 1
        if self._malformed & (self._malformed - 1) == 0:
            self.happened(
                RadioEventKind.DROPPED,
                count=self._malformed - self._malformed // 2,
                reason="malformed report",
            )
