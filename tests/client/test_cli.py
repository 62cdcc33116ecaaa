"""The phone in a terminal: joining and trusting, lines that are printed, commands that are typed, refusals."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from anopticon_client.cli import main
from anopticon_client.cli.console import Console, show_time, status_lines
from anopticon_client.cli.joining import join
from anopticon_client.cli.session import MAX_LINE_BYTES, Session, read_lines
from anopticon_client.config import PhoneConfig
from anopticon_client.errors import DeploymentError, ServerDownError, StoreForeignError
from anopticon_client.events import (
    Advertise,
    BatchFetched,
    Effect,
    Event,
    IndexFetched,
    Scanned,
    SendUpload,
    Sighting,
    UploadAnswered,
    UploadResult,
    WakeAt,
)
from anopticon_client.phone import Phone
from anopticon_client.runner import Ports, Runner
from anopticon_client.state import Notice, NoticeKind, PutNotice, PutObservation
from anopticon_client.storage import MemoryStore, SqliteStore
from anopticon_client.transport import HttpKeyServer
from anopticon_protocol.advert import encode
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.records import Observation, Token
from anopticon_protocol.messages import BatchIndex
from anopticon_protocol.params import MAX_UNIX_TIME
from anopticon_protocol.signing import SigningKey
from tests.client.desk import KEY_ID, SIGNER, KeyDesk
from tests.client.drive import CODE, DAY, START
from tests.client.shells import Air, AirRadio, DeskServer, FullStore, VirtualClock, settle

OTHER = SigningKey.from_secret(b"\x07" * 32)
NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


def parameters(signer: SigningKey = SIGNER, **changes: Any) -> dict[str, object]:
    """What a key server says about itself."""
    said = {"design": "lowcost", "key_id": KEY_ID, "period": 7_200, "public_key": signer.public.to_text()}
    return {**said, "spec_version": "1.0", **changes}


def answering(said: dict[str, object]) -> HttpKeyServer:
    """A line to a key server in this process that has these parameters."""

    async def app(
        scope: MutableMapping[str, Any], receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]
    ) -> None:
        assert scope["path"] == "/v1/parameters"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    return HttpKeyServer("http://localhost", httpx.ASGITransport(app))


def names_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


# -- joining --------------------------------------------------------------------------------------------------------


async def test_a_key_is_trusted_on_first_use_and_known_from_then_on(tmp_path: Path) -> None:
    """The first start pins the server's key in the phone's file, the next one finds it there."""
    name = str(tmp_path / "phone.sqlite3")
    for said in ("trusted on first use", "known from before"):
        joined, store, trusted = await join(answering(parameters()), name, None)
        store.close()
        assert trusted == said
        assert joined.key.to_der() == SIGNER.public.to_der()


async def test_a_changed_key_is_refused(tmp_path: Path) -> None:
    """A server that signs with another key than before is refused, with both fingerprints and the way on."""
    name = str(tmp_path / "phone.sqlite3")
    _, store, _ = await join(answering(parameters()), name, None)
    store.close()
    with pytest.raises(DeploymentError, match="signing key has changed") as caught:
        await join(answering(parameters(OTHER)), name, None)
    assert f"--trust {OTHER.public.to_text()}" in str(caught.value)
    with pytest.raises(DeploymentError, match="signing key has changed"):
        await join(answering(parameters(key_id="renamed")), name, None)


async def test_a_changed_key_can_be_confirmed(tmp_path: Path) -> None:
    """With the new key given by hand the phone changes over, once and for all."""
    name = str(tmp_path / "phone.sqlite3")
    said: list[str] = []
    for trust in (None, OTHER.public, None):
        signer = SIGNER if not said else OTHER
        _, store, trusted = await join(answering(parameters(signer)), name, trust)
        store.close()
        said.append(trusted)
    assert said == ["trusted on first use", "changed, as --trust says", "known from before"]


async def test_a_key_given_by_hand_must_be_the_servers(tmp_path: Path) -> None:
    """If --trust names another key than the server has, the phone does not join and leaves no file."""
    name = str(tmp_path / "phone.sqlite3")
    with pytest.raises(DeploymentError, match=r"not with .*, which --trust names"):
        await join(answering(parameters()), name, OTHER.public)
    assert names_in(tmp_path) == []
    _, store, trusted = await join(answering(parameters()), name, SIGNER.public)
    store.close()
    assert trusted == "given with --trust"


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"design": "gaen"}, StoreForeignError, "belongs to a phone of design lowcost, not gaen"),
        ({"period": 3_600}, DeploymentError, "publishes every 3600 s, it did every 7200 s"),
    ],
    ids=["design", "period"],
)
async def test_another_deployment_is_refused(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """A file that joined one deployment does not join another; it is let go of and can be opened again."""
    name = str(tmp_path / "phone.sqlite3")
    _, store, _ = await join(answering(parameters()), name, None)
    store.close()
    with pytest.raises(error, match=sentence):
        await join(answering(parameters(**change)), name, None)
    SqliteStore(Path(name), "lowcost").close()


async def test_a_phone_that_joined_before_starts_without_the_server(tmp_path: Path) -> None:
    """With the server down a known phone starts from what it remembers; a new one says that it cannot."""
    name = str(tmp_path / "phone.sqlite3")
    down = HttpKeyServer(NOBODY)
    for unknown in (name, "memory"):
        with pytest.raises(ServerDownError, match="cannot be reached"):
            await join(down, unknown, None)
    SqliteStore(Path(name), "lowcost").close()
    with pytest.raises(ServerDownError, match="cannot be reached"):
        await join(down, name, None)

    _, store, _ = await join(answering(parameters()), name, None)
    store.close()
    joined, store, trusted = await join(down, name, SIGNER.public)
    store.close()
    assert joined.design.spec == "lowcost"
    assert "does not answer yet" in trusted
    with pytest.raises(DeploymentError, match="not the key of --trust"):
        await join(down, name, OTHER.public)


# -- what is printed ------------------------------------------------------------------------------------------------

FRAMES = [encode(0xFD68, bytes([n]) * 16) for n in range(12)]


@pytest.fixture
def screen() -> tuple[Console, io.StringIO]:
    """A console and what it printed."""
    out = io.StringIO()
    return Console(VirtualClock(), open_design("lowcost"), "ben", out), out


def index(until: int) -> IndexFetched:
    """An index that ends at `until`."""
    return IndexFetched(BatchIndex("lowcost", 7_200, until, ()).encode())


PRINTED: dict[str, tuple[Event | Effect, str]] = {
    "identifier": (Advertise(FRAMES[7]), "broadcasting a new identifier (07070707)"),
    "one": (
        Scanned((Sighting(FRAMES[0], -70), Sighting(FRAMES[0], -65))),
        "heard 1 phone (-65 dBm)",
    ),
    "two": (
        Scanned((Sighting(FRAMES[0], -70), Sighting(FRAMES[1], -60), Sighting(b"noise", -1))),
        "heard 2 phones (-60, -70 dBm)",
    ),
    "another-design": (Scanned((Sighting(encode(0xFD6F, bytes(20)), -50),)), "heard nobody"),
    "nobody": (Scanned(()), "heard nobody"),
    "nothing-new": (IndexFetched(None), "asked the key server: nothing new"),
    "index": (index(START), "asked the key server: 0 batches published"),
    "batch": (BatchFetched(START, b"12345"), "downloaded the batch of 2026-03-02 00:00:00, 5 bytes"),
    "report": (SendUpload(b"123"), "sending the report, 3 bytes"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_what_happens_is_printed(screen: tuple[Console, io.StringIO], name: str) -> None:
    """Each thing that a person would want to know has its line, with the phone's own time and name."""
    console, out = screen
    what, line = PRINTED[name]
    console.watch(START, what)
    assert out.getvalue() == f"2026-03-02 00:00:00  ben: {line}\n"


