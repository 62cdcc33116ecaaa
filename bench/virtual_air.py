"""How much air a core carries: reports through HCI, deliveries by arrays, and the parsing of a frame.

    python bench/virtual_air.py [--quick]

Times are CPU time of this process. Every node advertises at the usual interval and listens all the time; "x real" is
simulated seconds for each CPU second. "due" are the reports if nobody was out of reach, nothing collided and nobody was
deaf while sending: 4,000 frames a second overlap so much that one in twenty gets through, as it would in a real hall.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anopticon_client.radio.datagram import Position
from anopticon_client.radio.hci_reports import decode_reports
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.timing import INTERVAL_MS
from anopticon_client.radio.virtual.air import VirtualAir
from anopticon_client.radio.virtual.array_air import ArrayAir
from anopticon_client.radio.virtual.array_medium import HeardBatch
from anopticon_client.radio.virtual.pdu import ADV_NONCONN_IND, AirPdu
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio.virtual_time import run_virtual
from anopticon_client.radio_records import HeardFrame, RadioEvent
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.params import DP3T_SERVICE_UUID, GAEN_SERVICE_UUID

MEAN_PERIOD = (sum(INTERVAL_MS) / 2 + 5) / 1_000
"""Seconds between two frames of a node: the middle of the interval and of the delay."""
DENSE_METRES = 1.0
"""Spacing at which everybody hears everybody."""
HALL_METRES = 120.0
"""Spacing at which a node hears only those around it (the model reaches some 380 m)."""


class Counter:
    """Counts what it hears."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.count = 0

    def heard(self, frame: HeardFrame) -> None:
        """One frame."""
        del frame
        self.count += 1

    def happened(self, event: RadioEvent) -> None:
        """Nothing to count."""


class Columns(Counter):
    """Counts batches."""

    def heard_many(self, batch: HeardBatch) -> None:
        """Many frames."""
        self.count += len(batch.rssi_dbm)


@dataclass
class Run:
    """One world that was measured."""

    nodes: int
    seconds: float
    cpu: float
    reports: int

    def line(self, name: str) -> str:
        """One line of the table."""
        due = self.nodes * (self.nodes - 1) * self.seconds / MEAN_PERIOD
        each = self.cpu / max(self.reports, 1) * 1e6
        return (
            f"{name:34} {self.nodes:6} {self.reports / self.seconds:12,.0f} {self.reports / due:8.1%}"
            f" {each:9.2f} {self.seconds / self.cpu:9.1f}"
        )


