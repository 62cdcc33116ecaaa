"""What bleak's errors mean, and what to do next."""

from __future__ import annotations

import sys
from typing import Final

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError

from anopticon_client.radio.bluez_words import advice

_REASONS: Final = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "there is no Bluetooth adapter: plug one in",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "the adapter has no Low Energy: take another",
    BleakBluetoothNotAvailableReason.POWERED_OFF: (
        "Bluetooth is off: switch it on (Linux: 'bluetoothctl power on', or 'rfkill unblock bluetooth')"
    ),
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: (
        "this program may not use Bluetooth: allow it in the system's privacy settings"
    ),
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: (
        "the system does not let this user use Bluetooth (Linux: 'usermod -aG bluetooth USER', then log in again)"
    ),
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "this program may not use Bluetooth: allow it",
    BleakBluetoothNotAvailableReason.UNKNOWN: "Bluetooth is not available: is the adapter plugged in and on?",
}


def sentence(error: Exception) -> str:
    """A sentence for whoever holds the machine."""
    return f"radio bleak: {_what_to_do(error)}"


def _what_to_do(error: Exception) -> str:
    said = str(error) or type(error).__name__
    todo = "switch Bluetooth off and on, then start again"
    match error:
        case BleakBluetoothNotAvailableError():
            return _REASONS[error.reason]
        case BleakDBusError():
            said, todo = error.dbus_error_details or error.dbus_error, advice(error.dbus_error)
        case FileNotFoundError() if sys.platform == "linux":
            said = "there is no D-Bus on this machine"
            todo = "install and start it (apt install dbus), or take a radio that needs none, like hci:usb:0"
        case PermissionError():
            todo = "run as a user who may use Bluetooth"
        case _ if "not found" in said:
            todo = "plug it in, or see 'bluetoothctl list' for those there are"
        case _ if "passive scan" in said:
            todo = "start bluetoothd with --experimental, or leave out scan=passive"
    return f"{said}: {todo}"
