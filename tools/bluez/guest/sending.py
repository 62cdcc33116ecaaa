"""Checks of advertising through BlueZ: what is on the air, rotation, and a controller that refuses."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from dbus_fast import Variant

from anopticon_client.errors import RadioError
from anopticon_client.radio.bluez.bus import ADAPTER, Bus
from anopticon_client.radio.interfaces import RadioDevice
from anopticon_client.radio.virtual.pdu import ADV_NONCONN_IND
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio_records import AddressType, RadioEventKind
from anopticon_protocol.advert import encode, parse
from anopticon_protocol.params import GAEN_SERVICE_UUID
from tools.bluez.guest.daemons import until
from tools.bluez.guest.plan import Check, Stage, expect, hears, sends
from tools.bluez.guest.world import Ear, Plugged, Sent, frame, number

BLUEZ_FLAGS = bytes.fromhex("020104")
ROTATIONS = 3
DWELL_SECONDS = 4.0
BEACON = 99


async def set_the_stage(stage: Stage) -> str:
    """Start the daemon; plug in one adapter of each kind."""
    await stage.daemons.start_bluez("-E")
    for chip in (ChipKind.LEGACY, ChipKind.EXTENDED):
        stage.adapters[chip] = await stage.world.plug(chip)
    return ", ".join(f"{one.name} {chip.value}" for chip, one in stage.adapters.items())


async def rotate_on_legacy(stage: Stage) -> str:
    """Advertise and scan together, three rotations, on a controller with one address for all."""
    return await _rotate_while_scanning(stage, stage.legacy, pauses=True)


async def rotate_on_extended(stage: Stage) -> str:
    """The same on a controller with an address for each set; nothing pauses there."""
    return await _rotate_while_scanning(stage, stage.extended, pauses=False)


async def _rotate_while_scanning(stage: Stage, adapter: Plugged, *, pauses: bool) -> str:
    world, ear, far = stage.world, Ear(), Ear()
    first = 10 * adapter.place.radio.antenna
    witness = await world.air.join(f"witness-{adapter.name}", adapter.place.position).open(far)
    await hears(witness).start()
    await world.beacon(BEACON, (2, 0))
    sent_before = len(world.sent[adapter.place.radio.antenna])
    device = await stage.open(f"bluez:{adapter.name}", ear)
    await hears(device).start()
    await sends(device).start(frame(first))
    for turn in range(1, ROTATIONS + 1):
        await asyncio.sleep(DWELL_SECONDS)
        await sends(device).rotate(frame(first + turn))
    await asyncio.sleep(DWELL_SECONDS)
    await until(lambda: BEACON in map(number, ear.identifiers()), "the beacon")
    await sends(device).stop()
    await asyncio.sleep(1)
    stopped = len(world.sent[adapter.place.radio.antenna])
    await asyncio.sleep(1.5)
    await witness.close()
    wanted = set(range(first, first + ROTATIONS + 1))
    sent = world.sent[adapter.place.radio.antenna]
    addresses = _addresses_of(world.pairs(adapter), wanted)
    expect(len(sent) == stopped, "something was sent after stop")
    expect({one.kind for one in sent} == {ADV_NONCONN_IND}, f"PDU types { ({one.kind for one in sent}) }")
    expect(all(one.address[0] >> 6 == 0 for one in sent), "an address that is not non-resolvable")
    heard = {number(one) for one in far.identifiers()}
    expect(wanted <= heard, f"identifiers {sorted(wanted)}, but heard {sorted(heard)}")
    expect(
        all(one.data.startswith(BLUEZ_FLAGS) for one in far.frames if number_of(one.data) in wanted), "flags"
    )
    kinds = {one.address_type for one in far.frames}
    expect(kinds == {AddressType.NON_RESOLVABLE}, f"address types {kinds}")
    gaps = [
        int(event.details["gap_ns"]) // 1_000_000
        for event in ear.events
        if event.kind is RadioEventKind.ROTATED
    ]
    expect(len(gaps) == ROTATIONS, f"rotations told: {len(gaps)}")
    offs = ear.kinds().count(RadioEventKind.SCAN_OFF)
    expect(offs == (ROTATIONS + 1 if pauses else 0), f"the scan paused {offs} times")
    interval = _expect_interval(sent[sent_before:], device)
    mine = {number(one) for one in ear.identifiers()}
    return (
        f"{len(sent) - sent_before} PDUs, {len(wanted)} identifiers under {addresses} addresses, gaps {gaps} ms, "
        f"every {interval:.0f} ms, "
        f"{offs} pauses, {len(ear.frames)} frames of {len(mine)} heard meanwhile"
    )


async def command_disallowed(stage: Stage) -> str:
    """A foreign scan keeps a legacy controller from taking an address: a sentence, silence, and success afterwards."""
    adapter, world, ear = stage.legacy, stage.world, Ear()
    path = f"/org/bluez/{adapter.name}"
    device = await stage.open(f"bluez:{adapter.name}", ear)
    foreign = await Bus.connect()
    before, refused = world.disallowed, len(world.sent[adapter.place.radio.antenna])
    try:
        await foreign.call(path, ADAPTER, "SetDiscoveryFilter", "a{sv}", {"Transport": Variant("s", "le")})
        await foreign.call(path, ADAPTER, "StartDiscovery")
        await until(lambda: adapter.place.radio.le_scan_enable, "the foreign scan")
        try:
            await sends(device).start(frame(70))
        except RadioError as error:
            sentence = str(error)
        else:
            sentence = ""
    finally:
        await foreign.close()
    disallowed = world.disallowed - before
    said_on_air = len(world.sent[adapter.place.radio.antenna]) - refused
    await until(lambda: not adapter.place.radio.le_scan_enable, "the end of the foreign scan")
    if sentence:
        expect("Command Disallowed" in sentence, f"the sentence does not say why: {sentence}")
        expect(not said_on_air, f"{said_on_air} PDUs although it failed")
    await sends(device).rotate(frame(71))
    await asyncio.sleep(2)
    pairs = world.pairs(adapter)
    _addresses_of(pairs, {71})
    expect(
        {71} <= {number(one) for found in pairs.values() for one in found}, "nothing on the air afterwards"
    )
    outcome = f"said: {sentence}" if sentence else "a retry fell into a pause of the foreign scan"
    return f"{disallowed} commands disallowed; {outcome}; then on the air"


async def never_public(stage: Stage) -> str:
    """A discoverable adapter is refused, and in all that was sent there is no public address and no ADV_IND."""
    adapter, world = stage.legacy, stage.world
    bus = await Bus.connect()
    device = await stage.open(f"bluez:{adapter.name}", Ear())
    try:
        await bus.set_property(f"/org/bluez/{adapter.name}", ADAPTER, "Discoverable", Variant("b", True))  # noqa: FBT003
        for attempt in (stage.open(f"bluez:{adapter.name}", Ear()), sends(device).start(frame(72))):
            try:
                await attempt
            except RadioError as error:
                expect("public address" in str(error), str(error))
            else:
                raise AssertionError("a discoverable adapter was used")
    finally:
        await bus.set_property(f"/org/bluez/{adapter.name}", ADAPTER, "Discoverable", Variant("b", False))  # noqa: FBT003
        await bus.close()
    addresses = {address for plugged in stage.adapters.values() for address in world.pairs(plugged)}
    public = {bytes(plugged.place.radio.public_address)[::-1] for plugged in stage.adapters.values()}
    expect(addresses and not addresses & public, "a public address on the air")
    return f"{len(addresses)} addresses so far, all random"


async def exposure_notification(stage: Stage) -> str:
    """0xFD6F is refused unasked, and carried as 0xFD68 to another radio that knows of it."""
    from anopticon_client.radio.settings import GaenOnAir, RadioSettings  # noqa: PLC0415 - this check alone

    gaen = encode(GAEN_SERVICE_UUID, bytes(range(20)))
    plain = await stage.open(f"bluez:{stage.extended.name}", Ear())
    try:
        await sends(plain).start(gaen)
    except RadioError as error:
        expect("0xFD6F" in str(error), str(error))
    else:
        raise AssertionError("0xFD6F left unasked")
    await plain.close()
    settings, ear = RadioSettings(gaen=GaenOnAir.CARRY), Ear()
    sender = await stage.open(f"bluez:{stage.extended.name}", Ear(), settings)
    listener = await stage.open(f"bluez:{stage.legacy.name}", ear, settings)
    await hears(listener).start()
    await sends(sender).start(gaen)
    await until(lambda: ear.frames, "a carried frame")
    sent = stage.world.sent[stage.extended.place.radio.antenna][-4:]
    expect(all(b"\x6f\xfd" not in one.data for one in sent), "0xFD6F on the air")
    expect({parse(one.data).service_uuid for one in ear.frames} == {GAEN_SERVICE_UUID}, "not given back")
    return "refused unasked; carried as 0xFD68 with 20 bytes and given back"


def _expect_interval(sent: Sequence[Sent], device: RadioDevice) -> float:
    """The median time between two PDUs in ms, which must be what the capabilities say; 0 to 10 ms are added by each."""
    apart = [
        1000 * (later.second - one.second) for one, later in pairwise(sent) if later.address == one.address
    ]
    middle = median(apart)
    said = device.capabilities.interval_ms
    expect(
        said is None or said[0] <= middle <= said[1] + 10, f"{middle:.0f} ms between PDUs, {said} promised"
    )
    return middle


def number_of(data: bytes) -> int:
    """The number in a frame."""
    return number(parse(data).service_data)


def _addresses_of(pairs: dict[bytes, set[bytes]], wanted: set[int]) -> int:
    """How many addresses some identifiers had; raises if any address, then or ever, had two identifiers.

    More addresses than identifiers are no fault of ours: on a legacy controller Linux 6.12 draws a new address when a
    scan begins, and the frame on the air gets it too. It links nothing that the identifier does not link.
    """
    mixed = {address.hex(): len(found) for address, found in pairs.items() if len(found) > 1}
    expect(not mixed, f"an address over two identifiers: {mixed}")
    return sum(bool(wanted & set(map(number, found))) for found in pairs.values())


CHECKS = (
    Check("stage", "bluetoothd takes both kinds of adapters", set_the_stage, needed=True),
    Check("rotate-legacy", "advertise and scan, 3 rotations (legacy)", rotate_on_legacy),
    Check("rotate-extended", "advertise and scan, 3 rotations (extended)", rotate_on_extended),
    Check("disallowed", "Command Disallowed is handled (legacy)", command_disallowed),
    Check("public", "never the public address", never_public),
    Check("fd6f", "0xFD6F refused, carried", exposure_notification),
)
