"""A Bluetooth controller driven by HCI commands of ours, through Bumble: a dongle, a board, the user channel.

    hci:usb:0                    the first USB adapter that no driver holds
    hci:serial:/dev/ttyACM0      a board with HCI firmware (nRF52840 with Zephyr's hci_uart); ,115200 for another speed
    hci:socket:1                 adapter hci1 of Linux, taken from BlueZ (user channel)
    hci:tcp:127.0.0.1:6402       a controller behind a port of this machine
    hci:unix:/run/controller     the same behind a UNIX socket

Options: `power=0` (dBm to radiate), `vendor=zephyr` (its own command sets the power on legacy firmware too).
"""

from __future__ import annotations

from anopticon_client.radio.hci.backend import open_backend

__all__ = ["open_backend"]
