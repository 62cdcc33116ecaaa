"""Nodes as real processes: stopped, killed, out of disk, without permission, with a collector that comes and goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from anopticon_client.radio_records import RadioEvent, RadioEventKind
from anopticon_client.recording.reader import TornEnd, read_recording
from anopticon_client.recording.rows import Manifest, PhoneInput, Sent
from anopticon_protocol.signing import VerifyingKey
from anopticon_testbed.cli import main
from anopticon_testbed.live.collector import collecting
from tests.end_to_end.processes import Program
from tests.server.process import serving
from tests.testbed.nodes import snapshots

EVERYWHERE = "0.0.0.0"  # noqa: S104 - that is what is tested
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def node(folder: Path, *more: object, name: str = "pi") -> Program:
    """A beacon on a virtual radio of its own."""
    return Program("anopticon_testbed", "node", "--name", name, "--radio", "virtual", "--out", folder, *more)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_closes_the_recording(tmp_path: Path, number: signal.Signals) -> None:
    """SPEC: TB-2. After SIGTERM or SIGINT the recording ends with silence and the scan's end, and the status is 0."""
    with node(tmp_path, "--at", "1,2,0.5", "--note", "shirt=cotton", "--carriage", "table") as program:
        program.wait_for("recording into")
        wait_for_sent(tmp_path, 1)
        program.process.send_signal(number)
        assert program.ends() == 0
        assert "stopped; the recording is closed" in program.output
    torn: list[TornEnd] = []
    rows = list(read_recording(tmp_path, torn.append))
    assert torn == []
    manifest = rows[0]
    assert isinstance(manifest, Manifest)
    assert manifest.position == (1, 2, 0.5)
    assert manifest.about["shirt"] == "cotton"
    assert manifest.about["carriage"] == "table"
    assert [row.frame == b"" for row in rows if isinstance(row, Sent)] == [False, True]
    events = [row.kind for row in rows if isinstance(row, RadioEvent)]
    assert events[-1] is RadioEventKind.SCAN_OFF


