"""A world against a server process over real HTTP gives the very result that it gives in one process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anopticon_simulation.errors import KeyServerError
from anopticon_simulation.keyserver import ISSUER_KEY_VARIABLE, HttpServer, open_link
from anopticon_simulation.result import result_bytes, result_of
from tests.simulation.worlds import run, village

ISSUER_KEY = "an-issuer-key-for-rehearsals-only"


@contextmanager
def server_process(folder: Path, design: str, *options: str) -> Iterator[str]:
    """A server process in rehearsal on a free port of this machine; gives its URL."""
    command = [
        sys.executable,
        "-c",
        "from anopticon_server.cli import main; raise SystemExit(main())",
        "serve",
    ]
    arguments = ["--port", "0", "--design", design, "--data-dir", str(folder), *options]
    environment = os.environ | {ISSUER_KEY_VARIABLE: ISSUER_KEY, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                yield found[0]
                break
        else:
            pytest.fail("the server ended before it said where it listens: " + "".join(said))
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("design", ["lowcost", "unlinkable", "hybrid:window_minutes=120", "gaen"])
def test_a_server_process_changes_nothing(
    design: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC: SI-4. result.json and every row of the server are the same over HTTP and in process."""
    monkeypatch.setenv(ISSUER_KEY_VARIABLE, ISSUER_KEY)
    with server_process(tmp_path / "data", design, "--rehearsal") as url:
        over_http = run(village(design), url)
    here = run(village(design))
    assert result_bytes(result_of(over_http)) == result_bytes(result_of(here))
    assert over_http.outcome.server_rows == here.outcome.server_rows


def test_another_deployment_is_refused(tmp_path: Path) -> None:
    """A server of another design is refused before anything runs."""
    with (
        server_process(tmp_path / "data", "lowcost", "--rehearsal") as url,
        pytest.raises(KeyServerError, match="design = lowcost, the scenario needs gaen"),
    ):
        open_link(url, "gaen", 7_200, 14, 0)


def test_a_real_server_cannot_be_driven(tmp_path: Path) -> None:
    """SPEC: SI-5. Without --rehearsal no route moves time or shows rows, and the refusal says what to do."""
    with server_process(tmp_path / "data", "gaen") as url:
        link = HttpServer(url)
        with pytest.raises(KeyServerError, match="serve --rehearsal"):
            link.advance(1_000)
        with pytest.raises(KeyServerError, match="serve --rehearsal"):
            link.rows()
        link.close()


def test_codes_need_the_issuers_key(tmp_path: Path) -> None:
    """A wrong issuer key is refused with the name of the variable to set."""
    with server_process(tmp_path / "data", "gaen", "--rehearsal") as url:
        link = HttpServer(url, "wrong-key-wrong-key-wrong-key")
        with pytest.raises(KeyServerError, match=ISSUER_KEY_VARIABLE):
            link.issue_code(bytes(16))
        link.close()