def test_what_nobody_wants_to_know_is_not_printed(screen: tuple[Console, io.StringIO]) -> None:
    """Inner workings, lists that cannot be read, and what was said a moment ago leave the screen as it is."""
    console, out = screen
    console.watch(START, WakeAt(START))
    console.watch(START, IndexFetched(b"garbage"))
    assert out.getvalue() == ""
    for _ in range(3):
        console.watch(START, Scanned(()))
    assert out.getvalue().count("heard nobody") == 1
    for _ in range(3):
        console.watch(START, SendUpload(b"the same"))
    assert out.getvalue().count("sending") == 1
    console.watch(START, UploadAnswered(UploadResult.UNREACHABLE))
    console.watch(START, SendUpload(b"the same"))
    assert out.getvalue().count("sending") == 2


def test_a_crowd_fits_one_line(screen: tuple[Console, io.StringIO]) -> None:
    """Among many phones only the strongest are listed."""
    console, out = screen
    console.watch(START, Scanned(tuple(Sighting(frame, -50 - n) for n, frame in enumerate(FRAMES))))
    assert "heard 12 phones (-50, -51, -52, -53, -54, -55, -56, -57 dBm)" in out.getvalue()


@pytest.mark.parametrize("until", [START - 40 * DAY, START + 40 * DAY, MAX_UNIX_TIME])
def test_clocks_that_differ_are_said_once(screen: tuple[Console, io.StringIO], until: int) -> None:
    """If the server's list ends far from the phone's own time, the person is told what to do about it, once."""
    console, out = screen
    for _ in range(3):
        console.watch(START, index(until - until % 7_200))
    assert out.getvalue().count("start both with the same --clock") == 1


