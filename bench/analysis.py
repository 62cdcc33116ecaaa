"""Analysis of recordings: rows a second of reading, and what each measure costs beside it."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from anopticon_testbed.analysis.clocks import align
from anopticon_testbed.analysis.contacts import contact_recall
from anopticon_testbed.analysis.pairs import pair_frames, pair_windows
from anopticon_testbed.analysis.reception import reception
from anopticon_testbed.analysis.rotation import audit
from anopticon_testbed.analysis.senders import Senders
from anopticon_testbed.analysis.strength import fit_strength
from anopticon_testbed.analysis.survey import load
from anopticon_testbed.analysis.times import run_times
from tests.testbed.made_runs import MadeNode, MadeRun

NODES = 6
SECONDS = 3_600


def main() -> None:
    """Make an hour of six nodes, read it, measure."""
    nodes = [MadeNode(f"pi{n}", (1.5 * n, n % 2, 0), drift=n * 5e-6) for n in range(NODES)]
    with tempfile.TemporaryDirectory() as folder:
        path = MadeRun(nodes, seconds=SECONDS, epoch=900, fading_sd=4, scans=True).write(Path(folder))
        began = time.process_time()
        (survey,) = load([path])
        reading = time.process_time() - began
    frames = sum(len(node.frames) for node in survey.nodes)
    times = run_times(survey)
    senders = Senders(survey, times)
    pairs = list(pair_frames(survey, senders))
    measures: dict[str, Callable[[], object]] = {
        "pairs of frames": lambda: list(pair_frames(survey, senders)),
        "rotation": lambda: audit(survey, times),
        "clocks": lambda: align(survey),
        "contacts": lambda: contact_recall(survey, senders),
        "strength": lambda: fit_strength(pairs),
        "reception": lambda: reception(pair_windows(survey, senders)),
    }
    print(f"{NODES} nodes, {SECONDS:,} s, {frames:,} frames")
    print(f"{'step':<18}{'CPU s':>8}{'frames a second':>18}")
    print(f"{'reading':<18}{reading:>8.2f}{frames / reading:>18,.0f}")
    for name, measure in measures.items():
        began = time.process_time()
        measure()
        spent = max(time.process_time() - began, 1e-6)
        print(f"{name:<18}{spent:>8.2f}{frames / spent:>18,.0f}")


if __name__ == "__main__":
    main()
