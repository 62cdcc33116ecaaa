"""A process that records as fast as it can until it is killed: python -m tests.recording.victim FOLDER FIRST THREAD.

After each flush it prints how many rows the recording must hold from then on, whatever happens.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.writer import RecordingWriter
from tests.recording.kit import MANIFEST, Clock, frame

FLUSH_EVERY = 53
PART_BYTES = 40_000
"""Some two hundred rows: a kill often meets the change of parts."""


def main() -> None:
    """Record until killed."""
    folder, first, background = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "thread"
    policy = WriterPolicy(flush_seconds=0.001, sync=False, part_bytes=PART_BYTES, background=background)
    writer = RecordingWriter(folder, MANIFEST, Clock(), policy)
    number = first
    while True:
        writer.heard(frame(number))
        number += 1
        if number % FLUSH_EVERY == 0:
            writer.flush()
            print(number, flush=True)


if __name__ == "__main__":
    main()
