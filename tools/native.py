"""The matching engine in Rust: built into the environment where cargo is there, and never needed.

It is built once for a state of ``native/`` and of the toolchain, and stamped, built or not: a machine on which
it cannot be built is told so in one line, once. ``run.py native`` tries again.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools import environment
from tools.environment import ROOT, VENV

CRATE = ROOT / "native"
CRATES = CRATE / "crates.lock"
CARGO_LOCK = CRATE / "Cargo.lock"
SKIP = "ANOPTICON_NO_NATIVE"
INSTEAD = "matching runs in Python"

# The lock of cargo less the lines that name a registry, which no file of this project does. What is left
# holds the version and the hash of every crate; cargo itself refuses a crate whose hash is another.
_SOURCE = re.compile(r'^source = ".*"\n', re.MULTILINE)


class BuildError(Exception):
    """It could not be built; the message says why in a few words."""


def ready(*, again: bool = False) -> bool:
    """Build the engine unless that was tried for this state already; say in one line what came of it.

    Gives whether the environment has the engine of this state.
    """
    if not CRATE.exists():
        return False
    if os.environ.get(SKIP):
        return False
    with environment.only_one():
        folder = VENV / "native"
        stamp = folder / "stamp"
        tried = stamp.read_text(encoding="ascii") if stamp.exists() else ""
        state = _state()
        if tried.startswith(state) and not again:
            return tried.endswith("built")
        folder.mkdir(exist_ok=True)
        try:
            said, built = f"built in {_build(folder):.0f} s with {_cargo()}", True
        except BuildError as error:
            said, built = f"{error}; {INSTEAD}", False
        stamp.write_text(f"{state} {'built' if built else 'failed'}", encoding="ascii")
        print(f"Native matching engine: {said}.", flush=True)
        return built


def write_lock(arguments: list[str]) -> None:
    """Renew native/crates.lock from native/Cargo.toml; --upgrade moves every crate to its newest version."""
    if not CRATE.exists() or shutil.which("cargo") is None:
        print("native/crates.lock stays as it is: no cargo on this machine.", flush=True)
        return
    if CRATES.exists():
        _restore_lock()
    _cargo_run("update", *([] if "--upgrade" in arguments else ["--workspace"]))
    CRATES.write_text(_SOURCE.sub("", CARGO_LOCK.read_text(encoding="utf-8")), encoding="utf-8")


def _cargo() -> str:
    """Give name and version of the cargo of this machine; raises BuildError if there is none, or too old a one."""
    program = shutil.which("cargo")
    if program is None:
        raise BuildError("no cargo on this machine")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"cargo (\d+)\.(\d+)\.\S+", done.stdout)
    if not found:
        raise BuildError("cargo does not run")
    with (CRATE / "Cargo.toml").open("rb") as file:
        needed = tomllib.load(file)["package"]["rust-version"]
    if [int(part) for part in found.groups()] < [int(part) for part in needed.split(".")]:
        raise BuildError(f"{found[0]} is older than {needed}")
    return found[0]


def _state() -> str:
    """Give a hash of everything that the engine is built from."""
    digest = hashlib.sha256((shutil.which("cargo") or "none").encode())
    for path in _sources():
        digest.update(f"{path.relative_to(CRATE).as_posix()} ".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (CRATE / "Cargo.toml", CRATE / "pyproject.toml")
    yield CRATES
    yield from sorted((CRATE / "src").glob("*.rs"))


def _build(folder: Path) -> float:
    """Build and install the engine; gives the seconds that it took."""
    _cargo()
    started = time.monotonic()
    _restore_lock()
    wheels = folder / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    python = str(environment.python_of(VENV))
    target = {"CARGO_TARGET_DIR": str(folder / "target")}
    build = [python, "-m", "maturin", "build", "--release", "--locked", "--out", str(wheels)]
    build += ["--interpreter", python, "--manifest-path", str(CRATE / "Cargo.toml")]
    _run(build, folder / "build.log", target)
    wheel = next(wheels.glob("*.whl"))
    install = ["install", "--no-index", "--no-deps", "--force-reinstall", "--quiet", str(wheel)]
    _run([*environment.pip_of(VENV), *install], folder / "install.log", {})
    return time.monotonic() - started


def _restore_lock() -> None:
    """Make cargo's own lock from ours and from the registry that cargo names by itself."""
    ours = CRATES.read_text(encoding="utf-8")
    if CARGO_LOCK.exists() and _SOURCE.sub("", CARGO_LOCK.read_text(encoding="utf-8")) == ours:
        return
    CARGO_LOCK.unlink(missing_ok=True)
    _cargo_run("generate-lockfile")
    found = _SOURCE.search(CARGO_LOCK.read_text(encoding="utf-8"))
    source = found[0] if found else ""
    with_source = re.sub(r"^(checksum = )", lambda match: f"{source}{match[0]}", ours, flags=re.MULTILINE)
    CARGO_LOCK.write_text(with_source, encoding="utf-8")


def _cargo_run(*arguments: str) -> None:
    _run(["cargo", *arguments, "--quiet", "--manifest-path", str(CRATE / "Cargo.toml")], None, {})


def _run(command: list[str], log: Path | None, variables: dict[str, str]) -> None:
    """Run a step of the build; raises BuildError with the line that says what failed."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment.child_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if log:
        log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        telling = [line for line in lines if re.match(r"(error|💥)", line)] or lines or ["no output"]
        raise BuildError(f"the build failed ({telling[0][:160]})")
