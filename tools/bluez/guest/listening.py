"""Checks of listening through BlueZ: what arrives, how strongly, and what is left out on the way."""

import asyncio
from functools import partial

from anopticon_client.errors import RadioError
from anopticon_client.radio import Position, open_radio
from anopticon_client.radio.settings import RadioSettings
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio_records import AddressType, PduType
from anopticon_protocol.advert import parse
from tools.bluez.guest.daemons import until
from tools.bluez.guest.plan import Check, Stage, expect, hears
from tools.bluez.guest.world import Ear, Plugged, frame, number

NEAR = ((1.0, 0.0), (2.0, 0.0), (3.5, 0.0), (5.0, 0.0))
GATE_GONE = (5, 69)
"""Since then BlueZ matches no service data in passive scans (bluez issue 652)."""


async def strengths_and_flags(stage: Stage) -> str:
    """Through bleak and through the tap, RSSI in equals RSSI out, and a frame without flags is heard."""
    adapter, world = stage.extended, stage.world
    for turn, at in enumerate(NEAR):
        await world.beacon(200 + turn, at, flags=turn % 2 == 0)
    wanted = set(range(200, 200 + len(NEAR)))
    said = []
    for text in (f"bleak:{adapter.name}", f"bluez:{adapter.name}?tap=no", f"bluez:{adapter.name}?tap=yes"):
        ear = Ear()
        device = await stage.open(text, ear)
        await hears(device).start()
        await until(partial(_all_heard, ear, wanted), f"every beacon through {text}")
        await device.close()
        truth = world.strengths(adapter)
        for one in ear.frames:
            identifier = parse(one.data).service_data
            expect(
                one.rssi_dbm in truth[identifier],
                f"{text}: {one.rssi_dbm} dBm, the air had {truth[identifier]}",
            )
            expect(one.address_type is AddressType.NON_RESOLVABLE, f"{text}: address type {one.address_type}")
        if text.endswith("yes"):
            expect({one.pdu for one in ear.frames} == {PduType.ADV_NONCONN_IND}, "PDU type")
            expect(
                {one.data for one in ear.frames} <= {frame(n, flags=n % 2 == 0) for n in wanted},
                "exact bytes",
            )
        expect(
            not any(one.data[1] == 1 for one in ear.frames if number_in(one.data) % 2), "flags from nowhere"
        )
        said.append(f"{text.partition(':')[0]}{'+tap' if text.endswith('yes') else ''} {len(ear.frames)}")
    levels = sorted({rssi for n in wanted for rssi in world.strengths(adapter)[n.to_bytes(16, "big")]})
    return f"frames {', '.join(said)}; strengths {levels} dBm as on the air; 2 of 4 beacons without flags"


def _all_heard(ear: Ear, wanted: set[int]) -> bool:
    return wanted <= set(map(number, ear.identifiers()))


async def filtering_flagged(stage: Stage) -> str:
    """A controller that filters duplicates as BlueZ asks it to is found out and flagged."""
    for turn, at in enumerate(NEAR):
        await stage.world.beacon(210 + turn, at)
    ear = Ear()
    device = await stage.open(f"bleak:{stage.legacy.name}", ear)
    await hears(device).start()
    await until(lambda: "duplicate-filter" in ear.reasons(), "the flag", 150)
    caught = len(stage.world.caught[stage.legacy.place.radio.antenna])
    return f"flagged after {len(ear.frames)} frames from {len(NEAR)} beacons ({caught} PDUs caught in all checks)"


async def unfiltered_not_flagged(stage: Stage) -> str:
    """A controller that does not filter gives nearly every PDU, and is not flagged."""
    adapter = await stage.plug(ChipKind.EXTENDED, deaf_to_filter=True)
    for turn, at in enumerate(NEAR):
        await stage.world.beacon(220 + turn, at)
    ear = Ear()
    device = await stage.open(f"bleak:{adapter.name}", ear)
    await hears(device).start()
    await asyncio.sleep(15)
    await device.close()
    caught = len(stage.world.caught[adapter.place.radio.antenna])
    share = len(ear.frames) / max(1, caught)
    expect(share > 0.8, f"{len(ear.frames)} of {caught} PDUs")  # noqa: PLR2004
    expect(not ear.reasons(), f"flagged: {ear.reasons()}")
    return f"{len(ear.frames)} of {caught} PDUs ({share:.0%}), no flag"


