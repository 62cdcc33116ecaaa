"""`ArrayAir`: places on the array medium, with the interface of the protocol-true air but without HCI (ADR 14)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.datagram import ADDRESS_BYTES, Position, private_address
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, Timestamps
from anopticon_client.radio.timing import INTERVAL_MS, INTERVAL_SLOTS, SCAN_SLOTS
from anopticon_client.radio.virtual.array_medium import Antenna, ArrayMedium, BatchSink, OnAir
from anopticon_client.radio.virtual.ether import CAPTURE_DB, Ether
from anopticon_client.radio.virtual.pacing import SLOT_NS
from anopticon_client.radio.virtual.places import ChipKind
from anopticon_client.radio.virtual.propagation import LogDistance, Propagation
from anopticon_client.radio.virtual.standing import Register, Spot, Standing
from anopticon_client.radio.virtual_time import times_of_loop
from anopticon_client.radio_records import Capabilities, RadioEvent, RadioEventKind, Rotation
from anopticon_protocol.advert import MAX_FRAME_BYTES
from anopticon_protocol.params import REFERENCE_TX_POWER_DBM

SHORTEST_NS: Final = INTERVAL_SLOTS[0] * SLOT_NS
LONGEST_NS: Final = INTERVAL_SLOTS[1] * SLOT_NS
SCAN_NS: Final = SCAN_SLOTS * SLOT_NS
CAPABILITIES: Final = Capabilities(
    backend="array",
    rotation=Rotation.ATOMIC,
    every_pdu=True,
    rssi_bias="",
    duty=1.0,
    interval_ms=INTERVAL_MS,
    interval_honoured=True,
    exact_bytes_sent=True,
    exact_bytes_heard=True,
    works_while_scanning=True,
)


class ArrayRadio:
    """Sends and listens at one antenna."""

    def __init__(
        self,
        medium: ArrayMedium,
        antenna: Antenna,
        chip: ChipKind,
        timestamps: Timestamps,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Silent and deaf; `antenna.sink` hears what happens."""
        self._medium = medium
        self._antenna = antenna
        self._pauses = chip is ChipKind.LEGACY
        self._timestamps = timestamps
        self._entropy = entropy
        self._scanning = False

    def send(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address in place of what there was."""
        if not 0 < len(frame) <= MAX_FRAME_BYTES:
            raise RadioError(f"frame of {len(frame)} bytes: must be 1..{MAX_FRAME_BYTES} (MAX_FRAME_BYTES)")
        if self._antenna.sink is None:
            raise RadioError("this radio is closed")
        rotates = self._antenna.sends is not None
        pauses = self._pauses and self._scanning
        if pauses:
            self.deafen()
        on_air = OnAir(private_address(self._entropy(ADDRESS_BYTES)), frame)
        self._medium.start(self._antenna, on_air, SHORTEST_NS, LONGEST_NS)
        if pauses:
            self.listen()
        kind = RadioEventKind.ROTATED if rotates else RadioEventKind.ADVERTISE_ON
        gap = {"gap_ns": 0} if rotates else {}
        self._happened(kind, address=on_air.address.hex(), frame=frame.hex(), **gap)

    def silence(self) -> None:
        """Broadcast nothing."""
        if self._antenna.sends is not None:
            self._medium.stop(self._antenna)
            self._happened(RadioEventKind.ADVERTISE_OFF)

    def listen(self) -> None:
        """Scan from now on."""
        if not self._scanning and self._antenna.sink is not None:
            now_ns = self._medium.settle()
            self._medium.ether.listen(self._antenna.number, now_ns, SCAN_NS, SCAN_NS)
            self._scanning = True
            self._happened(RadioEventKind.SCAN_ON)

    def deafen(self) -> None:
        """Do not scan."""
        if self._scanning:
            self._medium.settle()
            self._medium.ether.deafen(self._antenna.number)
            self._scanning = False
            self._happened(RadioEventKind.SCAN_OFF)

    def close(self) -> None:
        """Silent and deaf for good."""
        self.silence()
        self.deafen()
        self._antenna.sink = self._antenna.batches = None

    def _happened(self, kind: RadioEventKind, **details: str | int) -> None:
        if self._antenna.sink is not None:
            moment = self._timestamps()
            self._antenna.sink.happened(RadioEvent(moment.mono_ns, moment.wall_ns, kind, details))


class _Advertiser:
    def __init__(self, radio: ArrayRadio) -> None:
        self._radio = radio

    async def start(self, frame: bytes) -> None:
        self._radio.send(frame)

    async def rotate(self, frame: bytes) -> None:
        self._radio.send(frame)

    async def stop(self) -> None:
        self._radio.silence()


class _Scanner:
    def __init__(self, radio: ArrayRadio) -> None:
        self._radio = radio

    async def start(self) -> None:
        self._radio.listen()

    async def stop(self) -> None:
        self._radio.deafen()


class ArrayPlace(Standing):
    """One antenna."""

    def __init__(
        self, air: ArrayAir, name: str, antenna: Antenna, spot: tuple[Position, float], chip: ChipKind
    ) -> None:
        """`air.join` makes these."""
        super().__init__(*spot)
        self.name = name
        self._air = air
        self._antenna = antenna
        self._chip = chip
        self._radio: ArrayRadio | None = None

    async def open(
        self,
        sink: RadioSink,
        timestamps: Timestamps | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> RadioDevice:
        """Open the radio; a `sink` that is a BatchSink too gets batches. `timestamps` are the loop's if not given."""
        if self._antenna.sink is not None:
            raise RadioError(f"{self.name!r} is open already: close it first")
        self._antenna.sink = sink
        self._antenna.batches = sink if isinstance(sink, BatchSink) else None
        self._antenna.timestamps = timestamps = timestamps or times_of_loop()
        radio = self._radio = ArrayRadio(self._air.medium, self._antenna, self._chip, timestamps, entropy)

        async def close() -> None:
            radio.close()

        description = f"array {self._air.name}/{self.name}"
        return RadioDevice(CAPABILITIES, _Advertiser(radio), _Scanner(radio), close, description)

    def leave(self) -> None:
        """Take the antenna off the air."""
        if self._radio is not None:
            self._radio.close()
        self._air.register.drop(self.name)

    def _moved(self, spot: Spot) -> None:
        self._air.medium.settle()
        self._air.medium.ether.move(self._antenna.number, spot)


class ArrayAir:
    """A medium for thousands of antennas. Make it in a running loop, whose time is the air's."""

    def __init__(
        self,
        name: str = "air",
        *,
        seed: int = 0,
        propagation: Propagation | None = None,
        collisions: bool = True,
        capture_db: float = CAPTURE_DB,
    ) -> None:
        """Nobody is on it; `seed` decides about intervals and delays."""
        self.name = name
        self.medium = ArrayMedium(Ether(propagation or LogDistance(seed=seed), collisions, capture_db), seed)
        self.register: Register[ArrayPlace] = Register(f"array air {name}")

    def join(
        self,
        name: str,
        position: Position,
        tx_power_dbm: int = REFERENCE_TX_POWER_DBM,
        *,
        height: float = 0.0,
        chip: ChipKind = ChipKind.EXTENDED,
    ) -> ArrayPlace:
        """Put up an antenna; raises RadioError if the name is taken."""
        self.register.check_free(name)
        antenna = self.medium.add((position.x, position.y, height), tx_power_dbm)
        return self.register.put(name, ArrayPlace(self, name, antenna, (position, height), chip))
