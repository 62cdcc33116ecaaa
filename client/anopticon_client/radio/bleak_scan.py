"""Listening with the Bluetooth of the operating system, through bleak: Linux, macOS, Windows.

    bleak                      the first adapter, active scan
    bleak:hci1                 another adapter (Linux)
    bleak?scan=passive         sends no scan requests: Windows, and Linux with an experimental bluetoothd

What bleak tells is put together again as AD structures: the list of services and the service data, without flags. It
tells no PDU type, and of the address only what the system knows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from anopticon_client.errors import RadioError
from anopticon_client.radio.bleak_scanning import ACTIVE_BIAS, PASSIVE_BIAS, BleakScan, scan_mode
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import RadioSettings, unknown_options
from anopticon_client.radio.telling import Teller
from anopticon_client.radio.thinning import ThinningSink
from anopticon_client.radio_records import Capabilities, Rotation


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open bleak on the adapter `place`, or the system's own choice; raises RadioError."""
    unknown_options("bleak", options, {"scan"})
    mode = scan_mode("bleak", options)
    if place and sys.platform != "linux":
        raise RadioError(
            f"radio bleak:{place[:40]}: only Linux lets a program choose its adapter: leave it out"
        )
    teller = Teller(ThinningSink(sink, settings.timestamps), settings.timestamps)
    scan = BleakScan(teller, settings, mode, place)
    capabilities = Capabilities(
        backend="bleak",
        rotation=Rotation.NONE,
        every_pdu=False,
        rssi_bias=PASSIVE_BIAS if mode == "passive" else ACTIVE_BIAS,
        duty=0.5 if mode == "passive" else 1.0,
        interval_ms=None,
        interval_honoured=False,
        exact_bytes_sent=False,
        exact_bytes_heard=False,
        works_while_scanning=False,
        remarks=("bytes are rebuilt from what the system tells: services and service data, no flags",),
    )
    description = f"bleak on {sys.platform}, {mode} scan"
    if sys.platform == "linux":
        from anopticon_client.radio.bluez.watched import WatchedScan  # noqa: PLC0415 - D-Bus is Linux only

        watched = WatchedScan(scan, teller)
        return RadioDevice(capabilities, None, watched, watched.close, description)
    return RadioDevice(capabilities, None, scan, scan.stop, description)
