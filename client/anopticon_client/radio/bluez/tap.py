"""Every advertising report of an adapter, read from a raw HCI socket beside BlueZ (Linux, CAP_NET_RAW).

BlueZ has the adapter scan; this reads the controller's events as the kernel passes them on, so nothing that BlueZ
leaves out is missing, and frames have their address, PDU type and exact bytes. The socket is only ever read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.frames import carries
from anopticon_client.radio.hci_reports import MalformedReportError, decode_reports, is_report
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio_records import HeardFrame

AF_BLUETOOTH: Final = 31
BTPROTO_HCI: Final = 1
SOL_HCI: Final = 0
HCI_FILTER: Final = 2
"""Linux, include/net/bluetooth/bluetooth.h, hci.h and hci_sock.h: what Python has names for only in some builds."""
EVENT_PACKETS: Final = 1 << 4
LE_META_EVENTS: Final = 1 << (0x3E & 31)
_FILTER: Final = struct.pack("=IIIH2x", EVENT_PACKETS, 0, LE_META_EVENTS, 0)
"""Packet types, events 0 to 31, events 32 to 63, opcode."""
_RIGHTS: Final = (
    "give the program CAP_NET_RAW ('setcap cap_net_raw+ep' on its interpreter, or AmbientCapabilities= in a systemd "
    "unit), or say tap=no"
)
RECEIVE_BUFFER_BYTES: Final = 1 << 20
"""Several seconds of a busy air, while this process does something else."""
MAX_PACKET_BYTES: Final = 260
"""Type, code, length and 255 bytes, with room to spare."""
MAX_READS: Final = 512
"""Packets taken in one go, so that a flood does not keep everything else from running."""


class Tap:
    """A raw socket on one adapter. Frames of the wanted services go to `heard` while it is open and not muted."""

    def __init__(self, index: int, settings: RadioSettings, heard: Callable[[HeardFrame], None]) -> None:
        """Tap the adapter hciINDEX."""
        self._index = index
        self._uuids = frozenset(settings.service_uuids)
        self._now = settings.timestamps
        self._heard = heard
        self._socket: socket.socket | None = None
        self.muted = True
        self.malformed = 0

    def open(self) -> None:
        """Open the socket; raises RadioError, most often because the process lacks CAP_NET_RAW."""
        self.close()
        try:
            tapped = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_HCI)
        except OSError as error:
            raise RadioError(
                f"bluez: no raw socket on hci{self._index} ({error.strerror}): {_RIGHTS}"
            ) from error
        try:
            tapped.setsockopt(SOL_HCI, HCI_FILTER, _FILTER)
            tapped.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            address: Any = (self._index,)
            tapped.bind(address)
            granted = tapped.getsockopt(SOL_HCI, HCI_FILTER, len(_FILTER))
            tapped.setblocking(False)  # noqa: FBT003 - the socket's own signature
        except (OSError, OverflowError) as error:
            tapped.close()
            raise RadioError(
                f"bluez: hci{self._index} cannot be tapped ({error}): is it plugged in? A Python built without "
                "Bluetooth cannot either: take the system's own, or say tap=no"
            ) from error
        if granted[: len(_FILTER) - 4] != _FILTER[: len(_FILTER) - 4]:
            # Without the privilege the kernel lets anybody open the socket, and takes advertising reports out of it.
            tapped.close()
            raise RadioError(
                f"bluez: hci{self._index} shows no advertising reports to this process: {_RIGHTS}"
            )
        self._socket = tapped
        asyncio.get_running_loop().add_reader(tapped.fileno(), self._readable)

    def close(self) -> None:
        """Close the socket; harmless if it is closed."""
        tapped, self._socket = self._socket, None
        if tapped is not None:
            asyncio.get_running_loop().remove_reader(tapped.fileno())
            tapped.close()

    @property
    def is_open(self) -> bool:
        """Whether it reads."""
        return self._socket is not None

    def _readable(self) -> None:
        for _ in range(MAX_READS):
            if self._socket is None:
                return
            try:
                packet = self._socket.recv(MAX_PACKET_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.close()  # the adapter is gone; whoever watches the bus hears of it there
                return
            self.take(packet)

    def take(self, packet: bytes) -> None:
        """Read one HCI packet."""
        if self.muted or not is_report(packet):
            return
        try:
            reports = decode_reports(packet)
        except MalformedReportError:
            self.malformed += 1
            return
        moment = self._now()
        for one in reports:
            if carries(one.data, self._uuids):
                self._heard(
                    HeardFrame(
                        moment.mono_ns,
                        moment.wall_ns,
                        one.address,
                        one.address_type,
                        one.pdu,
                        one.rssi_dbm,
                        one.data,
                    )
                )


def can_tap(index: int, settings: RadioSettings) -> str:
    """An empty text if the adapter can be tapped, else the sentence why not. Needs a running loop."""
    tap = Tap(index, settings, lambda _: None)
    try:
        tap.open()
    except RadioError as error:
        return str(error)
    with contextlib.suppress(OSError):
        tap.close()
    return ""
