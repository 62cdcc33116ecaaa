"""What the facts about adapter, daemon, device and rights mean for a radio (SPEC.md 20.4).

Sources: measurements on BlueZ 5.66 and 5.82, capabilities(7), rfkill(8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from anopticon_client.radio.opening import Parsed
from anopticon_testbed.checks.facts import BluezFacts, Facts
from anopticon_testbed.checks.findings import Finding, Level

CAP_NET_ADMIN: Final = 12
CAP_NET_RAW: Final = 13
INTERVAL_SINCE: Final = (5, 82)
"""Since then BlueZ heeds an interval without --experimental, on chips with extended advertising."""


def adapter(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    """Is there one, is it the one that was named, and is it switched on?"""
    if facts.system != "linux" or not schemes & {"bluez", "bleak"}:
        return
    if not facts.adapters:
        yield Finding(
            "adapter",
            Level.FAULT,
            "the kernel has no Bluetooth adapter",
            "plug a dongle in; on a Pi look for 'disable-bt' in config.txt, and at dmesg | grep -i bluetooth",
        )
        return
    wanted = [radio.place for radio in radios if radio.scheme == "bluez" and radio.place]
    for name in wanted:
        if name not in facts.adapters:
            yield Finding(
                "adapter",
                Level.FAULT,
                f"no {name}; there is {', '.join(facts.adapters)}",
                "name one of those",
            )
            return
    yield Finding("adapter", Level.OK, ", ".join(facts.adapters))
    for switch in facts.rfkill:
        if switch.soft or switch.hard:
            advice = "move the switch on the machine" if switch.hard else "rfkill unblock bluetooth"
            yield Finding("rfkill", Level.FAULT, f"{switch.name} is blocked", advice)


def daemon(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    """Does BlueZ answer, and can it do what the node needs?"""
    del radios
    if facts.system != "linux" or not schemes & {"bluez", "bleak"}:
        return
    if facts.bluez is None:
        seen, _, advice = facts.bluez_trouble.removeprefix("bluez: ").partition(": ")
        yield Finding("BlueZ", Level.FAULT, seen or "no answer", advice or "systemctl enable --now bluetooth")
        return
    bluez = facts.bluez
    version = f"{bluez.version[0]}.{bluez.version[1]}" if bluez.version else "of unknown version"
    yield Finding("BlueZ", Level.OK, f"{version}{', experimental' if bluez.experimental else ''}")
    if not bluez.powered:
        yield Finding("adapter power", Level.FAULT, f"{bluez.adapter} is off", "bluetoothctl power on")
    if "bluez" in schemes:
        yield from _sending(bluez)


def _sending(bluez: BluezFacts) -> Iterator[Finding]:
    """What matters to a node that advertises through the daemon."""
    if bluez.discoverable:
        yield Finding(
            "address",
            Level.FAULT,
            f"{bluez.adapter} is discoverable: BlueZ would advertise under its public address",
            "bluetoothctl discoverable off, and DiscoverableTimeout in /etc/bluetooth/main.conf",
        )
    if bluez.extended is None:
        yield Finding("chip", Level.FAULT, f"{bluez.adapter} cannot advertise", "take another dongle")
        return
    if bluez.free_instances < 1:
        yield Finding("chip", Level.FAULT, "every advertising instance is in use", "end the other program")
    if not bluez.extended:
        yield Finding(
            "chip",
            Level.WARNING,
            "legacy advertising: 100 to 150 ms whatever is asked for, and the scan pauses at each rotation",
            "fine for most runs, and recorded; for 200 to 270 ms use a dongle of its own with hci:usb:0",
        )
    elif bluez.experimental or (bluez.version or (0, 0)) >= INTERVAL_SINCE:
        yield Finding("chip", Level.OK, "extended advertising, intervals are honoured")
    else:
        yield Finding(
            "chip",
            Level.WARNING,
            "extended advertising, but this BlueZ sends every 1280 ms whatever is asked for",
            "upgrade to 5.82, or start bluetoothd with --experimental",
        )


def device(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    """Is the file of the radio there, and may it be opened?"""
    del radios, schemes
    found = facts.device
    if found is None:
        return
    if not found.exists:
        yield Finding("device", Level.FAULT, f"{found.path} is not there", "plug it in; see dmesg | tail")
    elif not found.usable:
        group = found.group if found.group not in {"", "root"} else "dialout"
        advice = f"sudo usermod -aG {group} $USER, and log in again"
        if found.path.endswith("/usb"):
            advice = (
                'a udev rule: SUBSYSTEM=="usb", MODE="0660", GROUP="plugdev"; join plugdev, plug it in again'
            )
        yield Finding("device", Level.FAULT, f"{found.path} may not be opened", advice)
    else:
        yield Finding("device", Level.OK, f"{found.path} can be opened")


def rights(facts: Facts, radios: Sequence[Parsed], schemes: set[str]) -> Iterator[Finding]:
    """Has this process the capabilities that the radio needs?"""
    if facts.system != "linux":
        return
    if any(radio.scheme == "hci" and radio.place.startswith("socket") for radio in radios):
        if not facts.capabilities >> CAP_NET_ADMIN & 1:
            yield Finding(
                "rights",
                Level.FAULT,
                "no CAP_NET_ADMIN",
                "run as root, or as the unit that `provision` writes",
            )
        else:
            yield Finding("rights", Level.OK, "CAP_NET_ADMIN: may own an adapter")
    if "bluez" in schemes:
        if facts.capabilities >> CAP_NET_RAW & 1:
            yield Finding("rights", Level.OK, "CAP_NET_RAW: every PDU is read from a raw tap")
        else:
            yield Finding(
                "rights",
                Level.WARNING,
                "no CAP_NET_RAW: a chip that filters duplicates gives one frame of each identifier in ten seconds",
                "run as the unit that `provision` writes, which has it",
            )
