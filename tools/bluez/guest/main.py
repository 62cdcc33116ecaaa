"""Runs the checks in the guest and writes a line of JSON for each to the terminal that the host reads."""

import asyncio
import json
import logging
import platform
import subprocess
import sys
import time
import traceback
from importlib.metadata import version
from typing import Any, Final, TextIO

from tools.bluez.guest import listening, mishaps, sending
from tools.bluez.guest.daemons import BLUETOOTHD, Daemons
from tools.bluez.guest.plan import Check, Stage
from tools.bluez.guest.world import World

CHECK_SECONDS: Final = 240.0
CHECKS: Final[tuple[Check, ...]] = (*mishaps.BEFORE, *sending.CHECKS, *listening.CHECKS, *mishaps.CHECKS)


async def run(out: TextIO, wanted: list[str]) -> None:
    """Run every check that is wanted; one that fails does not keep the others from running."""
    bluez = (await asyncio.to_thread(subprocess.check_output, [BLUETOOTHD, "-v"], text=True)).strip()
    _say(
        out,
        kind="begin",
        kernel=platform.release(),
        bluez=bluez,
        python=platform.python_version(),
        bleak=version("bleak"),
    )
    stage = Stage(Daemons(), World(experimental=True), tuple(int(part) for part in bluez.split(".")))
    for check in CHECKS:
        if wanted and check.key not in wanted and not check.needed:
            continue
        began = time.monotonic()
        record: dict[str, Any] = {"kind": "check", "name": check.name}
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                record |= {"ok": True, "detail": await check.run(stage)}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result of this check
            trace = traceback.format_exc().splitlines()[-14:]
            record |= {"ok": False, "detail": f"{type(error).__name__}: {error}", "trace": "\n".join(trace)}
        await stage.clear()
        _say(out, **record, seconds=round(time.monotonic() - began, 1))
    await stage.daemons.stop()
    _say(out, kind="end")


def _say(out: TextIO, **record: object) -> None:
    out.write(json.dumps(record) + "\n")
    out.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    with open(sys.argv[1], "w", encoding="ascii") as terminal:  # noqa: PTH123 - a terminal, not a path
        asyncio.run(run(terminal, sys.argv[2:]))
