"""The key server over HTTP: what a phone sends, what it reads and no further, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import (
    ConfigurationError,
    DeploymentError,
    ServerDownError,
    ServerError,
    UploadRefusedError,
)
from anopticon_client.transport import Deployment, HttpKeyServer, http
from anopticon_protocol.designs import open_design
from anopticon_protocol.messages import BatchIndex, Upload
from anopticon_protocol.params import MAX_BATCH_BYTES, MAX_INDEX_BYTES
from anopticon_server.app import create_app
from anopticon_server.settings import Settings
from tests.client.desk import KEY_ID, SIGNER
from tests.client.drive import CODE

NAME = hashlib.sha256(b"batch").hexdigest()
PARAMETERS: dict[str, Any] = {
    "design": "gaen",
    "key_id": KEY_ID,
    "period": 7_200,
    "public_key": SIGNER.public.to_text(),
    "spec_version": "1.0",
}


class Scripted:
    """A web server that answers each request with the next of some prepared bytes, and keeps what it was sent."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        """Answer with `answers`, one for each connection; with the last one from then on."""
        self.answers = list(answers)
        self.requests: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                body = await reader.readexactly(int(line.partition(b":")[2]))
        self.requests.append(head + body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(answer)
        await writer.drain()


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[HttpKeyServer]:
    """A phone's line to a web server on a port of its own that speaks as `talk` does, until the phone hangs up."""
    talking: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        with suppress(ConnectionError):
            try:
                await talk(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    server = HttpKeyServer(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    try:
        yield server
    finally:
        await server.close()
        listener.close()
        await listener.wait_closed()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[tuple[Scripted, HttpKeyServer]]:
    """A scripted server, and a phone's line to it."""
    script = Scripted(answers)
    async with listening(script.talk) as server:
        yield script, server


# -- what a phone sends ---------------------------------------------------------------------------------------------


async def test_a_request_holds_nothing_that_tells_phones_apart() -> None:
    """The bytes of every request are these and no others, whatever the server said before."""
    spy = "Set-Cookie: id=42; Path=/", 'ETag: "visitor-42"'
    async with scripted(reply("200 OK", b"one", *spy)) as (script, server):
        await server.fetch_index()
        await server.fetch_batch(NAME, 3)
        await server.upload(b'{"version":1}')
    host = server.url.removeprefix("http://")
    common = [
        f"host: {host}",
        "user-agent: anopticon-phone",
        "accept: */*",
        "accept-encoding: identity",
        "connection: close",
    ]
    lines = [request.decode().split("\r\n") for request in script.requests]
    assert [one[0] for one in lines] == [
        "GET /v1/index HTTP/1.1",
        f"GET /v1/batches/{NAME} HTTP/1.1",
        "POST /v1/uploads HTTP/1.1",
    ]
    headers = [sorted(line.lower() for line in one[1:-2]) for one in lines]
    assert headers[0] == headers[1] == sorted(common)
    assert headers[2] == sorted([*common, "content-type: application/json", "content-length: 13"])
    assert lines[2][-1] == '{"version":1}'


async def test_the_environment_does_not_reach_the_wire(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a proxy nor a password of the machine's user changes what is sent where."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login anna password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with scripted(reply("200 OK", b"one")) as (script, server):
        assert await server.fetch_index() == b"one"
    assert b"authorization" not in script.requests[0].lower()


async def test_the_index_is_asked_for_by_its_own_hash() -> None:
    """If-None-Match holds the hash of what came last, so that a server cannot hand out names through ETags."""
    answers = (
        reply("200 OK", b"index one", 'ETag: "visitor-42"'),
        reply("304 Not Modified"),
        reply("200 OK", b"index one"),
        reply("200 OK", b"index two"),
    )
    async with scripted(*answers) as (script, server):
        assert await server.fetch_index() == b"index one"
        assert await server.fetch_index() is None
        assert await server.fetch_index() is None
        assert await server.fetch_index() == b"index two"
    digest = hashlib.sha256(b"index one").hexdigest()
    for request in script.requests[1:]:
        assert f'if-none-match: "{digest}"'.encode() in request.lower()
    assert b"visitor" not in b"".join(script.requests)


# -- how much it reads ----------------------------------------------------------------------------------------------


def endless(head: bytes, sent: list[int]) -> Talk:
    """Answers one request with `head` and then bytes without end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent.append(65_536)

    return talk


Ask = Callable[[HttpKeyServer], Awaitable[object]]
READS: dict[str, tuple[Ask, int]] = {
    "parameters": (lambda server: server.fetch_parameters(), 16 * 1024),
    "index": (lambda server: server.fetch_index(), MAX_INDEX_BYTES),
    "batch": (lambda server: server.fetch_batch(NAME, 1_000), 1_000),
    "upload": (lambda server: server.upload(b"{}"), 4 * 1024),
}
each_read = pytest.mark.parametrize("name", list(READS))


@each_read
async def test_an_endless_answer_is_cut_off(name: str) -> None:
    """A server that never stops sending is left after a few buffers' worth of bytes, with the bound in the sentence."""
    ask, most = READS[name]
    sent: list[int] = []
    async with listening(endless(b"HTTP/1.1 200 OK\r\n\r\n", sent)) as server:
        with pytest.raises(ServerError, match=f"more than the {most} bytes"):
            await ask(server)
    assert sum(sent) < 16 * 1024 * 1024


async def test_an_endless_refusal_is_cut_off_too() -> None:
    """Of an answer that is an error only the beginning is read, and it still counts as what its status says."""
    async with listening(endless(b"HTTP/1.1 403 No\r\n\r\n", [])) as server:
        with pytest.raises(UploadRefusedError, match="answered 403"):
            await server.upload(b"{}")


async def test_a_batch_has_the_length_that_the_index_says() -> None:
    """A batch of exactly the listed length comes; one byte more or less is refused."""
    async with scripted(reply("200 OK", b"12345")) as (_, server):
        assert await server.fetch_batch(NAME, 5) == b"12345"
        with pytest.raises(ServerError, match="with 5 bytes, the index says 6"):
            await server.fetch_batch(NAME, 6)
        with pytest.raises(ServerError, match="more than the 4 bytes"):
            await server.fetch_batch(NAME, 4)


@pytest.mark.parametrize(
    ("name", "length"),
    [("../uploads", 5), (NAME.upper(), 5), (NAME + "a", 5), (NAME, -1), (NAME, MAX_BATCH_BYTES + 1)],
    ids=["path", "upper-case", "too-long", "negative", "oversized"],
)
async def test_a_batch_that_no_index_can_list_is_not_asked_for(name: str, length: int) -> None:
    """A name that is no hash never becomes part of an address, and nothing above the bound is fetched."""
    async with scripted(reply("200 OK")) as (script, server):
        with pytest.raises(ServerError, match="not fetched"):
            await server.fetch_batch(name, length)
    assert script.requests == []


@each_read
async def test_a_packed_answer_is_refused(name: str) -> None:
    """Nothing is unpacked, so that a small answer cannot become a large one."""
    async with scripted(reply("200 OK", b"\x1f\x8b", "Content-Encoding: gzip")) as (_, server):
        with pytest.raises(ServerError, match="packed its answer"):
            await READS[name][0](server)


# -- what it makes of answers ---------------------------------------------------------------------------------------


@each_read
@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad Gateway", "503 Busy", "507 Full", "429 Slow", "408 Late"]
)
async def test_a_server_that_cannot_serve_now_is_down(name: str, status: str) -> None:
    """Faults and overload of the server are worth another try."""
    async with scripted(reply(status, b"<html>")) as (_, server):
        with pytest.raises(ServerDownError, match=f"cannot serve now .it answered {status[:3]}"):
            await READS[name][0](server)


@each_read
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(name: str, status: str) -> None:
    """A server that sends phones elsewhere is not obeyed, not even to itself."""
    async with scripted(reply(status, b"", "Location: /v1/index")) as (script, server):
        with pytest.raises(ServerError, match="elsewhere"):
            await READS[name][0](server)
    assert len(script.requests) == 1


@each_read
@pytest.mark.parametrize("status", ["404 Not Found", "204 No Content", "304 Not Modified", "401 Who"])
async def test_an_answer_that_makes_no_sense_is_an_error(name: str, status: str) -> None:
    """Any other status is said, and is not taken for an answer; nor is it a refusal of an upload."""
    async with scripted(reply(status)) as (_, server):
        with pytest.raises(ServerError, match=f"answered {status[:3]}") as caught:
            await READS[name][0](server)
    assert not isinstance(caught.value, UploadRefusedError | ServerDownError)


@pytest.mark.parametrize("status", ["400 Bad", "403 Forbidden", "413 Large", "422 Unprocessable"])
async def test_a_refused_upload_gives_the_servers_reason(status: str) -> None:
    """What the server says about a refusal reaches the person, cut to size and without control characters."""
    said = json.dumps({"error": "code", "message": "this code\x1b[31m is\n used" + "x" * 500})
    async with scripted(reply(status, said.encode())) as (_, server):
        with pytest.raises(UploadRefusedError) as caught:
            await server.upload(b"{}")
    assert str(caught.value).startswith("this code[31m is used")
    assert len(str(caught.value)) == http.MAX_REASON_CHARS


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"message":7}', b"\xff\xfe", b"[" * 4_000])
async def test_a_refusal_without_a_reason_is_still_one(body: bytes) -> None:
    """Whatever stands in place of the reason, the refusal is told with its status."""
    async with scripted(reply("403 Forbidden", body)) as (_, server):
        with pytest.raises(UploadRefusedError, match="answered 403"):
            await server.upload(b"{}")


@each_read
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 30_000,
    ],
    ids=["hangs-up", "not-http", "cut-short", "endless-head"],
)
async def test_a_line_that_breaks_is_a_server_that_is_down(name: str, answer: bytes) -> None:
    """A connection that ends early or speaks something else is worth another try."""
    async with scripted(answer) as (_, server):
        with pytest.raises(ServerDownError):
            await READS[name][0](server)


