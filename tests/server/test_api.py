"""The HTTP side in process: every route, every status, caching, bounds on bodies."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message

from anopticon_protocol.batch import Batch
from anopticon_protocol.codes import make_code
from anopticon_protocol.export import load_export
from anopticon_protocol.messages import MAX_UPLOAD_BYTES, BatchIndex, Upload
from anopticon_protocol.signing import VerifyingKey
from anopticon_server.app import build_app, create_app
from anopticon_server.clock import Clock, PacedClock, RehearsalClock
from anopticon_server.deployment import Deployment
from anopticon_server.errors import SettingsError
from anopticon_server.service import KeyServer, PublishedFile
from anopticon_server.settings import Settings, load_settings
from anopticon_server.web import MAX_LIST_AGE_SECONDS, MAX_SMALL_BODY_BYTES
from tests.server.kit import DAY, LOCKED_OUT, PERIOD, START, Fresh, each_design, keys_of

ISSUER_KEY = "an issuer key of some length"
POST_UPLOAD: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/v1/uploads",
    "headers": [],
    "query_string": b"",
}
AUTHORISED = {"authorization": f"Bearer {ISSUER_KEY}"}


class Wall:
    """What a PacedClock of a test takes for the wall."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


class Site:
    """An application and a client that speaks to it without a network."""

    def __init__(self, app: FastAPI, clock: Wall) -> None:
        self.app, self.clock = app, clock
        self.server: KeyServer = app.state.server
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://server"
        )

    async def upload(self, person: int) -> httpx.Response:
        """Somebody reports."""
        design = self.server.deployment.design
        keys = keys_of(design.spec, person, self.server.clock())
        body = Upload(design.spec, self.server.issue_code().code, keys).encode(design)
        return await self.http.post("/v1/uploads", content=body)


@asynccontextmanager
async def site(folder: Path, clock: Clock | None = None, **given: object) -> AsyncIterator[Site]:
    """A server in `folder`, by the wall of its site unless another clock is given; it ends with the block."""
    wall = Wall()
    settings = load_settings(data_dir=folder / "data", **given)
    opened = Site(create_app(settings, clock or PacedClock(wall=wall), Fresh()), wall)
    try:
        yield opened
    finally:
        await opened.http.aclose()
        opened.server.close()


async def test_a_server_in_memory_can_be_spoken_to(tmp_path: Path) -> None:
    """An application around a server without files gives the same answers, batches included."""
    wall = Wall()
    clock = PacedClock(wall=wall)
    server = KeyServer.in_memory(Deployment.rehearsal("gaen"), clock, Fresh())
    opened = Site(build_app(server, clock, load_settings(data_dir=tmp_path / "unused")), wall)
    async with opened.app.router.lifespan_context(opened.app):
        await opened.upload(1)
        wall.now += 2 * DAY
        server.tick()
        entry = BatchIndex.decode((await opened.http.get("/v1/index")).content).batches[0]
        answer = await opened.http.get(f"/v1/batches/{entry.sha256}")
        assert hashlib.sha256(answer.content).hexdigest() == entry.sha256
        assert (await opened.http.head(f"/v1/batches/{entry.sha256}")).content == b""
        await opened.http.aclose()
    assert not (tmp_path / "unused").exists()


async def test_the_application_publishes_as_long_as_it_lives(tmp_path: Path) -> None:
    """Within its lifespan the task does what is due at once; with its end the task ends."""
    async with site(tmp_path, design="lowcost") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        async with opened.app.router.lifespan_context(opened.app):
            while b"release" not in (await opened.http.get("/v1/index")).content:
                pass
        assert [task for task in asyncio.all_tasks() if "keep_house" in repr(task)] == []