def wait_for_sent(folder: Path, count: int, mark: bytes = b'"k":"sent"') -> None:
    """Return when recordings have this many rows with the mark on the disk; the writer flushes once a second."""
    deadline = time.monotonic() + 60
    while sum(path.read_bytes().count(mark) for path in folder.glob("*.jsonl")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_after_a_kill_the_recording_opens_and_goes_on(tmp_path: Path) -> None:
    """SPEC: TB-2. Killed at once, what was flushed is there; started again, the same run goes on in another file."""
    for turn in range(2):
        with node(tmp_path, "--run", "walk") as program:
            program.wait_for("recording into")
            wait_for_sent(tmp_path, turn + 1)
            program.process.kill()
            assert program.ends() == -signal.SIGKILL
    rows = list(read_recording(tmp_path, lambda torn: None))
    assert [row.part for row in rows if isinstance(row, Manifest)] == [1, 2]
    assert sum(isinstance(row, Sent) for row in rows) == 2


def test_a_node_is_the_phone_of_a_real_key_server(tmp_path: Path) -> None:
    """SPEC: TB-2, TB-3. It joins the server process, and its recording has what a replay needs, and its first scan."""
    folder = tmp_path / "recordings"
    with (
        serving(tmp_path, "--rehearsal", design="unlinkable") as server,
        node(folder, "--server", server.url) as program,
    ):
        program.wait_for("unlinkable on virtual")
        wait_for_sent(folder, 1, b'"phase":"ended"')
        program.process.terminate()
        assert program.ends() == 0
    rows = list(read_recording(folder))
    manifest = rows[0]
    assert isinstance(manifest, Manifest)
    assert manifest.design == "unlinkable"
    assert manifest.about["release_period"] == 7_200
    assert manifest.about["store"] == "memory"
    VerifyingKey.from_text(str(manifest.about["public_key"]))  # raises if it is no key
    kinds = [row.kind for row in rows if isinstance(row, PhoneInput)]
    assert kinds[0] == "Started"
    assert "IndexFetched" in kinds
    assert main(["replay", str(folder)]) == 0


def test_two_nodes_of_a_name_cannot_share_a_folder(tmp_path: Path) -> None:
    """SPEC: TB-2. The second node of a name ends with status 2 and one sentence, the first goes on."""
    with node(tmp_path) as first:
        first.wait_for("recording into")
        with node(tmp_path) as second:
            assert second.ends() == 2
            assert "a node called 'pi' is recording into" in second.output
            assert "another --name" in second.output
        assert first.process.poll() is None
        first.process.terminate()
        assert first.ends() == 0


@pytest.mark.anyio
async def test_a_collector_may_come_late_and_go(tmp_path: Path) -> None:
    """SPEC: TB-1, TB-4. A node that started before its collector appears there, and outlives it."""
    async with collecting(port=0) as (url, _):
        pass  # the port is free again
    port = int(url.rpartition(":")[2])
    with await asyncio.to_thread(node, tmp_path, "--collector", url) as program:
        await asyncio.to_thread(program.wait_for, "Recording goes on")
        async with collecting(port=port), httpx.AsyncClient(base_url=url) as client:
            async with asyncio.timeout(60):
                stream = snapshots(client)
                while not (await anext(stream))["nodes"]:
                    pass
            await asyncio.to_thread(program.wait_for, "the collector answers again")
            told = (await client.get("/v1/board")).json()["nodes"][0]
            assert (told["node"], told["design"], told["every_pdu"]) == ("pi", "beacon", True)
        assert program.process.poll() is None
        program.process.terminate()
        assert await asyncio.to_thread(program.ends) == 0


def test_a_full_disk_is_told_and_the_node_goes_on(tmp_path: Path) -> None:
    """SPEC: TB-1. Where the disk takes nothing more the node says so, lives on, and ends with one sentence."""
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
        "from anopticon_testbed.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["node", "--name", "pi", "--radio", "virtual", "--out", str(tmp_path), "--minutes", "0.1"]
    arguments += [part for number in range(8) for part in ("--note", f"n{number}={'x' * 150}")]
    done = subprocess.run(
        [sys.executable, "-c", limited, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert "note: recording in" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 2
    assert done.stderr.startswith("anopticon-testbed: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--radio", "hci:serial:/dev/none"], "cannot be opened"),
        (["--radio", "hci:unix:/none", "--uuid", "fd6f"], "--transmit-0xfd6f"),
        (["--radio", "wireless"], "must begin with one of"),
        (["--radio", "virtual", "--at", "1"], "two or three numbers"),
        (["--radio", "virtual", "--at", "1,nan"], "two or three numbers"),
        (["--radio", "virtual", "--note", "x"], "--note shirt=cotton"),
        (["--radio", "virtual", "--minutes", "0"], "--minutes"),
        (["--radio", "virtual", "--tx-power", "99"], "-126..20 dBm"),
        (["--radio", "virtual", "--collector", "ftp://x"], "--collector"),
        (
            ["--radio", "virtual", "--collector", "http://127.0.0.1:1", "--token-file", "/none/x"],
            "token file",
        ),
        (["--radio", "virtual", "--server", "http://127.0.0.1:1"], "cannot be reached"),
    ],
    ids=[
        "no device",
        "0xFD6F",
        "radio",
        "at",
        "nan",
        "note",
        "minutes",
        "power",
        "collector",
        "token",
        "server",
    ],
)
def test_what_cannot_start_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """SPEC: TB-2. Each bad option or missing device is one sentence that names it, with exit status 2."""
    assert main(["node", "--name", "pi", "--out", str(tmp_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert list(tmp_path.glob("*.jsonl")) == []


def test_transmitting_on_0xfd6f_prints_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC: TB-2. With the explicit flag the node warns before it opens the radio."""
    arguments = ["--radio", "hci:unix:/none", "--uuid", "fd6f", "--transmit-0xfd6f"]
    assert main(["node", "--name", "pi", "--out", str(tmp_path), *arguments]) == 2
    told = capsys.readouterr()
    assert "WARNING: this node transmits on 0xFD6F" in told.out
    assert "cannot be opened" in told.err


def test_the_collector_runs_as_a_program(tmp_path: Path) -> None:
    """SPEC: TB-6. `live` serves its board, warns when it is bound beyond this machine, and ends on SIGTERM with 0."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    with Program(
        "anopticon_testbed", "live", "--host", EVERYWHERE, "--port", "0", "--token-file", token
    ) as program:
        program.wait_for(
            "everybody on this network can read this page, and whoever knows the token can write"
        )
        url = program.wait_for("listening on").split()[-1].replace(EVERYWHERE, "127.0.0.1")
        assert json.loads(httpx.get(f"{url}/v1/board", trust_env=False).text)["nodes"] == []
        assert httpx.post(f"{url}/v1/state", trust_env=False).status_code == 401
        program.process.terminate()
        assert program.ends() == 0


@pytest.mark.parametrize("content", ["short", "two\nlines of it", "x" * 300, None])
def test_a_bad_token_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """SPEC: TB-6. A token that is too short, too long, of several lines or absent is refused with how to make one."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    assert main(["live", "--port", "0", "--token-file", os.fspath(path)]) == 2
    assert "token" in capsys.readouterr().err
