"""A recording as a radio that only listens: replay:FILE?speed=10&node=pi-3 (SPEC.md 19.3).

It hears what the node heard, in the same order and after the same pauses, divided by `speed`; `speed=max` leaves the
pauses out. Frames and events keep the times of the recording.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from anopticon_client.errors import RadioError, RecordingFileError
from anopticon_client.radio.frames import carries
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import RadioSettings, unknown_options
from anopticon_client.radio_records import Capabilities, HeardFrame, RadioEvent, RadioEventKind, Rotation
from anopticon_client.recording.reader import Recording, find_recordings
from anopticon_client.recording.rows import Manifest, Row

MAX_SPEED: Final = 1_000_000.0
ROWS_AT_ONCE: Final = 200
"""At full speed, rows between two moments in which others of the loop may run."""
SECOND_NS: Final = 1e9


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open a recording, of one node; raises RadioError."""
    unknown_options("replay", options, {"speed", "node"})
    speed = _speed(options.get("speed", "1"))
    recording = _find(place, options.get("node"))
    scanner = ReplayScanner(recording, speed, sink, settings)
    name = f"{recording.manifest.node}, run {recording.manifest.run}"
    return RadioDevice(_capabilities(recording.manifest), None, scanner, scanner.close, f"replay of {name}")


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= MAX_SPEED:
        raise RadioError(
            f"radio replay: speed={text[:20]} must be above 0 and at most {MAX_SPEED:.0f}, or max"
        )
    return speed


def _find(place: str, node: str | None) -> Recording:
    if not place:
        raise RadioError(
            "radio replay: say which recording, like replay:run-1 or replay:run-1/pi-1_run-1_000001.jsonl"
        )
    try:
        found = find_recordings(Path(place))
    except RecordingFileError as error:
        raise RadioError(f"radio replay: {error}") from error
    names = ", ".join(sorted({recording.manifest.node for recording in found}))
    if node is not None:
        found = [recording for recording in found if recording.manifest.node == node]
    if len(found) != 1:
        raise RadioError(
            f"radio replay: {place} holds {len(found)} recordings {f'of {node} ' if node else ''}where one is needed "
            f"(nodes: {names or 'none'}); choose with ?node=NAME, or give a file or a folder with one run"
        )
    return found[0]


def _capabilities(manifest: Manifest) -> Capabilities:
    recorded = manifest.capabilities
    if recorded is None:
        return Capabilities(
            backend="replay",
            rotation=Rotation.NONE,
            every_pdu=False,
            rssi_bias="",
            duty=0.0,
            interval_ms=None,
            interval_honoured=False,
            exact_bytes_sent=False,
            exact_bytes_heard=False,
            works_while_scanning=True,
            remarks=("the recording does not say with what radio it was made",),
        )
    return replace(
        recorded,
        backend=f"replay of {recorded.backend}",
        rotation=Rotation.NONE,
        exact_bytes_sent=False,
        works_while_scanning=True,
    )


class ReplayScanner:
    """Plays a recording once; a later start goes on where a stop left it."""

    def __init__(self, recording: Recording, speed: float, sink: RadioSink, settings: RadioSettings) -> None:
        """Play `recording` into `sink`."""
        self.ended = asyncio.Event()
        """Set when the last row was played, or the recording turned out to be damaged."""
        self._rows: Iterator[Row] = recording.rows()
        self._torn = recording.torn
        self._speed = speed
        self._sink = sink
        self._settings = settings
        self._uuids = frozenset(settings.service_uuids)
        self._last_ns: int | None = None
        self._waiting: Row | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to play."""
        if self._task is None:
            self._happened(RadioEventKind.SCAN_ON, {})
            self._task = asyncio.get_running_loop().create_task(self._play())

    async def stop(self) -> None:
        """Stop playing; nothing is skipped."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if not self.ended.is_set():
            self._happened(RadioEventKind.SCAN_OFF, {})

    async def close(self) -> None:
        """Stop for good."""
        await self.stop()

    async def _play(self) -> None:
        try:
            await self._play_rows()
        except RecordingFileError as error:
            said: dict[str, str | int] = {
                "reason": str(error)[:1_000],
                "advice": "the rest of this recording cannot be played; take a copy that is whole",
            }
            self._happened(RadioEventKind.FAILED, said)
        for torn in self._torn:
            self._happened(RadioEventKind.DROPPED, {"count": 1, "reason": str(torn)[:1_000]})
        self._happened(RadioEventKind.SCAN_OFF, {"reason": "the recording is over"})
        self.ended.set()

    async def _play_rows(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        at_once = 0
        while True:
            row = self._waiting or next(self._rows, None)
            if row is None:
                return
            self._waiting = row
            due += self._pause(row.mono_ns)
            at_once += 1
            if due > loop.time() or at_once >= ROWS_AT_ONCE:
                at_once = 0
                await asyncio.sleep(max(due - loop.time(), 0))
            self._waiting = None
            self._last_ns = row.mono_ns
            self._give(row)

    def _pause(self, mono_ns: int) -> float:
        """Seconds before this row. Between two boots the monotonic clock begins anew: then there is no pause."""
        if self._last_ns is None or mono_ns <= self._last_ns or math.isinf(self._speed):
            return 0.0
        return (mono_ns - self._last_ns) / SECOND_NS / self._speed

    def _give(self, row: Row) -> None:
        if isinstance(row, HeardFrame):
            if carries(row.data, self._uuids):
                self._sink.heard(row)
        elif isinstance(row, RadioEvent):
            self._sink.happened(row)

    def _happened(self, kind: RadioEventKind, details: Mapping[str, str | int]) -> None:
        self._sink.happened(RadioEvent(*self._settings.timestamps(), kind, details))
