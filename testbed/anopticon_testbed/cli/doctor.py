"""`anopticon-testbed doctor`: is this machine fit to be a node?"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from anopticon_client.radio.opening import Parsed, parse_radio, split_radios
from anopticon_testbed.checks.findings import Finding, Level
from anopticon_testbed.checks.probes import gather
from anopticon_testbed.checks.rules import judge

SUMMARY: Final = "check adapter, chip, BlueZ, rights, clock and disk of this machine"
DEFAULT_RADIO: Final = "bluez:hci0"
WIDTH: Final = 100
_INDENT: Final = " " * 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument(
        "--radio", default=DEFAULT_RADIO, help=f"the radio that the node will use ({DEFAULT_RADIO})"
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder of recordings (here)")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if there is a fault."""
    findings = diagnose(radios_of(options.radio), options.out)
    if options.json:
        print(json.dumps([asdict(one) | {"level": one.level.value} for one in findings], indent=2))
    else:
        for line in lines_of(findings):
            print(line)
        faults = sum(one.level is Level.FAULT for one in findings)
        warnings = sum(one.level is Level.WARNING for one in findings)
        verdict = "not fit yet" if faults else "fit"
        print(f"\n{options.radio}: {verdict}; {_count(faults, 'fault')}, {_count(warnings, 'warning')}")
    return 1 if any(one.level is Level.FAULT for one in findings) else 0


def radios_of(text: str) -> list[Parsed]:
    """The radios of a text, taken apart; raises RadioError."""
    return [parse_radio(one) for one in split_radios(text)]


def diagnose(radios: Sequence[Parsed], folder: Path) -> list[Finding]:
    """Look at this machine and judge it."""
    return judge(gather(radios, folder), radios)


def lines_of(findings: Sequence[Finding]) -> list[str]:
    """Findings for a terminal: what was seen, and under it what to do next."""
    lines: list[str] = []
    for one in findings:
        head = f"{one.level.value:<8} {one.topic:<14} "
        lines += textwrap.wrap(one.seen, WIDTH, initial_indent=head, subsequent_indent=_INDENT) or [
            head.rstrip()
        ]
        if one.advice:
            lines += textwrap.wrap(
                one.advice, WIDTH, initial_indent=f"{_INDENT}-> ", subsequent_indent=f"{_INDENT}   "
            )
    return lines


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