def test_clocks_that_agree_are_not_doubted(screen: tuple[Console, io.StringIO]) -> None:
    """A list that is up to date, or a release or two behind, is no reason to doubt a clock."""
    console, out = screen
    for until in (START, START - 7_200, START + 7_200):
        console.watch(START, index(until))
    assert "--clock" not in out.getvalue()


def test_times_beyond_the_calendar_are_shown_too() -> None:
    """A time that no calendar here knows is shown as its number."""
    assert show_time(START) == "2026-03-02 00:00:00"
    assert show_time(MAX_UNIX_TIME) == f"second {MAX_UNIX_TIME}"


# -- what is typed --------------------------------------------------------------------------------------------------


class Terminal:
    """A phone in virtual time with a person in front of it."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.clock = VirtualClock()
        config = PhoneConfig(open_design("lowcost"), {KEY_ID: SIGNER.public})
        self.desk = KeyDesk(config.design)
        self.store = FullStore()
        self.out = io.StringIO()
        console = Console(self.clock, config.design, out=self.out)
        radio = AirRadio(Air(), "ben", self.clock)
        ports = Ports(self.clock, radio, self.store, DeskServer(self.desk, self.clock), console)
        runner = Runner(Phone(config, self.store.load()), ports, watch=console.watch)
        self.session = Session(runner, console, self.clock, self.store, "lowcost")

    async def run(self, *lines: str, report: str | None = None, after: int = 0, minutes: int = 0) -> str:
        """Type `lines`, let time pass, quit; returns everything printed."""
        task = asyncio.create_task(self.session.run(report, after))
        await settle()
        for line in lines:
            self.session.typed(line.encode())
        await self.clock.run_for(60 * minutes)
        self.session.typed(b"QUIT\r")
        await task
        return self.out.getvalue()


@pytest.mark.parametrize(
    ("line", "days"),
    [
        (f"report {CODE}", 5),
        (f"report {CODE.lower()} 3", 3),
        (f"  REPORT {CODE.replace('-', ' ')}", 5),
        (f"report {CODE.replace('-', ' ')} 0", 0),
        (f"report {CODE} 14\r", 14),
    ],
)
async def test_a_report_is_typed(line: str, days: int) -> None:
    """A code may be typed in any case and in groups, with or without days; its keys reach the server."""
    terminal = Terminal()
    asked: list[tuple[str, int]] = []
    real = terminal.session._runner.report

    async def report(code: str, contagious_since: int) -> None:
        asked.append((code.replace("-", "").upper(), START - contagious_since))
        await real(code, contagious_since)

    terminal.session._runner.report = report  # type: ignore[method-assign]
    printed = await terminal.run(line)
    assert asked == [(CODE.replace("-", ""), days * DAY)]
    assert "Your report was accepted" in printed
    assert list(terminal.desk.accepted) == [CODE.replace("-", "")]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("report ABCD", "code of 4 letters, 16 needed"),
        (f"report {CODE} 15", "code of 18 letters, 16 needed"),
        (f"report {CODE[:-1]}X", "one of its letters was mistyped"),
        ("report", "help                 this"),
        ("dance", "quit                 stop"),
        ("quit now", "quit                 stop"),
        ("x" * 5_000, f"ignored a line of more than {MAX_LINE_BYTES} bytes"),
        ("\xff\xfe", "quit                 stop"),
        ("status", "own keys: 1"),
    ],
    ids=["short", "days", "slip", "no-code", "unknown", "too-much", "endless", "binary", "status"],
)
async def test_every_line_has_an_answer(line: str, sentence: str) -> None:
    """Whatever is typed, the phone says what it makes of it and goes on; nothing reaches the server."""
    terminal = Terminal()
    assert sentence in await terminal.run("", line)
    assert terminal.desk.accepted == {}


async def test_a_report_can_wait_for_its_time() -> None:
    """A report given on the command line is handed in after so many minutes of the phone's clock."""
    early, late = Terminal(), Terminal()
    assert "sending the report" not in await early.run(report=CODE, after=30, minutes=29)
    assert f"{show_time(START + 30 * 60)}  sending the report" in await late.run(
        report=CODE, after=30, minutes=31
    )
    assert len(late.desk.accepted) == 1


