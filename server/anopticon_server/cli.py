"""anopticon-server: run the key server, and the few things an operator does beside it.

Exit status: 0 done, 2 it could not be done and one sentence says why, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from anopticon_server.clock import open_clock
from anopticon_server.errors import ServerError, SettingsError
from anopticon_server.opening import open_key_server
from anopticon_server.service import KeyServer
from anopticon_server.serving import serve
from anopticon_server.settings import DEFAULT_PORT, Settings, load_settings

MAX_CODES_AT_ONCE: Final = 10_000
"""Enough for a day of a region; more is a slip of the finger."""
_FAILED: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ServerError as error:
        print(f"anopticon-server: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    with ExitStack() as stack:
        given = _given(options)
        settings = load_settings(**given)
        if options.command == "serve":
            if settings.rehearsal and "data_dir" not in settings.model_fields_set:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="anopticon-rehearsal-"))
                settings = load_settings(**given, data_dir=Path(folder))
            return serve(settings)
        server = _beside(settings)
        stack.callback(server.close)
        action: Callable[[KeyServer, argparse.Namespace], None] = options.action
        action(server, options)
    return 0


def _beside(settings: Settings) -> KeyServer:
    """The server whose data is there, by its own clock unless another is asked for."""
    if not settings.data_dir.is_dir():
        raise SettingsError(
            f"data directory {settings.data_dir} does not exist: start the server there first"
        )
    clock = None if settings.clock is None else open_clock(settings.clock)
    return open_key_server(settings, clock, os.urandom)


def _issue_code(server: KeyServer, options: argparse.Namespace) -> None:
    issued = [server.issue_code() for _ in range(options.count)]
    if options.json:
        print(json.dumps([{"code": one.code, "valid_until": one.valid_until} for one in issued]))
    else:
        print("\n".join(one.code for one in issued))


def _publish(server: KeyServer, options: argparse.Namespace) -> None:
    del options
    for release in server.publish():
        print(release)


def _purge(server: KeyServer, options: argparse.Namespace) -> None:
    del options
    purged = server.purge()
    print(f"deleted: {purged.codes} codes, {purged.keys} keys, {purged.files} files")


def _rows(server: KeyServer, options: argparse.Namespace) -> None:
    del options
    print(json.dumps(server.rows(), indent=1))


def _show_key(server: KeyServer, options: argparse.Namespace) -> None:
    del options
    print(server.parameters().decode("ascii"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anopticon-server",
        description="The key server of Anopticon.",
        epilog="Every setting can also be given in the environment, as ANOPTICON_DATA_DIR, "
        "ANOPTICON_ISSUER_KEY and so on; the command line comes first.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = _command(commands, "serve", "run the server until it is interrupted")
    serving.add_argument("--host", help="address to listen on (127.0.0.1)")
    serving.add_argument("--port", type=int, help=f"port to listen on ({DEFAULT_PORT}); 0 takes a free one")
    serving.add_argument("--design", help="lowcost, unlinkable, hybrid[:window_minutes=120] or gaen")
    serving.add_argument(
        "--rehearsal",
        action="store_true",
        default=None,
        help="let the caller move the clock; loopback only, and nothing is kept without --data-dir",
    )
    issuing = _command(
        commands, "issue-code", "make one-time codes, also beside a running server", _issue_code
    )
    issuing.add_argument("--count", type=_count, default=1, help=f"how many, 1..{MAX_CODES_AT_ONCE} (1)")
    issuing.add_argument("--json", action="store_true", help="print JSON, with the second at which each ends")
    _command(commands, "publish", "publish what is due now; the running server does so by itself", _publish)
    _command(commands, "purge", "delete what is older than retention; the running server does so too", _purge)
    _command(commands, "rows", "print every row of the database as JSON", _rows)
    _command(commands, "show-key", "print the parameters and the public key that phones need", _show_key)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    action: Callable[[KeyServer, argparse.Namespace], None] | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(action=action)
    parser.add_argument("--data-dir", type=Path, help="where everything is kept (anopticon-server-data)")
    parser.add_argument(
        "--clock",
        help="a faster clock, like 60x or 60x@2026-11-22T00:00:00Z; beside a running server, that one's",
    )
    return parser


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings among the options that were given."""
    named = {name: value for name, value in vars(options).items() if name in Settings.model_fields}
    return {name: value for name, value in named.items() if value is not None}


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_CODES_AT_ONCE):
        raise argparse.ArgumentTypeError(f"{text!r}: must be 1..{MAX_CODES_AT_ONCE} (MAX_CODES_AT_ONCE)")
    return int(text)
