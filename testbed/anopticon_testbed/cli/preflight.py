"""`anopticon-testbed preflight`: does every pair hear each other as often as it should?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import httpx

from anopticon_testbed.calibration.pairs import Pairs, board_pairs, read_pairs
from anopticon_testbed.calibration.rates import PairRate, judge
from anopticon_testbed.errors import InputError, SetupError

SUMMARY: Final = "check that every pair of nodes hears each other at the nominal rate"
MAX_BOARD_BYTES: Final = 4 * 1024 * 1024
TIMEOUT_SECONDS: Final = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("recordings", type=Path, nargs="?", help="folder with the recordings of one run")
    parser.add_argument(
        "--collector", metavar="URL", help="look at running nodes instead, over their collector"
    )


def run(options: argparse.Namespace) -> int:
    """Print the matrix of rates and what is wrong; 1 if anything is."""
    if (options.recordings is None) == (options.collector is None):
        raise InputError("preflight wants either a folder of recordings or --collector URL")
    found = read_pairs(options.recordings) if options.recordings else board_pairs(_board(options.collector))
    if not found.nodes:
        raise InputError("there are no nodes: start some first, and let them run for a minute")
    print_matrix(found)
    faults = judge(found.nodes, found.pairs)
    for fault in faults:
        print(f"{fault.cause.value}: {fault.sentence}")
    if not faults:
        print(f"all {len(found.nodes)} nodes hear each other as they should")
    return 1 if faults else 0


def print_matrix(found: Pairs) -> None:
    """PDUs a minute of every pair, receivers down, senders across."""
    names = sorted(found.nodes)
    known: dict[tuple[str, str], PairRate] = {(pair.receiver, pair.sender): pair for pair in found.pairs}
    width = max(len("hears"), *map(len, names))
    cell = max(5, *map(len, names))
    print("PDUs a minute (rows hear, columns send)")
    print(" ".join([f"{'hears':<{width}}", *(f"{name:>{cell}}" for name in names)]))
    for receiver in names:
        cells = []
        for sender in names:
            pair = known.get((receiver, sender))
            text = "" if sender == receiver else f"{pair.per_minute:.0f}" if pair else "-"
            cells.append(f"{text:>{cell}}")
        print(" ".join([f"{receiver:<{width}}", *cells]))
    sent = [found.nodes[name].sent_per_minute for name in names]
    print(
        " ".join(
            [f"{'sent':<{width}}", *(f"{'?' if one is None else format(one, '.0f'):>{cell}}" for one in sent)]
        )
    )


def _board(url: str) -> dict[str, Any]:
    try:
        with httpx.stream(
            "GET", f"{url.rstrip('/')}/v1/board", timeout=TIMEOUT_SECONDS, trust_env=False
        ) as answer:
            answer.raise_for_status()
            data = b""
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > MAX_BOARD_BYTES:
                    raise SetupError(f"{url} sends more than a collector's board: is it one?")
        board: dict[str, Any] = httpx.Response(200, content=data).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SetupError(
            f"the collector at {url} gives no board: {error}. Start one with: anopticon-testbed live"
        ) from error
    return board
