"""The system bus as a client of BlueZ's daemon needs it: calls with sentences for errors, and a watch on the daemon.

Interfaces: org.bluez(5), and org.freedesktop.DBus of the D-Bus specification.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.constants import BusType
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError
from dbus_fast.service import ServiceInterface
from dbus_fast.unpack import unpack_variants

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez_words import NO_REPLY, advice, is_gone

SERVICE: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
ADVERTISING_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
"""Offered by a daemon that was started with --experimental."""
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
BUS: Final = "org.freedesktop.DBus"
CALL_SECONDS: Final = 30.0
"""D-Bus itself gives a call 25 s; a daemon that is silent for longer hangs."""


class BluezError(RadioError):
    """BlueZ, or the bus for it, answered with an error. `name` is the error's name on the bus."""

    def __init__(self, name: str, said: str) -> None:
        """Make the sentence."""
        super().__init__(f"bluez: {said or name}: {advice(name)}")
        self.name = name

    @property
    def gone(self) -> bool:
        """Whether daemon or adapter are away, so that waiting for them may help."""
        return is_gone(self.name)

    @property
    def silent(self) -> bool:
        """Whether nobody answered, so that what became of the call is unknown."""
        return self.name == NO_REPLY


class Bus:
    """A connection to the system bus."""

    def __init__(self, connection: MessageBus) -> None:
        """Use `connect`."""
        self._connection = connection
        self._watchers: list[Callable[[Message], None]] = []
        connection.add_message_handler(self._signalled)

    @classmethod
    async def connect(cls) -> Bus:
        """Connect to the system bus; raises RadioError."""
        try:
            connection = await MessageBus(bus_type=BusType.SYSTEM).connect()
        except FileNotFoundError as error:
            raise RadioError(
                f"bluez: there is no D-Bus on this machine ({error}): install and start it (Debian: apt install dbus), "
                "or take a radio that needs none, like hci:usb:0"
            ) from error
        except (OSError, AuthError, DBusError, EOFError, InvalidAddressError) as error:
            raise RadioError(
                f"bluez: the system's D-Bus refuses ({error}): run as a user who may use it, "
                "or take a radio that needs none, like hci:usb:0"
            ) from error
        return cls(connection)

    @property
    def connected(self) -> bool:
        """Whether the bus itself is still there."""
        return self._connection.connected

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: object,
        service: str = SERVICE,
    ) -> list[Any]:
        """Call a method and return its answer without variants; raises RadioError, BluezError for an error reply."""
        message = Message(
            destination=service,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reply = await self._connection.call(message)
        except TimeoutError as error:
            raise BluezError(NO_REPLY, f"{member} took over {CALL_SECONDS:.0f} s") from error
        except (OSError, EOFError, DBusError) as error:
            raise RadioError(f"bluez: the connection to D-Bus broke ({error}): start again") from error
        if reply is None:
            raise RadioError("bluez: the connection to D-Bus broke: start again")
        if reply.message_type is MessageType.ERROR:
            said = str(reply.body[0]) if reply.body else ""
            raise BluezError(reply.error_name or "", said)
        return list(unpack_variants(reply.body))

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """Every property of one interface; raises RadioError."""
        answer = await self.call(path, PROPERTIES, "GetAll", "s", interface)
        return dict(answer[0])

    async def objects(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Everything that BlueZ has: path, interface, properties. Raises RadioError."""
        return dict((await self.call("/", OBJECTS, "GetManagedObjects"))[0])

    async def set_property(self, path: str, interface: str, name: str, value: Variant) -> None:
        """Set one property; raises RadioError."""
        await self.call(path, PROPERTIES, "Set", "ssv", interface, name, value)

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Let BlueZ read `interface` at `path`."""
        self._connection.export(path, interface)

    def unexport(self, path: str) -> None:
        """Take back what is exported at `path`."""
        self._connection.unexport(path)

    async def watch(self, watcher: Callable[[Message], None]) -> None:
        """Call `watcher` with each signal about the daemon's coming and going, and its objects'; raises RadioError."""
        rules = (
            f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{SERVICE}'",
            f"type='signal',sender='{SERVICE}',interface='{OBJECTS}'",
            f"type='signal',sender='{SERVICE}',interface='{PROPERTIES}',arg0='{ADAPTER}'",
        )
        for rule in rules:
            await self.call(f"/{BUS.replace('.', '/')}", BUS, "AddMatch", "s", rule, service=BUS)
        self._watchers.append(watcher)

    async def close(self) -> None:
        """Let go of the bus; whatever was registered with BlueZ ends with it."""
        self._watchers.clear()
        if self._connection.connected:
            self._connection.disconnect()
            with contextlib.suppress(OSError, EOFError):
                await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def _signalled(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            for watcher in self._watchers:
                watcher(message)