async def test_a_phone_that_ends_leaves_nothing_waiting() -> None:
    """A phone told to quit ends at once, also if a report is still to come or the store cannot be written."""
    terminal = Terminal()
    terminal.store.fill()
    printed = await terminal.run(f"report {CODE}", report=CODE, after=1_000)
    assert "no room left on the disk" in printed


async def test_a_terminal_that_is_gone_ends_the_phone() -> None:
    """If nobody reads the output any more the run ends with the error that says so."""
    terminal = Terminal()

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    terminal.session._console._out = Gone()
    with pytest.raises(ExceptionGroup) as caught:
        await terminal.run("status")
    assert caught.group_contains(BrokenPipeError)


# -- the keyboard ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (b"one\ntwo\r\n", [b"one", b"two\r"]),
        (b"no newline at the end", [b"no newline at the end"]),
        (b"", []),
        (b"x" * 20_000 + b"\nquit\n", None),
    ],
    ids=["two", "unfinished", "nothing", "endless"],
)
def test_lines_come_from_a_descriptor(typed: bytes, lines: list[bytes] | None) -> None:
    """Lines are handed over whole, the last one also without its end; an endless one takes no memory."""
    out, into = os.pipe()
    got: list[bytes] = []
    with os.fdopen(into, "wb") as pipe:
        reader = read_lines(got.append, out)
        pipe.write(typed)
    assert reader is not None
    reader.join(30)
    os.close(out)
    if lines is None:
        assert got[-1] == b"quit"
        assert MAX_LINE_BYTES < len(got[-2]) < 8_192
    else:
        assert got == lines


