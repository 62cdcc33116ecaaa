"""The server as a process of its own, over real HTTP on the loopback address."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest

from anopticon_protocol.batch import Batch
from anopticon_protocol.codes import make_code, parse_code
from anopticon_protocol.designs import open_design
from anopticon_protocol.messages import BatchIndex, Upload
from anopticon_protocol.signing import VerifyingKey
from anopticon_server.clock import RehearsalClock, open_clock
from anopticon_server.deployment import Deployment
from anopticon_server.rehearsal import move
from anopticon_server.service import KeyServer
from tests.server.kit import DAY, HOUR, START, Fresh, each_design, keys_of
from tests.server.process import Running, run, serving

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")
PATIENCE_SECONDS: Final = 60


def body_of(spec: str, code: str, person: int, now: int = START) -> bytes:
    """A person's upload."""
    return Upload(open_design(spec).spec, code, keys_of(spec, person, now)).encode(open_design(spec))


@each_design
def test_over_http_and_in_process_the_same_bytes_come_out(spec: str, tmp_path: Path) -> None:
    """A rehearsal of three days gives the same index, batches and rows either way (SV-14)."""
    clock = RehearsalClock()
    local = KeyServer.in_memory(Deployment.rehearsal(spec), clock, Fresh())
    with serving(tmp_path, "--rehearsal", "--design", spec) as remote, httpx.Client(trust_env=False) as http:
        http.base_url = remote.url
        for person, moment in enumerate((START, START + 5 * HOUR, START + DAY, START + 3 * DAY)):
            published = move(local, clock, moment)
            assert http.post("/rehearsal/clock", json={"now": moment}).json()["published"] == published
            entropy = bytes([person] * 16)
            code = local.issue_code(entropy)
            assert http.post("/v1/codes", json={"entropy": entropy.hex()}).json()["code"] == code.code
            body = body_of(spec, code.code, person, moment)
            assert http.post("/v1/uploads", content=body).content == local.upload(body)
            index = http.get("/v1/index").content
            assert index == local.index()
            for entry in BatchIndex.decode(index).batches:
                assert http.get(f"/v1/batches/{entry.sha256}").content == local.batch(entry.sha256)
            assert http.get("/v1/parameters").content == local.parameters()
            assert http.get("/rehearsal/rows").json() == local.rows()
        assert BatchIndex.decode(local.index()).batches


def test_a_fast_server_publishes_by_itself(tmp_path: Path) -> None:
    """At two hours a second an upload is out soon, without anybody telling the server to publish."""
    pace = open_clock("7200x")
    with serving(tmp_path, "--design", "lowcost", "--clock", pace.text) as server:
        code = server.command("issue-code").strip()
        answer = server.upload(body_of("lowcost", code, 1, pace()))
        assert answer.json() == {"accepted": True}
        parameters = server.get("/v1/parameters").json()
        entry = wait_for_batch(server)
        trusted = {parameters["key_id"]: VerifyingKey.from_text(parameters["public_key"])}
        batch = Batch.decode(server.get(f"/v1/batches/{entry}").content, trusted, open_design("lowcost"))
        assert batch.count == 1
        assert server.stop() == 0


