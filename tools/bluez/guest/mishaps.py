"""Checks of bad luck: no bus, no daemon, a daemon that dies, an adapter that goes, a user without rights."""

import asyncio
import json
import subprocess
import sys

from dbus_fast import Variant

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.bus import ADAPTER, Bus
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio_records import RadioEventKind
from tools.bluez.guest.daemons import until
from tools.bluez.guest.plan import Check, Stage, expect, hears, sends
from tools.bluez.guest.world import Ear, frame, number

NOBODY = 65_534


async def no_bus(stage: Stage) -> str:
    """Without D-Bus, each radio that needs it says so."""
    said = [await _refusal(stage, text) for text in ("bluez:hci0", "bleak")]
    expect(all("D-Bus" in sentence for sentence in said), " / ".join(said))
    return said[0]


async def no_daemon(stage: Stage) -> str:
    """With a bus but without bluetoothd, each radio says what to start."""
    await stage.daemons.start_bus()
    said = [await _refusal(stage, text) for text in ("bluez:hci0", "bleak")]
    expect(all("bluetoothd does not run" in sentence for sentence in said), " / ".join(said))
    return said[0]


async def no_adapter(stage: Stage) -> str:
    """An adapter that is not there is named, with those that are."""
    said = [await _refusal(stage, text) for text in ("bluez:hci77", "bleak:hci77")]
    expect(all("no such adapter" in sentence for sentence in said), " / ".join(said))
    return said[0]


async def daemon_killed(stage: Stage) -> str:
    """Bluetoothd is killed and started again in mid-run: told, on the air again, and listening again."""
    adapter, world, ear = stage.legacy, stage.world, Ear()
    await world.beacon(300, (1.5, 0))
    device = await stage.open(f"bluez:{adapter.name}", ear)
    await hears(device).start()
    await sends(device).start(frame(301))
    other = Ear()
    listener = await stage.open(f"bleak:{stage.extended.name}", other)
    await hears(listener).start()
    await until(lambda: ear.frames and other.frames, "the beacon")
    await stage.daemons.kill_bluez()
    await until(lambda: RadioEventKind.RESET in ear.kinds(), "the event")
    await asyncio.sleep(1.5)
    heard, overheard = len(ear.frames), len(other.frames)
    await stage.daemons.start_bluez("-E")
    await until(lambda: ear.kinds().count(RadioEventKind.ADVERTISE_ON) > 1, "the second registration", 120)
    sent = len(world.sent[adapter.place.radio.antenna])
    await until(lambda: len(world.sent[adapter.place.radio.antenna]) > sent + 3, "its PDUs")
    await until(lambda: len(ear.frames) > heard, "frames after the restart", 120)
    await until(lambda: len(other.frames) > overheard, "frames of the mere listener after the restart", 120)
    await sends(device).rotate(frame(302))
    await asyncio.sleep(2)
    found = {number(one) for some in world.pairs(adapter).values() for one in some}
    expect({301, 302} <= found, f"on the air: {sorted(found)}")
    expect(all(len(some) == 1 for some in world.pairs(adapter).values()), "an address over two identifiers")
    for one in stage.adapters.values():
        await world.powered(one.name)
    return f"events {' '.join(kind.value for kind in ear.kinds())}; {'; '.join(ear.reasons())}"


async def adapter_pulled(stage: Stage) -> str:
    """An adapter is pulled out in mid-run: told, sentences for whoever uses it, and closing works."""
    adapter = await stage.world.plug(ChipKind.EXTENDED)
    ear = Ear()
    device = await stage.open(f"bluez:{adapter.name}", ear)
    await hears(device).start()
    await sends(device).start(frame(310))
    await adapter.unplug()
    await until(lambda: RadioEventKind.RESET in ear.kinds(), "the event")
    said = []
    for attempt in (sends(device).rotate(frame(311)), hears(device).start()):
        try:
            await attempt
        except RadioError as error:
            said.append(str(error))
    expect(said and "no such adapter" in said[0], f"rotate: {said}")
    await device.close()
    return f"{next(one for one in ear.reasons())}; then {said[0]}"


async def switched_off(stage: Stage) -> str:
    """The adapter is switched off and on by somebody else: told, and everything goes on."""
    adapter, world, ear = stage.extended, stage.world, Ear()
    await world.beacon(320, (1.5, 0))
    device = await stage.open(f"bluez:{adapter.name}", ear)
    await hears(device).start()
    await sends(device).start(frame(321))
    bus = await Bus.connect()
    try:
        await bus.set_property(f"/org/bluez/{adapter.name}", ADAPTER, "Powered", Variant("b", False))  # noqa: FBT003
        await until(lambda: RadioEventKind.RESET in ear.kinds(), "the event")
        off = await _refusal(stage, f"bluez:{adapter.name}")
        expect("it is off" in off, off)
        heard = len(ear.frames)
        await bus.set_property(f"/org/bluez/{adapter.name}", ADAPTER, "Powered", Variant("b", True))  # noqa: FBT003
    finally:
        await bus.close()
    await until(lambda: ear.kinds().count(RadioEventKind.ADVERTISE_ON) > 1, "the second registration")
    await until(lambda: len(ear.frames) > heard, "frames afterwards")
    return f"events {' '.join(kind.value for kind in ear.kinds())}; {'; '.join(ear.reasons())}"


async def without_rights(stage: Stage) -> str:
    """A user without CAP_NET_RAW is told so when it insists on the tap, and goes without it otherwise."""
    program = f"""
import asyncio, json
from anopticon_client.errors import RadioError
from anopticon_client.radio.opening import open_device
from tools.bluez.guest.world import Ear
async def main():
    said = []
    for text in ("bluez:{stage.extended.name}?tap=yes", "bluez:{stage.extended.name}"):
        try:
            device = await open_device(text, Ear())
            said.append(" / ".join(device.capabilities.remarks))
            await device.close()
        except RadioError as error:
            said.append(str(error))
    print(json.dumps(said))
asyncio.run(main())
"""
    # In a thread: the controllers live in this process, and the child waits for them.
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        user=NOBODY,
        group=NOBODY,
        capture_output=True,
        text=True,
        check=False,
    )
    expect(done.returncode == 0, done.stderr[-600:])
    insisting, modest = map(str, json.loads(done.stdout))
    expect("CAP_NET_RAW" in insisting, insisting)
    expect("not from a raw HCI tap" in modest or "group bluetooth" in modest, modest)
    return insisting


async def _refusal(stage: Stage, text: str) -> str:
    try:
        device = await stage.open(text, Ear())
        await hears(device).start()
    except RadioError as error:
        return str(error)
    raise AssertionError(f"{text} opened")


BEFORE = (
    Check("no-bus", "no D-Bus: a sentence", no_bus),
    Check("no-daemon", "no bluetoothd: a sentence", no_daemon, needed=True),
)
CHECKS = (
    Check("no-adapter", "no such adapter: a sentence", no_adapter),
    Check("no-rights", "no CAP_NET_RAW: a sentence", without_rights),
    Check("switched-off", "adapter switched off and on", switched_off),
    Check("killed", "bluetoothd killed and restarted", daemon_killed),
    Check("pulled", "adapter pulled out", adapter_pulled),
)
