"""Sending and listening through BlueZ's daemon, over D-Bus (Linux): no privileges, no dongle of its own.

    bluez:hci0                   broadcast, and an active scan; a raw tap too where the process may have one
    bluez:hci0?scan=passive      no scan requests; bluetoothd must run with --experimental
    bluez:hci0?tap=no            never a tap; tap=yes refuses to go without

What BlueZ does to a frame: the flags are its own (04), the address is a non-resolvable one that it draws at each
registration, and on a controller without extended advertising the interval is 100 to 150 ms.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.bleak_scanning import ACTIVE_BIAS, PASSIVE_BIAS, BleakScan, scan_mode
from anopticon_client.radio.bluez.adapter import Adapter, check_passive, check_usable, look_at
from anopticon_client.radio.bluez.advertisement import INTERVAL_MS
from anopticon_client.radio.bluez.advertiser import BluezAdvertiser
from anopticon_client.radio.bluez.bus import Bus
from anopticon_client.radio.bluez.guardian import Guardian
from anopticon_client.radio.bluez.scanner import BluezScanner
from anopticon_client.radio.bluez.tap import Tap, can_tap
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import RadioSettings, unknown_options
from anopticon_client.radio.telling import Teller
from anopticon_client.radio.thinning import ThinningSink
from anopticon_client.radio_records import Capabilities, Rotation

LEGACY_INTERVAL_MS: Final = (100.0, 150.0)
"""What Linux uses for a broadcast on a legacy controller, whatever it is asked for (measured, 6.1 and 6.12)."""
PASSIVE_DUTY: Final = 0.5
"""30 of 60 ms, on Linux 6.1 and 6.12."""
TAPS: Final = ("auto", "yes", "no")


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open the adapter `place`, or BlueZ's first; raises RadioError."""
    unknown_options("bluez", options, {"scan", "tap"})
    mode = scan_mode("bluez", options)
    tapping = options.get("tap", "auto")
    if tapping not in TAPS:
        raise RadioError(f"radio bluez: tap={tapping[:40]}: must be one of {', '.join(TAPS)}")
    if sys.platform != "linux":
        raise RadioError(
            "radio bluez: BlueZ is Linux only: take bleak to listen, or hci:usb:0 or hci:serial:PORT"
        )
    async with AsyncExitStack() as stack:
        bus = await Bus.connect()
        stack.push_async_callback(bus.close)
        adapter = await look_at(bus, place)
        check_usable(adapter, send=True)
        return await _assemble(bus, adapter, (mode, tapping), sink, settings, stack)
    raise AssertionError  # a context that swallows nothing does not end here


async def _assemble(
    bus: Bus,
    adapter: Adapter,
    wanted: tuple[str, str],
    sink: RadioSink,
    settings: RadioSettings,
    stack: AsyncExitStack,
) -> RadioDevice:
    mode, tapping = wanted
    teller = Teller(ThinningSink(sink, settings.timestamps), settings.timestamps)
    index = int(adapter.name.removeprefix("hci"))
    why_not = "tap=no" if tapping == "no" else can_tap(index, settings)
    if why_not and tapping == "yes":
        raise RadioError(why_not)
    if mode == "passive":
        check_passive(adapter, why_not)
    tap = None if why_not else Tap(index, settings, teller.sink.heard)
    scanner = BluezScanner(BleakScan(teller, settings, mode, adapter.name), tap, teller)
    stack.push_async_callback(scanner.stop)

    @asynccontextmanager
    async def pausing() -> AsyncIterator[None]:
        if adapter.extended:
            yield
            return
        async with scanner.paused():
            yield

    advertiser = BluezAdvertiser(bus, adapter.name, teller, pausing)
    stack.push_async_callback(advertiser.close)

    def lost() -> None:
        advertiser.lost()
        scanner.lost()

    async def resume() -> None:
        await advertiser.resume()
        await scanner.resume()

    guardian = Guardian(bus, adapter.name, teller, lost, resume)
    await guardian.watch()
    stack.push_async_callback(guardian.close)
    capabilities = _capabilities(adapter, mode, why_not)
    return RadioDevice(capabilities, advertiser, scanner, stack.pop_all().aclose, adapter.description())


def _capabilities(adapter: Adapter, mode: str, why_no_tap: str) -> Capabilities:
    passive, tapped = mode == "passive", not why_no_tap
    untapped_bias = PASSIVE_BIAS if passive else ACTIVE_BIAS
    interval = _interval(adapter)
    remarks = ["the flags are BlueZ's (04), its addresses non-resolvable and its own"]
    if not adapter.extended:
        remarks.append(
            "our scan pauses during each rotation, and when it begins the kernel may change the address"
        )
    if interval is None:
        remarks.append("this BlueZ heeds no interval on this controller: usually 1280 ms")
    if tapped:
        remarks.append("frames are read from a raw HCI tap")
    else:
        remarks.append(f"frames come through BlueZ, not from a raw HCI tap ({why_no_tap})")
    return Capabilities(
        backend="bluez",
        rotation=Rotation.REREGISTER,
        every_pdu=tapped and passive,
        rssi_bias="" if tapped and passive else ACTIVE_BIAS if tapped else untapped_bias,
        duty=PASSIVE_DUTY if passive else 1.0,
        interval_ms=interval,
        interval_honoured=adapter.interval_honoured,
        exact_bytes_sent=False,
        exact_bytes_heard=tapped,
        works_while_scanning=True,
        remarks=tuple(remarks),
    )


def _interval(adapter: Adapter) -> tuple[float, float] | None:
    if adapter.interval_honoured:
        return float(INTERVAL_MS[0]), float(INTERVAL_MS[1])
    return None if adapter.extended else LEGACY_INTERVAL_MS