def wait_for_batch(server: Running) -> str:
    """Ask for the index until it lists a batch."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        listed = BatchIndex.decode(server.get("/v1/index").content).batches
        if listed:
            return listed[0].sha256
    raise AssertionError("nothing was published")


def test_commands_beside_the_server_work_on_its_data_and_by_its_clock(tmp_path: Path) -> None:
    """Codes issued by the command open uploads to the running server, however fast its clock runs."""
    pace = open_clock("1000x")
    with serving(tmp_path, "--design", "lowcost", "--clock", "1000x") as server:
        issued = json.loads(server.command("issue-code", "--count", "3", "--json"))
        assert len({one["code"] for one in issued}) == 3
        assert all(abs(one["valid_until"] - pace() - DAY) < 12 * HOUR for one in issued)
        for person, one in enumerate(issued):
            assert server.upload(body_of("lowcost", one["code"], person, pace())).status_code == 200
        rows = json.loads(server.command("rows"))
        assert [row["spent"] for row in rows["codes"]] == [True] * 3
        assert json.loads(server.command("show-key")) == server.get("/v1/parameters").json()
        assert server.command("purge").startswith("deleted: ")
        assert server.stop() == 0


CANARY_AGENT: Final = "canary-agent/4711"
CANARY_ADDRESS: Final = "127.0.0.77"
ISSUER_KEY: Final = "canary issuer key 4712, not to be told"


@POSIX
def test_nothing_of_a_request_is_in_any_log_or_file(tmp_path: Path) -> None:
    """At the loudest level no sink holds an address, a user agent, a code, a key or the issuer's (SV-3)."""
    with socket.socket() as probe:
        try:
            probe.bind((CANARY_ADDRESS, 0))
        except OSError:
            pytest.skip(f"this machine has no address {CANARY_ADDRESS} to call from")
    transport = httpx.HTTPTransport(local_address=CANARY_ADDRESS)
    keys, refused = keys_of("gaen", 1, int(time.time())), keys_of("gaen", 2, int(time.time()))
    with serving(tmp_path, log_level="DEBUG", issuer_key=ISSUER_KEY) as server:
        with httpx.Client(transport=transport, base_url=server.url) as http:
            http.headers["user-agent"] = CANARY_AGENT
            bearer = {"authorization": f"Bearer {ISSUER_KEY}"}
            code = http.post("/v1/codes", json={}, headers=bearer).json()["code"]
            design = open_design("gaen")
            assert (
                http.post("/v1/uploads", content=Upload("gaen", code, keys).encode(design)).status_code == 200
            )
            wrong = Upload("gaen", make_code(b"guess" + bytes(11)), refused).encode(design)
            assert http.post("/v1/uploads", content=wrong).status_code == 403
            assert http.post("/v1/uploads", content=wrong[:-2]).status_code == 422
            assert (
                http.post("/v1/codes", json={}, headers={"authorization": "Bearer 4712"}).status_code == 401
            )
            assert http.get(f"/v1/batches/{CANARY_AGENT}").status_code == 404
        with socket.create_connection(
            (http.base_url.host, http.base_url.port or 0), 20, (CANARY_ADDRESS, 0)
        ) as raw:
            raw.sendall(f"{CANARY_AGENT} is no HTTP\r\n\r\n".encode())
            assert b"400" in raw.recv(100)
        server.command("issue-code")
        assert server.stop() == 0
        assert server.process.stdout is not None
        logs = (server.errors.read_text() + server.process.stdout.read()).encode()
    assert b'"event": "started"' in logs
    assert b"uvicorn.error" in logs
    files = b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())
    secrets = [key.secret for key in (*keys, *refused)]
    told = [CANARY_AGENT, CANARY_ADDRESS, ISSUER_KEY, "4712", code, parse_code(code)]
    for canary in [one.encode() for one in told]:
        assert canary not in logs + files
    for secret in secrets:
        for form in (secret, secret.hex().encode(), base64.b64encode(secret), repr(secret)[2:-1].encode()):
            assert form not in logs
    assert all(secret in files for secret in secrets[: len(keys)])
    assert not any(secret in files for secret in secrets[len(keys) :])


