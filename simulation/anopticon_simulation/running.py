"""One run from a scenario to a folder of results, with its progress shown: what every command of this package does."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from anopticon_simulation.errors import SimulationError
from anopticon_simulation.keyserver import open_link
from anopticon_simulation.plan import make_plan
from anopticon_simulation.report import report_html
from anopticon_simulation.result import Judged, judge, result_bytes, result_of, utc
from anopticon_simulation.scenario import Scenario
from anopticon_simulation.world import Progress, World

BAR_CHARS: Final = 30
LINE_EVERY_SECONDS: Final = 5.0
"""Where progress goes to a file instead of a terminal: a line this often."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: what it found, and how long it took (seconds)."""

    judged: Judged
    result: Mapping[str, Any]
    seconds: Mapping[str, float]


class ProgressLine:
    """Shows how far a run is: one line that is redrawn on a terminal, a line now and then elsewhere."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._stream = stream
        self._title = title
        self._terminal = stream.isatty()
        self._begun = self._last = time.monotonic()

    def __call__(self, done: float, now: int) -> None:
        """Show progress `done` (0..1) at world time `now`."""
        moment = time.monotonic()
        if done < 1 and moment - self._last < (0.1 if self._terminal else LINE_EVERY_SECONDS):
            return
        self._last = moment
        left = (moment - self._begun) * (1 - done) / done if done else 0.0
        full = round(done * BAR_CHARS)
        bar = "#" * full + "." * (BAR_CHARS - full)
        text = f"{self._title} [{bar}] {done:4.0%}  {utc(now)[:16]}  {left:3.0f} s left"
        self._stream.write(f"\r{text}" if self._terminal else f"{text}\n")
        if done >= 1 and self._terminal:
            self._stream.write("\n")
        self._stream.flush()


def run_scenario(scenario: Scenario, server: str | None, progress: Progress | None = None) -> Run:
    """Run a scenario against the server at URL `server`, or one in this process; raises SimulationError."""
    begun = time.perf_counter()
    plan = make_plan(scenario)
    planned = time.perf_counter()
    section = scenario.server
    link = open_link(server, plan.design, section.release_period_seconds, section.retention_days, plan.start)
    try:
        outcome = World(plan, link).run(progress)
    finally:
        link.close()
    ran = time.perf_counter()
    judged = judge(plan, outcome)
    done = time.perf_counter()
    seconds = {"plan": planned - begun, "run": ran - planned, "judge": done - ran, "whole": done - begun}
    return Run(judged, result_of(judged), seconds)


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """Make the folder and try to write there before a long run; take an empty one away if the run fails.

    Raises SimulationError if it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / "result.json.try", b"").unlink()
    except OSError as error:
        raise SimulationError(f"results cannot be written to {folder}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def write_results(run: Run, folder: Path, command: str) -> list[Path]:
    """Write result.json, server-rows.json, report.html and run.json; raises SimulationError. Files appear whole."""
    files = {
        "result.json": result_bytes(run.result),
        "server-rows.json": result_bytes(run.judged.outcome.server_rows),
        "run.json": result_bytes(machine_facts(run, command)),
        "report.html": report_html(run.judged, run.result).encode("utf-8"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_whole(folder / name, data) for name, data in files.items()]
    except OSError as error:
        raise SimulationError(f"results cannot be written to {folder}: {error.strerror or error}") from error


def machine_facts(run: Run, command: str) -> dict[str, Any]:
    """What belongs to this machine and moment and must not be in result.json: timings, versions, commit."""
    phone_days = len(run.judged.outcome.devices) * run.judged.plan.days
    return {
        "command": command,
        "commit": commit(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "seconds": {name: round(value, 3) for name, value in run.seconds.items()},
        "events": run.judged.outcome.events,
        "phone_days": phone_days,
        "phone_days_per_second": round(phone_days / max(run.seconds["run"], 1e-9), 1),
    }


def commit() -> str | None:
    """The commit this code stands at, with a + if it was changed since; None outside a checkout."""
    try:
        at = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return at + ("+" if changed else "")


def _git(*words: str) -> str:
    here, git = Path(__file__).resolve().parent, shutil.which("git")
    if git is None:
        raise FileNotFoundError("git")
    done = subprocess.run(  # noqa: S603 - the words are ours
        [git, *words], cwd=here, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _write_whole(path: Path, data: bytes) -> Path:
    """Write beside and rename: a reader or a full disk never leaves half a file under the name."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def stderr_progress(title: str) -> ProgressLine:
    """A progress line on standard error."""
    return ProgressLine(sys.stderr, title)
