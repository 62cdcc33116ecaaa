"""What BlueZ says about one adapter, and whether it may be used for tracing at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.bus import ADAPTER, ADVERTISING_MANAGER, MONITOR_MANAGER, Bus

ROOT: Final = "/org/bluez"
INTERVAL_SINCE: Final = (5, 82)
NO_PATTERNS_SINCE: Final = (5, 69)
"""Since then its advertisement monitors match no AD type that BlueZ reads itself (bluez/bluez issue 652)."""
_NAME: Final = re.compile(r"hci\d{1,3}")
_MODALIAS: Final = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")
"""The name that bluetoothd gives itself: vendor Linux Foundation, product BlueZ, version in the last four digits."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter. `extended` is None for one that cannot advertise; `active` counts everybody's advertisements."""

    name: str
    powered: bool
    discoverable: bool
    discovering: bool
    extended: bool | None
    active: int
    free: int
    bluez: tuple[int, int] | None
    experimental: bool

    @property
    def path(self) -> str:
        """Its object on the bus."""
        return f"{ROOT}/{self.name}"

    @property
    def chip(self) -> str:
        """What kind of advertising commands the controller understands."""
        return {None: "no advertising", True: "extended advertising", False: "legacy advertising"}[
            self.extended
        ]

    def description(self) -> str:
        """One line for a recording, without the adapter's address, which never changes: recordings are published."""
        version = f"{self.bluez[0]}.{self.bluez[1]}" if self.bluez else "of unknown version"
        return f"{self.name}, {self.chip}, BlueZ {version}{', experimental' if self.experimental else ''}"

    @property
    def interval_honoured(self) -> bool:
        """Whether BlueZ heeds an interval: on extended controllers only, before 5.82 only with --experimental."""
        recent = self.bluez is not None and self.bluez >= INTERVAL_SINCE
        return bool(self.extended) and (recent or self.experimental)


async def look_at(bus: Bus, name: str) -> Adapter:
    """Read the adapter called `name` ("hci0"), or the first one that is on if it is empty; raises RadioError."""
    if name and not _NAME.fullmatch(name):
        raise RadioError(f"radio bluez:{name[:40]}: an adapter is called hci0, hci1 and so on")
    objects = await bus.objects()
    there = sorted(path.rpartition("/")[2] for path, interfaces in objects.items() if ADAPTER in interfaces)
    on = [one for one in there if objects[f"{ROOT}/{one}"][ADAPTER].get("Powered")]
    wanted = name or next(iter(on or there), "hci0")
    if wanted not in there:
        others = f"there is {', '.join(there)}" if there else "BlueZ sees no adapter at all"
        raise RadioError(
            f"radio bluez:{wanted}: no such adapter; {others}: plug it in, or see 'bluetoothctl list'"
        )
    return _adapter(wanted, objects[f"{ROOT}/{wanted}"])


async def active_instances(bus: Bus, path: str) -> int:
    """How many advertisements, of all programs, run on the adapter at `path`; raises RadioError."""
    return int((await bus.properties(path, ADVERTISING_MANAGER)).get("ActiveInstances", 0))


def check_usable(adapter: Adapter, *, send: bool) -> None:
    """Raise RadioError if the adapter is off, or would give its public address away."""
    name = f"radio bluez:{adapter.name}"
    if not adapter.powered:
        raise RadioError(f"{name}: it is off: 'bluetoothctl power on' (or 'rfkill unblock bluetooth')")
    if not send:
        return
    if adapter.extended is None:
        raise RadioError(f"{name}: this adapter, or this BlueZ, cannot advertise: take another")
    if adapter.discoverable:
        raise RadioError(
            f"{name}: it is discoverable, so BlueZ would advertise under its public address, which never changes: "
            "'bluetoothctl discoverable off'"
        )
    if adapter.free < 1:
        raise RadioError(
            f"{name}: all its {adapter.active} advertising instances are in use: end another program's"
        )


def check_passive(adapter: Adapter, why_no_tap: str) -> None:
    """Raise RadioError if a passive scan cannot be had here, or would hear nothing."""
    name = f"radio bluez:{adapter.name}"
    if not adapter.experimental:
        raise RadioError(
            f"{name}: scan=passive needs bluetoothd with --experimental: start it so, or take scan=active"
        )
    if why_no_tap and adapter.bluez is not None and adapter.bluez >= NO_PATTERNS_SINCE:
        raise RadioError(
            f"{name}: since BlueZ 5.69 a passive scan hears no service data except through the raw tap ({why_no_tap}): "
            "take scan=active"
        )


def _adapter(name: str, interfaces: Mapping[str, Mapping[str, Any]]) -> Adapter:
    said = interfaces[ADAPTER]
    manager = interfaces.get(ADVERTISING_MANAGER)
    extended = None if manager is None else bool(manager.get("SupportedSecondaryChannels"))
    version = _MODALIAS.fullmatch(str(said.get("Modalias", "")))
    return Adapter(
        name=name,
        powered=bool(said.get("Powered")),
        discoverable=bool(said.get("Discoverable")),
        discovering=bool(said.get("Discovering")),
        extended=extended,
        active=int(manager.get("ActiveInstances", 0)) if manager else 0,
        free=int(manager.get("SupportedInstances", 0)) if manager else 0,
        bluez=(int(version[1], 16), int(version[2], 16)) if version else None,
        experimental=MONITOR_MANAGER in interfaces,
    )
