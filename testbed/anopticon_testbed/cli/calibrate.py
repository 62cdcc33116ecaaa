"""`anopticon-testbed calibrate`: offsets of every device from a reference run at 1 m."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from anopticon_testbed.calibration.offsets import Offsets, solve
from anopticon_testbed.calibration.pairs import read_pairs
from anopticon_testbed.errors import InputError

SUMMARY: Final = "work out transmit and receive offsets from a run with all devices 1 m apart"
FILE: Final = "calibration.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("recordings", type=Path, help="folder with the recordings of the reference run")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"where to write the offsets ({FILE} beside the recordings)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the offsets and write them beside the data."""
    offsets = solve(read_pairs(options.recordings).levels)
    folder = options.recordings if options.recordings.is_dir() else options.recordings.parent
    out = options.out or folder / FILE
    try:
        out.write_text(json.dumps(offsets.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write {out}: {error.strerror or error}. Name another file with --out"
        ) from error
    _print(offsets)
    print(f"written to {out}; the recordings are as they were")
    return 0


def _print(offsets: Offsets) -> None:
    print(f"attenuation at 1 m between two mean devices: {offsets.attenuation_db:.1f} dB")
    width = max(len("device"), *map(len, offsets.devices))
    print(f"{'device':<{width}}  sends, dB  hears, dB")
    for name, one in sorted(offsets.devices.items()):
        print(f"{name:<{width}}  {one.tx_db:>+9.1f}  {one.rx_db:>+9.1f}")
    worst = max(offsets.residuals, key=lambda one: abs(one.db))
    print(
        f"residuals: {offsets.rms_db:.1f} dB rms over {len(offsets.residuals)} pairs, "
        f"the largest {worst.db:+.1f} dB ({worst.sender} to {worst.receiver})"
    )
    if offsets.left_out:
        print(f"left out, too few frames: {', '.join(offsets.left_out)}")
