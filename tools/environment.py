"""The project's own virtual environment: made once from the lock, stamped, and never half trusted.

The stamp is written last and names everything the environment was made from. A set-up that was
interrupted leaves no stamp; a new lock, another Python or a moved folder leaves a wrong one. Either way
the next run makes the environment again, so nothing has to be repaired by hand.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import failures
from tools.failures import SetupError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
PROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "stamp"
GUARD = ROOT / ".venv.lock"

# The environment takes about 700 MB; pip unpacks a package beside it before moving it in.
NEEDED_BYTES = 1_200_000_000

# Left out of every child's environment: each would bring in a library that is not in the lock, or send
# an install somewhere else than into the environment.
_STRAY = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "__PYVENV_LAUNCHER__",
}

_LOCKED_ONLY = ["--require-hashes", "--only-binary", ":all:"]


def python_of(venv: Path) -> Path:
    """Give the path of an environment's interpreter."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def child_environment() -> dict[str, str]:
    """Give the variables that a program of the environment runs with."""
    kept = {name: value for name, value in os.environ.items() if name not in _STRAY}
    # Text to a file or a pipe is UTF-8 on Windows too, as it is everywhere else.
    return kept | {"PYTHONUTF8": "1"}


def ready() -> Path:
    """Give the interpreter of an environment that fits this checkout, making it first if there is none.

    Raises:
        SetupError: it could not be made; the message says what to do.
    """
    if _why_stale():
        with only_one():
            reason = _why_stale()
            if reason:
                _make(reason)
    return python_of(VENV)


def make_venv(path: Path) -> list[str]:
    """Make an empty environment and give the command that runs pip for it.

    Debian splits ensurepip off from Python: where it lacks, the pip of the Python that started us
    installs into the environment from outside.
    """
    # Started from inside the environment that is about to be replaced, the base interpreter must do it.
    base = getattr(sys, "_base_executable", sys.executable)
    if not _has("venv"):
        raise SetupError(failures.NO_VENV)
    bundled = _has("ensurepip")
    if not bundled and not _has("pip"):
        raise SetupError(failures.NO_PIP)
    _quietly([base, "-m", "venv", *([] if bundled else ["--without-pip"]), str(path)])
    python = str(python_of(path))
    return [python, "-m", "pip"] if bundled else [base, "-m", "pip", "--python", python]


def pip_of(venv: Path) -> list[str]:
    """Give the command that runs pip for an environment that is there."""
    bundled = subprocess.run(
        [str(python_of(venv)), "-m", "pip", "--version"], capture_output=True, check=False
    )
    if bundled.returncode == 0:
        return [str(python_of(venv)), "-m", "pip"]
    return [getattr(sys, "_base_executable", sys.executable), "-m", "pip", "--python", str(python_of(venv))]


def install(pip: list[str], *arguments: str) -> None:
    """Install with pip, showing on a terminal which package it is at.

    Raises:
        SetupError: pip failed; the message says why and what to do.
    """
    command = [
        *pip,
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        *arguments,
    ]
    _quietly(command, show=_Progress())


def _has(module: str) -> bool:
    """Tell whether this Python has a module's code; an empty folder of that name is none."""
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


def _fingerprint() -> str:
    facts = (
        LOCK.read_bytes(),
        PROJECT.read_bytes(),
        sys.version.encode(),
        sysconfig.get_platform().encode(),
        str(ROOT).encode(),  # the editable install and every script in it hold this path
    )
    return hashlib.sha256(b"".join(hashlib.sha256(fact).digest() for fact in facts)).hexdigest()


def _why_stale() -> str:
    """Say why the environment cannot be used, or give an empty text if it can."""
    if not os.path.lexists(VENV):
        return "there is none yet"
    if not os.access(python_of(VENV), os.X_OK) or not (VENV / "pyvenv.cfg").exists():
        return "its interpreter is gone"
    if not STAMP.exists():
        return "it was not finished"
    if STAMP.read_text(encoding="ascii") != _fingerprint():
        return "the lock, pyproject.toml, Python or the folder changed"
    return ""


def _make(reason: str) -> None:
    started = time.monotonic()
    packages = len(re.findall(r"^\S+==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    print(f"Making .venv ({reason}): {packages} packages, about a minute.", flush=True)
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        STAMP.unlink(missing_ok=True)
        shutil.rmtree(VENV)
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        raise SetupError(failures.explain("No space left on device"))
    pip = make_venv(VENV)
    install(pip, *_LOCKED_ONLY, "-r", str(LOCK))
    # pip refuses an editable project among hashed requirements, hence the second call; the build
    # backend is in the lock, so it needs no isolation and no network.
    install(pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    draft = STAMP.with_suffix(".draft")
    draft.write_text(_fingerprint(), encoding="ascii")
    draft.replace(STAMP)
    print(f"Made .venv in {time.monotonic() - started:.0f} s.", flush=True)


class _Progress:
    """One line on a terminal that says what pip is at; nothing where the output goes to a file."""

    def __init__(self) -> None:
        self.seen = 0
        self.shown = sys.stdout.isatty()

    def line(self, line: str) -> None:
        """Take one line that pip wrote."""
        if line.startswith("Collecting "):
            self.seen += 1
            self._show(f"fetching {self.seen}: {line.split()[1]}")
        elif self.seen and line.startswith("Installing collected packages"):
            self._show(f"unpacking {self.seen} packages")
        elif "Retrying (" in line:
            self._show("the package index does not answer, trying again")

    def end(self) -> None:
        """Clear the line."""
        self._show("")

    def _show(self, text: str) -> None:
        if self.shown:
            # Overwritten with blanks: not every terminal of Windows knows the code that clears a line.
            print(f"\r{text[:76]:<76}", end="\r", flush=True)


def _quietly(command: list[str], show: _Progress | None = None) -> None:
    """Run a set-up command with its output kept, and explain the output if it fails."""
    output = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as child:
        assert child.stdout is not None  # noqa: S101 - for the type checker: it was asked for above
        for line in child.stdout:
            output.append(line)
            if show:
                show.line(line)
    if show:
        show.end()
    if child.returncode:
        raise SetupError(failures.explain("".join(output)))


@contextmanager
def only_one() -> Iterator[None]:
    """Let one run at a time set up; the operating system frees the guard with the process that holds it."""
    with GUARD.open("a", encoding="ascii") as file:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows alone

            while True:
                try:
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                except OSError:  # it gives up after ten seconds; a set-up takes longer
                    continue
                break
        else:
            import fcntl  # noqa: PLC0415 - does not exist on Windows

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
