"""Facts about this machine, read from /sys, /proc and /dev under a root, from the bus and from two programs.

The root is / on a node and a made-up tree in a test. Nothing is changed, and nothing that fails raises: what cannot be
found out is missing from the facts.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.opening import Parsed
from anopticon_testbed.checks.facts import BluezFacts, Device, Facts, Rfkill

LIBRARIES: Final = ("bleak", "dbus_fast", "bumble")
MAX_FILE_BYTES: Final = 4_096
"""Of a file in /sys or /proc: what is looked for stands in its first lines."""
BUS_SECONDS: Final = 5.0
"""A daemon that does not answer by then hangs."""
PROGRAM_SECONDS: Final = 5.0
CHRONYC: Final = ("chronyc", "-c", "-n", "tracking")
IW: Final = ("iw", "dev")
_CHRONY_FIELDS: Final = 14
_FREQUENCY: Final = re.compile(r"channel \d+ \((\d{4}) MHz\)")
_USB: Final = "/dev/bus/usb"

Run = Callable[[Sequence[str]], str]
"""Runs a program and gives its output, empty if it is missing, fails or hangs."""
AskBluez = Callable[[str], tuple[BluezFacts | None, str]]
"""Asks the daemon about an adapter (empty: the first); the facts, or why there are none."""


def gather(
    radios: Sequence[Parsed],
    folder: Path,
    *,
    root: Path = Path("/"),
    run: Run | None = None,
    ask: AskBluez | None = None,
    system: str = sys.platform,
) -> Facts:
    """Look at the machine for a node with these radios and its recordings in `folder`."""
    run, ask = run or run_program, ask or ask_bluez
    bluez, trouble = None, ""
    daemon = next((radio for radio in radios if radio.scheme in {"bluez", "bleak"}), None)
    if daemon is not None and system == "linux":
        bluez, trouble = ask(daemon.place)
    return Facts(
        system=system,
        model=_read(root / "proc/device-tree/model").rstrip("\0\n "),
        kernel=_read(root / "proc/sys/kernel/osrelease").strip(),
        python=sys.version_info[:2],
        libraries=frozenset(name for name in LIBRARIES if importlib.util.find_spec(name) is not None),
        adapters=tuple(
            sorted(one.name for one in _children(root / "sys/class/bluetooth") if ":" not in one.name)
        ),
        rfkill=_rfkill(root),
        capabilities=_capabilities(root),
        bluez=bluez,
        bluez_trouble=trouble,
        device=_device(radios, root),
        chrony=_chrony(run(CHRONYC)),
        timesyncd=(root / "run/systemd/timesync/synchronized").exists(),
        free_bytes=_free(folder),
        wifi=len(_read(root / "proc/net/wireless").splitlines()) > 2,  # noqa: PLR2004 - two lines of head
        wifi_mhz=_wifi(run(IW)),
    )


def run_program(command: Sequence[str]) -> str:
    """Its output; empty if it is missing, fails, or is silent for PROGRAM_SECONDS."""
    try:
        done = subprocess.run(  # noqa: S603 - two fixed commands of this module
            command, capture_output=True, timeout=PROGRAM_SECONDS, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[:MAX_FILE_BYTES].decode("ascii", "replace")


def ask_bluez(adapter: str) -> tuple[BluezFacts | None, str]:
    """What the daemon says about `adapter`, or the sentence why it says nothing."""
    try:
        from anopticon_client.radio.bluez.adapter import look_at  # noqa: PLC0415 - needs the extra `ble`
        from anopticon_client.radio.bluez.bus import Bus  # noqa: PLC0415 - as above
    except ImportError:
        return None, "the library dbus_fast is not installed: pip install 'anopticon[ble]'"

    async def ask() -> BluezFacts:
        async with asyncio.timeout(BUS_SECONDS):
            bus = await Bus.connect()
            try:
                found = await look_at(bus, adapter)
            finally:
                await bus.close()
        return BluezFacts(
            found.name,
            found.powered,
            found.discoverable,
            found.extended,
            found.free,
            found.bluez,
            found.experimental,
        )

    try:
        return asyncio.run(ask()), ""
    except RadioError as error:
        return None, str(error)
    except TimeoutError:
        return None, f"bluetoothd did not answer for {BUS_SECONDS:.0f} s: systemctl restart bluetooth"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _children(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def _rfkill(root: Path) -> tuple[Rfkill, ...]:
    return tuple(
        Rfkill(
            _read(switch / "name").strip() or switch.name,
            _read(switch / "soft").strip() == "1",
            _read(switch / "hard").strip() == "1",
        )
        for switch in _children(root / "sys/class/rfkill")
        if _read(switch / "type").strip() == "bluetooth"
    )


def _capabilities(root: Path) -> int:
    found = re.search(r"^CapEff:\s*([0-9a-fA-F]{1,16})$", _read(root / "proc/self/status"), re.MULTILINE)
    return int(found[1], 16) if found else 0


def _device(radios: Sequence[Parsed], root: Path) -> Device | None:
    for radio in radios:
        kind, _, place = radio.place.partition(":")
        if radio.scheme == "serial":
            return _look(radio.place, root)
        if radio.scheme == "hci" and kind == "serial":
            return _look(place.partition(",")[0], root)
        if radio.scheme == "hci" and kind == "usb":
            return _look_at_usb(root)
    return None


def _look(path: str, root: Path) -> Device:
    there = root / path.lstrip("/")
    return Device(path, there.exists(), os.access(there, os.R_OK | os.W_OK), _group(there))


def _look_at_usb(root: Path) -> Device:
    """The bus as a whole: which of its devices is the dongle, libusb finds out when it opens it."""
    devices = [one for bus in _children(root / _USB.lstrip("/")) for one in _children(bus)]
    usable = any(os.access(one, os.R_OK | os.W_OK) for one in devices)
    return Device(_USB, bool(devices), usable, _group(devices[0]) if devices else "")


def _group(path: Path) -> str:
    with contextlib.suppress(OSError, KeyError, NotImplementedError):
        return path.group()
    return ""


def _chrony(said: str) -> str:
    fields = said.strip().split(",")
    if len(fields) != _CHRONY_FIELDS:
        return ""
    return "unsynchronised" if fields[-1] == "Not synchronised" else "synchronised"


def _free(folder: Path) -> int:
    for path in (folder, *folder.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(path).free
    return 0


def _wifi(said: str) -> int | None:
    found = _FREQUENCY.search(said)
    return int(found[1]) if found else None
