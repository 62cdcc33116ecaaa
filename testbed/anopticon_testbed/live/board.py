"""What the collector knows: the latest state of every node, and who waits for news of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from anopticon_testbed.errors import TestbedError
from anopticon_testbed.status import MAX_NODES, Answer, NodeState

STALE_SECONDS: Final = 10.0
"""A node that says nothing for this long is shown as silent; one of the same name may then take its place."""
FORGET_SECONDS: Final = 86_400.0
"""A node that was silent for a day makes room."""
MAX_WATCHERS: Final = 32
"""Pages open at once: each costs a connection and a copy of the board each second."""


class RefusedError(TestbedError):
    """The collector does not take this state; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(slots=True)
class _Entry:
    state: NodeState
    at: float


class Board:
    """The latest state of every node. `seconds` is a clock that never jumps, `wall_ns` the collector's own."""

    def __init__(self, seconds: Callable[[], float], wall_ns: Callable[[], int]) -> None:
        self._seconds = seconds
        self._wall_ns = wall_ns
        self._nodes: dict[str, _Entry] = {}
        self._version = 0
        self._news = asyncio.Event()
        self._watchers = 0
        self._ending = asyncio.Event()

    def push(self, state: NodeState) -> Answer:
        """Take the state of a node; raises RefusedError for a second node of one name and one node too many."""
        now = self._seconds()
        known = self._nodes.get(state.node)
        if known is None and len(self._nodes) >= MAX_NODES:
            self._forget(now)
            if len(self._nodes) >= MAX_NODES:
                raise RefusedError(429, f"there are {MAX_NODES} nodes already (MAX_NODES): stop one first")
        if known is not None and known.state.instance != state.instance and now - known.at < STALE_SECONDS:
            raise RefusedError(
                409,
                f"another node called {state.node!r} is running: give each node a name of its own (--name)",
            )
        self._nodes[state.node] = _Entry(state, now)
        self._version += 1
        self._wake()
        return Answer(wall_ns=self._wall_ns(), nodes=self.tags())

    def tags(self) -> dict[str, str]:
        """Whose beacon each tag is; a tag that two nodes claim is nobody's."""
        found: dict[str, str] = {}
        doubtful: set[str] = set()
        for name, entry in self._nodes.items():
            for tag in entry.state.tags:
                if found.setdefault(tag, name) != name:
                    doubtful.add(tag)
        return {tag: name for tag, name in found.items() if tag not in doubtful}

    def snapshot(self) -> dict[str, Any]:
        """Everything a page shows, as it goes over the wire."""
        now = self._seconds()
        nodes = [
            {**entry.state.model_dump(exclude={"instance", "tags"}), "age_s": round(now - entry.at, 1)}
            for _, entry in sorted(self._nodes.items())
        ]
        return {"wall_ns": self._wall_ns(), "stale_s": STALE_SECONDS, "nodes": nodes}

    async def place(self) -> AsyncIterator[None]:
        """Hold a place for one page while it is open; raises RefusedError if there is none left."""
        if self._watchers >= MAX_WATCHERS:
            raise RefusedError(503, f"{MAX_WATCHERS} pages are open already (MAX_WATCHERS): close one")
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    async def watch(self, every_seconds: float = 1.0) -> AsyncIterator[str]:
        """The snapshot as JSON now, and again on news or at the latest each five seconds, until `close`.

        There is no queue: whoever reads slowly misses what lay between.
        """
        while not self._ending.is_set():
            news = self._news
            yield json.dumps(self.snapshot(), separators=(",", ":"))
            await _wait(news, 5 * every_seconds)
            await _wait(self._ending, every_seconds)

    def close(self) -> None:
        """End every `watch`."""
        self._ending.set()
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _forget(self, now: float) -> None:
        gone = [name for name, entry in self._nodes.items() if now - entry.at > FORGET_SECONDS]
        for name in gone:
            del self._nodes[name]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
