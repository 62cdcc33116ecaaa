"""Run a fuzz target with atheris: `python3 run.py fuzz export --seconds 600`.

Inputs of interest go to out/fuzz/TARGET; what breaks a law is printed and kept there as crash-*. Of those that say
something new, short ones are copied by hand to tests/fuzz/corpus, which tests/fuzz/test_corpus.py replays.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).resolve().parent / "corpus"
MAX_LENGTH = 1_024


def main() -> int:
    """Fuzz until the time is up or a law is broken."""
    parser = argparse.ArgumentParser(description="Run a fuzz target.")
    parser.add_argument("target", choices=["export", "batch", "contents"])
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    try:
        atheris = importlib.import_module("atheris")  # exists for few systems
    except ImportError:
        print("fuzz: there is no atheris here: it has builds for Linux on x86-64 alone.")
        return 1
    with atheris.instrument_imports(include=["anopticon_protocol", "anopticon_client"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - must be imported under the instrumentation
    found = ROOT / "out" / "fuzz" / arguments.target
    found.mkdir(parents=True, exist_ok=True)
    kept = KEPT / arguments.target
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-max_len={MAX_LENGTH}",
        "-timeout=20",
        "-rss_limit_mb=2048",
    ]
    options += [f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *options, str(found), str(kept)], TARGETS[arguments.target])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
