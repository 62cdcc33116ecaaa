"""The world's key server: the real one, in this process or behind a URL, with the same answers byte for byte.

Phones do not talk to it directly but through an `Edge`, as they would through a content delivery network: what is the
same for everybody is fetched once and handed to everybody, and each phone's bytes are counted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import httpx

from anopticon_server.deployment import Deployment
from anopticon_server.errors import ServerError
from anopticon_server.service import KeyServer
from anopticon_simulation.errors import KeyServerError

ISSUER_KEY_VARIABLE: Final = "ANOPTICON_ISSUER_KEY"
"""Environment variable that holds the bearer key of the issuing endpoint."""
CODE_ENTROPY_BYTES: Final = 16
TIMEOUT_SECONDS: Final = 30.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

SETTINGS: Final = frozenset({"design", "period", "rehearsal", "schema"})
"""Names of the facts that a server with a database remembers of its own settings."""

Rows = dict[str, list[dict[str, Any]]]
"""Every row of every table of the server, bytes as hex."""


def without_settings(rows: Rows) -> Rows:
    """The rows less those that only say how the server was set up: they are of no report and no day."""
    return {table: [row for row in held if row.get("name") not in SETTINGS] for table, held in rows.items()}


class UploadRefused(Exception):  # noqa: N818 - an answer of the server, not a fault
    """The server refused an upload; the message is its sentence."""


class ServerLink(Protocol):
    """What a world needs of a key server."""

    def parameters(self) -> dict[str, Any]:
        """Design, period and signing key of the deployment."""

    def advance(self, now: int) -> None:
        """Set the server's clock, never back; it publishes and deletes what is due."""

    def issue_code(self, entropy: bytes) -> str:
        """A one-time code made from 16 bytes of entropy."""

    def upload(self, body: bytes) -> None:
        """Hand in an upload; raises UploadRefused."""

    def index(self) -> bytes:
        """The list of published batches."""

    def batch(self, sha256: str) -> bytes:
        """One published batch."""

    def rows(self) -> Rows:
        """All that the server holds beside what it has published."""

    def close(self) -> None:
        """Let go of it."""


class InProcessServer:
    """The real server's service in this process, in memory, on the world's clock."""

    def __init__(self, design: str, period: int, retention_days: int, start: int) -> None:
        self._now = start
        deployment = Deployment.rehearsal(design, period, retention_days)
        self._server = KeyServer.in_memory(deployment, lambda: self._now, _no_entropy)

    def parameters(self) -> dict[str, Any]:
        """Design, period and signing key."""
        return cast("dict[str, Any]", json.loads(self._server.parameters()))

    def advance(self, now: int) -> None:
        """Move the clock and do what is due."""
        self._now = now
        self._server.tick()

    def issue_code(self, entropy: bytes) -> str:
        """Issue a code."""
        return self._server.issue_code(entropy).code

    def upload(self, body: bytes) -> None:
        """Hand in an upload."""
        try:
            self._server.upload(body)
        except ServerError as error:
            raise UploadRefused(str(error)) from error

    def index(self) -> bytes:
        """The index."""
        return self._server.index()

    def batch(self, sha256: str) -> bytes:
        """A batch."""
        return self._server.batch(sha256)

    def rows(self) -> Rows:
        """Every row."""
        return without_settings(cast("Rows", self._server.rows()))

    def close(self) -> None:
        """Close the database."""
        self._server.close()


