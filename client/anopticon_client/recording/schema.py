"""The schema of a recording: every kind of row, its keys, how each value is written (SPEC.md 19.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from anopticon_client.radio_records import AddressType, HeardFrame, PduType, RadioEvent, RadioEventKind
from anopticon_client.recording.capabilities import CapabilitiesField
from anopticon_client.recording.fields import (
    MAX_COORDINATE_METRES,
    NAME,
    Base64,
    Choice,
    Details,
    FieldKind,
    Hex,
    Maybe,
    Position,
    Real,
    Text,
    Whole,
)
from anopticon_client.recording.rows import (
    ClockReading,
    Manifest,
    Moved,
    NoticeRow,
    PhoneInput,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
    Truth,
)
from anopticon_protocol.params import MAX_BATCH_BYTES

VERSION: Final = 1
MAX_LINE_BYTES: Final = 131_072
"""Four times the longest row but a manifest with every remark and note at its bound, which nobody writes."""
MAX_DATA_BYTES: Final = 1_650
"""AD structures of a chain of extended advertising PDUs (Core Specification 4.E.7.8.54)."""
MAX_ADDRESS_BYTES: Final = 16
"""A device address has 6 bytes, a handle of macOS 16."""
PIECE_BYTES: Final = 49_152
"""A phone's input longer than this is spread over several lines, so that no line is long."""
MAX_INPUT_BYTES: Final = MAX_BATCH_BYTES
RSSI_MIN: Final = -128
RSSI_MAX: Final = 127
_RSSI = Whole(RSSI_MIN, RSSI_MAX)
_TIME = Whole()
_SECOND = Whole(0)
MAX_CHANNEL: Final = 39


class Field(NamedTuple):
    """One key of a row: the attribute it holds, and how. An `optional` one may be absent in a file."""

    key: str
    attribute: str
    kind: FieldKind
    optional: bool = False


class Kind(NamedTuple):
    """One kind of row: its class and its keys in order, after `k`."""

    row: Callable[..., Row]
    fields: tuple[Field, ...]


_MONO, _WALL = Field("m", "mono_ns", _TIME), Field("w", "wall_ns", _TIME)
_TIMES: Final = (_MONO, _WALL)
_METRES = Maybe(Real(0.0, MAX_COORDINATE_METRES))

KINDS: Final[dict[str, Kind]] = {
    "manifest": Kind(
        Manifest,
        (
            Field("node", "node", Text(NAME)),
            Field("run", "run", Text(NAME)),
            Field("part", "part", Whole(1, 999_999)),
            *_TIMES,
            Field("design", "design", Text()),
            Field("uuid", "service_uuid", Whole(0, 0xFFFF)),
            Field("radio", "radio", Text()),
            Field("tx", "tx_power_dbm", _RSSI),
            Field("at", "position", Maybe(Position())),
            Field("can", "capabilities", Maybe(CapabilitiesField())),
            Field("software", "software", Text()),
            Field("about", "about", Details(fractions=True), optional=True),
        ),
    ),
    "heard": Kind(
        HeardFrame,
        (
            *_TIMES,
            Field("a", "address", Hex(MAX_ADDRESS_BYTES)),
            Field("t", "address_type", Choice(AddressType)),
            Field("p", "pdu", Choice(PduType)),
            Field("r", "rssi_dbm", Maybe(_RSSI)),
            Field("d", "data", Hex(MAX_DATA_BYTES)),
            Field("c", "channel", Whole(0, MAX_CHANNEL), optional=True),
        ),
    ),
    "event": Kind(
        RadioEvent,
        (
            *_TIMES,
            Field("e", "kind", Choice(RadioEventKind)),
            Field("x", "details", Details(fractions=False), optional=True),
        ),
    ),
    "sent": Kind(
        Sent,
        (
            *_TIMES,
            Field("d", "frame", Hex(MAX_DATA_BYTES)),
            Field("a", "address", Hex(MAX_ADDRESS_BYTES)),
            Field("tx", "tx_power_dbm", _RSSI),
        ),
    ),
    "moved": Kind(Moved, (*_TIMES, Field("at", "position", Position()))),
    "clock": Kind(
        ClockReading,
        (
            *_TIMES,
            Field("offset", "offset_ns", Whole()),
            Field("error", "error_ns", Whole()),
            Field("source", "source", Text()),
        ),
    ),
    "scan": Kind(
        ScanMark,
        (
            *_TIMES,
            Field("phase", "phase", Choice(ScanPhase)),
            Field("now", "now", _SECOND, optional=True),
            Field("n", "count", _SECOND, optional=True),
        ),
    ),
    "input": Kind(
        PhoneInput,
        (
            *_TIMES,
            Field("now", "now", _SECOND),
            Field("kind", "kind", Text()),
            Field("number", "number", Whole(), optional=True),
            Field("d", "data", Base64(MAX_INPUT_BYTES), optional=True),
        ),
    ),
    "notice": Kind(
        NoticeRow,
        (
            *_TIMES,
            Field("now", "now", _SECOND),
            Field("id", "notice_id", Text()),
            Field("kind", "kind", Text()),
            Field("day", "day", Whole()),
            Field("seconds", "seconds", Whole()),
            Field("text", "sentence", Text()),
        ),
    ),
    "truth": Kind(
        Truth,
        (
            *_TIMES,
            Field("a", "address", Hex(MAX_ADDRESS_BYTES)),
            Field("metres", "distance_m", _METRES),
            Field("tx", "tx_power_dbm", Maybe(_RSSI)),
            Field("name", "sender", Text(), optional=True),
        ),
    ),
}
"""Every kind of row, by the text under its key `k`. The table of SPEC.md 19.1 is checked against it."""
