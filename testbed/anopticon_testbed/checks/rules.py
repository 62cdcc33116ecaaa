"""What the facts about a machine mean for a node (SPEC.md 20.4): findings, each with what to do next.

Sources of the rules: measurements on BlueZ 5.66 and 5.82 and reports of others, named where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from anopticon_client.radio.opening import BACKENDS, Parsed
from anopticon_testbed.checks import radio_rules
from anopticon_testbed.checks.facts import Facts
from anopticon_testbed.checks.findings import Finding, Level

DAY_BYTES: Final = 2_000_000_000
"""Ten nodes at 250 ms, all heard, for a day: 3.5 million rows a node of about 250 bytes, twice over."""
LOW_BYTES: Final = 200_000_000
ONBOARD: Final = ("Raspberry Pi 3", "Raspberry Pi 4", "Raspberry Pi 5", "Raspberry Pi Zero")
LIMIT_2_4_GHZ_MHZ: Final = 3_000
OLD_KERNEL: Final = (5, 10)
"""Linux 4.19 stopped advertising during a scan; 6.1 and 6.12 do both (measured); between them nobody measured."""
_MODULES: Final = {"bleak": "bleak", "bluez": "dbus_fast", "hci": "bumble", "virtual": "bumble"}


def judge(facts: Facts, radios: Sequence[Parsed]) -> list[Finding]:
    """Every finding, in the order in which they are best put right."""
    schemes = {radio.scheme for radio in radios}
    return [finding for rule in _RULES for finding in rule(facts, radios, schemes)]


def _system(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del radios
    name = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}.get(facts.system, facts.system)
    seen = " ".join(one for one in (name, facts.kernel, facts.model and f"on {facts.model}") if one)
    if facts.system != "linux" and schemes & {"bluez"}:
        yield Finding(
            "system",
            Level.FAULT,
            seen,
            "BlueZ is Linux only: take bleak to listen, hci:usb:0 to send as well",
        )
    elif facts.system != "linux" and schemes <= {"bleak"}:
        yield Finding(
            "system", Level.WARNING, seen, "this system can only listen; to send, add a dongle: hci:usb:0"
        )
    elif (
        facts.system == "linux"
        and "bluez" in schemes
        and _kernel(facts)[0] > 0
        and _kernel(facts) < OLD_KERNEL
    ):
        yield Finding(
            "system",
            Level.WARNING,
            seen,
            "old kernels stop advertising while they scan: upgrade to 6.1 or later",
        )
    else:
        yield Finding("system", Level.OK, seen)


def _libraries(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del radios
    needed = {_MODULES[scheme] for scheme in schemes if scheme in _MODULES}
    if "bluez" in schemes:
        needed.add("bleak")
    missing = sorted(needed - facts.libraries)
    if missing:
        extra = "ble" if {"bleak", "dbus_fast"} & set(missing) else "bumble"
        extras = "testbed" if {"bumble", extra} == {"bumble", "ble"} and "bumble" in missing else extra
        yield Finding(
            "libraries", Level.FAULT, f"missing: {', '.join(missing)}", f"pip install 'anopticon[{extras}]'"
        )
    elif needed:
        yield Finding("libraries", Level.OK, f"{', '.join(sorted(needed))} installed")


def _clock(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del radios, schemes
    if facts.chrony == "synchronised":
        yield Finding("clock", Level.OK, "chrony has set it, its offset is recorded each minute")
    elif facts.chrony:
        yield Finding("clock", Level.WARNING, "chrony has no source yet", "wait, or see chronyc sources")
    elif facts.timesyncd:
        yield Finding(
            "clock",
            Level.WARNING,
            "set by systemd-timesyncd, which does not say how well",
            "apt install chrony",
        )
    else:
        yield Finding(
            "clock", Level.WARNING, "nobody sets it", "install chrony; a collector measures it, but coarsely"
        )


def _disk(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del radios, schemes
    seen = f"{facts.free_bytes / 1e9:.1f} GB free for recordings"
    if facts.free_bytes < LOW_BYTES:
        yield Finding("disk", Level.FAULT, seen, "free some: a day among ten nodes takes about 1 GB")
    elif facts.free_bytes < DAY_BYTES:
        yield Finding(
            "disk", Level.WARNING, seen, "a day among ten nodes takes about 1 GB: move old runs away"
        )
    else:
        yield Finding("disk", Level.OK, seen)


def _wifi(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del radios
    onboard = facts.model.startswith(ONBOARD)
    if not onboard or not facts.wifi or not schemes & {"bluez", "bleak"}:
        return
    if facts.wifi_mhz is None or facts.wifi_mhz < LIMIT_2_4_GHZ_MHZ:
        band = f"{facts.wifi_mhz} MHz" if facts.wifi_mhz else "a band that could not be told"
        yield Finding(
            "wireless",
            Level.WARNING,
            f"the network runs on {band}, over the antenna that Bluetooth uses",
            "take Ethernet or a 5 GHz network, or a USB dongle",
        )
    else:
        yield Finding("wireless", Level.OK, f"the network runs on {facts.wifi_mhz} MHz")


def _air(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    del facts, schemes
    if any(BACKENDS[radio.scheme].real_air for radio in radios):
        yield Finding(
            "service",
            Level.OK,
            "0xFD68 unless told otherwise; 0xFD6F reaches real phones and wants --transmit-0xfd6f",
        )


def _kernel(facts: Facts) -> tuple[int, int]:
    parts = facts.kernel.split(".")
    numbers = [int(part) for part in parts[:2] if part.isascii() and part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)  # noqa: PLR2004 - major and minor


_Rule = Callable[[Facts, Sequence[Parsed], set[str]], Iterator[Finding]]
_RULES: Final[tuple[_Rule, ...]] = (
    _system,
    _libraries,
    radio_rules.adapter,
    radio_rules.daemon,
    radio_rules.device,
    radio_rules.rights,
    _clock,
    _disk,
    _wifi,
    _air,
)