class HttpServer:
    """A server process in rehearsal on this machine, over real HTTP."""

    def __init__(self, url: str, issuer_key: str | None = None) -> None:
        """`url` must be on loopback: a simulation has nothing to say to a real deployment."""
        if urlsplit(url).hostname not in LOOPBACK:
            raise KeyServerError(
                f"server {url}: a simulation talks to a server on this machine only (127.0.0.1)"
            )
        key = issuer_key or os.environ.get(ISSUER_KEY_VARIABLE)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._url = url
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)

    def parameters(self) -> dict[str, Any]:
        """Design, period and signing key."""
        return cast("dict[str, Any]", self._call("GET", "/v1/parameters").json())

    def advance(self, now: int) -> None:
        """Move the server's clock, which is the caller's in a rehearsal."""
        self._call("POST", "/rehearsal/clock", json={"now": now})

    def issue_code(self, entropy: bytes) -> str:
        """Issue a code."""
        return str(self._call("POST", "/v1/codes", json={"entropy": entropy.hex()}).json()["code"])

    def upload(self, body: bytes) -> None:
        """Hand in an upload."""
        answer = self._send("POST", "/v1/uploads", content=body, headers={"content-type": "application/json"})
        if answer.is_client_error:
            raise UploadRefused(str(answer.json().get("message", answer.status_code)))
        self._checked(answer, "/v1/uploads")

    def index(self) -> bytes:
        """The index."""
        return self._call("GET", "/v1/index").content

    def batch(self, sha256: str) -> bytes:
        """A batch."""
        return self._call("GET", f"/v1/batches/{sha256}").content

    def rows(self) -> Rows:
        """Every row; only a server in rehearsal tells."""
        return without_settings(cast("Rows", self._call("GET", "/rehearsal/rows").json()))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        return self._checked(self._send(method, path, **arguments), path)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        try:
            return self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise KeyServerError(
                f"server {self._url} does not answer: {error!s:.200} ({type(error).__name__})"
            ) from error

    def _checked(self, answer: httpx.Response, path: str) -> httpx.Response:
        if answer.is_success:
            return answer
        hint = ""
        if path == "/v1/codes":
            hint = f"; the simulation issues codes with the key in {ISSUER_KEY_VARIABLE}"
        elif path.startswith("/rehearsal") and answer.status_code == httpx.codes.NOT_FOUND:
            hint = "; start it with: anopticon-server serve --rehearsal"
        elif path.startswith("/rehearsal"):
            hint = "; its clock cannot go back, so each run needs a server on an empty data directory"
        raise KeyServerError(f"server {self._url}{path} answered {answer.status_code}{hint}")


class Edge:
    """A cache between the phones and the server: everybody gets the same bytes, the server is asked once."""

    def __init__(self, link: ServerLink) -> None:
        self._link = link
        self._index: tuple[str, bytes] | None = None
        self._batches: dict[str, bytes] = {}

    def forget_index(self) -> None:
        """The server may have published: ask it again."""
        self._index = None

    def index(self, known: str | None) -> tuple[str, bytes | None]:
        """The index's tag and bytes; None in place of the bytes for a phone that knows this tag."""
        if self._index is None:
            data = self._link.index()
            self._index = (hashlib.sha256(data).hexdigest(), data)
        tag, data = self._index
        return tag, None if tag == known else data

    def batch(self, sha256: str) -> bytes:
        """One batch."""
        if sha256 not in self._batches:
            self._batches[sha256] = self._link.batch(sha256)
        return self._batches[sha256]


def open_link(url: str | None, design: str, period: int, retention_days: int, start: int) -> ServerLink:
    """The server behind `url`, or one in this process; raises KeyServerError if it is another deployment."""
    if url is None:
        return InProcessServer(design, period, retention_days, start)
    link = HttpServer(url)
    try:
        _check_deployment(link, url, {"design": design, "period": period, "retention_days": retention_days})
    except BaseException:
        link.close()
        raise
    return link


def _check_deployment(link: ServerLink, url: str, wanted: Mapping[str, object]) -> None:
    told = link.parameters()
    for name, value in wanted.items():
        if told.get(name) != value:
            raise KeyServerError(f"server {url} runs {name} = {told.get(name)}, the scenario needs {value}")


def _no_entropy(count: int) -> bytes:
    raise KeyServerError(
        f"the simulated server asked for {count} bytes of ambient entropy; it must be given them"
    )
