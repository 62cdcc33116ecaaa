"""Telling a sink what happened to a radio, with the time of both clocks."""

from __future__ import annotations

from anopticon_client.radio.interfaces import Moment, RadioSink, Timestamps
from anopticon_client.radio_records import RadioEvent, RadioEventKind


class Teller:
    """What a backend tells its sink with."""

    def __init__(self, sink: RadioSink, timestamps: Timestamps) -> None:
        """Tell `sink`, at the times of `timestamps`."""
        self.sink = sink
        self.now: Timestamps = timestamps

    def moment(self) -> Moment:
        """The present instant on both clocks."""
        return self.now()

    def tell(self, kind: RadioEventKind, **details: str | int) -> None:
        """Something happened, now."""
        moment = self.now()
        self.sink.happened(RadioEvent(moment.mono_ns, moment.wall_ns, kind, details))
