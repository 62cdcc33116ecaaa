"""`anopticon-testbed up`: a whole virtual testbed in one command, for somebody without hardware."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anopticon_client.cli.session import stopped_by_signals
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_client.recording.reader import find_recordings
from anopticon_client.recording.rows import NoticeRow
from anopticon_protocol.designs import DESIGNS, open_design
from anopticon_protocol.errors import InvalidParameterError
from anopticon_testbed.errors import InputError
from anopticon_testbed.floorplan import FloorPlan, load_plan, shipped_plans
from anopticon_testbed.live.board import Board
from anopticon_testbed.live.collector import DEFAULT_PORT, collecting
from anopticon_testbed.node import BEACON
from anopticon_testbed.node.pushing import HttpCollector
from anopticon_testbed.status import Answer, NodeState
from anopticon_testbed.up.testbed import Post, Setup, Testbed, names_of

SUMMARY: Final = "run a whole virtual testbed: nodes, walkers, key server, collector, live page"
DEFAULT_PLAN: Final = "office"
DEFAULT_DESIGN: Final = "lowcost"
FAST_MINUTES: Final = 90.0
"""Time to meet, to report, to publish and to be warned."""
TOLD_EVERY_MINUTES: Final = 10
FAST_START: Final = 1_772_445_600.0
"""10:00 UTC of Monday 2 March 2026: in virtual time every run begins at the same moment."""
MAX_MINUTES: Final = 10_000.0
MAX_SEED: Final = 2**32 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    plans = ", ".join(shipped_plans())
    parser.add_argument(
        "plan", nargs="?", default=DEFAULT_PLAN, help=f"floor plan: a TOML file, or one of {plans}"
    )
    parser.add_argument("--nodes", type=int, metavar="N", help="only the first N nodes of the plan")
    parser.add_argument(
        "--design", default=DEFAULT_DESIGN, help=f"{', '.join(DESIGNS)} or {BEACON} ({DEFAULT_DESIGN})"
    )
    parser.add_argument(
        "--positive", metavar="NAME", help="node whose person tests positive (the first walker)"
    )
    parser.add_argument(
        "--report-after", type=float, default=25.0, metavar="MINUTES", help="when that is reported (25)"
    )
    parser.add_argument(
        "--fast", action="store_true", help=f"virtual time, {FAST_MINUTES:.0f} minutes unless told"
    )
    parser.add_argument("--minutes", type=float, metavar="N", help="how long (until interrupted)")
    parser.add_argument("--seed", type=int, default=1, help="whole number that all luck comes from (1)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port of the live page; 0 takes a free one"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the recordings (out/testbed-TIME)")


def run(options: argparse.Namespace) -> int:
    """Run the testbed and say what came of it."""
    started = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    out = options.out or Path("out") / f"testbed-{started}"
    setup = _setup(options, started, out / "recordings")
    seconds = None if options.minutes is None else 60 * options.minutes
    print(f"{setup.plan.title}: {', '.join(names_of(setup.plan))}", flush=True)
    if setup.fast:
        board = run_virtual(_fast(setup, seconds or 60 * FAST_MINUTES))
    else:
        board = asyncio.run(_real(setup, seconds, options.port))
    _summary(setup, board)
    return 0


def _setup(options: argparse.Namespace, run_name: str, folder: Path) -> Setup:
    plan = load_plan(options.plan)
    if options.nodes is not None:
        plan = plan.first(options.nodes)
    if options.design != BEACON:
        try:
            open_design(options.design)
        except InvalidParameterError as error:
            raise InputError(f"{error}; or {BEACON}, for nodes without phones") from error
    for name, value in (("--minutes", options.minutes), ("--report-after", options.report_after)):
        if value is not None and not 0 < value <= MAX_MINUTES:
            raise InputError(f"{name} must be more than 0 and at most {MAX_MINUTES:,.0f}")
    if not 0 <= options.seed <= MAX_SEED:
        raise InputError(f"--seed must be 0..{MAX_SEED}")
    return Setup(
        plan=plan,
        run=run_name,
        folder=folder,
        start=FAST_START if options.fast else time.time() - time.monotonic(),
        design=options.design,
        seed=options.seed,
        fast=options.fast,
        positive=_positive(options, plan),
        report_after_seconds=60 * options.report_after,
    )


def _positive(options: argparse.Namespace, plan: FloorPlan) -> str | None:
    names = names_of(plan)
    if options.design == BEACON:
        return None
    if options.positive is not None and options.positive not in names:
        raise InputError(f"--positive {options.positive[:40]!r}: the plan has {', '.join(names)}")
    first_walker = plan.walkers[0].name if plan.walkers else names[0]
    return options.positive or first_walker


async def _fast(setup: Setup, seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    board = Board(loop.time, lambda: round((setup.start + loop.time()) * 1e9))

    async def push(state: NodeState) -> Answer:
        return board.push(state)

    testbed = Testbed(setup, _say(setup), lambda _: push)
    asyncio.get_running_loop().call_later(seconds - 1, lambda: snapshots.append(board.snapshot()))
    snapshots: list[dict[str, Any]] = []
    _count_minutes(loop, seconds)
    with stopped_by_signals(loop, testbed.stop):
        await testbed.run(seconds)
    return snapshots[-1] if snapshots else board.snapshot()


def _count_minutes(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Tell on the standard error how far virtual time has come: ten nodes take a machine a minute or two."""
    minutes = loop.time() / 60
    if minutes:
        print(f"  {minutes:.0f} of {seconds / 60:.0f} minutes", file=sys.stderr, flush=True)
    loop.call_later(60 * TOLD_EVERY_MINUTES, _count_minutes, loop, seconds)


