"""anopticon-testbed: nodes, recordings and what they tell.

One module of this package is one verb: it has SUMMARY (a line), `add_arguments(parser)` and `run(options)`, which
returns the exit status. A verb is imported only when it is asked for, so that a node needs no plotting library.

Exit status: 0 done, 1 a check found something wrong, 2 it could not be done and one sentence says why, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from anopticon_client.errors import ClientError
from anopticon_protocol.errors import ProtocolError
from anopticon_testbed.errors import TestbedError

VERBS: Final[dict[str, str]] = {
    "export": "write a recording as Parquet, pcap or btsnoop",
    "import": "make a recording of captures, tables or measurements of other software",
    "up": "run a whole virtual testbed: nodes, walkers, key server, collector, live page",
    "doctor": "check adapter, chip, BlueZ, rights, clock and disk of this machine",
    "provision": "check this machine, and write the systemd unit that makes it a node",
    "node": "run a phone or a beacon on a radio, and record everything",
    "preflight": "check that every pair of nodes hears each other at the nominal rate",
    "calibrate": "work out transmit and receive offsets from a run with all devices 1 m apart",
    "analyse": "dead time, reception, strengths, rotations, clocks and contacts of recordings",
    "replay": "run the phones of recordings again, and compare what they show",
    "live": "run the collector that nodes push to, and its web page",
    "fit-models": "fit RSSI offset and transmit power of phone models",
    "score": "judge a scoring on a recording with known distances",
}
"""Verb to its line in the help; the module has the verb's name, with _ for - and behind a word of Python's own."""
_FAILED: Final = 2
_INTERRUPTED: Final = 130


class Verb(Protocol):
    """What the module of a verb offers."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Tell the parser what the verb takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it and return the exit status; raises TestbedError, ClientError or ProtocolError."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    wanted = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="anopticon-testbed", description="A testbed for Bluetooth contact tracing."
    )
    commands = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, summary in VERBS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name in wanted[:1]:
            load(name).add_arguments(command)
    options = parser.parse_args(wanted)
    try:
        return load(options.verb).run(options)
    except (TestbedError, ClientError, ProtocolError) as error:
        print(f"anopticon-testbed: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def load(name: str) -> Verb:
    """The module of a verb."""
    stem = f"{name}_" if keyword.iskeyword(name) else name.replace("-", "_")
    module: Verb = importlib.import_module(f"{__name__}.{stem}")
    return module
