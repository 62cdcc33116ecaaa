"""Phone-days per second and peak memory of whole deployments on a recorded trace.

    python bench/high_school.py ../shared/data/contacts/HighSchool2013_proximity_net.csv.gz [--runs 3]

Each run is a process of its own, the designs take turns, and medians are printed: the machines are shared.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

DESIGNS = ("lowcost", "unlinkable", "hybrid", "gaen")
CHILD = "--child"


def child(design: str, contacts: str) -> None:
    """One run in this process; prints its figures as a line of JSON."""
    from anopticon_simulation.cli import main  # noqa: PLC0415 - only the child needs it

    with tempfile.TemporaryDirectory() as folder:
        code = main(["run", "school", "--contacts", contacts, "--design", design, "--out", folder])
        facts = json.loads((Path(folder) / "run.json").read_text())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts |= {
        "exit": code,
        "peak_mib": usage.ru_maxrss / 1024,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
    }
    print(json.dumps(facts))


def measure(design: str, contacts: str) -> dict[str, float]:
    """The figures of one run in a process of its own."""
    command = [sys.executable, __file__, contacts, CHILD, design]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this very script
    facts = json.loads(done.stdout.splitlines()[-1])
    return {
        "wall s": facts["seconds"]["whole"],
        "cpu s": facts["cpu_seconds"],
        "peak MiB": facts["peak_mib"],
        "phone-days/s": facts["phone_days_per_second"],
    }


def main() -> None:
    """Run every design in turn, several times, and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contacts", help="a face-to-face list")
    parser.add_argument("--runs", type=int, default=3, help="runs of each design (default 3)")
    parser.add_argument(CHILD, choices=DESIGNS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.contacts)
        return
    figures: dict[str, list[dict[str, float]]] = {design: [] for design in DESIGNS}
    for _ in range(asked.runs):
        for design in DESIGNS:
            figures[design].append(measure(design, asked.contacts))
    names = list(figures[DESIGNS[0]][0])
    print(f"{'design':<12}" + "".join(f"{name:>14}" for name in names) + f"   medians of {asked.runs}")
    for design, runs in figures.items():
        print(f"{design:<12}" + "".join(f"{median(run[name] for run in runs):>14.1f}" for name in names))


if __name__ == "__main__":
    main()
