"""What a phone prints: a line for each thing that happens, with the phone's own time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TextIO

from anopticon_client.events import (
    Advertise,
    BatchFetched,
    Effect,
    Event,
    IndexFetched,
    Scanned,
    SendUpload,
    UploadAnswered,
)
from anopticon_client.ports import Clock
from anopticon_client.state import Notice, NoticeKind, Snapshot, UploadState
from anopticon_protocol.advert import parse
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.errors import AdvertisementError, BatchIndexError
from anopticon_protocol.messages import BatchIndex
from anopticon_protocol.params import DAY_SECONDS
from anopticon_protocol.timebase import release_bucket

MAX_PHONES_NAMED: Final = 8
"""Signal strengths listed in one line."""
CLOCK_TOLERANCE_PERIODS: Final = 3
"""A server whose list ends this many release periods away from the phone's own time has another clock."""
_SHOWN_BYTES = 4


class Console:
    """A phone's screen: a Notifier, and the watcher of a Runner."""

    def __init__(self, clock: Clock, design: Design, name: str = "", out: TextIO | None = None) -> None:
        """Print to `out`, the standard output if None, under `name` if that is not empty."""
        self._clock = clock
        self._design = design
        self._name = f"{name}: " if name else ""
        self._out = sys.stdout if out is None else out
        self._heard_nobody = False
        self._sending: bytes | None = None
        self._clock_doubted = False

    def say(self, sentence: str, now: int | None = None) -> None:
        """Print one line."""
        stamp = show_time(self._clock.now() if now is None else now)
        print(f"{stamp}  {self._name}{sentence}", file=self._out, flush=True)

    async def show(self, notice: Notice) -> None:
        """Show a notice."""
        self.say(f"{notice.kind.value.upper()}: {notice.sentence}")

    async def warn(self, sentence: str) -> None:
        """Show a line that needs no answer."""
        self.say(f"note: {sentence}")

    def watch(self, now: int, what: Event | Effect) -> None:
        """Print what a runner did, if a person would want to know."""
        match what:
            case Advertise(frame):
                self.say(f"broadcasting a new identifier ({_beginning(frame)})", now)
            case Scanned():
                self._scanned(what, now)
            case IndexFetched(None):
                self.say("asked the key server: nothing new", now)
            case IndexFetched(bytes() as data):
                self._index(data, now)
            case BatchFetched(release, data):
                self.say(f"downloaded the batch of {show_time(release)}, {len(data)} bytes", now)
            case SendUpload(body) if body != self._sending:
                self._sending = body
                self.say(f"sending the report, {len(body)} bytes", now)
            case UploadAnswered():
                self._sending = None
            case _:
                pass

    def _scanned(self, scan: Scanned, now: int) -> None:
        strongest: dict[bytes, int] = {}
        for frame, rssi_dbm in scan.sightings:
            if _is_ours(frame, self._design):
                strongest[frame] = max(strongest.get(frame, rssi_dbm), rssi_dbm)
        if strongest:
            levels = ", ".join(
                str(one) for one in sorted(strongest.values(), reverse=True)[:MAX_PHONES_NAMED]
            )
            self.say(f"heard {count(len(strongest), 'phone')} ({levels} dBm)", now)
        elif not self._heard_nobody:
            self.say("heard nobody", now)
        self._heard_nobody = not strongest

    def _index(self, data: bytes, now: int) -> None:
        try:
            index = BatchIndex.decode(data)
        except BatchIndexError:
            return  # the phone itself warns about it
        self.say(f"asked the key server: {count(len(index.batches), 'batch', 'batches')} published", now)
        away = abs(index.complete_until - release_bucket(now, index.period))
        if away > CLOCK_TOLERANCE_PERIODS * index.period and not self._clock_doubted:
            self._clock_doubted = True
            theirs = show_time(index.complete_until)
            self.say(f"note: the key server's list ends at {theirs}: start both with the same --clock", now)


def status_lines(design: str, held: Snapshot) -> Iterator[str]:
    """What a phone's store holds, for a person."""
    said = [row.match for row in held.observations if row.match is not None]
    matched = sum(match.report_type is not ReportType.REVOKED for match in said)
    yield f"design {design}"
    yield f"own keys: {len(held.own_keys)}"
    yield f"identifiers heard in the last 14 days: {len(held.observations)}, of people who tested positive: {matched}"
    yield f"batches processed: {len(held.batches)}"
    if held.progress.last_scan:
        yield f"last scan: {show_time(held.progress.last_scan)}"
    if held.upload is not None:
        needs_code = held.upload.state is UploadState.NEEDS_CODE
        yield f"report: {count(len(held.upload.keys), 'key')}, {'needs a new code' if needs_code else 'being sent'}"
    exposures = [one for one in held.notices if one.kind is NoticeKind.EXPOSURE]
    yield f"exposures: {len(exposures)}"
    for notice in sorted(exposures, key=lambda one: one.day):
        yield f"  {show_time(notice.day * DAY_SECONDS).partition(' ')[0]}: {notice.seconds // 60} minutes"


def show_time(now: int) -> str:
    """A time as people read it, in UTC; a server may name one beyond the year 9999, which calendars here end at."""
    try:
        return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"second {now}"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _is_ours(frame: bytes, design: Design) -> bool:
    try:
        return parse(frame).service_uuid == design.service_uuid
    except AdvertisementError:
        return False


def _beginning(frame: bytes) -> str:
    return parse(frame).service_data[:_SHOWN_BYTES].hex()