@POSIX
@pytest.mark.timeout(300)
def test_a_server_killed_under_load_loses_no_accepted_upload(tmp_path: Path) -> None:
    """Four phones upload at once when the process is killed: what was answered is there, the rest may be sent again."""
    people = 60
    now = int(time.time())
    accepted: list[int] = []
    with serving(tmp_path, "--design", "hybrid") as server:
        codes = server.command("issue-code", "--count", str(people)).split()
        numbers = count()
        enough = threading.Event()

        def phone() -> None:
            while (person := next(numbers)) < people:
                with contextlib.suppress(httpx.TransportError):
                    if server.upload(body_of("hybrid", codes[person], person, now)).status_code == 200:
                        accepted.append(person)
                if len(accepted) >= people // 3:
                    enough.set()

        phones = [threading.Thread(target=phone) for _ in range(4)]
        for one in phones:
            one.start()
        assert enough.wait(PATIENCE_SECONDS)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(PATIENCE_SECONDS)
        for one in phones:
            one.join()
    assert len(accepted) >= people // 3
    with serving(tmp_path) as again:
        held = {row["secret"] for row in json.loads(again.command("rows"))["keys"]}
        for person in range(people):
            secrets = {key.secret.hex() for key in keys_of("hybrid", person, now)}
            assert secrets <= held or not secrets & held
            assert person not in accepted or secrets <= held
            assert again.upload(body_of("hybrid", codes[person], person, now)).status_code == 200
        spent = [row["spent"] for row in json.loads(again.command("rows"))["codes"]]
        assert spent == [True] * people


@POSIX
def test_a_full_disk_is_answered_and_burns_no_code(tmp_path: Path) -> None:
    """Where the file may not grow uploads get 507 or 503, downloads go on; with room again all is well (SV-7)."""
    now = int(time.time())
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))"
    with serving(tmp_path, "--design", "unlinkable", prelude=limit) as server:
        codes = server.command("issue-code", "--count", "12").split()
        statuses = [server.upload(body_of("unlinkable", code, n, now)) for n, code in enumerate(codes)]
        full = [n for n, answer in enumerate(statuses) if answer.status_code in {503, 507}]
        assert [statuses[n].json()["error"] in {"storage-full", "storage"} for n in full] == [True] * len(
            full
        )
        assert 0 < len(full) < len(codes)
        assert {answer.status_code for answer in statuses} <= {200, 503, 507}
        assert server.get("/v1/index").status_code == 200
        rows = json.loads(server.command("rows"))
        assert sum(row["spent"] for row in rows["codes"]) == len(codes) - len(full)
    with serving(tmp_path) as again:
        for person in full:
            body = body_of("unlinkable", codes[person], person, now)
            assert again.upload(body).json() == {"accepted": True}


@POSIX
def test_an_upload_under_way_is_finished_before_the_server_ends(tmp_path: Path) -> None:
    """Told to stop in the middle of an upload the server takes the rest, answers, and ends with status 0."""
    with serving(tmp_path, "--design", "lowcost") as server:
        code = server.command("issue-code").strip()
        body = body_of("lowcost", code, 1, int(time.time()))
        url = httpx.URL(server.url)
        with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE_SECONDS) as raw:
            head = f"POST /v1/uploads HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
            raw.sendall(head.encode() + b"expect: 100-continue\r\n\r\n")
            assert raw.recv(1_000).startswith(b"HTTP/1.1 100")  # the request is being handled
            raw.sendall(body[:50])
            server.process.send_signal(signal.SIGTERM)
            raw.sendall(body[50:])
            assert raw.recv(1_000).startswith(b"HTTP/1.1 200")
        assert server.process.wait(PATIENCE_SECONDS) == 0
        assert [row["spent"] for row in json.loads(server.command("rows"))["codes"]] == [True]


def test_a_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A second server on the same port ends with status 2 and one line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        failed = run("serve", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in failed.stderr


@POSIX
def test_a_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    """Without a data directory of its own a rehearsal works in a temporary one that goes with it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    tell = f"import os; os.environ['TMPDIR'] = {str(temporary)!r}"
    with serving(tmp_path, "--rehearsal", prelude=tell, keep=False) as server:
        assert server.post("/rehearsal/clock", {"now": START}).status_code == 200
        assert server.post("/v1/codes", {}).status_code == 200
        assert list(temporary.rglob("server.sqlite3"))
        assert server.stop() == 0
    assert list(temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"temporary", "errors.log"}