async def populate(
    air: VirtualAir | ArrayAir, nodes: int, sinks: Sequence[RadioSink], chip: ChipKind, metres: float
) -> list[RadioDevice]:
    """Nodes on a square grid that all send and listen."""
    side = round(nodes**0.5 + 0.5)
    devices = []
    for number, sink in enumerate(sinks):
        position = Position(number % side * metres, number // side * metres)
        devices.append(await air.join(f"n{number}", position, chip=chip).open(sink))
    for number, device in enumerate(devices):
        if device.advertiser is not None and device.scanner is not None:
            await device.scanner.start()
            await device.advertiser.start(encode(DP3T_SERVICE_UUID, number.to_bytes(16, "big")))
    return devices


async def measure(
    air: VirtualAir | ArrayAir,
    nodes: int,
    seconds: float,
    make: Callable[[], Counter],
    chip: ChipKind,
    metres: float,
) -> Run:
    """Let the world run for a while, warm, and count."""
    sinks = [make() for _ in range(nodes)]
    devices = await populate(air, nodes, sinks, chip, metres)
    await asyncio.sleep(1)
    before, began = sum(sink.count for sink in sinks), time.process_time()
    await asyncio.sleep(seconds)
    run = Run(nodes, seconds, time.process_time() - began, sum(sink.count for sink in sinks) - before)
    for device in devices:
        await device.close()
    return run


def virtual(
    make_air: type[VirtualAir | ArrayAir],
    nodes: int,
    seconds: float,
    make: Callable[[], Counter] = Counter,
    chip: ChipKind = ChipKind.EXTENDED,
    *,
    where: str = "all in reach",
) -> Run:
    """One world in virtual time."""

    async def main() -> Run:
        metres = HALL_METRES if where == "4 km wide" else DENSE_METRES
        air = make_air(seed=1, collisions=where != "no collisions")
        return await measure(air, nodes, seconds, make, chip, metres)

    return run_virtual(main())


async def real(nodes: int, seconds: float) -> tuple[Run, float]:
    """One world through HCI in real time; also the longest that its loop was late, in milliseconds."""
    late = 0.0

    async def watch() -> None:
        nonlocal late
        while True:
            due = time.monotonic() + 0.02
            await asyncio.sleep(0.02)
            late = max(late, time.monotonic() - due)

    watching = asyncio.create_task(watch())
    run = await measure(VirtualAir(seed=1), nodes, seconds, Counter, ChipKind.EXTENDED, DENSE_METRES)
    watching.cancel()
    return run, late * 1_000


def per_call(work: Callable[[], object], calls: int = 20_000, rounds: int = 7) -> float:
    """Median microseconds of one call."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            work()
        times.append((time.process_time() - began) / calls * 1e6)
    return statistics.median(times)


def parsing() -> None:
    """A frame, and a report packet, taken apart."""
    print("\nTaken apart                              µs")
    for name, uuid, length in (
        ("DP-3T", DP3T_SERVICE_UUID, 16),
        ("Exposure Notification", GAEN_SERVICE_UUID, 20),
    ):
        for flags in (True, False):
            data = encode(uuid, bytes(length), flags=flags)
            kind = f"{name}, {'flags' if flags else 'no flags'}"
            print(f"  frame: {kind:32} {per_call(lambda data=data: parse(data)):6.2f}")  # type: ignore[misc]
    pdu = AirPdu(ADV_NONCONN_IND, 0, bytes(6), is_random=True, data=encode(DP3T_SERVICE_UUID, bytes(16)))
    before, after = pdu.extended_report
    for name, packet in (("legacy", pdu.legacy_report + b"\xc0"), ("extended", before + b"\xc0" + after)):
        print(f"  HCI report: {name:27} {per_call(lambda packet=packet: decode_reports(packet)):6.2f}")  # type: ignore[misc]


def day_of_rotation(hours: int) -> None:
    """Memory that grows while a node scans another that rotates every ten minutes."""

    async def main() -> None:
        air = VirtualAir(seed=1)
        devices = await populate(air, 2, [Counter(), Counter()], ChipKind.LEGACY, DENSE_METRES)
        advertiser = devices[0].advertiser
        if advertiser is None:
            raise SystemExit("a virtual radio without advertiser")
        blocks: list[int] = []
        for hour in range(hours):
            for turn in range(6):
                await asyncio.sleep(600)
                await advertiser.rotate(encode(DP3T_SERVICE_UUID, (hour * 6 + turn).to_bytes(16, "big")))
            gc.collect()
            blocks.append(sys.getallocatedblocks() - len(blocks))
        print(f"\nMemory of a scan with rotating addresses: blocks more than after hour 1, hours 2..{hours}")
        print("  " + " ".join(f"{count - blocks[0]:+}" for count in blocks[1:]))
        for device in devices:
            await device.close()

    run_virtual(main())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a tenth of the simulated time")
    scale = 0.1 if parser.parse_args().quick else 1.0
    head = f"{'':34} {'nodes':>6} {'reports/s':>12} {'of due':>8} {'µs each':>9} {'x real':>9}"
    print(f"Full HCI, virtual time\n{head}")
    for chip in ChipKind:
        for nodes, seconds in ((2, 200), (10, 60), (20, 40), (50, 10)):
            print(
                virtual(VirtualAir, nodes, seconds * scale, Counter, chip).line(f"  {chip.value}"), flush=True
            )
    print(f"Full HCI, real time\n{head}")
    for nodes in (20, 50):
        run, late = asyncio.run(real(nodes, 20 * scale))
        print(f"{run.line('  extended')}   loop late by {late:.0f} ms at most", flush=True)
    print(f"Array medium, virtual time\n{head}")
    for name, make in (("frame by frame", Counter), ("batches", Columns)):
        for nodes, seconds, where in (
            (50, 60, "all in reach"),
            (200, 20, "all in reach"),
            (1_000, 6, "all in reach"),
            (1_000, 6, "no collisions"),
            (1_000, 6, "4 km wide"),
        ):
            run = virtual(ArrayAir, nodes, seconds * scale, make, where=where)
            print(run.line(f"  {name}, {where}"), flush=True)
    parsing()
    day_of_rotation(24 if scale == 1 else 3)


if __name__ == "__main__":
    main()