async def _real(setup: Setup, seconds: float | None, port: int) -> dict[str, Any]:
    async with collecting(port=port) as (url, board), AsyncExitStack() as stack:
        links: dict[str, HttpCollector] = {
            name: await stack.enter_async_context(HttpCollector(url)) for name in names_of(setup.plan)
        }

        def post(name: str) -> Post:
            return links[name].post

        testbed = Testbed(setup, _say(setup), post)
        print(f"live page: {url}    stop with Ctrl-C", flush=True)
        with stopped_by_signals(asyncio.get_running_loop(), testbed.stop):
            await testbed.run(seconds)
        return board.snapshot()


def _say(setup: Setup) -> Any:  # noqa: ANN401 - a function of one sentence
    loop_time = asyncio.get_running_loop().time

    def say(sentence: str) -> None:
        now = datetime.fromtimestamp(setup.start + loop_time(), UTC)
        print(f"{now:%H:%M:%S}  {sentence}", flush=True)

    return say


def _summary(setup: Setup, board: dict[str, Any]) -> None:
    notices = {
        one.manifest.node: {row.notice_id: row for row in one.rows() if isinstance(row, NoticeRow)}
        for one in find_recordings(setup.folder)
    }
    print()
    width = (
        max(len("node"), *(len(node["node"]) for node in board["nodes"])) if board["nodes"] else len("node")
    )
    print(f"{'node':<{width}}  PDUs heard  rotations  hears now             exposure")
    for node in board["nodes"]:
        near = sorted(node["heard"], key=lambda one: -one["rssi_dbm"])[:2]
        heard = ", ".join(f"{one['node']} {one['rssi_dbm']:.0f}" for one in near) or "nobody"
        exposed = [row for row in notices.get(node["node"], {}).values() if row.kind == "exposure"]
        told = f"{sum(row.seconds for row in exposed) / 60:.0f} minutes" if exposed else "-"
        print(f"{node['node']:<{width}}  {node['frames']:>10,}  {node['rotations']:>9}  {heard:<20}  {told}")
    print(f"\nrecordings: {setup.folder}")
    print("next:")
    for verb in ("analyse", "preflight", "replay"):
        print(f"  anopticon-testbed {verb} {setup.folder}")
