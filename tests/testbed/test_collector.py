"""The collector over real HTTP: what it takes, what it refuses, what it sends to pages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from anopticon_server import patience
from anopticon_testbed.errors import SetupError
from anopticon_testbed.live.board import MAX_WATCHERS, STALE_SECONDS, Board, RefusedError
from anopticon_testbed.live.collector import MAX_CONNECTIONS, collecting, is_loopback
from anopticon_testbed.status import MAX_NODES, MAX_STATE_BYTES, NodeState, beacon_tag
from tests.testbed.nodes import cluster, snapshots, state

pytestmark = pytest.mark.anyio
TOKEN = "a token that nobody guesses"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


async def post(client: httpx.AsyncClient, told: NodeState, **more: Any) -> httpx.Response:
    """Push a state."""
    headers = {"content-type": "application/json", **more}
    return await client.post("/v1/state", content=told.model_dump_json(), headers=headers)


async def test_what_a_node_pushes_is_on_the_board_and_in_the_stream() -> None:
    """SPEC: TB-4. A pushed state comes back as JSON and as an event, and never the node's tags or instance."""
    async with collecting(port=0) as (url, _), httpx.AsyncClient(base_url=url) as client:
        for told in cluster(3):
            assert (await post(client, told)).status_code == 200
        board = (await client.get("/v1/board")).json()
        assert [node["node"] for node in board["nodes"]] == ["pi-01", "pi-02", "pi-03"]
        assert board["nodes"][0]["heard"][0] == {"node": "pi-02", "rssi_dbm": -69.0, "count": 220}
        assert not {"tags", "instance"} & set(board["nodes"][0])
        stream = snapshots(client)
        first = await anext(stream)
        assert len(first["nodes"]) == 3
        await post(client, state(4))
        assert len((await anext(stream))["nodes"]) == 4
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_node_learns_whose_beacon_is_whose() -> None:
    """SPEC: TB-5. The answer names the node of each tag, and a tag that two nodes claim is nobody's."""
    async with collecting(port=0) as (url, _), httpx.AsyncClient(base_url=url) as client:
        await post(client, state(1))
        await post(client, state(2, tags=("00" * 8, f"{2:016x}")))
        answer = (await post(client, state(3, tags=("00" * 8,)))).json()
        assert answer["nodes"] == {f"{1:016x}": "pi-01", f"{2:016x}": "pi-02"}
        assert answer["wall_ns"] > 1_600_000_000 * 10**9


async def test_two_nodes_of_one_name_are_refused_until_the_first_is_silent() -> None:
    """SPEC: TB-6. The second of one name gets 409, the same node again does not, and its successor waits its turn."""
    hands = Hands()
    board = Board(hands, lambda: 1)
    board.push(state(1))
    board.push(state(1))
    with pytest.raises(
        RefusedError, match="another node called 'pi-01' is running: give each node a name"
    ) as seen:
        board.push(state(1, instance="ff" * 8))
    assert seen.value.status == 409
    hands.seconds = STALE_SECONDS
    board.push(state(1, instance="ff" * 8))


async def test_the_number_of_nodes_is_bounded_and_old_ones_make_room() -> None:
    """SPEC: TB-6. The 65th node is refused with the bound's name; after a day of silence it is taken."""
    hands = Hands()
    board = Board(hands, lambda: 1)
    for number in range(MAX_NODES):
        board.push(state(number))
    with pytest.raises(RefusedError, match="64 nodes already"):
        board.push(state(99))
    hands.seconds = 86_401
    board.push(state(99))
    assert len(board.snapshot()["nodes"]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status", "told"),
    [
        (b"{}", "application/json", 422, "node: Field required"),
        (b"not json", "application/json", 422, "Invalid JSON"),
        (b"[" * 20_000, "application/json", 422, "JSON"),
        (state(1).model_dump_json().encode(), "text/plain", 415, "application/json"),
        (state(1).model_dump_json().replace("pi-01", "a/../b").encode(), "application/json", 422, "node: "),
        (state(1).model_dump_json().replace("100.0", "NaN").encode(), "application/json", 422, "uptime_s: "),
        (state(1).model_dump_json()[:-1].encode() + b',"x":1}', "application/json", 422, "x: Extra"),
        (b" " * (MAX_STATE_BYTES + 1), "application/json", 413, ""),
    ],
    ids=["empty", "no JSON", "deep", "content type", "name", "not a number", "unknown field", "too long"],
)
async def test_a_bad_state_is_refused_and_the_field_named(
    body: bytes, kind: str, status: int, told: str
) -> None:
    """SPEC: TB-6. A state that is malformed or out of bounds is refused, without what it said."""
    async with collecting(port=0) as (url, board), httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/state", content=body, headers={"content-type": kind})
        assert answer.status_code == status
        assert told in answer.text
        assert "a/../b" not in answer.text
        assert board.snapshot()["nodes"] == []


