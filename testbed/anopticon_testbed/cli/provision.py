"""`anopticon-testbed provision`: check this machine, and write the systemd unit of a node."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from anopticon_client.radio.opening import check_service
from anopticon_client.radio.settings import GaenOnAir
from anopticon_protocol.params import DP3T_SERVICE_UUID
from anopticon_testbed.checks.findings import Level
from anopticon_testbed.checks.installing import Change, Plan, install
from anopticon_testbed.checks.unit import (
    ENVIRONMENT,
    ENVIRONMENT_FOLDER,
    SERVICE,
    UNIT_FOLDER,
    environment_text,
    unit_text,
)
from anopticon_testbed.cli.doctor import DEFAULT_RADIO, diagnose, lines_of, radios_of
from anopticon_testbed.cli.live import TOKEN_VARIABLE, add_token_argument, read_token
from anopticon_testbed.cli.node import parse_place
from anopticon_testbed.errors import SetupError
from anopticon_testbed.node.plan import check_name

SUMMARY: Final = "check this machine, and write the systemd unit that makes it a node"
_OPTIONS: Final = {
    "server": "key server; without one the node is a plain beacon",
    "collector": "collector of `live` to tell how the node is",
    "at": "where the node is, in metres: X,Y or X,Y,Z",
    "carriage": "on a table, in a pocket, ...",
    "antenna": "its kind and orientation",
    "place": "what is around it",
    "tx_power": "radiated power in dBm, as it is stated",
}
"""Options of `node` that are asked for here and handed on as they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("--name", required=True, help="name of the node, its own in the whole testbed")
    parser.add_argument("--radio", default=DEFAULT_RADIO, help=f"the radio of the node ({DEFAULT_RADIO})")
    for name, meaning in _OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=meaning)
    add_token_argument(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the files, write nothing")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="write below DIR, for an image (/)"
    )
    parser.add_argument(
        "--program", metavar="PATH", help="anopticon-testbed on the node (the one that runs now)"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite what was edited by hand; go on over faults"
    )


def run(options: argparse.Namespace) -> int:
    """Check, write, and say how to go on; 1 if the machine has a fault or a file was kept."""
    check_name(options.name)
    check_service(options.radio, DP3T_SERVICE_UUID, GaenOnAir.REFUSE)
    if options.at is not None:
        parse_place(options.at)
    plans = _plans(options)
    elsewhere = options.root != Path("/")
    if options.dry_run:
        for plan in plans:
            shown = re.sub(rf'^({TOKEN_VARIABLE}=").*"$', r'\1..."', plan.content, flags=re.MULTILINE)
            print(f"--- /{plan.path} (mode {plan.mode:o})\n{shown}")
        return 0
    if not elsewhere:
        findings = diagnose(radios_of(options.radio), Path("/var/lib"))
        for line in lines_of(findings):
            print(line)
        if any(one.level is Level.FAULT for one in findings) and not options.force:
            print("\nnothing was written: put the faults right first, or say --force")
            return 1
        print()
    changes = [(plan, install(plan, options.root, force=options.force)) for plan in plans]
    for plan, change in changes:
        print(f"{options.root / plan.path}: {change.value}")
    print("\nnext:" if not elsewhere else "\nnext, on the node:")
    print("  sudo systemctl daemon-reload")
    print(f"  sudo systemctl enable --now {SERVICE}")
    print(f"  journalctl -fu {SERVICE}          # recordings: /var/lib/anopticon/recordings")
    return 1 if any(change is Change.KEPT for _, change in changes) else 0


def _plans(options: argparse.Namespace) -> list[Plan]:
    program = options.program or shutil.which("anopticon-testbed") or str(Path(sys.argv[0]).absolute())
    if not options.program and not Path(program).name.startswith("anopticon-testbed"):
        raise SetupError("where is anopticon-testbed on the node? Say --program /path/to/anopticon-testbed")
    given = {"name": options.name, "radio": options.radio}
    given |= {name: told for name in _OPTIONS if (told := getattr(options, name)) is not None}
    values = {f"ANOPTICON_{name.upper()}": told for name, told in given.items()}
    names = [(f"--{name.replace('_', '-')}", f"ANOPTICON_{name.upper()}") for name in given]
    unit = unit_text(program, names, radios_of(options.radio))
    token = read_token(options.token_file) if options.token_file else ""
    if token:
        values[TOKEN_VARIABLE] = token  # where `node` looks for it: an argument could be read by every user
    return [
        Plan(f"{ENVIRONMENT_FOLDER}/{ENVIRONMENT}", environment_text(values), 0o600 if token else 0o644),
        Plan(f"{UNIT_FOLDER}/{SERVICE}", unit, 0o644),
    ]