@each_read
async def test_a_server_that_is_not_there_is_down(name: str) -> None:
    """Nobody listens: the sentence says which server that is."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]  # bound, but nobody listens
        server = HttpKeyServer(f"http://127.0.0.1:{port}")
        with pytest.raises(ServerDownError, match=f"127.0.0.1:{port} cannot be reached: is it running"):
            await READS[name][0](server)
        await server.close()


@each_read
async def test_a_server_that_drips_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that keeps the line open without finishing runs out of time, however often it sends a byte."""
    monkeypatch.setattr(http, "LIST_SECONDS", 0.05)
    monkeypatch.setattr(http, "BATCH_SECONDS", 0.05)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with listening(drip) as server, asyncio.timeout(http.SILENCE_SECONDS / 2):
        with pytest.raises(ServerDownError, match="takes too long"):
            await READS[name][0](server)


# -- which servers may be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765",
        "http://localhost",
        "http://[::1]:80/",
        "https://keys.example.org",
        "https://example.org/keys/",
    ],
)
def test_a_server_that_may_be_used(url: str) -> None:
    """Plain http on this machine and https anywhere are fine."""
    assert HttpKeyServer(url).url == url.rstrip("/").removesuffix(":80")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://keys.example.org", "use https elsewhere"),
        ("http://192.168.1.2:8765", "use https elsewhere"),
        ("http://localhost.example.org", "use https elsewhere"),
        ("ftp://127.0.0.1", "must be like"),
        ("127.0.0.1:8765", "must be like|not an address"),
        ("https://", "must be like"),
        ("https://anna:secret@example.org", "without name, password"),
        ("https://example.org/?id=7", "without name, password"),
        ("http://127.0.0.1:port", "not an address"),
    ],
)
def test_a_server_that_may_not_be_used(url: str, sentence: str) -> None:
    """Everything else is refused with a sentence, which never repeats a password."""
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        HttpKeyServer(url)
    assert "secret" not in str(caught.value)


