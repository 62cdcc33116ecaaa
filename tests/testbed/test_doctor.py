"""`doctor`: made-up machines, every rule, and the command on the machine at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anopticon_testbed.checks.facts import Device, Facts, Rfkill
from anopticon_testbed.checks.findings import Level
from anopticon_testbed.checks.probes import run_program
from anopticon_testbed.checks.radio_rules import CAP_NET_ADMIN, CAP_NET_RAW
from anopticon_testbed.checks.rules import LOW_BYTES
from anopticon_testbed.cli import main
from tests.testbed.machines import (
    ALL_RIGHTS,
    IW_2_4,
    IW_5,
    TRACKING,
    adapter,
    findings,
    level,
    look,
    pi_4,
    tree,
)

BLUEZ = "bluez:hci0"
FIT = Facts(
    system="linux",
    kernel="6.1.0",
    libraries=frozenset({"bleak", "dbus_fast", "bumble"}),
    adapters=("hci0",),
    capabilities=1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW,
    bluez=adapter(extended=True, experimental=True),
    chrony="synchronised",
    free_bytes=10**11,
)


def test_a_pi_4_is_fit_with_warnings(tmp_path: Path) -> None:
    """The usual node, a Pi 4 on 2.4 GHz without rights, is fit; chip, rights and network are named (TB-16)."""
    facts = look(pi_4(tmp_path), BLUEZ, adapter(), {"chronyc": TRACKING, "iw": IW_2_4})
    found = findings(facts, BLUEZ)
    assert facts.adapters == ("hci0",), "a connection, hci0:11, is no adapter"
    assert found["system"][0].seen == "Linux 6.1.0-rpi7 on Raspberry Pi 4 Model B Rev 1.4"
    by_level = {topic: max(list(Level).index(one.level) for one in some) for topic, some in found.items()}
    assert {topic for topic, worst in by_level.items() if worst == 1} == {"chip", "rights", "wireless"}
    assert 2 not in by_level.values()


def test_a_pi_on_5_ghz_with_the_units_rights_has_one_warning(tmp_path: Path) -> None:
    """With rights and another band only the chip is left to warn of."""
    root = tree(pi_4(tmp_path), {"proc/self/status": ALL_RIGHTS})
    facts = look(root, BLUEZ, adapter(), {"chronyc": TRACKING, "iw": IW_5})
    warned = [
        topic for topic, some in findings(facts, BLUEZ).items() for one in some if one.level is not Level.OK
    ]
    assert warned == ["chip"]


def test_a_bare_container_is_told_everything_at_once(tmp_path: Path) -> None:
    """Without adapter, bus and clock nothing raises, and each is a finding with advice."""
    found = findings(look(tmp_path, BLUEZ), BLUEZ)
    assert found["adapter"][0].level is Level.FAULT
    assert found["BlueZ"][0].seen == "there is no D-Bus on this machine (no such file)"
    assert found["BlueZ"][0].advice == "install and start it (Debian: apt install dbus)"
    assert found["clock"][0].level is Level.WARNING


def test_a_fit_machine_has_nothing_but_ok() -> None:
    """Rules do not warn of what is well."""
    assert {one.level for some in findings(FIT, BLUEZ).values() for one in some} == {Level.OK}


@pytest.mark.parametrize(
    ("radio", "change", "topic", "expected"),
    [
        (BLUEZ, {"system": "darwin"}, "system", Level.FAULT),
        ("bleak", {"system": "darwin"}, "system", Level.WARNING),
        ("hci:usb:0", {"system": "win32"}, "system", Level.OK),
        (BLUEZ, {"kernel": "4.19.0"}, "system", Level.WARNING),
        (BLUEZ, {"libraries": frozenset({"bleak"})}, "libraries", Level.FAULT),
        ("hci:usb:0", {"libraries": frozenset({"bleak"})}, "libraries", Level.FAULT),
        ("bluez:hci3", {}, "adapter", Level.FAULT),
        ("bleak", {"adapters": ()}, "adapter", Level.FAULT),
        (BLUEZ, {"rfkill": (Rfkill("hci0", soft=True, hard=False),)}, "rfkill", Level.FAULT),
        (BLUEZ, {"rfkill": (Rfkill("hci0", soft=False, hard=True),)}, "rfkill", Level.FAULT),
        (BLUEZ, {"bluez": None}, "BlueZ", Level.FAULT),
        (BLUEZ, {"bluez": adapter(powered=False)}, "adapter power", Level.FAULT),
        (BLUEZ, {"bluez": adapter(discoverable=True)}, "address", Level.FAULT),
        (BLUEZ, {"bluez": adapter(extended=None)}, "chip", Level.FAULT),
        (BLUEZ, {"bluez": adapter(free_instances=0)}, "chip", Level.FAULT),
        (BLUEZ, {"bluez": adapter()}, "chip", Level.WARNING),
        (BLUEZ, {"bluez": adapter(extended=True)}, "chip", Level.WARNING),
        (BLUEZ, {"bluez": adapter(extended=True, version=(5, 82))}, "chip", Level.OK),
        (
            "hci:serial:/dev/ttyACM0",
            {"device": Device("/dev/ttyACM0", False, False, "")},
            "device",
            Level.FAULT,
        ),
        ("hci:usb:0", {"device": Device("/dev/bus/usb", True, False, "root")}, "device", Level.FAULT),
        (
            "serial:/dev/ttyUSB0",
            {"device": Device("/dev/ttyUSB0", True, True, "dialout")},
            "device",
            Level.OK,
        ),
        ("hci:socket:1", {"capabilities": 1 << CAP_NET_RAW}, "rights", Level.FAULT),
        ("hci:socket:1", {}, "rights", Level.OK),
        (BLUEZ, {"capabilities": 0}, "rights", Level.WARNING),
        (BLUEZ, {"chrony": "unsynchronised"}, "clock", Level.WARNING),
        (BLUEZ, {"chrony": "", "timesyncd": True}, "clock", Level.WARNING),
        (BLUEZ, {"free_bytes": LOW_BYTES - 1}, "disk", Level.FAULT),
        (BLUEZ, {"free_bytes": LOW_BYTES}, "disk", Level.WARNING),
        (BLUEZ, {"model": "Raspberry Pi 5", "wifi": True, "wifi_mhz": 2437}, "wireless", Level.WARNING),
        (BLUEZ, {"model": "Raspberry Pi 5", "wifi": True}, "wireless", Level.WARNING),
        (BLUEZ, {"model": "Raspberry Pi 5", "wifi": True, "wifi_mhz": 5180}, "wireless", Level.OK),
    ],
)
def test_every_rule(radio: str, change: dict[str, Any], topic: str, expected: Level) -> None:
    """Each thing that can be wrong is found by its own rule, and what is wrong has advice (TB-16)."""
    facts = replace(FIT, **change)
    assert level(facts, radio, topic) is expected
    for one in findings(facts, radio)[topic]:
        assert bool(one.advice) == (one.level is not Level.OK)


def test_a_serial_port_is_looked_for_where_the_text_says(tmp_path: Path) -> None:
    """The device of `hci:serial:` and of `serial:` is found, with speed behind a comma or not."""
    root = tree(tmp_path, {"dev/ttyACM0": ""})
    for radio in ("hci:serial:/dev/ttyACM0,1000000", "serial:/dev/ttyACM0"):
        facts = look(root, radio)
        assert facts.device is not None
        assert (facts.device.path, facts.device.exists, facts.device.usable) == ("/dev/ttyACM0", True, True)


def test_missing_and_failing_programs_say_nothing() -> None:
    """A program that is missing or fails is no fact."""
    assert run_program(("a-program-that-nobody-has",)) == ""
    assert run_program(("false",)) == ""
    assert run_program(("echo", "here")) == "here\n"


def test_the_command_here(capsys: pytest.CaptureFixture[str]) -> None:
    """On the machine at hand the command ends with a verdict, and its JSON has the same findings."""
    status = main(["doctor", "--radio", "virtual"])
    assert status == 0
    text = capsys.readouterr().out
    assert text.splitlines()[-1].startswith("virtual: fit; no faults, ")
    assert main(["doctor", "--radio", "virtual", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"topic", "level", "seen", "advice"} == set(told[0])
    assert all(one["topic"] in text for one in told)


def test_an_unknown_radio_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A text that names no radio is an error with the names that there are."""
    assert main(["doctor", "--radio", "wlan:0"]) == 2
    assert "bluez" in capsys.readouterr().err
