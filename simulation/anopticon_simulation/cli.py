"""`anopticon-sim`: run scenarios, list them, show the demo."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from anopticon_client.scoring import PRESETS
from anopticon_protocol.designs import DESIGNS
from anopticon_simulation.errors import ScenarioError, SimulationError
from anopticon_simulation.report import summary
from anopticon_simulation.running import (
    Run,
    commit,
    results_folder,
    run_scenario,
    stderr_progress,
    write_results,
)
from anopticon_simulation.scenario import Scenario, load_scenario, shipped_scenarios

DEMO: Final = "town"
DEFAULT_OUT: Final = Path("out")
USAGE_ERROR: Final = 2
DISAGREEMENT: Final = 3
"""Exit code of a run whose phones and oracle differ: a fault of this software."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Every refusal is one sentence on standard error."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        return _flushed(int(asked.run(asked)))
    except SimulationError as error:
        print(f"anopticon-sim: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        # Nobody reads on, as with `| head -1`; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nanopticon-sim: stopped; nothing was written", file=sys.stderr)
        return 130


def _flushed(code: int) -> int:
    """Write out what is printed, so that a reader who went away is noticed here and not at the very end."""
    sys.stdout.flush()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anopticon-sim", description="Simulate a deployment with real phones and the real key server."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    run = verbs.add_parser("run", help="run a scenario, a TOML file or one that is shipped")
    run.add_argument("scenario", help="a TOML file, or a name that `scenarios` lists")
    run.add_argument(
        "--contacts", metavar="FILE", help="contact list: t i j [groups], or Haslemere CSV; .gz and .zip too"
    )
    run.add_argument(
        "--recording", metavar="PATH", help="recordings of a testbed: phones hear what its radios heard"
    )
    _shared(run)
    run.set_defaults(run=_run)
    listing = verbs.add_parser("scenarios", help="list the scenarios that are shipped")
    listing.set_defaults(run=_scenarios)
    demo = verbs.add_parser("demo", help=f"run the scenario {DEMO!r} and say where the report is")
    _shared(demo)
    demo.set_defaults(run=_demo)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--design", metavar="NAME", help=f"one of {', '.join(DESIGNS)} (default: the scenario's)"
    )
    parser.add_argument(
        "--scoring", metavar="NAME", help=f"one of {', '.join(PRESETS)} (default: the scenario's rule)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="whole number that all luck comes from")
    parser.add_argument(
        "--server", metavar="URL", help="a server started with: anopticon-server serve --rehearsal"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"folder of the results (default: {DEFAULT_OUT}/NAME)"
    )


def _scenarios(_: argparse.Namespace) -> int:
    shipped = shipped_scenarios()
    width = max(map(len, shipped))
    for name, title in shipped.items():
        print(f"{name:<{width}}  {title}")
    return 0


def _run(asked: argparse.Namespace) -> int:
    scenario = load_scenario(asked.scenario)
    if asked.contacts is not None and asked.recording is not None:
        raise ScenarioError("give either --contacts or --recording: a world has one air")
    if asked.recording is not None:
        scenario = scenario.with_recording(asked.recording)
    if asked.contacts is not None:
        scenario = scenario.with_contacts_file(asked.contacts)
    return _go(scenario, asked, Path(asked.scenario).stem)


def _demo(asked: argparse.Namespace) -> int:
    print("Anopticon: a town of phones, a key server, people who test positive, and warnings.\n")
    return _go(load_scenario(DEMO), asked, "demo")


def _go(scenario: Scenario, asked: argparse.Namespace, name: str) -> int:
    scenario = scenario.with_design(asked.design).with_scoring(asked.scoring).with_world(seed=asked.seed)
    out = asked.out or DEFAULT_OUT / name
    with results_folder(out):
        run = run_scenario(scenario, asked.server, stderr_progress(name))
    written = write_results(run, out, "anopticon-sim " + shlex.join(sys.argv[1:]))
    print(summary(run.result, run.judged.outcome.server_rows))
    print()
    print(_speed(run))
    print(f"  Report: {written[-1]}   Result: {written[0]}")
    if not run.judged.agrees:
        print(
            "anopticon-sim: phones and oracle disagree; please report the seed and result.json",
            file=sys.stderr,
        )
        return DISAGREEMENT
    return 0


def _speed(run: Run) -> str:
    phone_days = len(run.judged.outcome.devices) * run.judged.plan.days
    rate = phone_days / max(run.seconds["run"], 1e-9)
    at = commit()
    return (
        f"  {phone_days:,} phone-days in {run.seconds['run']:.1f} s: {rate:,.0f} phone-days per second"
        f" ({run.seconds['whole']:.1f} s in all{f', commit {at}' if at else ''})"
    )
