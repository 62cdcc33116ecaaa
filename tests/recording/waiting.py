"""A radio's sink on which a test waits for what it expects, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind


@dataclass
class WaitingEar:
    """Keeps what a radio says and wakes whoever waits."""

    frames: list[HeardFrame] = field(default_factory=list)
    events: list[RadioEvent] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        self.frames.append(frame)
        self.news.set()

    def happened(self, event: RadioEvent) -> None:
        """Something happened to the radio."""
        self.events.append(event)
        self.news.set()

    def kinds(self) -> list[RadioEventKind]:
        """The kinds of the events, in order."""
        return [event.kind for event in self.events]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until `reached` holds; pytest's own timeout ends what never does."""
        while not reached():
            self.news.clear()
            await self.news.wait()
