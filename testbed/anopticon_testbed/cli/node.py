"""`anopticon-testbed node`: run a phone or a beacon on a radio and record everything."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from anopticon_client.cli.joining import join
from anopticon_client.cli.session import stopped_by_signals
from anopticon_client.clock import PacedClock
from anopticon_client.config import PhoneConfig
from anopticon_client.radio.datagram import Position
from anopticon_client.radio.interfaces import machine_time
from anopticon_client.radio.opening import check_service, open_device
from anopticon_client.radio.settings import GaenOnAir, RadioSettings
from anopticon_client.storage import MEMORY
from anopticon_client.transport import HttpKeyServer
from anopticon_protocol.params import (
    DP3T_SERVICE_UUID,
    GAEN_SERVICE_UUID,
    MAX_RSSI_DBM,
    MIN_RSSI_DBM,
    REFERENCE_TX_POWER_DBM,
)
from anopticon_protocol.signing import VerifyingKey
from anopticon_testbed.cli.live import add_token_argument, read_token
from anopticon_testbed.errors import InputError
from anopticon_testbed.node import Node, NodePlan, NodeWorld, PhoneSetup
from anopticon_testbed.node.clocks import Chrony
from anopticon_testbed.node.locking import only_node
from anopticon_testbed.node.plan import check_name
from anopticon_testbed.node.pushing import HttpCollector

SUMMARY: Final = "run a phone or a beacon on a radio, and record everything"
DEFAULT_OUT: Final = Path("recordings")
MAX_MINUTES: Final = 1_000_000
MAX_METRES: Final = 100_000.0
WARNING: Final = (
    "WARNING: this node transmits on 0xFD6F. Every phone nearby that runs Exposure Notification logs its frames: "
    "shield the room, or use the lowest power"
)
_UUIDS: Final = {"fd68": DP3T_SERVICE_UUID, "fd6f": GAEN_SERVICE_UUID}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the verb takes."""
    parser.add_argument("--name", required=True, help="name of the node, its own in the whole testbed")
    parser.add_argument(
        "--radio",
        required=True,
        help="bluez:hci0+bleak, hci:usb:0, virtual, ... (docs/testbed.md lists them)",
    )
    parser.add_argument("--run", help="name of the run (the time of the start)")
    parser.add_argument(
        "--out",
        type=Path,
        default=DEFAULT_OUT,
        metavar="DIR",
        help=f"folder of the recording ({DEFAULT_OUT})",
    )
    parser.add_argument("--server", metavar="URL", help="key server; without one the node is a plain beacon")
    parser.add_argument("--trust", metavar="KEY", help="the key server's signing key, if it has changed")
    parser.add_argument("--store", default=MEMORY, metavar="FILE", help="the phone's store (in memory)")
    parser.add_argument("--uuid", choices=sorted(_UUIDS), default="fd68", help="service of a beacon (fd68)")
    on_air = parser.add_mutually_exclusive_group()
    on_air.add_argument(
        "--carry-0xfd6f", action="store_true", help="send frames of 0xFD6F under 0xFD68, which no phone reads"
    )
    on_air.add_argument(
        "--transmit-0xfd6f", action="store_true", help="really transmit on 0xFD6F: it reaches real phones"
    )
    parser.add_argument(
        "--tx-power",
        type=int,
        default=REFERENCE_TX_POWER_DBM,
        metavar="DBM",
        help="radiated power, as it is stated",
    )
    parser.add_argument("--at", metavar="X,Y[,Z]", help="where the node is, in metres; Z is its height")
    _add_remarks(parser)
    parser.add_argument("--minutes", type=float, metavar="N", help="stop after so many minutes")
    parser.add_argument("--collector", metavar="URL", help="tell the collector of `live` how the node is")
    add_token_argument(parser)


def _add_remarks(parser: argparse.ArgumentParser) -> None:
    """What an experimenter wants to remember of the node."""
    for name, meaning in {
        "carriage": "on a table, in a pocket, on a lanyard, ...",
        "antenna": "its kind and orientation",
        "place": "what is around it",
    }.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=meaning)
    parser.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="KEY=TEXT",
        help="anything else to remember; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Run the node until a signal comes or its time is over."""
    if options.minutes is not None and not 0 < options.minutes <= MAX_MINUTES:
        raise InputError(f"--minutes must be more than 0 and at most {MAX_MINUTES:,}")
    with only_node(options.out, check_name(options.name)):
        asyncio.run(_run(options))
    return 0


