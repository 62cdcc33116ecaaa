"""A private D-Bus with a stand-in for bluetoothd on it: real bus, real messages, and a daemon that does as a test says.

What the real daemon does is checked in the guest of `run.py bluez`; here it can be made to fail at will.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.constants import BusType
from dbus_fast.unpack import unpack_variants

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
MANAGER = "org.bluez.LEAdvertisingManager1"
MONITORS = "org.bluez.AdvertisementMonitorManager1"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
PATIENCE_SECONDS = 30
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow eavesdrop="true"/></policy></busconfig>
"""


@contextmanager
def private_bus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a bus of its own, which is the system bus for this test; skips where there is no dbus-daemon."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("dbus-daemon is not installed (Debian: apt install dbus)")
    socket, configuration = folder / "bus", folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(socket=socket), encoding="ascii")
    command = [program, f"--config-file={configuration}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        try:
            assert daemon.stdout is not None
            daemon.stdout.readline()  # the address: from now on it listens
            monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={socket}")
            yield
        finally:
            daemon.terminate()


class FakeBluez:
    """org.bluez with one adapter, hci0."""

    def __init__(self, *, extended: bool = False) -> None:
        """Not on the bus yet."""
        self.adapter: dict[str, Any] = {
            "Address": "02:00:00:00:00:01",
            "Powered": True,
            "Discoverable": False,
            "Discovering": False,
            "Roles": ["central", "peripheral"],
            "Modalias": "usb:v1D6Bp0246d0542",
        }
        self.manager: dict[str, Any] = {"ActiveInstances": 0, "SupportedInstances": 5}
        if extended:
            self.manager["SupportedSecondaryChannels"] = ["1M", "2M"]
        self.experimental = True
        self.adapters = ["hci0"]
        self.log: list[str] = []
        self.advertised: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, list[str]] = {}
        self.counts = True
        self._bus: MessageBus | None = None
        self._later: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Come onto the bus."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._called)
        await self._bus.request_name("org.bluez")

    async def stop(self) -> None:
        """Leave the bus, as a daemon does that dies: whatever was registered is gone."""
        self.advertised.clear()
        self.manager["ActiveInstances"] = 0
        if self._bus is not None:
            self._bus.disconnect()
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
            self._bus = None

    def device(self, name: str, **properties: Variant) -> None:
        """A device appears, or is heard again."""
        path = f"/org/bluez/hci0/dev_{name.replace(':', '_')}"
        said = {"Address": Variant("s", name), "AddressType": Variant("s", "random"), **properties}
        said["Alias"] = Variant("s", name)
        said["Adapter"] = Variant("o", "/org/bluez/hci0")
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", path, {DEVICE: said})

    def unplug(self) -> None:
        """The adapter goes."""
        self.adapters.clear()
        self.advertised.clear()
        self.manager["ActiveInstances"] = 0
        self._signal("/", OBJECTS, "InterfacesRemoved", "oas", "/org/bluez/hci0", [ADAPTER, MANAGER])

    def plug(self) -> None:
        """The adapter is back."""
        self.adapters.append("hci0")
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", "/org/bluez/hci0", self._interfaces())

    def power(self, *, on: bool) -> None:
        """Somebody switches the adapter."""
        self.adapter["Powered"] = on
        changed = {"Powered": Variant("b", on)}
        self._signal("/org/bluez/hci0", PROPERTIES, "PropertiesChanged", "sa{sv}as", ADAPTER, changed, [])

    # -- inside ---------------------------------------------------------------------------------------------------

    def _signal(self, path: str, interface: str, member: str, signature: str, *body: object) -> None:
        assert self._bus is not None
        self._bus.send(Message.new_signal(path, interface, member, signature, list(body)))

    def _called(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path == "/org/freedesktop/DBus":
            return None
        member = message.member or ""
        waiting = self.failures.get(member)
        if waiting:
            self.log.append(f"{member} fails")
            return Message.new_error(message, waiting.pop(0), "as the test wants")
        match member:
            case "GetManagedObjects":
                objects = {f"/org/bluez/{name}": self._interfaces() for name in self.adapters}
                return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])
            case "GetAll":
                said = self._interfaces().get(message.body[0], {})
                return Message.new_method_return(message, "a{sv}", [said])
            case "RegisterAdvertisement":
                self._run(self._register(message))
                return True
            case "UnregisterAdvertisement":
                if self.advertised.pop(message.body[0], None) is not None and self.counts:
                    self.manager["ActiveInstances"] -= 1
            case "StartDiscovery" | "StopDiscovery":
                self.adapter["Discovering"] = member == "StartDiscovery"
        self.log.append(member)
        return Message.new_method_return(message)

    def _run(self, task: Any) -> None:
        running = asyncio.get_running_loop().create_task(task)
        self._later.add(running)
        running.add_done_callback(self._later.discard)

    async def _register(self, message: Message) -> None:
        bus = self._bus
        assert bus is not None
        path = message.body[0]
        reply = await bus.call(
            Message(
                destination=message.sender,
                path=path,
                interface=PROPERTIES,
                member="GetAll",
                signature="s",
                body=["org.bluez.LEAdvertisement1"],
            )
        )
        assert reply is not None
        self.advertised[path] = unpack_variants(reply.body)[0]
        if self.counts:
            self.manager["ActiveInstances"] += 1
        self.log.append("RegisterAdvertisement")
        await bus.send(Message.new_method_return(message))

    def _interfaces(self) -> dict[str, dict[str, Variant]]:
        kinds = {bool: "b", str: "s", int: "y", list: "as"}
        both = {ADAPTER: self.adapter, MANAGER: self.manager} if self.manager else {ADAPTER: self.adapter}
        found = {
            interface: {name: Variant(kinds[type(value)], value) for name, value in values.items()}
            for interface, values in both.items()
        }
        return found | ({MONITORS: {}} if self.experimental else {})
