"""The verbs of ``run.py``."""

import ast
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from tools import environment
from tools import native as engine
from tools.environment import ROOT
from tools.failures import SetupError, explain_os_error

# Used by maintainers only, so it is not in the lock that every newcomer installs.
LOCKER = "uv>=0.13.9,<0.14"

BENCH = ROOT / "bench"
FUZZ = ROOT / "tests" / "fuzz" / "run.py"
VECTORS = ROOT / "tests" / "vectors" / "generate.py"

# Two processes halve the time of the suite on two cores; more only helps where there are more.
SPREAD = ["-n", "auto", "--maxprocesses", "8", "--dist", "worksteal"]


def demo(arguments: list[str]) -> int:
    """Run a deployment and show what came of it; arguments go to the demo."""
    return _run("-m", "anopticon_simulation", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """Run the tests; arguments go to pytest."""
    # Without arguments it is the whole suite, which is worth a process per core.
    return _run("-m", "pytest", *(arguments or SPREAD))


def heavy(arguments: list[str]) -> int:
    """Run the tests that take minutes or gigabytes; arguments go to pytest."""
    return _run("-m", "pytest", "-m", "heavy", "--timeout", "1800", *arguments)


def check(arguments: list[str]) -> int:
    """Run format, lint, spelling, types, import contracts, and tests with their coverage floors."""
    _no_arguments("check", arguments)
    _ready()
    steps: list[tuple[str, tuple[str, ...]]] = [
        ("format", ("-m", "ruff", "format", "--check")),
        ("lint", ("-m", "ruff", "check")),
        ("spelling", ("-m", "codespell_lib")),
        ("types", ("-m", "mypy")),
        ("imports", ("-c", "from importlinter.cli import lint_imports_command as lint; lint()")),
        ("tests", ("-m", "pytest", *SPREAD, "--cov", "--cov-report=")),
        ("coverage of the core", ("-m", "coverage", "report", "--fail-under=100", f"--include={_core()}")),
        ("coverage of everything, in percent", ("-m", "coverage", "report", "--format=total")),
    ]
    failed = []
    for name, command in steps:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        if _run(*command):
            failed.append(name)
        print(
            f"-- {name}: {'failed' if name in failed else 'ok'}, {time.monotonic() - started:.1f} s",
            flush=True,
        )
    print(f"\ncheck: {'failed at ' + ', '.join(failed) if failed else 'all good'}")
    return 1 if failed else 0


def lock(arguments: list[str]) -> int:
    """Renew requirements.txt from pyproject.toml; --upgrade moves every version to the newest."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        environment.install(environment.make_venv(venv), LOCKER)
        command = [str(environment.python_of(venv)), "-m", "uv", "pip", "compile", "--quiet"]
        command += [
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--no-header",
            # pip takes no hash from "name" for "name[extra]": without the extra in the lock, a newer release
            # of such a package would be chosen and then refused for want of a hash.
            "--no-strip-extras",
            "--all-extras",
        ]
        command += ["--output-file", environment.LOCK.name, environment.PROJECT.name, *arguments]
        status = _wait(command)
    engine.write_lock(arguments)
    return status


def bench(arguments: list[str]) -> int:
    """List the measurements, or run one: bench NAME."""
    scripts = {path.stem: path for path in sorted(BENCH.glob("[!_]*.py"))}
    if not arguments:
        for name, path in scripts.items():
            summary = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            print(f"  {name:<20} {summary.partition(chr(10))[0]}")
        return 0
    if arguments[0] not in scripts:
        raise SetupError(
            f"there is no bench '{arguments[0]}': choose one of {', '.join(scripts) or 'none yet'}."
        )
    return _run(str(scripts[arguments[0]]), *arguments[1:])


def bluez(arguments: list[str]) -> int:
    """Check the radios against real BlueZ daemons in emulated machines; arguments go to the tool."""
    return _run("-m", "tools.bluez", *arguments)


def vectors(arguments: list[str]) -> int:
    """Write the project's test vectors anew; arguments go to the generator."""
    return _run(str(VECTORS), *arguments)


def fuzz(arguments: list[str]) -> int:
    """Feed a reader with bytes nobody thought of: fuzz export, contents or batch; --seconds, by default 600."""
    return _run(str(FUZZ), *arguments)


def native(arguments: list[str]) -> int:
    """Build the native matching engine again, and say why if it cannot be built."""
    _no_arguments("native", arguments)
    environment.ready()
    return 0 if engine.ready(again=True) else 1


VERBS: dict[str, Callable[[list[str]], int]] = {
    verb.__name__: verb for verb in (demo, test, check, heavy, bench, bluez, vectors, lock, native, fuzz)
}


def main(arguments: list[str]) -> int:
    """Run one verb and give the exit status: the verb's own, 1 for a failed set-up, 2 for a wrong call."""
    name, *rest = arguments or [""]
    if name not in VERBS:
        if name not in {"", "-h", "--help"}:
            print(f"run.py: there is no verb '{name}'.", file=sys.stderr)
        print("usage: python3 run.py VERB\n")
        for verb in VERBS.values():
            print(f"  {verb.__name__:<9} {verb.__doc__}")
        return 0 if name in {"-h", "--help"} else 2
    try:
        return VERBS[name](rest)
    except SetupError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"run.py: {explain_os_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrun.py: stopped; nothing half made will be used.", file=sys.stderr)
        return 130


def _run(*arguments: str) -> int:
    """Run the environment's Python in the checkout."""
    return _wait([_ready(), *arguments])


def _ready() -> str:
    """Give the interpreter of an environment that is complete, with the native engine if it can be built."""
    python = str(environment.ready())
    engine.ready()
    return python


def _wait(command: list[str]) -> int:
    """Run a program that has the terminal; an interrupt is its own affair, so wait for it to end."""
    with subprocess.Popen(command, cwd=ROOT, env=environment.child_environment()) as child:
        while True:
            try:
                status = child.wait()
            except KeyboardInterrupt:
                continue
            return status if status >= 0 else 128 - status


def _core() -> str:
    """Give the files that must be covered whole: what the contract "no world in the core" names.

    One list serves both, so a module cannot be pure by contract and untested by omission.
    """
    with environment.PROJECT.open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    modules = next(contract["source_modules"] for contract in contracts if contract["id"] == "core")
    paths = [module.replace(".", "/") for module in modules]
    return ",".join(f"*/{path}.py,*/{path}/*" for path in paths)


def _no_arguments(verb: str, arguments: list[str]) -> None:
    if arguments:
        raise SetupError(f"'{verb}' takes no arguments, and got {' '.join(arguments)}.")
