"""The phone of a node: its radio, its screen, and the rows from which a replay gets the same notifications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from anopticon_client.errors import RadioError
from anopticon_client.events import Effect, Event, Scanned, Sighting
from anopticon_client.radio.interfaces import RadioDevice, Timestamps
from anopticon_client.recording.inputs import input_of
from anopticon_client.recording.rows import NoticeRow, PhoneInput, ScanMark, ScanPhase
from anopticon_client.state import Notice
from anopticon_testbed.node.recorder import Recorder


class NodeRadio:
    """A device as a phone uses it. The scanner is on all the time, for the recording: a scan is a window on it."""

    def __init__(self, device: RadioDevice, recorder: Recorder, timestamps: Timestamps) -> None:
        """Drive `device`, whose sink is `recorder`."""
        self._device = device
        self._recorder = recorder
        self._timestamps = timestamps
        self._on_air = False

    async def advertise(self, frame: bytes) -> None:
        """Broadcast `frame` under a new address; raises RadioError."""
        advertiser = self._device.advertiser
        if advertiser is None:
            raise RadioError(
                f"radio {self._device.capabilities.backend}: it can only listen; name one that sends before it, "
                f"like bluez:hci0+{self._device.capabilities.backend}"
            )
        await (advertiser.rotate(frame) if self._on_air else advertiser.start(frame))
        self._on_air = True

    async def silence(self) -> None:
        """Broadcast nothing until the next `advertise`."""
        if self._device.advertiser is not None:
            await self._device.advertiser.stop()
        self._on_air = False

    async def scan(self, seconds: float) -> Sequence[Sighting]:
        """What is heard in the next `seconds`; raises RadioError if the radio cannot hear."""
        if self._device.scanner is None:
            raise RadioError(
                f"radio {self._device.capabilities.backend}: it can only send; add one that listens, like +bleak"
            )
        moment = self._timestamps()
        self._recorder.write(ScanMark(*moment, ScanPhase.BEGUN))
        self._recorder.open_window()
        try:
            await asyncio.sleep(seconds)
        finally:
            heard = self._recorder.close_window()
        return heard

    async def close(self) -> None:
        """The device belongs to the node."""


class Screen:
    """The phone's screen and the watcher of its runner: everything that a replay needs becomes a row."""

    def __init__(
        self, recorder: Recorder, timestamps: Timestamps, now: Callable[[], int], say: Callable[[str], None]
    ) -> None:
        """`now` is the phone's clock in Unix seconds, `say` takes what a person should read."""
        self._recorder = recorder
        self._timestamps = timestamps
        self._now = now
        self._say = say

    async def show(self, notice: Notice) -> None:
        """Show a notice."""
        moment = self._timestamps()
        row = NoticeRow(
            *moment,
            self._now(),
            notice.notice_id,
            notice.kind.value,
            notice.day,
            notice.seconds,
            notice.sentence,
        )
        self._recorder.write(row)
        self._say(f"{notice.kind.value.upper()}: {notice.sentence}")

    async def warn(self, sentence: str) -> None:
        """Show a line that needs no answer."""
        self._say(f"note: {sentence}")

    def watch(self, now: int, what: Event | Effect) -> None:
        """Record an event that the phone has handled."""
        moment = self._timestamps()
        if isinstance(what, Scanned):
            self._recorder.write(ScanMark(*moment, ScanPhase.ENDED, now, len(what.sightings)))
            return
        found = input_of(what)
        if found is not None:
            self._recorder.write(PhoneInput(*moment, now, found.kind, found.number, found.data))
