"""Tells from what arrives that something on the way leaves frames out, and says so once.

A phone sends about four times a second. On BlueZ an active scan asks the controller to filter duplicates and begins
anew every 10 s, so a chip that obeys gives one frame of each sender every 10 s. A passive one gives a sender's frame
only when its strength has moved by 8 dB since the last. Neither says so; both show.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from anopticon_client.radio.duplicates import DuplicateWatch
from anopticon_client.radio.interfaces import RadioSink, Timestamps
from anopticon_client.radio.telling import Teller
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind

MAX_SENDERS: Final = 64
"""Senders watched at a time: enough to judge by, and a flood of addresses fills no memory."""
ENOUGH_PAIRS: Final = 12
"""Pairs of successive frames of one sender that a judgement wants."""
STRONG_DBM: Final = -85
"""A sender at the edge of reach is heard with gaps, without anybody's filter."""
LONG_GAP_NS: Final = 5_000_000_000
"""Twenty frames in a row are not lost by chance at a distance where the next one is heard."""
SHARE: Final = 0.75
"""Of the pairs that have to look alike: some senders leave, some frames of two senders meet."""
GATE_DB: Final = 8
"""BlueZ, src/adapter.c: RSSI_THRESHOLD."""
_SCAN_KINDS: Final = frozenset({RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF, RadioEventKind.RESET})
FILTERED: Final = "duplicate-filter"
GATED: Final = "rssi-gate"
_ADVICE: Final = {
    FILTERED: "this controller filters duplicates: take another dongle, or hci:... for every frame",
    GATED: "only changes of 8 dB get through: take scan=active, the raw tap (CAP_NET_RAW), or hci:...",
}


class ThinningWatch:
    """Watches the frames of one scanner."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._last: OrderedDict[bytes, tuple[int, int]] = OrderedDict()
        self._pairs = 0
        self._long = 0
        self._stepped = 0

    def heard(self, frame: HeardFrame) -> str:
        """Take note of a frame; the name of what is found, else an empty text."""
        key = frame.address or frame.data
        if frame.rssi_dbm is None or not _is_strong(frame):
            return ""
        before = self._last.pop(key, None)
        self._last[key] = (frame.mono_ns, frame.rssi_dbm)
        if len(self._last) > MAX_SENDERS:
            self._last.popitem(last=False)
        if before is None:
            return ""
        self._pairs += 1
        self._long += frame.mono_ns - before[0] >= LONG_GAP_NS
        self._stepped += abs(frame.rssi_dbm - before[1]) >= GATE_DB
        return self._judge() if self._pairs >= ENOUGH_PAIRS else ""

    def begin_anew(self) -> None:
        """A scan began or ended: what lies between two scans is no gap."""
        self._last.clear()

    def _judge(self) -> str:
        found = ""
        if self._long >= SHARE * self._pairs:
            found = FILTERED
        elif self._stepped >= SHARE * self._pairs:
            found = GATED
        self._pairs = self._long = self._stepped = 0
        return found


class ThinningSink:
    """Passes everything on, and adds one FAILED event for each kind of thinning that it finds."""

    def __init__(self, inner: RadioSink, timestamps: Timestamps) -> None:
        """Pass on to `inner`."""
        self._inner = inner
        self._teller = Teller(inner, timestamps)
        self._watch = ThinningWatch()
        self._repeats = DuplicateWatch()
        self._told: set[str] = set()

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        self._inner.heard(frame)
        found = self._watch.heard(frame)
        if _is_strong(frame) and self._repeats.heard(frame.address, frame.data, frame.mono_ns):
            found = FILTERED
        self._report(found)

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        self._inner.happened(event)
        if event.kind in _SCAN_KINDS:
            self._watch.begin_anew()
            self._report(FILTERED if self._repeats.scan_changed(event.mono_ns) else "")

    def _report(self, found: str) -> None:
        if found and found not in self._told:
            self._told.add(found)
            self._teller.tell(RadioEventKind.FAILED, reason=found, advice=_ADVICE[found])


def _is_strong(frame: HeardFrame) -> bool:
    return frame.rssi_dbm is not None and frame.rssi_dbm >= STRONG_DBM
