"""bleak on a controller of ours: unmodified bleak code scans the virtual air, or a dongle, on any system.

    async with BleakScanner(callback, backend=BumbleScanner, radio=place.open): ...     # the virtual air
    async with BleakScanner(callback, backend=BumbleScanner, radio="usb:0"): ...        # a dongle

Code that cannot pass `backend=` runs as it is inside `bleak_runs_on`, which swaps bleak's look-up of the platform for
the task in which it is called and those that it starts:

    with bleak_runs_on(place.open):
        await somebody_elses_main()

Scans are passive. What bleak remembers of a device is dropped `FORGET_DEVICE_SECONDS` after it was heard last, so
that a scan of days among rotating addresses does not grow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import bleak
from bleak.backends import BleakBackend
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
    get_platform_scanner_backend_type,
)
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_16, normalize_uuid_32

from anopticon_client.errors import RadioError
from anopticon_client.radio.hci.opening import HciOptions, open_adapter, transport_opener
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, machine_time
from anopticon_client.radio_records import HeardFrame, RadioEvent

OpenRadio = Callable[[RadioSink], Awaitable[RadioDevice]]
"""Opens a radio for a sink, as `Place.open` does."""

FORGET_DEVICE_SECONDS: Final = 180
"""As long as BlueZ keeps a device that it hears no more; a phone sends some 700 frames in that time."""
RSSI_UNKNOWN: Final = -127
"""What bleak's own backends say for a strength nobody knows."""
_NANOSECONDS: Final = 1_000_000_000
_NAMES, _POWER, _MAKER = (0x08, 0x09), 0x0A, 0xFF
_LISTS: Final = {0x02: 2, 0x03: 2, 0x04: 4, 0x05: 4, 0x06: 16, 0x07: 16}
"""AD types of lists of service UUIDs, and the bytes of each UUID (Assigned Numbers 2.3)."""
_DATA: Final = {0x16: 2, 0x20: 4, 0x21: 16}
"""AD types of service data, and the bytes of the UUID before the data."""
_COMPANY_BYTES: Final = 2

_radio: ContextVar[OpenRadio | None] = ContextVar("radio of bleak", default=None)


class BumbleScanner(BaseBleakScanner):
    """bleak's scanner on a radio of ours."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "passive",
        *,
        radio: OpenRadio | str | None = None,
        **others: Any,  # noqa: ANN401 - what bleak passes on to backends of other systems
    ) -> None:
        """As bleak makes it. `radio` opens the radio, or names a transport (usb:0, serial:/dev/ttyACM0, socket:1)."""
        del scanning_mode, others
        super().__init__(detection_callback, service_uuids)
        self._open = _by_name(radio) if isinstance(radio, str) else radio or _radio.get()
        self._device: RadioDevice | None = None
        self._last_heard: dict[str, int] = {}

    async def start(self) -> None:
        """Open the radio and scan; raises BleakError with the sentence of the radio."""
        if self._open is None:
            raise BleakError("BumbleScanner: no radio: pass radio=..., or run inside bleak_runs_on(...)")
        self.seen_devices = {}
        self._last_heard = {}
        try:
            self._device = await self._open(self)
            if self._device.scanner is None:
                raise BleakError(f"{self._device.description} cannot scan")
            await self._device.scanner.start()
        except RadioError as error:
            raise BleakError(str(error)) from error

    async def stop(self) -> None:
        """Let go of the radio."""
        if self._device is not None:
            device, self._device = self._device, None
            await device.close()

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived: tell whoever called for it."""
        said = advertisement(frame)
        if said is None or not self.is_allowed_uuid([*said.service_uuids, *said.service_data]):
            return
        address = frame.address.hex(":").upper()
        device = self.create_or_update_device(address, address, said.local_name, frame, said)
        self._last_heard.pop(address, None)
        self._last_heard[address] = frame.mono_ns
        self._forget(frame.mono_ns - FORGET_DEVICE_SECONDS * _NANOSECONDS)
        self.call_detection_callbacks(device, said)

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio: bleak has no place for it."""

    def _forget(self, before_ns: int) -> None:
        """Drop the devices heard last before that moment; the oldest come first."""
        while True:
            address, last_ns = next(iter(self._last_heard.items()))
            if last_ns >= before_ns:
                return
            del self._last_heard[address]
            self.seen_devices.pop(address, None)


@contextlib.contextmanager
def bleak_runs_on(radio: OpenRadio) -> Iterator[None]:
    """While this is open, scanners that bleak code makes in this task, or in tasks that it starts, use `radio`."""
    vars(bleak)["get_platform_scanner_backend_type"] = (
        _platform  # for good: it asks which radio the task has, if any
    )
    token = _radio.set(radio)
    try:
        yield
    finally:
        _radio.reset(token)


def advertisement(frame: HeardFrame) -> AdvertisementData | None:
    """A frame as bleak tells it; None if its AD structures run past its end."""
    name: str | None = None
    power: int | None = None
    makers: dict[int, bytes] = {}
    services: dict[str, bytes] = {}
    uuids: list[str] = []
    data, offset = frame.data, 0
    while offset < len(data) and data[offset]:
        end = offset + 1 + data[offset]
        if end > len(data):
            return None
        kind, value = data[offset + 1], data[offset + 2 : end]
        offset = end
        if kind in _LISTS:
            width = _LISTS[kind]
            uuids += [_uuid(value[at : at + width]) for at in range(0, len(value) - width + 1, width)]
        elif kind in _DATA and len(value) >= _DATA[kind]:
            services[_uuid(value[: _DATA[kind]])] = value[_DATA[kind] :]
        elif kind == _MAKER and len(value) >= _COMPANY_BYTES:
            makers[int.from_bytes(value[:_COMPANY_BYTES], "little")] = value[_COMPANY_BYTES:]
        elif kind in _NAMES:
            name = value.decode(errors="replace")
        elif kind == _POWER and len(value) == 1:
            power = int.from_bytes(value, "little", signed=True)
    rssi = RSSI_UNKNOWN if frame.rssi_dbm is None else frame.rssi_dbm
    return AdvertisementData(name, makers, services, uuids, power, rssi, (frame,))


@lru_cache(maxsize=256)
def _uuid(little_endian: bytes) -> str:
    number = int.from_bytes(little_endian, "little")
    match len(little_endian):
        case 2:
            return normalize_uuid_16(number)
        case 4:
            return normalize_uuid_32(number)
        case _:
            return str(UUID(int=number))


def _platform() -> tuple[type[BaseBleakScanner], BleakBackend | str]:
    if _radio.get() is None:
        return get_platform_scanner_backend_type()
    return BumbleScanner, BumbleScanner.__name__


def _by_name(place: str) -> OpenRadio:
    async def opener(sink: RadioSink) -> RadioDevice:
        return await open_adapter(transport_opener(place), HciOptions(f"hci:{place}"), sink, machine_time)

    return opener
