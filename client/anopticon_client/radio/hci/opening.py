"""From a string, or from a place on the virtual air, to an opened radio on an HCI controller."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bumble.transport import open_transport
from bumble.transport.common import Transport

from anopticon_client.errors import RadioError
from anopticon_client.radio.hci.chips import Power
from anopticon_client.radio.hci.device import HciRadio, Wiring
from anopticon_client.radio.hci.hearing import Hearing
from anopticon_client.radio.hci.host import OpenTransport
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, Timestamps
from anopticon_client.radio.timing import INTERVAL_MS
from anopticon_client.radio_records import Capabilities, Rotation
from anopticon_protocol.advert import MAX_FRAME_BYTES

TRANSPORTS: Final = {
    "usb": "usb",
    "serial": "serial",
    "socket": "hci-socket",
    "tcp": "tcp-client",
    "unix": "unix-client",
}
"""Our names, and Bumble's."""
ZEPHYR: Final = "zephyr"
"""The only firmware whose own command for the power is known here."""
MIN_POWER_DBM: Final = -127
MAX_POWER_DBM: Final = 20
"""What a controller can be told to radiate (Core Specification 4.E.7.8.53)."""
_PERMISSION: Final = {
    "usb": 'allow it with a udev rule (SUBSYSTEM=="usb", MODE="0660", GROUP="plugdev"), then plug it in again',
    "serial": "join the group that owns the port (sudo usermod -aG dialout $USER) and log in again",
    "socket": "power the adapter off in BlueZ (bluetoothctl power off) and give Python the right to own it "
    "(run as root, or with CAP_NET_ADMIN)",
}
_MISSING: Final = {
    "usb": "is it plugged in? usb:0 is the first Bluetooth adapter, usb:VENDOR:PRODUCT names one",
    "serial": "is the board plugged in, and is that its port? Its firmware must speak HCI (Zephyr: hci_uart)",
    "socket": "look for its number with `hciconfig` or `bluetoothctl list`",
}


@dataclass(frozen=True, slots=True)
class HciOptions:
    """How a controller is used. `name` stands in the description of the radio."""

    name: str
    power: Power = field(default_factory=Power)
    entropy: Callable[[int], bytes] = os.urandom
    accepts: Callable[[bytes], bool] | None = None
    """Which frames are passed on, by their data; all if None."""
    backend: str = "hci"


class _Advertiser:
    """The radio's advertiser."""

    def __init__(self, radio: HciRadio) -> None:
        self._radio = radio

    async def start(self, frame: bytes) -> None:
        """Begin to broadcast `frame` under a new address."""
        await self.rotate(frame)

    async def rotate(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address in place of the old."""
        if not 0 < len(frame) <= MAX_FRAME_BYTES:
            raise RadioError(f"frame of {len(frame)} bytes: must be 1..{MAX_FRAME_BYTES} (MAX_FRAME_BYTES)")
        await self._radio.advertise(frame)

    async def stop(self) -> None:
        """Broadcast nothing until the next start."""
        await self._radio.silence()


class _Scanner:
    """The radio's scanner."""

    def __init__(self, radio: HciRadio) -> None:
        self._radio = radio

    async def start(self) -> None:
        """Begin to listen."""
        await self._radio.listen()

    async def stop(self) -> None:
        """Stop listening."""
        await self._radio.deafen()


async def open_adapter(
    transport: OpenTransport, options: HciOptions, sink: RadioSink, timestamps: Timestamps
) -> RadioDevice:
    """Open the controller behind `transport`; raises RadioError."""
    hearing = Hearing(sink, timestamps, options.accepts)
    radio = HciRadio(Wiring(transport, options.power, options.entropy, timestamps, hearing))
    await radio.open()
    if options.power.dbm is not None and not (radio.is_extended or options.power.zephyr):
        await radio.close()
        raise RadioError(
            f"{options.name}: a controller with legacy advertising has no command for the power: "
            f"leave power= out, or add vendor={ZEPHYR} if its firmware is Zephyr's"
        )
    return RadioDevice(
        capabilities=capabilities(options.backend, is_extended=radio.is_extended),
        advertiser=_Advertiser(radio),
        scanner=_Scanner(radio),
        close=radio.close,
        description=f"{options.name}: {radio.description}",
    )


def capabilities(backend: str, *, is_extended: bool) -> Capabilities:
    """What a controller under our own commands can do."""
    pause = () if is_extended else ("the scan pauses during each rotation: one address serves both",)
    return Capabilities(
        backend=backend,
        rotation=Rotation.ATOMIC,
        every_pdu=True,
        rssi_bias="",
        duty=1.0,
        interval_ms=INTERVAL_MS,
        interval_honoured=True,
        exact_bytes_sent=True,
        exact_bytes_heard=True,
        works_while_scanning=True,
        remarks=pause,
    )


def transport_opener(place: str) -> OpenTransport:
    """What opens `usb:0` and the like, each time anew; raises RadioError if the text is none of them."""
    kind, _, rest = place.partition(":")
    if kind not in TRANSPORTS or not rest:
        raise RadioError(
            f"radio hci:{place[:80]}: must be hci:usb:0, hci:serial:/dev/ttyACM0, hci:socket:1, "
            "hci:tcp:HOST:PORT or hci:unix:PATH"
        )

    async def opener() -> Transport:
        try:
            return await open_transport(f"{TRANSPORTS[kind]}:{rest}")
        except Exception as error:
            raise RadioError(_sentence(kind, place, error)) from error

    return opener


def _sentence(kind: str, place: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    is_forbidden = (
        isinstance(error, PermissionError) or "permission" in reason.lower() or "access" in reason.lower()
    )
    advice = (_PERMISSION if is_forbidden else _MISSING).get(kind, "does anything listen there?")
    if "not supported" in reason.lower():
        advice = "this system's kernel has no Bluetooth sockets (modprobe bluetooth); hci:usb:0 needs none"
    return f"radio hci:{place}: cannot be opened ({reason}): {advice}"


def power_of(options: Mapping[str, str]) -> Power:
    """What the options `power` and `vendor` say; raises RadioError."""
    vendor, text = options.get("vendor"), options.get("power")
    if vendor not in {None, ZEPHYR}:
        raise RadioError(f"radio hci: vendor={vendor!r:.20}: there is vendor={ZEPHYR}")
    if text is None:
        if vendor is not None:
            raise RadioError(
                f"radio hci: vendor={ZEPHYR} says how to set a power: add power=0 or another one in dBm"
            )
        return Power()
    try:
        dbm = int(text)
    except ValueError:
        dbm = MAX_POWER_DBM + 1
    if not MIN_POWER_DBM <= dbm <= MAX_POWER_DBM:
        raise RadioError(f"radio hci: power={text[:20]!r}: must be {MIN_POWER_DBM}..{MAX_POWER_DBM} dBm")
    return Power(dbm, zephyr=vendor is not None)
