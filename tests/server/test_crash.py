"""Kill -9 at write points: no accepted upload lost, no code burnt for nothing, nothing published twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anopticon_server.archive import DirectoryArchive
from anopticon_server.authorisation import code_hash
from anopticon_server.opening import CODE_KEY_FILE, DATABASE_FILE
from anopticon_server.storage import Store
from tests.server import crash_script
from tests.server.crash_script import LOG, PEOPLE, STEPS, code_of, files_in
from tests.server.kit import START, keys_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

FEWEST_WRITE_POINTS = 100
"""If there are fewer the reaper has missed some."""


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses no page, so syncing costs time for nothing."""
    memory = Path("/dev") / "shm"
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.mark.timeout(300)  # hundreds of processes, on a machine that may be busy
@pytest.mark.parametrize(
    ("spec", "stride"), [("gaen", 4), ("lowcost", 9), ("unlinkable", 10), ("hybrid", 11)]
)
def test_a_server_killed_while_it_writes_loses_nothing(spec: str, stride: int, quick: Path) -> None:
    """What was acknowledged is there, uploads are whole or absent, and in the end all is as it was (SV-7)."""
    command = [sys.executable, "-m", crash_script.__name__, spec, str(quick), str(stride)]
    subprocess.run(command, check=True, cwd=Path(__file__).resolve().parents[2], timeout=250)
    runs = sorted((int(path.name) for path in quick.iterdir()), reverse=True)
    undisturbed = json.loads((quick / "0" / "files.json").read_text())
    assert runs[0] > FEWEST_WRITE_POINTS
    assert undisturbed
    for run in runs[:-1]:
        folder = quick / str(run)
        done = steps_done(folder)
        check_after_crash(spec, folder, done, undisturbed)
        if done < len(STEPS):
            crash_script.play(spec, folder, done)
        assert json.loads((folder / "files.json").read_text()) == undisturbed
        check_end(folder)


def steps_done(folder: Path) -> int:
    """How many steps were acknowledged before the end."""
    log = folder / LOG
    return len(log.read_text().split()) if log.exists() else 0


def check_after_crash(spec: str, folder: Path, done: int, undisturbed: dict[str, str]) -> None:
    """Look at what the killed process left, before anything is repaired."""
    for name, data in files_in(folder).items():
        assert data == undisturbed[name]
    if done < 2 or done >= len(STEPS) - 1:
        return
    store = Store.open(f"sqlite:///{folder / 'data' / DATABASE_FILE}")
    code_key = bytes.fromhex((folder / "data" / CODE_KEY_FILE).read_text())
    with store.transaction() as transaction:
        held = {str(row["secret"]) for row in transaction.rows()["keys"]}
        for person in PEOPLE:
            secrets = {key.secret.hex() for key in keys_of(spec, person, START)}
            row = transaction.code(code_hash(code_key, code_of(person)))
            assert secrets <= held or not secrets & held
            assert (row is not None and row.spent) == (secrets <= held)
            accepted = any(("upload", person) == step[1:] for step in STEPS[:done])
            assert not accepted or secrets <= held
    store.close()
    until = DirectoryArchive(folder / "data" / "archive").complete_until()
    missing = undisturbed.keys() - files_in(folder).keys()
    assert all(int(name.partition("/")[2]) > until for name in missing if name.startswith("batches/"))


def check_end(folder: Path) -> None:
    """After the last step everything has gone, the leftovers of the crash too."""
    store = Store.open(f"sqlite:///{folder / 'data' / DATABASE_FILE}")
    with store.transaction() as transaction:
        rows = transaction.rows()
    store.close()
    assert (rows["keys"], rows["codes"]) == ([], [])
    assert files_in(folder) == {}
    assert not list(folder.rglob(".unfinished-*"))
