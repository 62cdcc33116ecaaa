"""What the errors of BlueZ and of its bus mean, by their names on the bus, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NO_REPLY: Final = "org.freedesktop.DBus.Error.NoReply"
_NO_DAEMON: Final = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Spawn.",
    "org.freedesktop.systemd1.",
)
"""Beginnings of the errors of a bus on which the daemon is not, and cannot be started."""
_START_DAEMON: Final = (
    "bluetoothd does not run: start it with 'systemctl start bluetooth' (Debian: apt install bluez)"
)
_ADVICE: Final[Mapping[str, str]] = {
    "org.freedesktop.DBus.Error.AccessDenied": (
        "this user may not talk to BlueZ: add it to the group bluetooth ('usermod -aG bluetooth USER') and log in again"
    ),
    NO_REPLY: "BlueZ's daemon did not answer: 'systemctl restart bluetooth'",
    "org.freedesktop.DBus.Error.UnknownMethod": "this BlueZ does not offer that: it needs 5.56 or newer",
    "org.freedesktop.DBus.Error.UnknownObject": "the adapter is gone: plug it in again, or name another",
    "org.bluez.Error.NotReady": "the adapter is off: 'bluetoothctl power on' (or 'rfkill unblock bluetooth')",
    "org.bluez.Error.InProgress": "another scan is being started or ended: try again",
    "org.bluez.Error.NotPermitted": "BlueZ allows no more advertisements on this adapter: end another program's",
}
_GONE: Final = frozenset({"org.freedesktop.DBus.Error.UnknownObject", NO_REPLY})


def advice(name: str) -> str:
    """What to do about an error of this name."""
    if name.startswith(_NO_DAEMON):
        return _START_DAEMON
    return _ADVICE.get(name, "see 'journalctl -u bluetooth' for the daemon's own words")


def is_gone(name: str) -> bool:
    """Whether an error of this name says that daemon or adapter are away, so that waiting for them may help."""
    return name in _GONE or name.startswith(_NO_DAEMON)
