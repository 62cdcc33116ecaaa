"""What a phone's shell does beside its other work: one download, one upload and one match at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from anopticon_client.errors import ServerError, UploadRefusedError
from anopticon_client.events import (
    BatchFetched,
    Event,
    FetchBatch,
    FetchFailed,
    FetchIndex,
    IndexFetched,
    TurnGranted,
    UploadAnswered,
    UploadResult,
)
from anopticon_client.ports import KeyServer

Deliver = Callable[[Event], Awaitable[None]]
"""Hands over an event and returns when it is handled."""


class Turns:
    """Gives a phone that matches a long batch one turn after another, between which everybody else gets theirs."""

    def __init__(self, deliver: Deliver) -> None:
        """Give turns once `run` runs."""
        self._deliver = deliver
        self._any = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def grant(self) -> None:
        """The phone has more to match."""
        self._none.clear()
        self._any.set()

    async def finished(self) -> None:
        """Return when the phone has nothing left to match."""
        await self._none.wait()

    async def run(self) -> None:
        """Give turns, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            await self._deliver(TurnGranted())
            if not self._any.is_set():
                self._none.set()


class Downloads:
    """Fetches the index and batches one after the other, so that at most one batch is in memory."""

    def __init__(self, server: KeyServer, deliver: Deliver, turns: Turns) -> None:
        """Fetch from `server` once `run` runs, the next batch when the one before is matched."""
        self._server = server
        self._deliver = deliver
        self._turns = turns
        self._wanted: dict[int | None, FetchIndex | FetchBatch] = {}
        self._any = asyncio.Event()

    def want(self, effect: FetchIndex | FetchBatch) -> None:
        """Fetch this too, unless it is waiting already."""
        self._wanted.setdefault(None if isinstance(effect, FetchIndex) else effect.entry.release, effect)
        self._any.set()

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled."""
        while True:
            await self._any.wait()
            while self._wanted:
                key, effect = next(iter(self._wanted.items()))
                try:
                    event = await self._fetch(effect)
                except ServerError as error:
                    # One failure, however many files were asked for: the phone asks for them again.
                    self._wanted.clear()
                    event = FetchFailed(str(error), of_index=key is None)
                self._wanted.pop(key, None)
                await self._deliver(event)
                await self._turns.finished()
            self._any.clear()

    async def _fetch(self, effect: FetchIndex | FetchBatch) -> Event:
        if isinstance(effect, FetchIndex):
            return IndexFetched(await self._server.fetch_index())
        entry = effect.entry
        return BatchFetched(entry.release, await self._server.fetch_batch(entry.sha256, entry.length))


class Uploads:
    """Sends one upload at a time."""

    def __init__(self, server: KeyServer, deliver: Deliver) -> None:
        """Send to `server` once `run` runs."""
        self._server = server
        self._deliver = deliver
        self._next: bytes | None = None
        self._under_way: bytes | None = None
        self._any = asyncio.Event()

    def send(self, body: bytes) -> None:
        """Send `body` next, in place of what still waits. What is under way already is not sent twice."""
        if body != self._under_way:
            self._next = body
            self._any.set()

    async def run(self) -> None:
        """Send what there is, until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            self._under_way, self._next = self._next, None
            if self._under_way is not None:
                answer = await self._send(self._under_way)
                self._under_way = None
                await self._deliver(answer)

    async def _send(self, body: bytes) -> UploadAnswered:
        try:
            await self._server.upload(body)
        except UploadRefusedError as error:
            return UploadAnswered(UploadResult.REFUSED, str(error))
        except ServerError as error:
            return UploadAnswered(UploadResult.UNREACHABLE, str(error))
        return UploadAnswered(UploadResult.ACCEPTED)
