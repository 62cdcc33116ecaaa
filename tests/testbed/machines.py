"""Made-up machines for `doctor`: a tree of files as the kernel would show it, and what the daemon would say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anopticon_client.radio.opening import parse_radio, split_radios
from anopticon_testbed.checks.facts import BluezFacts, Facts
from anopticon_testbed.checks.findings import Finding, Level
from anopticon_testbed.checks.probes import gather
from anopticon_testbed.checks.rules import judge

NO_BUS = (
    "bluez: there is no D-Bus on this machine (no such file): install and start it (Debian: apt install dbus)"
)
ALL_RIGHTS = "CapEff:\t000001ffffffffff\n"
NO_RIGHTS = "CapEff:\t0000000000000000\n"
TRACKING = "C0A80001,ntp,3,1700000000.0,0.00001,0.00002,0.00003,1.0,0.0,0.1,0.01,0.001,64.0,Normal\n"
IW_2_4 = "phy#0\n\tInterface wlan0\n\t\tchannel 6 (2437 MHz), width: 20 MHz\n"
IW_5 = "phy#0\n\tInterface wlan0\n\t\tchannel 36 (5180 MHz), width: 80 MHz\n"


def adapter(**other: object) -> BluezFacts:
    """An adapter that is on, hidden, of the legacy kind, under BlueZ 5.66."""
    usual: dict[str, object] = {
        "adapter": "hci0",
        "powered": True,
        "discoverable": False,
        "extended": False,
        "free_instances": 5,
        "version": (5, 66),
        "experimental": False,
    }
    return BluezFacts(**(usual | other))  # type: ignore[arg-type]


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Write a tree of small files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def pi_4(root: Path) -> Path:
    """A Raspberry Pi 4 with its onboard radio, on a wireless network."""
    return tree(
        root,
        {
            "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
            "proc/sys/kernel/osrelease": "6.1.0-rpi7\n",
            "proc/self/status": NO_RIGHTS,
            "proc/net/wireless": "head\nhead\nwlan0: 0000 70. -40. -256\n",
            "sys/class/bluetooth/hci0/uevent": "",
            "sys/class/bluetooth/hci0:11/uevent": "",
            "sys/class/rfkill/rfkill0/type": "bluetooth\n",
            "sys/class/rfkill/rfkill0/name": "hci0\n",
            "sys/class/rfkill/rfkill0/soft": "0\n",
            "sys/class/rfkill/rfkill0/hard": "0\n",
        },
    )


def look(
    root: Path, radio: str, bluez: BluezFacts | None = None, programs: Mapping[str, str] | None = None
) -> Facts:
    """Gather the facts of a made-up Linux machine."""
    said = programs or {}
    return gather(
        [parse_radio(one) for one in split_radios(radio)],
        root,
        root=root,
        run=lambda command: said.get(command[0], ""),
        ask=lambda _: (bluez, "" if bluez else NO_BUS),
        system="linux",
    )


def findings(facts: Facts, radio: str) -> dict[str, list[Finding]]:
    """Findings by topic."""
    found: dict[str, list[Finding]] = {}
    for one in judge(facts, [parse_radio(each) for each in split_radios(radio)]):
        found.setdefault(one.topic, []).append(one)
    return found


def level(facts: Facts, radio: str, topic: str) -> Level:
    """How bad a topic is."""
    return max((one.level for one in findings(facts, radio)[topic]), key=list(Level).index)
