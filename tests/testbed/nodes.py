"""States of nodes that are no nodes, for tests of what is told about them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from anopticon_testbed.status import ClockState, HeardNode, NodeState


def state(number: int = 1, **given: object) -> NodeState:
    """A node's state; `number` gives its name, instance and tag."""
    fields: dict[str, object] = {
        "node": f"pi-{number:02}",
        "instance": f"{number:016x}",
        "run": "test",
        "design": "hybrid",
        "radio": "virtual",
        "every_pdu": True,
        "interval_ms": 255.0,
        "tags": (f"{number:016x}",),
        "uptime_s": 100.0,
        "rotated_s": 12.0,
        "rotations": 3,
        "duty": 1.0,
        "window_s": 60.0,
    }
    return NodeState.model_validate(fields | given)


def cluster(count: int) -> list[NodeState]:
    """Nodes in a row, 1 m from each other, that all hear each other."""
    return [
        state(
            number,
            heard=tuple(
                HeardNode(node=f"pi-{other:02}", rssi_dbm=-66.0 - 3 * abs(number - other), count=220)
                for other in range(1, count + 1)
                if other != number
            ),
            clock=ClockState(offset_ms=0.4 * number, error_ms=0.2, source="chrony"),
            others=number,
        )
        for number in range(1, count + 1)
    ]


async def snapshots(client: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """Every snapshot of the event stream."""
    async with client.stream("GET", "/v1/events") as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
