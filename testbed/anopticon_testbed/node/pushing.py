"""Tells the collector how the node is. Only the latest state counts, so nothing waits and nothing piles up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import httpx
from pydantic import ValidationError

from anopticon_client.recording.rows import ClockReading
from anopticon_testbed.errors import CollectorError, InputError
from anopticon_testbed.node.clocks import Offset, between
from anopticon_testbed.node.plan import NodeWorld
from anopticon_testbed.status import MAX_STATE_BYTES, Answer, NodeState

EVERY_SECONDS: Final = 1.0
SLOWEST_SECONDS: Final = 10.0
"""Between tries while the collector does not answer."""
TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 2 * MAX_STATE_BYTES
MAX_SHOWN_CHARS: Final = 200
_OK: Final = 200


class HttpCollector:
    """The collector at an address."""

    def __init__(self, url: str, token: str = "") -> None:
        """Talk to `url`; raises InputError if that is no address."""
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise InputError(f"--collector {url[:80]!r}: not an address ({error})") from error
        if parts.scheme not in {"http", "https"} or not parts.host:
            raise InputError(f"--collector {url[:80]!r}: must be like http://192.168.1.10:8790")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = str(parts).rstrip("/")
        self._client = httpx.AsyncClient(
            headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False, verify=parts.scheme == "https"
        )

    async def __aenter__(self) -> Self:
        """The collector itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the network."""
        await self._client.aclose()

    async def post(self, state: NodeState) -> Answer:
        """Send a state; raises CollectorError."""
        request = self._client.build_request(
            "POST",
            f"{self._url}/v1/state",
            content=state.model_dump_json(),
            headers={"content-type": "application/json"},
        )
        try:
            answer = await self._client.send(request, stream=True)
            async with contextlib.aclosing(answer):
                data = await _body(answer)
            if answer.status_code == _OK:
                return Answer.model_validate_json(data)
        except (httpx.HTTPError, ValidationError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CollectorError(
                f"the collector at {self._url} does not answer ({reason[:MAX_SHOWN_CHARS]})"
            ) from error
        raise CollectorError(
            f"the collector at {self._url} refuses this node: {_message(answer.status_code, data)}"
        )


class Pusher:
    """Sends the state once a second, and remembers what the collector said."""

    def __init__(self, world: NodeWorld, state: Callable[[dict[str, str]], NodeState]) -> None:
        """`state` makes the state from the names that the collector knows, by tag."""
        self._world = world
        self._state = state
        self.names: dict[str, str] = {}
        self._best: tuple[Offset, int, int] | None = None
        self._failing = False

    async def run(self) -> None:
        """Push until cancelled."""
        if self._world.post is None:
            return
        wait = EVERY_SECONDS
        while True:
            wait = EVERY_SECONDS if await self.push() else min(2 * wait, SLOWEST_SECONDS)
            await asyncio.sleep(wait)

    async def push(self) -> bool:
        """Push once; False if the collector did not take it."""
        post = self._world.post
        if post is None:
            return False
        before = self._world.timestamps()
        try:
            answer = await post(self._state(self.names))
        except CollectorError as error:
            if not self._failing:
                self._world.say(f"note: {error}. Recording goes on")
            self._failing = True
            return False
        after = self._world.timestamps()
        if self._failing:
            self._world.say("the collector answers again")
        self._failing = False
        self.names = answer.nodes
        took = after.mono_ns - before.mono_ns
        offset = between(before.wall_ns, before.wall_ns + took, answer.wall_ns)
        if self._best is None or offset.error_ns < self._best[0].error_ns:
            self._best = (offset, before.mono_ns, before.wall_ns)
        return True

    def measured(self) -> ClockReading | None:
        """The best offset measured since the last call, None if there is none."""
        best, self._best = self._best, None
        if best is None:
            return None
        offset, mono_ns, wall_ns = best
        return ClockReading(mono_ns, wall_ns, *offset, "collector")


async def _body(answer: httpx.Response) -> bytes:
    """The answer up to a bound: whatever runs at that address, it fills no memory here."""
    data = b""
    async for chunk in answer.aiter_bytes():
        data += chunk
        if len(data) > MAX_ANSWER_BYTES:
            break
    return data[:MAX_ANSWER_BYTES]


def _message(status: int, data: bytes) -> str:
    try:
        said = json.loads(data)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = f"it answered {status}"
    return "".join(letter for letter in str(said) if letter.isprintable())[:MAX_SHOWN_CHARS]
