"""A sink that keeps everything, and a radio made by hand, for tests of what stands around a backend."""

from __future__ import annotations

from dataclasses import dataclass, field

from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio_records import (
    AddressType,
    Capabilities,
    HeardFrame,
    PduType,
    RadioEvent,
    RadioEventKind,
    Rotation,
)


@dataclass
class Ear:
    """Keeps what a radio says."""

    frames: list[HeardFrame] = field(default_factory=list)
    events: list[RadioEvent] = field(default_factory=list)

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        self.frames.append(frame)

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        self.events.append(event)

    def kinds(self) -> list[RadioEventKind]:
        """The kinds of the events, in order."""
        return [event.kind for event in self.events]


def heard_frame(data: bytes, rssi_dbm: int | None = -60, mono_ns: int = 0) -> HeardFrame:
    """A frame as heard from nobody in particular."""
    return HeardFrame(
        mono_ns, mono_ns, bytes(6), AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND, rssi_dbm, data
    )


@dataclass
class HandRadio:
    """A radio without an air: a test says what it hears, and reads what it sends."""

    sink: RadioSink
    name: str = "hand"
    sends: bool = True
    hears: bool = True
    on_air: bytes | None = None
    log: list[str] = field(default_factory=list)

    async def start(self, frame: bytes | None = None) -> None:
        """Begin to send `frame`, or to listen."""
        self.log.append("scan" if frame is None else "start")
        self.on_air = frame or self.on_air

    async def rotate(self, frame: bytes) -> None:
        """Send `frame` instead."""
        self.log.append("rotate")
        self.on_air = frame

    async def stop(self) -> None:
        """Stop one of both."""
        self.log.append("stop")

    async def close(self) -> None:
        """Be closed."""
        self.log.append("close")

    def device(self) -> RadioDevice:
        """This radio as a backend would return it."""
        said = Capabilities(
            self.name,
            Rotation.ATOMIC,
            True,
            "",
            1.0,
            (200, 270),
            True,
            True,
            True,
            False,
            (f"by {self.name}",),
        )
        return RadioDevice(
            said, self if self.sends else None, self if self.hears else None, self.close, self.name
        )
