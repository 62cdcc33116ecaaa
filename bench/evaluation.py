"""Evaluating a scoring: CPU seconds and memory by number of readings, and what each part of it takes."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from anopticon_client.scoring import open_scoring
from anopticon_testbed.evaluation.attenuations import with_attenuation
from anopticon_testbed.evaluation.contacts import Question, find_contacts
from anopticon_testbed.evaluation.judging import Draw, judge_contacts, judge_readings, score_contacts
from anopticon_testbed.evaluation.tables import read_csv

DEVICES = 20
SIZES = (50_000, 200_000, 600_000, 2_000_000)


def write(path: Path, rows: int) -> None:
    """Write a made-up recording: everybody hears everybody for as long as the rows last."""
    random = np.random.default_rng(1)
    receiver = random.integers(0, DEVICES, rows)
    transmitter = (receiver + random.integers(1, DEVICES, rows)) % DEVICES
    distance = 0.5 + np.abs(receiver - transmitter) * 0.4
    pl.DataFrame(
        {
            "scene": np.where(np.arange(rows) % 2 == 0, "one", "two"),
            "receiver": receiver,
            "transmitter": transmitter,
            "time_s": 1.6e9 + np.sort(random.uniform(0, 40_000, rows)),
            "rssi_dbm": np.rint(-69 - 20 * np.log10(distance) + random.normal(0, 6, rows)).astype(int),
            "tx_power_dbm": np.full(rows, -15),
            "distance_m": distance,
        }
    ).write_csv(path)


class Watch:
    """CPU seconds since the last look."""

    def __init__(self) -> None:
        self._begin = time.process_time()

    def __call__(self) -> str:
        """The seconds, as a cell of the table; starts anew."""
        begin, self._begin = self._begin, time.process_time()
        return f"{self._begin - begin:>8.2f}"


def main() -> None:
    """Print one line for each size."""
    print("CPU seconds, all threads together; peak memory of the process so far")
    print("  readings    read contacts   score   judge singles  peak MiB")
    with tempfile.TemporaryDirectory() as folder:
        for rows in SIZES:
            path = Path(folder) / "made.csv"
            write(path, rows)
            watch = Watch()
            recording = with_attenuation(read_csv(path, {}))
            cells = [watch()]
            contacts = find_contacts(recording, Question())
            cells.append(watch())
            scored = score_contacts(contacts, open_scoring("dp3t"))
            cells.append(watch())
            judge_contacts(scored.table, Draw())
            cells.append(watch())
            judge_readings(recording.readings, 2, None, Draw())
            cells.append(watch())
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{rows:>10,}{''.join(cells)}{peak:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