# -- the deployment -------------------------------------------------------------------------------------------------


def test_law_a_deployment_round_trips() -> None:
    """What a phone pins reads back as the deployment that the server described."""
    for spec in ("gaen", "hybrid:window_minutes=240"):
        joined = Deployment.from_json(json.dumps({**PARAMETERS, "design": spec, "more": [1]}))
        again = Deployment.from_json(joined.to_json())
        assert again.to_json() == joined.to_json()
        assert (again.design.spec, again.period, again.key_id) == (spec, 7_200, KEY_ID)
        assert again.same_signer(joined)
        assert again.fingerprint == joined.fingerprint
        assert len(again.fingerprint) == 19


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"design": "robert"}, "must be one of"),
        ({"design": 7}, "design must be text"),
        ({"design": "hybrid:window_minutes=7"}, "window_minutes"),
        ({"key_id": ""}, "key_id must be text"),
        ({"key_id": "k" * 40}, "key_id must be text of 1..32"),
        ({"key_id": "a\x1b[0m"}, "key_id must be text"),
        ({"period": True}, "period must be"),
        ({"period": "7200"}, "period must be"),
        ({"period": 0}, "period must be 60..86400"),
        ({"period": 601}, "multiple of 600"),
        ({"public_key": "AAAA"}, "public key"),
        ({"public_key": None}, "public_key must be text"),
        ({"spec_version": "2.0"}, "speaks version 2.0, this phone speaks"),
        ({"spec_version": None}, "spec_version must be text"),
    ],
    ids=str,
)
def test_parameters_that_make_no_sense_are_refused(change: dict[str, object], sentence: str) -> None:
    """Each field at fault is named."""
    with pytest.raises(DeploymentError, match=sentence):
        Deployment.from_json(json.dumps({**PARAMETERS, **change}))


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(PARAMETERS)), inner)
        ),
    ).map(lambda raw: json.dumps(raw).encode())
)
def test_law_garbled_parameters_raise_deployment_error(data: bytes) -> None:
    """Whatever a server sends as its parameters, the phone has a sentence for it."""
    with pytest.raises(DeploymentError):
        Deployment.from_json(data)


def test_another_signer_is_noticed() -> None:
    """The same key under another name, or another key under the same name, is another signer."""
    joined = Deployment.from_json(json.dumps(PARAMETERS))
    assert not joined.same_signer(Deployment.from_json(json.dumps({**PARAMETERS, "key_id": "other"})))


# -- the real server, in process ------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["lowcost", "unlinkable", "hybrid", "gaen"])
async def test_the_real_server_in_process(spec: str, tmp_path: Path) -> None:
    """Against the real application, without a socket: parameters, index, 304, a refused upload, a missing batch."""
    app = create_app(Settings(design=spec, data_dir=tmp_path))
    server = HttpKeyServer("http://localhost", httpx.ASGITransport(app))
    joined = await server.fetch_parameters()
    spec = open_design(spec).spec
    assert joined.design.spec == spec

    index = await server.fetch_index()
    assert index is not None
    assert BatchIndex.decode(index).design == spec
    assert await server.fetch_index() is None

    with pytest.raises(UploadRefusedError):
        await server.upload(Upload(spec, CODE, ()).encode(joined.design))
    with pytest.raises(ServerError, match="answered 404"):
        await server.fetch_batch(NAME, 5)
    await server.close()
    app.state.server.close()