async def _run(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        phone = await _phone(options, stack)
        uuid = _UUIDS[options.uuid] if phone is None else phone.config.design.service_uuid
        gaen = GaenOnAir.CARRY if options.carry_0xfd6f else GaenOnAir.REFUSE
        if options.transmit_0xfd6f:
            gaen = GaenOnAir.TRANSMIT
            say(WARNING)
        check_service(options.radio, uuid, gaen)
        plan = _plan(options, uuid)
        collector = None
        if options.collector is not None:
            collector = HttpCollector(options.collector, read_token(options.token_file))
            await stack.enter_async_context(collector)
        position = None if plan.position is None else Position(*plan.position[:2])
        settings = RadioSettings(tx_power_dbm=plan.tx_power_dbm, position=position, gaen=gaen)
        world = NodeWorld(
            open=lambda sink: open_device(options.radio, sink, settings),
            timestamps=machine_time,
            clock=PacedClock(),
            entropy=os.urandom,
            say=say,
            read_clock=Chrony(machine_time),
            post=None if collector is None else collector.post,
        )
        node = Node(plan, world, phone)
        loop = asyncio.get_running_loop()
        with stopped_by_signals(loop, node.stop):
            if options.minutes is not None:
                loop.call_later(60 * options.minutes, node.stop)
            say(
                f"node {plan.name}, run {plan.run}: {node.design} on {options.radio}, recording into {plan.folder}"
            )
            await node.run()
    say("stopped; the recording is closed")


async def _phone(options: argparse.Namespace, stack: AsyncExitStack) -> PhoneSetup | None:
    if options.server is None:
        return None
    server = HttpKeyServer(options.server)
    stack.push_async_callback(server.close)
    trust = None if options.trust is None else VerifyingKey.from_text(options.trust)
    joined, store, trusted = await join(server, options.store, trust)
    stack.callback(store.close)
    say(f"joined {server.url}: signing key {joined.key_id!r} ({joined.fingerprint}), {trusted}")
    config = PhoneConfig(
        joined.design,
        {joined.key_id: joined.key},
        release_period=joined.period,
        tx_power_dbm=options.tx_power,
    )
    about: dict[str, str | int | float] = {
        "key_id": joined.key_id,
        "public_key": joined.key.to_text(),
        "release_period": joined.period,
        "store": "memory" if options.store == MEMORY else "kept",
    }
    return PhoneSetup(config, store, server, about)


def _plan(options: argparse.Namespace, uuid: int) -> NodePlan:
    if not MIN_RSSI_DBM <= options.tx_power <= MAX_RSSI_DBM:
        raise InputError(f"--tx-power {options.tx_power}: must be {MIN_RSSI_DBM}..{MAX_RSSI_DBM} dBm")
    about: dict[str, str | int | float] = {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    about |= {name: told for name in ("carriage", "antenna", "place") if (told := getattr(options, name))}
    for note in options.note:
        key, mark, text = note.partition("=")
        if not mark or not key:
            raise InputError(f"--note {note[:40]!r}: must be like --note shirt=cotton")
        about[key] = text
    return NodePlan(
        name=options.name,
        run=options.run or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        folder=options.out,
        radio=options.radio,
        service_uuid=uuid,
        tx_power_dbm=options.tx_power,
        position=None if options.at is None else parse_place(options.at),
        about=about,
    )


def parse_place(text: str) -> tuple[float, float, float]:
    """Read "1.5,0" or "1.5,0,1.2" as metres; raises InputError."""
    parts = text.split(",")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if len(values) not in {2, 3} or not all(abs(value) <= MAX_METRES for value in values):
        raise InputError(f"--at {text[:40]!r}: must be two or three numbers of metres, like 1.5,0,1.2")
    return values[0], values[1], values[2] if len(values) > 2 else 0.0  # noqa: PLR2004 - the third is the height


def say(sentence: str) -> None:
    """Print a line with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {sentence}", flush=True)
