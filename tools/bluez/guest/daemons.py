"""The two daemons of the guest, started and ended by us: there is no systemd."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path
from typing import Final

BLUETOOTHD: Final = "/usr/libexec/bluetooth/bluetoothd"
BUS_SOCKET: Final = Path("/run/dbus/system_bus_socket")
PATIENCE_SECONDS: Final = 60.0


class Daemons:
    """dbus-daemon and bluetoothd."""

    def __init__(self) -> None:
        """Neither runs."""
        self._bus: Process | None = None
        self._bluez: Process | None = None

    async def start_bus(self) -> None:
        """Start the system bus and wait for its socket."""
        self._bus = await asyncio.create_subprocess_exec(
            "dbus-daemon", "--system", "--nofork", "--nopidfile", stdout=DEVNULL, stderr=DEVNULL
        )
        await until(BUS_SOCKET.exists, "the bus")

    async def start_bluez(self, *arguments: str) -> None:
        """Start bluetoothd; it comes onto the bus a moment later."""
        # Its words go to the console, where a failed check can be read up.
        console = os.open("/dev/ttyS0", os.O_WRONLY)
        try:
            self._bluez = await asyncio.create_subprocess_exec(
                BLUETOOTHD, "-n", *arguments, stdin=DEVNULL, stdout=console, stderr=console
            )
        finally:
            os.close(console)

    async def kill_bluez(self) -> None:
        """End bluetoothd as a crash would."""
        await _end(self._bluez, signal.SIGKILL)
        self._bluez = None

    async def stop(self) -> None:
        """End both."""
        await _end(self._bluez, signal.SIGTERM)
        await _end(self._bus, signal.SIGTERM)


async def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a function says yes; raises TimeoutError that names `what`."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - most of what is waited for tells nobody
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise TimeoutError(f"{what} did not come within {seconds:.0f} s") from error


async def _end(process: Process | None, number: int) -> None:
    if process is not None and process.returncode is None:
        process.send_signal(number)
        await process.wait()