async def test_a_caller_who_hangs_up_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A phone that goes away in the middle of its upload leaves no trace in the log, and its code good."""
    async with site(tmp_path, design="lowcost") as opened:

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            raise AssertionError(message)

        with caplog.at_level("INFO", "anopticon_server"):
            await opened.app(POST_UPLOAD, receive, send)
        assert [record for record in caplog.records if record.name == "anopticon_server"] == []


@each_design
async def test_from_upload_to_download(tmp_path: Path, spec: str) -> None:
    """An upload is accepted, and after its release the batch is in the index and verifies (HT-1)."""
    async with site(tmp_path, design=spec) as opened:
        parameters = (await opened.http.get("/v1/parameters")).json()
        assert parameters["design"] == opened.server.deployment.design.spec
        answer = await opened.upload(1)
        assert (answer.status_code, answer.content) == (200, b'{"accepted":true}')
        assert answer.headers["cache-control"] == "no-store"
        opened.clock.now += 2 * DAY
        opened.server.tick()
        index = BatchIndex.decode((await opened.http.get("/v1/index")).content)
        trusted = {parameters["key_id"]: VerifyingKey.from_text(parameters["public_key"])}
        for entry in index.batches:
            answer = await opened.http.get(f"/v1/batches/{entry.sha256}")
            assert hashlib.sha256(answer.content).hexdigest() == entry.sha256
            batch = Batch.decode(answer.content, trusted, opened.server.deployment.design)
            assert (batch.release, batch.period) == (entry.release, PERIOD)
        assert index.batches


async def test_exports_are_served_for_gaen(tmp_path: Path) -> None:
    """The list names files relative to itself, oldest first, and each verifies."""
    async with site(tmp_path, design="gaen") as opened:
        await opened.upload(1)
        opened.clock.now += 2 * DAY
        opened.server.tick()
        listed = await opened.http.get("/v1/exports/index.txt")
        assert listed.headers["content-type"] == "text/plain; charset=utf-8"
        names = listed.text.splitlines()
        assert names == sorted(names)
        assert len(names) == 2
        for name in names:
            answer = await opened.http.get(str(listed.url.join(name)))
            assert answer.headers["content-type"] == "application/zip"
            assert load_export(answer.content, [opened.server.deployment.signer.public]).records > 0


async def test_the_routes_are_these_and_no_others(tmp_path: Path) -> None:
    """The inventory of addresses: none takes a person's name, a token of one or anything to ask about one."""
    read = ("/openapi.json", "/health", "/v1/parameters", "/v1/index", "/v1/batches/{name}")
    public = {(path, method) for path in read for method in ("GET", "HEAD")} | {("/v1/uploads", "POST")}
    exported = ("/v1/exports/index.txt", "/v1/exports/{name}")
    exports = {(path, method) for path in exported for method in ("GET", "HEAD")}
    issuing = {("/v1/codes", "POST")}
    rehearsing = {("/rehearsal/clock", "POST"), ("/rehearsal/rows", "GET"), ("/rehearsal/reset", "POST")}
    cases: list[tuple[dict[str, object], set[tuple[str, str]]]] = [
        ({"design": "lowcost"}, public),
        ({"design": "gaen"}, public | exports),
        ({"design": "lowcost", "issuer_key": SecretStr(ISSUER_KEY)}, public | issuing),
        ({"design": "lowcost", "rehearsal": True}, public | issuing | rehearsing),
    ]
    for number, (given, expected) in enumerate(cases):
        clock = RehearsalClock(START) if "rehearsal" in given else None
        async with site(tmp_path / str(number), clock, **given) as opened:
            assert routes(opened.app) == expected
            for path, _ in (issuing | rehearsing) - expected:
                assert (await opened.http.post(path, json={})).status_code == 404


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every address of an application with each of its methods, hidden ones too."""
    found: set[tuple[str, str]] = set()
    waiting: list[Any] = list(app.routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is None:
            found |= {(route.path, method) for method in route.methods}
        else:
            waiting += inner.routes
    return found


async def test_unknown_addresses_and_methods_have_the_form_of_all_errors(tmp_path: Path) -> None:
    """404 and 405 are JSON with a stable word, and 405 says what is allowed."""
    async with site(tmp_path, design="lowcost") as opened:
        missing = await opened.http.get("/v1/people")
        assert (missing.status_code, missing.json()["error"]) == (404, "not-found")
        wrong = await opened.http.delete("/v1/uploads")
        assert (wrong.status_code, wrong.json()["error"], wrong.headers["allow"]) == (405, "method", "POST")
        for name in ("0" * 64, "..", "%2e%2e%2fcode.key", "x" * 5_000):
            assert (await opened.http.get(f"/v1/batches/{name}")).status_code == 404


async def test_files_are_cached_for_good_and_lists_until_the_next_release(tmp_path: Path) -> None:
    """A batch is immutable with its hash as ETag; a list is fresh until the next release at most (HT-2)."""
    async with site(tmp_path, design="lowcost") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        opened.server.tick()
        index = await opened.http.get("/v1/index")
        entry = BatchIndex.decode(index.content).batches[0]
        batch = await opened.http.get(f"/v1/batches/{entry.sha256}")
        assert batch.headers["etag"] == f'"{entry.sha256}"'
        assert batch.headers["cache-control"] == "public, max-age=1209600, immutable"
        assert batch.headers["content-length"] == str(entry.length)
        assert index.headers["cache-control"] == f"public, max-age={MAX_LIST_AGE_SECONDS}"
        opened.clock.now += PERIOD - opened.clock.now % PERIOD - 17
        near = await opened.http.get("/v1/index")
        assert near.headers["cache-control"] == "public, max-age=17"
        assert near.headers["etag"] == index.headers["etag"]


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
async def test_who_has_it_already_gets_304(tmp_path: Path, form: str) -> None:
    """If-None-Match in each of its forms is answered without a body, for lists and for files (HT-2)."""
    async with site(tmp_path, design="gaen") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        opened.server.tick()
        name = BatchIndex.decode((await opened.http.get("/v1/index")).content).batches[0].sha256
        for path in ("/v1/index", f"/v1/batches/{name}", "/v1/parameters", "/v1/exports/index.txt"):
            first = await opened.http.get(path)
            tag = form.format(first.headers["etag"].strip('"'))
            again = await opened.http.get(path, headers={"if-none-match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert again.headers["cache-control"] == first.headers["cache-control"]
            other = await opened.http.get(path, headers={"if-none-match": '"other"'})
            assert (other.status_code, other.content) == (200, first.content)


async def test_head_and_ranges(tmp_path: Path) -> None:
    """HEAD has the headers alone; a part of a batch can be asked for, a part beyond its end cannot."""
    async with site(tmp_path, design="hybrid") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        opened.server.tick()
        name = BatchIndex.decode((await opened.http.get("/v1/index")).content).batches[0].sha256
        whole = await opened.http.get(f"/v1/batches/{name}")
        for path in (f"/v1/batches/{name}", "/v1/index", "/health", "/v1/parameters"):
            head = await opened.http.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) > 0
        part = await opened.http.get(f"/v1/batches/{name}", headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        beyond = await opened.http.get(f"/v1/batches/{name}", headers={"range": "bytes=999999-"})
        assert beyond.status_code == 416


async def test_downloads_do_not_touch_the_database(tmp_path: Path) -> None:
    """With the database closed and its file gone every download still works (SV-14)."""
    async with site(tmp_path, design="gaen") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        opened.server.tick()
        opened.server.close()
        (tmp_path / "data" / "server.sqlite3").unlink()
        (tmp_path / "data" / "server.sqlite3").mkdir()
        index = await opened.http.get("/v1/index")
        name = BatchIndex.decode(index.content).batches[0].sha256
        exports = (await opened.http.get("/v1/exports/index.txt")).text.split()
        for path in (f"/v1/batches/{name}", f"/v1/exports/{exports[0]}", "/v1/parameters", "/health"):
            assert (await opened.http.get(path)).status_code == 200
        failed = await opened.http.post("/v1/codes", json={})
        assert failed.status_code == 404
        refused = await opened.http.post(
            "/v1/uploads",
            content=Upload("gaen", make_code(bytes(16)).replace("-", ""), keys_of("gaen", 1, START)).encode(
                opened.server.deployment.design
            ),
        )
        assert (refused.status_code, refused.json()["error"]) == (503, "storage")
        assert refused.headers["retry-after"] == "30"


async def test_a_file_that_goes_while_it_is_asked_for_is_not_found(tmp_path: Path) -> None:
    """A batch that is purged between the look and the answer gives 404 and no failure."""
    async with site(tmp_path, design="lowcost") as opened:
        await opened.upload(1)
        opened.clock.now += DAY
        opened.server.tick()
        entry = BatchIndex.decode(opened.server.index()).batches[0]
        real = opened.server.find_batch

        def find_then_purge(name: str) -> PublishedFile:
            found = real(name)
            for path in (tmp_path / "data" / "archive" / "batches").iterdir():
                path.unlink()
            return found

        opened.server.find_batch = find_then_purge  # type: ignore[method-assign]
        answer = await opened.http.get(f"/v1/batches/{entry.sha256}")
        assert (answer.status_code, answer.json()["error"]) == (404, "not-found")


async def test_errors_of_an_upload_name_the_field(tmp_path: Path) -> None:
    """Status, word, field and sentence of each kind of refusal (HT-1)."""
    async with site(tmp_path, design="gaen") as opened:
        design = opened.server.deployment.design
        unknown = Upload("gaen", make_code(bytes(16)), keys_of("gaen", 1, START)).encode(design)
        refused = await opened.http.post("/v1/uploads", content=unknown)
        assert (refused.status_code, refused.content) == (403, LOCKED_OUT)
        old = Upload("gaen", make_code(bytes(16)), keys_of("gaen", 1, START - 40 * DAY)).encode(design)
        spoilt = await opened.http.post("/v1/uploads", content=old)
        assert (spoilt.status_code, spoilt.json()["error"]) == (422, "upload")
        assert spoilt.json()["field"] == "keys[0].index"
        assert "MAX_KEY_AGE_SECONDS" in spoilt.json()["message"]
        assert refused.headers["cache-control"] == "no-store"


async def test_a_body_is_not_read_beyond_its_bound(tmp_path: Path) -> None:
    """An announced length above the bound is refused at once, an endless body at the bound (SV-15)."""
    async with site(tmp_path, design="lowcost", issuer_key=SecretStr(ISSUER_KEY)) as opened:
        announced = await opened.http.post("/v1/uploads", content=bytes(MAX_UPLOAD_BYTES + 1))
        assert (announced.status_code, announced.json()["error"]) == (413, "too-large")
        for length in ("9" * 4_000, "9" * 40):
            lied = await opened.http.post("/v1/uploads", content=b"", headers={"content-length": length})
            assert lied.status_code == 413
        for length in ("-1", "1e3", "\u00b2"):
            wrong = await opened.http.post(
                "/v1/uploads", content=b"", headers=[(b"content-length", length.encode("latin-1"))]
            )
            assert (wrong.status_code, wrong.json()["field"]) == (400, "content-length")
        assert await endless(opened.app, POST_UPLOAD) == (413, MAX_UPLOAD_BYTES // 65_536 + 1)
        json_header = [
            (b"content-type", b"application/json"),
            (b"authorization", b"Bearer " + ISSUER_KEY.encode()),
        ]
        codes = POST_UPLOAD | {"path": "/v1/codes", "headers": json_header}
        assert await endless(opened.app, codes) == (413, 1)
        assert MAX_SMALL_BODY_BYTES < 65_536


MANY_PIECES = 100
"""An end after all, for the day when the bound is broken."""


async def endless(app: FastAPI, scope: dict[str, Any]) -> tuple[int, int]:
    """Send 64 KiB pieces without an end; returns the status and how many pieces were taken."""
    taken, status = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": bytes(65_536), "more_body": taken < MANY_PIECES}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status, taken


async def test_a_body_that_does_not_arrive_is_given_up(tmp_path: Path) -> None:
    """Whoever sends half an upload and then nothing gets 408, and the place is free again (SV-15)."""
    async with site(tmp_path, design="lowcost", max_waiting_uploads=1, upload_timeout_seconds=1) as opened:
        pieces = [{"type": "http.request", "body": b"{", "more_body": True}]
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.Event().wait()
            return pieces.pop()

        async def send(message: Message) -> None:
            if "status" in message:
                statuses.append(message["status"])

        await opened.app(POST_UPLOAD, receive, send)
        assert statuses == [408]
        assert (await opened.upload(1)).status_code == 200


async def test_beyond_so_many_uploads_at_once_the_next_is_turned_away(tmp_path: Path) -> None:
    """While one upload is arriving a second one gets 503 and when to try again; then it is free again."""
    async with site(tmp_path, design="lowcost", max_waiting_uploads=1) as opened:
        statuses: list[int] = []
        inner: list[httpx.Response] = []

        async def receive() -> dict[str, Any]:
            inner.append(await opened.upload(2))
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Message) -> None:
            if "status" in message:
                statuses.append(message["status"])

        await opened.app(POST_UPLOAD, receive, send)
        assert statuses == [422]
        assert (inner[0].status_code, inner[0].json()["error"]) == (503, "busy")
        assert inner[0].headers["retry-after"] == "30"
        assert (await opened.upload(3)).status_code == 200


async def test_issuing_needs_the_issuer_key(tmp_path: Path) -> None:
    """No key, a wrong one and another scheme get 401; the right one gets a code that works."""
    async with site(tmp_path, design="lowcost", issuer_key=SecretStr(ISSUER_KEY)) as opened:
        for header in ({}, {"authorization": "Bearer no"}, {"authorization": f"Basic {ISSUER_KEY}"}):
            refused = await opened.http.post("/v1/codes", json={}, headers=header)
            assert (refused.status_code, refused.json()["error"]) == (401, "issuer")
            assert refused.headers["www-authenticate"] == "Bearer"
        issued = await opened.http.post("/v1/codes", json={}, headers=AUTHORISED)
        assert issued.status_code == 200
        assert issued.headers["cache-control"] == "no-store"
        assert issued.json()["valid_until"] == START + DAY
        keys = keys_of("lowcost", 1, START)
        body = Upload("lowcost", issued.json()["code"], keys).encode(opened.server.deployment.design)
        assert (await opened.http.post("/v1/uploads", content=body)).status_code == 200


async def test_issuing_takes_no_entropy_from_outside(tmp_path: Path) -> None:
    """Only a rehearsal may choose a code; a real server refuses the field, forms and what is no object."""
    async with site(tmp_path, design="lowcost", issuer_key=SecretStr(ISSUER_KEY)) as opened:
        bodies: list[object] = [{"entropy": "00" * 16}, {"name": "Ann"}, [], 1]
        for body in bodies:
            refused = await opened.http.post("/v1/codes", json=body, headers=AUTHORISED)
            assert (refused.status_code, refused.json()["error"]) == (400, "request")
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            headers = AUTHORISED | {"content-type": kind}
            refused = await opened.http.post("/v1/codes", content=b"{}", headers=headers)
            assert (refused.status_code, refused.json()["field"]) == (400, "content-type")
        assert opened.server.rows()["codes"] == []


async def test_a_rehearsal_is_moved_by_its_caller(tmp_path: Path) -> None:
    """The caller moves time, chooses the entropy of codes, sees every row, and begins again."""
    async with site(tmp_path, RehearsalClock(), design="lowcost", rehearsal=True) as opened:
        http = opened.http
        moved = await http.post("/rehearsal/clock", json={"now": START})
        assert moved.json() == {"now": START, "published": []}
        issued = await http.post("/v1/codes", json={"entropy": "00" * 16})
        assert issued.json()["code"] == make_code(bytes(16))
        body = Upload("lowcost", issued.json()["code"], keys_of("lowcost", 1, START)).encode(
            opened.server.deployment.design
        )
        assert (await http.post("/v1/uploads", content=body)).status_code == 200
        rows = (await http.get("/rehearsal/rows")).json()
        assert [len(rows[name]) for name in ("codes", "keys")] == [1, 1]
        moved = await http.post("/rehearsal/clock", json={"now": START + DAY})
        assert moved.json()["published"] == [START + 3_600]
        assert (await http.get("/v1/index")).headers["cache-control"] == "no-cache"
        back = await http.post("/rehearsal/clock", json={"now": START})
        assert (back.status_code, back.json()["field"]) == (400, "now")
        await http.post("/rehearsal/reset", json={})
        assert (await http.get("/rehearsal/rows")).json()["keys"] == []
        assert BatchIndex.decode((await http.get("/v1/index")).content).batches == ()
        again = await http.post("/rehearsal/clock", json={"now": START})
        assert again.status_code == 200
        assert (await http.post("/v1/codes", json={"entropy": "00" * 16})).status_code == 200


@pytest.mark.parametrize(
    "body", ['{"now":-1}', '{"now":true}', '{"now":1e9}', "{}", '{"now":' + "9" * 400 + "}", "x"]
)
async def test_a_rehearsal_refuses_times_that_are_none(tmp_path: Path, body: str) -> None:
    """The clock is a whole number of seconds within the protocol's range."""
    async with site(tmp_path, RehearsalClock(), design="lowcost", rehearsal=True) as opened:
        headers = {"content-type": "application/json"}
        refused = await opened.http.post("/rehearsal/clock", content=body, headers=headers)
        assert refused.status_code == 400