async def test_with_a_token_only_who_knows_it_can_write() -> None:
    """SPEC: TB-6. Without the token a state is refused with 401, with it taken; reading needs none."""
    async with collecting(port=0, token=TOKEN) as (url, _), httpx.AsyncClient(base_url=url) as client:
        assert (await post(client, state(1))).status_code == 401
        assert (await post(client, state(1), authorization="Bearer wrong")).status_code == 401
        assert (await post(client, state(1), authorization=f"Bearer {TOKEN}")).status_code == 200
        assert len((await client.get("/v1/board")).json()["nodes"]) == 1


async def test_pages_are_bounded_and_a_closed_one_makes_room() -> None:
    """SPEC: TB-6. A page too many is answered 503; when one is closed the next is served."""
    async with collecting(port=0) as (url, board), httpx.AsyncClient(base_url=url) as client:
        held = [board.place() for _ in range(MAX_WATCHERS)]
        for one in held:
            await anext(aiter(one))
        assert (await client.get("/v1/events")).status_code == 503
        with pytest.raises(StopAsyncIteration):
            await anext(aiter(held[0]))
        assert (await anext(snapshots(client)))["nodes"] == []


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"POST /v1/state HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\ncontent-type: application/json\r\n\r\n{",
    ],
    ids=["silent", "head", "body"],
)
async def test_who_never_says_what_it_wants_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], begun: bytes
) -> None:
    """SPEC: TB-6. As many connections as there may be, all unfinished, are closed; an open page stays open."""
    monkeypatch.setattr(patience, "IDLE_SECONDS", 0.2)
    async with collecting(port=0) as (url, board), httpx.AsyncClient(base_url=url) as client:
        page = snapshots(client)
        assert (await anext(page))["nodes"] == []
        where = httpx.URL(url)
        held = [await asyncio.open_connection(where.host, where.port) for _ in range(MAX_CONNECTIONS)]
        for _, writer in held:
            writer.write(begun)
        for reader, writer in held:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert (await post(client, state(1))).status_code == 200
        assert [node["node"] for node in (await anext(page))["nodes"]] == ["pi-01"]
        board.close()
    assert "Traceback" not in capfd.readouterr().err


async def test_stopping_the_collector_ends_the_streams() -> None:
    """A page that is open does not keep the collector from stopping: its stream ends."""
    async with httpx.AsyncClient() as client:
        async with collecting(port=0) as (url, _):
            client.base_url = httpx.URL(url)
            stream = snapshots(client)
            await anext(stream)
        with pytest.raises((StopAsyncIteration, httpx.RemoteProtocolError)):
            await anext(stream)


async def test_a_port_in_use_is_one_sentence() -> None:
    """Where the port is taken the collector says so and what to do."""
    async with collecting(port=0) as (url, _):
        with pytest.raises(SetupError, match="Choose another --port"):
            async with collecting(port=int(url.rpartition(":")[2])):
                pass


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("pi", False),
    ],
)
def test_loopback_is_told_from_the_network(host: str, local: bool) -> None:
    """Only addresses of this machine itself count as loopback."""
    assert is_loopback(host) is local


def test_a_tag_is_the_same_with_and_without_flags() -> None:
    """SPEC: TB-5. The tag depends on the service data alone, so that a rebuilt frame has the tag of the one sent."""
    data = bytes(range(16))
    flagged = bytes.fromhex("02011a0303 68fd 13 16 68fd") + data
    bare = bytes.fromhex("0303 68fd 13 16 68fd") + data
    assert beacon_tag(flagged) == beacon_tag(bare) != beacon_tag(b"\xff")