def test_a_keyboard_that_fails_is_one_that_ended() -> None:
    """A descriptor that cannot be read, or a process without any, is no error."""
    out, into = os.pipe()
    os.close(into)
    os.close(out)
    reader = read_lines(lambda line: None, out)
    assert reader is not None
    reader.join(30)
    assert not reader.is_alive()


# -- the command ----------------------------------------------------------------------------------------------------

RUN = ("run", "--server", NOBODY)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "COMMAND"),
        (("dance",), "invalid choice"),
        (("run",), "--server"),
        (RUN, f"the key server at {NOBODY} cannot be reached"),
        (("run", "--server", "http://keys.example.org"), "use https elsewhere"),
        ((*RUN, "--clock", "fast"), "must be like 60x"),
        ((*RUN, "--clock", "60x@yesterday"), "is not a time"),
        ((*RUN, "--at", "here"), "two numbers of metres"),
        ((*RUN, "--name", "x" * 21), "MAX_NAME_CHARS"),
        ((*RUN, "--name", "a\x1b[31m"), "MAX_NAME_CHARS"),
        ((*RUN, "--trust", "AAAA"), "public key"),
        ((*RUN, "--report", "ABCD"), "code of 4 letters"),
        ((*RUN, "--after", "-5"), "--after"),
        ((*RUN, "--after", "20161"), "MAX_AFTER_MINUTES"),
        ((*RUN, "--after", "9" * 5_000), "MAX_AFTER_MINUTES"),
        (("status",), "--store"),
        (("status", "--store", "missing.sqlite3"), "missing.sqlite3: there is no such file"),
        (("wipe", "--store", "missing.sqlite3"), "missing.sqlite3: there is no such file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    arguments: Sequence[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every mistake on the command line ends with exit status 2 and a sentence, without a traceback."""
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse
        status = int(end.code or 0)
    said = capsys.readouterr()
    assert status == 2
    assert sentence in said.err
    assert "Traceback" not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


@contextmanager
def parameter_server(said: dict[str, object]) -> Iterator[str]:
    """The address of a real HTTP server that knows its parameters and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(said).encode()
            self.send_response(200 if self.path == "/v1/parameters" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_stands_in_the_way_of_a_start_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A full air, a file in use, a strange design: each is a sentence, and the file can be used afterwards."""
    path = tmp_path / "phone.sqlite3"
    with parameter_server(parameters()) as url:
        held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        held[0].bind(("127.0.0.1", 0))
        first = held[0].getsockname()[1]
        held[1].bind(("127.0.0.1", first + 1))
        assert main(("run", "--server", url, "--store", str(path), "--air", f"air:{first}-{first + 1}")) == 2
        assert "no place is left on the air" in capsys.readouterr().err
        for one in held:
            one.close()
        other = SqliteStore(path, "lowcost")
        assert main(("run", "--server", url, "--store", str(path), "--air", "air?at=x")) == 2
        assert "in use by another phone" in capsys.readouterr().err
        other.close()
        assert main(("run", "--server", url, "--store", str(path), "--air", "smoke")) == 2
        assert "must begin with one of air" in capsys.readouterr().err
    with parameter_server(parameters(design="robert")) as url:
        assert main(("run", "--server", url)) == 2
        assert "must be one of lowcost" in capsys.readouterr().err


def test_radios_of_real_machines_are_refused_with_sentences(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A radio that is not there, and frames that real phones would log, stop a start with a sentence (RA-31, RA-32)."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")
    with parameter_server(parameters()) as url:
        assert main(("run", "--server", url, "--radio", "bluez:hci0?speed=9")) == 2
        assert "unknown option 'speed'" in capsys.readouterr().err
        assert main(("run", "--server", url, "--radio", "bluez:hci0")) == 2
        assert ("no D-Bus" if sys.platform == "linux" else "Linux only") in capsys.readouterr().err
    with parameter_server(parameters(design="gaen")) as url:
        assert main(("run", "--server", url, "--radio", "bluez:hci0")) == 2
        assert "--carry-0xfd6f" in capsys.readouterr().err
        assert main(("run", "--server", url, "--radio", "bluez:hci0?speed=9", "--transmit-0xfd6f")) == 2
        assert "unknown option 'speed'" in capsys.readouterr().err


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """The file of a phone that heard somebody and was warned."""
    path = tmp_path / "phone.sqlite3"
    store = SqliteStore(path, "lowcost")
    store.apply([PutObservation(Observation(Token(5, b"v" * 16), 7_200, ()))])
    store.pin("deployment")
    store.close()
    return path


def test_status_says_what_a_file_holds(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status of a file is printed without its phone running, and the file stays as it is."""
    assert main(("status", "--store", str(used))) == 0
    said = capsys.readouterr().out
    assert "design lowcost" in said
    assert "identifiers heard in the last 14 days: 1, of people who tested positive: 0" in said
    assert main(("status", "--store", str(used))) == 0


def test_status_names_reports_and_exposures() -> None:
    """A pending report, its need of a new code, and each exposed day are named."""
    terminal = Terminal()
    asyncio.run(terminal.run(minutes=1))
    held = terminal.store.load()
    assert next(status_lines("gaen", held)) == "design gaen"
    assert f"last scan: {show_time(START + 4)}" in list(status_lines("gaen", held))

    store = MemoryStore()
    terminal = Terminal()
    terminal.session._runner._ports.server.down = True  # type: ignore[attr-defined]
    asyncio.run(terminal.run(f"report {CODE}"))
    assert "report: 1 key, being sent" in list(status_lines("lowcost", terminal.store.load()))

    terminal = Terminal()
    terminal.desk.accepted[CODE.replace("-", "")] = ()
    asyncio.run(terminal.run(f"report {CODE}"))
    assert "report: 1 key, needs a new code" in list(status_lines("lowcost", terminal.store.load()))

    store.apply([PutNotice(Notice("exposure-1", NoticeKind.EXPOSURE, START // DAY, "near", 1_260))])
    assert list(status_lines("lowcost", store.load()))[-2:] == ["exposures: 1", "  2026-03-02: 21 minutes"]


def test_wipe_overwrites_and_deletes(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a wipe the file is gone, and where a link still leads to its bytes they hold nothing."""
    link = used.with_name("link")
    os.link(used, link)
    assert b"v" * 16 in link.read_bytes()
    assert main(("wipe", "--store", str(used))) == 0
    assert not used.exists()
    assert b"v" * 16 not in link.read_bytes()
    assert b"deployment" not in link.read_bytes().split(b"CREATE TABLE")[0]
    assert "deleted" in capsys.readouterr().out


def test_a_file_in_use_is_not_wiped(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While a phone has its file, nobody wipes it under its feet."""
    running = SqliteStore(used, "lowcost")
    assert main(("wipe", "--store", str(used))) == 2
    assert "in use by another phone" in capsys.readouterr().err
    assert len(running.load().observations) == 1
    running.close()


def test_a_file_of_somebody_else_is_not_wiped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no phone's file is not deleted, whatever its name."""
    path = tmp_path / "thesis.txt"
    path.write_text("a year of work " * 100)
    assert main(("wipe", "--store", str(path))) == 2
    assert "is not an SQLite file" in capsys.readouterr().err
    assert path.read_text() == "a year of work " * 100


def test_the_module_is_the_command() -> None:
    """`python -m anopticon_client` is the command, and its help names what can be typed."""
    command = [sys.executable, "-m", "anopticon_client", "run", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "report CODE [DAYS]" in done.stdout


def test_nobody_reading_is_no_error(used: Path) -> None:
    """If the reader of the output has gone, the command ends without a traceback."""
    out, into = os.pipe()
    os.close(out)
    command = [sys.executable, "-m", "anopticon_client", "status", "--store", str(used)]
    done = subprocess.run(command, stdout=into, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(into)
    assert done.stderr == ""
    assert done.returncode == 0
