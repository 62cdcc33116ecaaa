"""The key server over HTTP, on the network or in the same process (SPEC.md 7).

    server = HttpKeyServer("http://127.0.0.1:8765")
    server = HttpKeyServer("http://localhost", transport=httpx.ASGITransport(app))

Every phone sends the same bytes: no cookies, no language, one user agent for all, no environment's proxy or
password, each request on a connection of its own. What a server sends is read up to a bound and no further.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import re
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from anopticon_client.errors import (
    ConfigurationError,
    ServerDownError,
    ServerError,
    UploadRefusedError,
)
from anopticon_client.transport.deployment import MAX_PARAMETERS_BYTES, Deployment
from anopticon_protocol.params import MAX_BATCH_BYTES, MAX_INDEX_BYTES

USER_AGENT: Final = "anopticon-phone"
"""The same on every phone and in every version."""
CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 20.0
"""A server that says nothing for this long is taken to be down."""
LIST_SECONDS: Final = 60.0
"""The parameters, the index or the answer to an upload must be complete by then, however slowly they drip."""
BATCH_SECONDS: Final = 900.0
"""64 MiB at 75 kB a second."""
MAX_ANSWER_BYTES: Final = 4 * 1024
"""What is read of the answer to an upload and of any refusal."""
MAX_REASON_CHARS: Final = 200
"""What is shown of a server's own sentence."""
# Connections are closed after one answer: a kept one would tie an upload to the downloads before it.
_HEADERS: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_REFUSALS: Final = frozenset({400, 403, 409, 410, 413, 422})
"""Answers to an upload that the same upload will get again."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BUSY: Final = frozenset({408, 425, 429})
_OK = 200
_NOT_MODIFIED = 304
_SERVER_FAULTS = 500
_DIGEST = re.compile(r"[0-9a-f]{64}")


class HttpKeyServer:
    """The key server at `url`. Every method raises ServerDownError or ServerError."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Talk to `url`, over the network or over `transport`; raises ConfigurationError."""
        self.url = _checked(url)
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            verify=self.url.startswith("https:"),  # to load certificates takes time, and http uses none
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )
        self._index_digest: str | None = None

    async def fetch_parameters(self) -> Deployment:
        """What the server says about its deployment; raises DeploymentError if it makes no sense."""
        return Deployment.from_json(await self._get("/v1/parameters", MAX_PARAMETERS_BYTES, LIST_SECONDS))

    async def fetch_index(self) -> bytes | None:
        """The index of batches; None if it has not changed since the last call.

        The ETag sent back is the hash of what came, never a word of the server's: that could be a name.
        """
        known = {} if self._index_digest is None else {"If-None-Match": f'"{self._index_digest}"'}
        request = self._client.build_request("GET", "/v1/index", headers=known)
        status, data = await self._ask(request, MAX_INDEX_BYTES, LIST_SECONDS)
        if status == _NOT_MODIFIED and known:
            return None
        if status != _OK:
            raise _unexpected(status)
        digest = hashlib.sha256(data).hexdigest()
        unchanged, self._index_digest = digest == self._index_digest, digest
        return None if unchanged else data

    async def fetch_batch(self, sha256: str, length: int) -> bytes:
        """One batch, by the hash and length that the index lists."""
        if not _DIGEST.fullmatch(sha256) or not 0 <= length <= MAX_BATCH_BYTES:
            raise ServerError(
                f"the index lists a batch of {length} bytes called {sha256[:64]!r}: not fetched"
            )
        data = await self._get(f"/v1/batches/{sha256}", length, BATCH_SECONDS)
        if len(data) != length:
            raise ServerError(f"a batch came with {len(data)} bytes, the index says {length}")
        return data

    async def upload(self, body: bytes) -> None:
        """Hand in an upload; returns when it was accepted. Raises UploadRefusedError with what was said."""
        content_type = {"Content-Type": "application/json"}
        request = self._client.build_request("POST", "/v1/uploads", content=body, headers=content_type)
        status, data = await self._ask(request, MAX_ANSWER_BYTES, LIST_SECONDS)
        if status in _REFUSALS:
            raise UploadRefusedError(_reason(data) or f"the key server answered {status}")
        if status != _OK:
            raise _unexpected(status)

    async def close(self) -> None:
        """Let go of the network."""
        await self._client.aclose()

    async def _get(self, path: str, most: int, seconds: float) -> bytes:
        status, data = await self._ask(self._client.build_request("GET", path), most, seconds)
        if status != _OK:
            raise _unexpected(status)
        return data

    async def _ask(self, request: httpx.Request, most: int, seconds: float) -> tuple[int, bytes]:
        """The status, and the body: all of it, up to `most` bytes, if that is 200, else its beginning."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.send(request, stream=True)
                async with contextlib.aclosing(answer):
                    whole = answer.status_code == _OK
                    data = await _body(answer, most if whole else MAX_ANSWER_BYTES, whole=whole)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ServerDownError(f"the key server at {self.url} takes too long to answer") from error
        except httpx.ConnectError as error:
            raise ServerDownError(
                f"the key server at {self.url} cannot be reached: is it running, and is this its address?"
            ) from error
        except httpx.TransportError as error:
            raise ServerDownError(f"the line to the key server at {self.url} broke") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ServerError(f"the key server at {self.url} gives an unreadable answer") from error
        return answer.status_code, data


async def _body(answer: httpx.Response, most: int, *, whole: bool) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ServerError("the key server packed its answer, which was not asked for")
    data = bytearray()
    async for chunk in answer.aiter_raw():
        data += chunk
        if len(data) > most:
            if whole:
                raise ServerError(f"the key server sends more than the {most} bytes that may come here")
            break
    return bytes(data[:most])


def _unexpected(status: int) -> ServerError:
    if status >= _SERVER_FAULTS or status in _BUSY:
        return ServerDownError(f"the key server cannot serve now (it answered {status})")
    if status in _REDIRECTS:
        return ServerError(f"the key server sends this phone elsewhere (it answered {status}): not followed")
    return ServerError(f"the key server answered {status}, which is not what it should say here")


def _reason(data: bytes) -> str:
    """The `message` of a refusal, with nothing in it that could play tricks on a screen."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    said = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(said, str):
        return ""
    return "".join(letter for letter in said if letter.isprintable())[:MAX_REASON_CHARS]


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"server {url!r}: not an address ({error})") from error
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ConfigurationError(f"server {url!r}: must be like https://example.org or http://127.0.0.1:8765")
    if parts.userinfo or parts.query or parts.fragment:
        raise ConfigurationError(f"server {parts.host}: an address without name, password, ? and # is needed")
    if parts.scheme == "http" and not _is_loopback(parts.host):
        raise ConfigurationError(
            f"server {url}: http is for this machine only (127.0.0.1, ::1, localhost); use https elsewhere"
        )
    return str(parts).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
