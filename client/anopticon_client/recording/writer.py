"""Writes a recording while it happens: a sink for radios that never blocks them and never raises (SPEC.md 19.2).

Rows wait in a bounded buffer. A thread of the writer's own (or, without `background`, whoever adds a row when it is
time) encodes them and appends them as one block. If that fails, the rows stay in the buffer and the writer tries again
at the next flush; what no longer fits is dropped, counted, and said in the recording itself once there is room.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import HeardFrame, RadioEvent
from anopticon_client.recording.appender import SECOND_NS, Appender, WriterCounters, WriterPolicy
from anopticon_client.recording.rows import Manifest, PhoneInput, Row

BLOCK_ROWS: Final = 5_000
"""Rows of one block, about 1 MB: what a writer encodes before it looks for more."""


class RecordingWriter:
    """A recording being written into a folder. It is a RadioSink; close it, or use it as a context."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        now: Callable[[], tuple[int, int]],
        policy: WriterPolicy | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Begin the first part; raises RecordingFileError.

        `now` gives both clocks. `tell` takes a sentence when writing fails and when it works again, from the thread
        of the writer.
        """
        self.policy = policy or WriterPolicy()
        self._appender = Appender(folder, manifest, now, self.policy, tell or (lambda _: None))
        self.counters: WriterCounters = self._appender.counters
        self._folder = folder
        self._rows: deque[Row] = deque()
        self._input_bytes = 0
        self._flush_ns = round(self.policy.flush_seconds * SECOND_NS)
        self._due_ns = now()[0] + self._flush_ns
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        if self.policy.background:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # -- what a radio and a node call -----------------------------------------------------------------------------

    def heard(self, frame: HeardFrame) -> None:
        """Record a frame."""
        self.write(frame)

    def happened(self, event: RadioEvent) -> None:
        """Record an event of the radio."""
        self.write(event)

    def write(self, row: Row) -> None:
        """Record any row; never raises, never waits for the disk (without `background`: flushes when it is time)."""
        rows = self._rows
        size = len(row.data) if isinstance(row, PhoneInput) else 0
        if (
            len(rows) >= self.policy.buffer_rows
            or self._input_bytes + size > self.policy.buffer_bytes
            or self._closed
        ):
            self.counters.dropped += 1
            return
        rows.append(row)
        if size:
            self._input_bytes += size
        if self.policy.background:
            if len(rows) == BLOCK_ROWS:
                self._wake.set()
        elif row.mono_ns >= self._due_ns or (len(rows) >= BLOCK_ROWS and not self._appender.failing):
            self._due_ns = row.mono_ns + self._flush_ns
            self.flush()

    def flush(self) -> bool:
        """Write what waits, now; False if the disk would not take it: then it is kept and tried again."""
        with self._lock:
            return self._appender.drain(self._take)

    def close(self) -> None:
        """Write what waits and let go of the file; raises RecordingFileError if some could not be written."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        done = self.flush()
        self._appender.close()
        if not done:
            left = len(self._rows) + self._appender.unwritten
            raise RecordingFileError(
                f"recording in {self._folder}: the last {left} rows could not be written"
            )

    # -- inside ---------------------------------------------------------------------------------------------------

    def _take(self) -> list[Row]:
        """The oldest rows. The deque is shared with whoever adds: both ends of it are safe between threads."""
        rows = self._rows
        taken = [rows.popleft() for _ in range(min(len(rows), BLOCK_ROWS))]
        self._input_bytes -= sum(len(row.data) for row in taken if isinstance(row, PhoneInput))
        return taken

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self.policy.flush_seconds)
            self._wake.clear()
            self.flush()