async def tap_hears_all(stage: Stage) -> str:
    """A passive scan with the raw tap gives every PDU that the antenna caught."""
    adapter = await stage.plug(ChipKind.EXTENDED)
    for turn, at in enumerate(NEAR):
        await stage.world.beacon(230 + turn, at)
    ear = Ear()
    device = await stage.open(f"bluez:{adapter.name}?scan=passive&tap=yes", ear)
    await hears(device).start()
    await until(lambda: ear.frames, "the first frame")
    await asyncio.sleep(15)
    await hears(device).stop()
    caught = len(stage.world.caught[adapter.place.radio.antenna])
    share = len(ear.frames) / max(1, caught)
    expect(share > 0.97, f"{len(ear.frames)} of {caught} PDUs")  # noqa: PLR2004
    expect(device.capabilities.every_pdu, "the capabilities do not say so")
    return f"{len(ear.frames)} of {caught} PDUs caught at {device.capabilities.duty:.0%} duty"


async def gate_flagged(stage: Stage) -> str:
    """A passive scan without the tap is thinned by 8 dB steps: flagged, or refused where BlueZ hears nothing at all."""
    adapter = await stage.plug(ChipKind.EXTENDED)
    text = f"bluez:{adapter.name}?scan=passive&tap=no"
    if stage.bluez >= GATE_GONE:
        try:
            await stage.open(text, Ear())
        except RadioError as error:
            return f"refused: {error}"
        raise AssertionError("a passive scan that hears nothing was opened")
    ear = Ear()
    for turn in range(2):
        await stage.world.beacon(240 + turn, (1.0, 0.0))
    device = await stage.open(text, ear)
    await hears(device).start()
    walking = asyncio.create_task(_walk(adapter))
    try:
        await until(lambda: "rssi-gate" in ear.reasons(), "the flag", 120)
    finally:
        walking.cancel()
    caught = len(stage.world.caught[adapter.place.radio.antenna])
    return f"flagged after {len(ear.frames)} frames of {caught} PDUs"


async def _walk(adapter: Plugged) -> None:
    """Walk back and forth: each step halves or doubles the distance, which is 3.6 dB."""
    steps = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 1.6, 0.8, 0.4, 0.2]
    while True:
        for metres in steps:
            adapter.place.position = Position(1.0 + metres, 0.0)
            await asyncio.sleep(0.7)


async def phone_hears(stage: Stage) -> str:
    """The radio that `anopticon-phone run --radio` opens advertises and scans as a phone does."""
    await stage.world.beacon(250, (1.5, 0))
    radio = await open_radio(f"bluez:{stage.legacy.name}+bleak:{stage.extended.name}", RadioSettings())
    try:
        await radio.advertise(frame(251))
        heard = await radio.scan(6)
        await radio.advertise(frame(252))
        await radio.silence()
    finally:
        await radio.close()
    found = {number_in(one.frame) for one in heard}
    expect({250, 251} <= found, f"heard {sorted(found)}")
    return f"{len(heard)} sightings of {len(found)} phones in one scan, its neighbour adapter among them"


def number_in(data: bytes) -> int:
    """The number in a frame."""
    return number(parse(data).service_data)


CHECKS = (
    Check("rssi", "RSSI in = RSSI out; frame without flags heard", strengths_and_flags),
    Check("filter", "duplicate-filtering controller flagged", filtering_flagged),
    Check("no-filter", "controller without filter not flagged", unfiltered_not_flagged),
    Check("tap", "passive scan with raw tap: every PDU", tap_hears_all),
    Check("gate", "passive scan without tap: 8 dB gate", gate_flagged),
    Check("phone", "a phone's radio: advertise, scan, silence", phone_hears),
)