@pytest.mark.parametrize("entropy", ["", "00", "zz" * 16, 5, None, "00" * 17])
async def test_a_rehearsal_refuses_entropy_that_is_none(tmp_path: Path, entropy: object) -> None:
    """A code needs sixteen bytes."""
    async with site(tmp_path, RehearsalClock(START), design="lowcost", rehearsal=True) as opened:
        refused = await opened.http.post("/v1/codes", json={"entropy": entropy})
        assert (refused.status_code, refused.json()["field"]) == (400, "entropy")


def test_a_rehearsal_needs_a_clock_that_can_be_moved(tmp_path: Path) -> None:
    """Wiring a running clock into a rehearsal is a mistake that shows at once."""
    with pytest.raises(SettingsError, match="caller moves"):
        create_app(Settings(data_dir=tmp_path, rehearsal=True), PacedClock(wall=Wall()))


async def test_an_error_that_nobody_foresaw_is_answered_and_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug gives 500 in the form of all errors; the log has its class and place, not its words."""
    async with site(tmp_path, design="lowcost") as opened:

        def bug() -> bytes:
            raise ValueError("secret 4711")

        opened.server.index = bug  # type: ignore[method-assign]
        with caplog.at_level("DEBUG"):
            answer = await opened.http.get("/v1/index")
        assert (answer.status_code, answer.json()["error"]) == (500, "internal")
        assert "4711" not in answer.text + caplog.text
        (record,) = [one for one in caplog.records if one.name == "anopticon_server"]
        fields = record.__dict__["anopticon_fields"]
        assert fields["error"] == "ValueError"
        assert fields["place"].startswith(f"{__name__}:")


async def test_the_description_of_the_interface_is_served(tmp_path: Path) -> None:
    """Tools may ask for the OpenAPI document; pages that load scripts from elsewhere are off."""
    async with site(tmp_path, design="lowcost") as opened:
        document = json.loads((await opened.http.get("/openapi.json")).content)
        assert "/v1/uploads" in document["paths"]
        for page in ("/docs", "/redoc"):
            assert (await opened.http.get(page)).status_code == 404
