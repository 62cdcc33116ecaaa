"""run.py bluez: builds guests, boots them, prints what holds."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tools.bluez import building, needs
from tools.bluez.machine import Said, boot
from tools.bluez.suites import SUITES
from tools.failures import SetupError


def main(arguments: list[str] | None = None) -> int:
    """Check the backends against real BlueZ daemons; 0 if everything holds, 1 if not or if it could not be tried."""
    options = _parser().parse_args(arguments)
    names = options.suite or list(SUITES)
    failed = 0
    try:
        needs.check()
        for name in names:
            failed += _one(name, options)
    except SetupError as error:
        print(f"bluez: {error}", file=sys.stderr)
        return 1
    print(f"\nbluez: {f'{failed} checks failed' if failed else 'all good'}")
    return 1 if failed else 0


def _one(name: str, options: argparse.Namespace) -> int:
    suite = SUITES[name]
    guest = building.guest(suite, options.cache, anew=options.rebuild)
    if options.build_only:
        print(f"{name}: {guest.image}")
        return 0
    print(f"\n== {name}: BlueZ {suite.bluez}, Python {suite.python}", flush=True)
    with tempfile.TemporaryDirectory(prefix="anopticon-bluez-") as folder:
        said = boot(guest, Path(folder), options.checks)
        if options.console:
            options.console.with_name(f"{options.console.name}-{name}").write_text(
                said.console, encoding="utf-8"
            )
    return report(name, said)


def report(name: str, said: Said) -> int:
    """Print the table of one guest; gives the number of failures, a guest that ended early among them."""
    versions = next((record for record in said.records if record.get("kind") == "begin"), {})
    checks = [record for record in said.records if record.get("kind") == "check"]
    print(
        f"\n{name}: kernel {versions.get('kernel')}, BlueZ {versions.get('bluez')}, bleak {versions.get('bleak')}, "
        f"Python {versions.get('python')}, {said.seconds:.0f} s"
    )
    width = max((len(str(record["name"])) for record in checks), default=0)
    for record in checks:
        print(f"  {'ok  ' if record['ok'] else 'FAIL'}  {record['name']:<{width}}  {record['detail']}")
        if record.get("trace"):
            print("        " + str(record["trace"]).replace("\n", "\n        "))
    failed = sum(not record["ok"] for record in checks)
    if not said.ended:
        print(f"  FAIL  the guest ended early. Its last words:\n{said.console[-2000:]}")
        failed += 1
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py bluez", description="Check the backends against real BlueZ daemons."
    )
    parser.add_argument("suite", nargs="*", choices=[*SUITES, []], help="Debian releases to boot (all)")
    parser.add_argument(
        "--check", dest="checks", action="append", default=[], help="run only this check; may be repeated"
    )
    parser.add_argument(
        "--cache", type=Path, default=building.cache_folder(), help="where built guests are kept"
    )
    parser.add_argument("--rebuild", action="store_true", help="build even if the guest is there")
    parser.add_argument("--build-only", action="store_true", help="build, but do not boot")
    parser.add_argument("--console", type=Path, help="keep the guest's console in FILE-SUITE")
    return parser


if __name__ == "__main__":
    # Told to end, it ends the guest too, as an interrupt does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
