"""anopticon-phone: one phone in a terminal, over HTTP and on a radio that its text names.

Exit status: 0 done, 2 it could not be done and one sentence says why, 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from anopticon_client.cli.console import status_lines
from anopticon_client.cli.scorings import (
    add_options,
    explain_lines,
    load_calibration,
    scoring_lines,
    window_lines,
)
from anopticon_client.cli.session import HELP, Plan, run_phone
from anopticon_client.errors import ClientError
from anopticon_client.radio import DEFAULT_RADIO, GaenOnAir, Position, parse_position
from anopticon_client.runner.loop import system_entropy
from anopticon_client.storage import MEMORY, SqliteStore
from anopticon_protocol.codes import parse_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.errors import CodeError, ProtocolError
from anopticon_protocol.params import RETENTION_DAYS
from anopticon_protocol.signing import VerifyingKey

MAX_AFTER_MINUTES: Final = RETENTION_DAYS * 24 * 60
"""By then the keys of today are deleted."""
MAX_NAME_CHARS: Final = 20
"""So that a line still fits a terminal."""
_FAILED: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a server's sentence may hold what this terminal cannot show
    action: Callable[[argparse.Namespace], None] = options.action
    try:
        _unless_nobody_reads(action, options)
    except (ClientError, ProtocolError) as error:
        print(f"anopticon-phone: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _unless_nobody_reads(action: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    try:
        action(options)
    except* BrokenPipeError:
        # Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(options: argparse.Namespace) -> None:
    plan = Plan(
        options.server,
        options.store,
        options.radio,
        options.at,
        options.clock,
        options.name,
        options.trust,
        options.report,
        options.after,
        options.gaen,
        options.scoring,
        load_calibration(options.calibration, options.model),
    )
    asyncio.run(run_phone(plan))


def _status(options: argparse.Namespace) -> None:
    store = SqliteStore(options.store)
    try:
        for line in status_lines(store.design, store.load()):
            print(line)
    finally:
        store.close()


def _explain(options: argparse.Namespace) -> None:
    calibration = load_calibration(options.calibration, options.model)
    store = SqliteStore(options.store)
    try:
        design, scoring, held = open_design(store.design), options.scoring, store.load()
        lines = (
            window_lines(design, scoring, held, system_entropy(), calibration)
            if options.windows
            else explain_lines(design, scoring, held, calibration)
        )
        for line in lines:
            print(line)
    finally:
        store.close()


def _scorings(options: argparse.Namespace) -> None:
    del options
    for line in scoring_lines():
        print(line)


def _wipe(options: argparse.Namespace) -> None:
    store = SqliteStore(options.store)
    try:
        store.wipe()
    finally:
        store.close()
    for path in (options.store, options.store.with_name(f"{options.store.name}-journal")):
        path.unlink(missing_ok=True)
    print(f"{options.store}: everything is overwritten and the file is deleted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="anopticon-phone", description="One phone of Anopticon.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    running = commands.add_parser(
        "run",
        help="run a phone until it is told to quit",
        description="Run a phone. It reads commands from the standard input:",
        epilog="  " + "\n  ".join(HELP),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    running.set_defaults(action=_run)
    running.add_argument("--server", required=True, help="the key server, like http://127.0.0.1:8765")
    running.add_argument("--store", default=MEMORY, help="file to keep everything in (memory, until it ends)")
    running.add_argument(
        "--radio",
        "--air",
        default=DEFAULT_RADIO,
        help="radio, like air, air:27800-27831?at=1,0, bluez:hci0, hci:usb:0 or bluez:hci0+bleak (air)",
    )
    _add_gaen(running)
    running.add_argument(
        "--at", type=_position, help="where the phone is on the virtual air, in metres: X,Y (0,0)"
    )
    running.add_argument("--clock", help="a faster clock, like 60x or 60x@2026-11-22T00:00:00Z: the server's")
    running.add_argument("--name", type=_name, default="", help="what to put before each line")
    running.add_argument(
        "--trust", type=_key, help="the server's public key, as anopticon-server show-key has it"
    )
    running.add_argument("--report", type=_code, help="report with this code, without anybody typing it")
    running.add_argument(
        "--after", type=_minutes, default=0, help="minutes of the phone's clock before --report (0)"
    )
    for name, action, summary in (
        ("status", _status, "say what a phone's file holds"),
        ("explain", _explain, "say why which day is an exposure, number by number"),
        ("wipe", _wipe, "overwrite and delete a phone's file"),
    ):
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.add_argument("--store", type=Path, required=True, help="the phone's file")
        command.set_defaults(action=action)
    for command in (running, commands.choices["explain"]):
        add_options(command)
    commands.choices["explain"].add_argument(
        "--windows", action="store_true", help="list the exposure windows instead, in random order"
    )
    listing = commands.add_parser("scorings", help="list the scorings that have a name, with their sources")
    listing.set_defaults(action=_scorings)
    return parser


def _add_gaen(parser: argparse.ArgumentParser) -> None:
    """The two ways around the refusal of 0xFD6F on radios that real phones hear."""
    parser.set_defaults(gaen=GaenOnAir.REFUSE)
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--carry-0xfd6f",
        dest="gaen",
        action="store_const",
        const=GaenOnAir.CARRY,
        help="on real Bluetooth, send the frames of Exposure Notification under 0xFD68",
    )
    ways.add_argument(
        "--transmit-0xfd6f",
        dest="gaen",
        action="store_const",
        const=GaenOnAir.TRANSMIT,
        help="on real Bluetooth, send them as they are: phones nearby will log them",
    )


def _position(text: str) -> Position:
    try:
        return parse_position(text)
    except ClientError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _key(text: str) -> VerifyingKey:
    try:
        return VerifyingKey.from_text(text)
    except ProtocolError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _code(text: str) -> str:
    try:
        return parse_code(text)
    except CodeError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _name(text: str) -> str:
    if not (len(text) <= MAX_NAME_CHARS and text.isprintable()):
        raise argparse.ArgumentTypeError(
            f"must be at most {MAX_NAME_CHARS} printable characters (MAX_NAME_CHARS)"
        )
    return text


def _minutes(text: str) -> int:
    if not (
        text.isascii()
        and text.isdigit()
        and len(text) < len(str(MAX_AFTER_MINUTES)) + 1
        and int(text) <= MAX_AFTER_MINUTES
    ):
        raise argparse.ArgumentTypeError(
            f"{text[:9]!r}: must be 0..{MAX_AFTER_MINUTES} minutes (MAX_AFTER_MINUTES)"
        )
    return int(text)
