"""Encodes rows into blocks and gets them onto the disk, part after part, through full disks and unplugged ones.

What could not be written stays, at most one encoded block of it; the caller keeps the rows behind it (SPEC.md 19.2).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.parts import PartFile, block_of, next_part, numbered
from anopticon_client.recording.rows import Manifest, Row

SECOND_NS: Final = 1_000_000_000
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors after which the same file can be written again once there is room."""


@dataclass(frozen=True, slots=True)
class WriterPolicy:
    """When the writer flushes, syncs and begins another part, and how much it holds."""

    flush_seconds: float = 1.0
    """At most this much is lost when the process is killed."""
    sync: bool = True
    """Wait at every flush until the disk has it: at most the same is lost when the power is cut."""
    part_bytes: int = 64 * 1024 * 1024
    part_seconds: float = 3_600.0
    buffer_rows: int = 100_000
    """Five seconds at 20,000 rows a second: what a slow card may take for one flush. About 40 MB."""
    buffer_bytes: int = 128 * 1024 * 1024
    """Of the phone's inputs, which may be whole batches."""
    background: bool = True
    """False: no thread; rows are written when one is added after `flush_seconds` of their own time, or BLOCK_ROWS
    wait. For virtual time, where a thread on the wall's clock would come too late."""

    def __post_init__(self) -> None:
        """Refuse what would make a recorder spin or hold nothing; raises RecordingFileError."""
        for name in ("flush_seconds", "part_bytes", "part_seconds", "buffer_rows", "buffer_bytes"):
            if not getattr(self, name) > 0:
                raise RecordingFileError(f"recorder: {name} must be above 0, not {getattr(self, name)}")


@dataclass(slots=True)
class WriterCounters:
    """What became of the rows."""

    written: int = 0
    dropped: int = 0
    """Not written because the buffer was full."""
    refused: int = 0
    """Not written because a field lay outside its bound."""
    parts: int = 0
    failures: int = 0
    """Flushes that the disk refused."""


class Appender:
    """Appends rows to the parts of one recording. For one thread at a time."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        now: Callable[[], tuple[int, int]],
        policy: WriterPolicy,
        tell: Callable[[str], None],
    ) -> None:
        """Begin the first part; raises RecordingFileError."""
        self.counters = WriterCounters()
        self.failing = False
        """The disk refused the last block."""
        self.unwritten = 0
        """Rows of the block that it refused."""
        self._folder = folder
        self._manifest = manifest
        self._now = now
        self._policy = policy
        self._tell = tell
        self._block = b""
        self._told_dropped = 0
        self._told_refused = 0
        self._refusal = ""
        self._failure = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._part: PartFile | None = self._open()
        except OSError as error:
            reason = error.strerror or str(error)
            raise RecordingFileError(f"recording in {folder}: {reason}; choose another folder") from error

    def drain(self, take: Callable[[], Sequence[Row]]) -> bool:
        """Write what `take` gives until it gives nothing; False if the disk would not have it all."""
        while True:
            if not self._block:
                rows = take()
                lines = self._encoded(rows) if rows else self._remarks()
                if not lines and not rows:
                    return True
                self.unwritten = len(lines)
                self._block = block_of(lines) if lines else b""
            if self._block and not self._append():
                return False

    def close(self) -> None:
        """Let go of the part."""
        if self._part is not None:
            self._part.close()

    def _append(self) -> bool:
        try:
            part = self._current()
            part.append(self._block)
        except (OSError, RecordingFileError) as error:
            self._failed(error)
            return False
        self._block = b""
        self.counters.written += self.unwritten
        self.unwritten = 0
        try:
            if self._policy.sync:
                part.sync()
        except OSError as error:
            # What the disk says about itself after this is not to be trusted: a new file, as after any other error.
            self._failed(error)
            return False
        if self.failing:
            self.failing = False
            self._tell(
                f"recording in {self._folder}: writing works again, {self.counters.dropped} rows were lost"
            )
        return True

    def _current(self) -> PartFile:
        """The part that the block at hand belongs into."""
        part = self._part
        if part is not None:
            aged = self._now()[0] - part.opened_ns >= self._policy.part_seconds * SECOND_NS
            if not aged and part.size + len(self._block) <= self._policy.part_bytes:
                return part
            if part.blocks == 1 and not aged:
                return part  # a block larger than a part has one to itself
        fresh = self._open()
        if part is not None:
            part.close()
        self._part = fresh
        return fresh

    def _open(self) -> PartFile:
        number = next_part(self._folder, self._manifest.node, self._manifest.run)
        part = PartFile(self._folder, numbered(self._manifest, number, *self._now()), sync=self._policy.sync)
        self.counters.parts += 1
        return part

    def _failed(self, error: OSError | RecordingFileError) -> None:
        self.counters.failures += 1
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        part = self._part
        if part is not None and (part.torn or not isinstance(error, OSError) or error.errno not in _NO_ROOM):
            part.close()
            self._part = None
        if not self.failing:
            self.failing = True
            self._failure = reason
            self._tell(
                f"recording in {self._folder}: {reason}; up to {self._policy.buffer_rows} rows are kept in memory. "
                "Make room or plug the disk in again: writing then goes on by itself"
            )

    def _encoded(self, rows: Sequence[Row]) -> list[str]:
        lines = []
        for row in rows:
            try:
                lines.append(encode_row(row))
            except (RecordingFileError, TypeError, AttributeError) as error:
                self.counters.refused += 1
                self._refusal = str(error)
        return lines

    def _remarks(self) -> list[str]:
        """What the recording has to know about itself, once everything before it is written."""
        told: list[RadioEvent] = []
        if self._failure and not self.failing:
            told.append(
                self._event(RadioEventKind.FAILED, {"where": "recorder", "reason": self._failure[:1_000]})
            )
            self._failure = ""
        lost = self.counters.dropped - self._told_dropped
        if lost:
            self._told_dropped += lost
            said: dict[str, str | int] = {"where": "recorder", "count": lost, "reason": "its buffer was full"}
            told.append(self._event(RadioEventKind.DROPPED, said))
        refused = self.counters.refused - self._told_refused
        if refused:
            self._told_refused += refused
            said = {"where": "recorder", "count": refused, "reason": self._refusal[:1_000]}
            told.append(self._event(RadioEventKind.DROPPED, said))
        return [encode_row(event) for event in told]

    def _event(self, kind: RadioEventKind, details: dict[str, str | int]) -> RadioEvent:
        return RadioEvent(*self._now(), kind, details)
