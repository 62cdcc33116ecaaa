"""`anopticon-testbed replay`: recordings through the phone core at full speed, against what was shown then."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from anopticon_client.recording.reader import Recording, find_recordings
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.replaying.lives import NO_PHONE
from anopticon_testbed.replaying.replay import Replay, replay

SUMMARY: Final = "run the phones of recordings again, and compare what they show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("recordings", type=Path, nargs="+", help="files or folders of recordings")


def run(options: argparse.Namespace) -> int:
    """Replay every phone; 1 if one shows anything else than it did."""
    found = [one for path in options.recordings for one in find_recordings(path)]
    phones = [one for one in found if one.manifest.design not in NO_PHONE]
    if not phones:
        raise RecordingError(
            f"no phone ran on any of the {len(found)} recordings: there is nothing to replay"
        )
    exact = [_print(one) for one in phones]
    print(f"{sum(exact)} of {len(exact)} phones show what they showed then")
    return 0 if all(exact) else 1


def _print(recording: Recording) -> bool:
    begun = time.perf_counter()
    result = replay(recording)
    took = max(time.perf_counter() - begun, 1e-9)
    verdict = "the same" if result.exact else "DIFFERENT"
    print(
        f"{result.node} ({result.run}): {result.inputs:,} inputs, {result.scans:,} of them scans, "
        f"{result.last - result.first:,} s in {took:.2f} s; notices {result.live} then, "
        f"{result.replayed} now: {verdict}"
    )
    for line in _remarks(result):
        print(f"  {line}")
    for end in recording.torn:
        print(f"  {end}")
    return result.exact


def _remarks(result: Replay) -> list[str]:
    lines = [str(difference) for difference in result.differences]
    if result.unseen:
        lines.append(f"{result.unseen} notices of a last moment may not have been shown")
    if result.lost:
        lines.append(f"{result.lost} rows were lost when it was recorded, so a replay may differ")
    if result.drawn_by_lot:
        lines.append(
            f"{result.drawn_by_lot} scans went over the phone's bounds: what it left out was drawn by lot, "
            f"so a replay may differ"
        )
    return lines
