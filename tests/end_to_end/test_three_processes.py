"""Three terminals on one machine: a server and two phones as real processes, over HTTP and the virtual air."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anopticon_protocol.params import DAY_SECONDS
from tests.client.shells import free_air
from tests.end_to_end.processes import Program, run

FACTOR = 1_800
"""An hour takes two seconds, a scan comes every sixth of one."""
SERVER = "anopticon_server"
PHONE = "anopticon_client"


@dataclass(frozen=True)
class Terminals:
    """What every command of one rehearsal is given."""

    url: str
    clock: str
    data: Path
    air: str

    def phone(self, name: str, at: str, *more: object) -> Program:
        """Start a phone."""
        common = ("--server", self.url, "--clock", self.clock, "--air", self.air)
        return Program(PHONE, "run", *common, "--name", name, f"--at={at}", *more)

    def code(self) -> str:
        """A one-time code."""
        status, output = run(SERVER, "issue-code", "--data-dir", self.data, "--clock", self.clock)
        assert status == 0, output
        return output.strip()


@contextmanager
def serving(spec: str, data: Path) -> Iterator[Terminals]:
    """A server of `spec` on a free port, whose clock has just begun to run fast."""
    clock = morning_clock()
    with Program(
        SERVER, "serve", "--port", 0, "--data-dir", data, "--design", spec, "--clock", clock
    ) as server:
        url = server.wait_for("listening on").rpartition(" ")[2]
        ports = free_air()
        yield Terminals(url, clock, data, f"air:{ports[0]}-{ports[-1]}")


def morning_clock() -> str:
    """A fast clock that now shows about nine o'clock of the next day: no meeting of an hour is cut by midnight."""
    wall = int(time.time())
    nine = wall - wall % DAY_SECONDS + DAY_SECONDS + 9 * 3_600
    anchor = (wall * FACTOR - nine) // (FACTOR - 1)
    return f"{FACTOR}x@{datetime.fromtimestamp(anchor, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def meet(one: Program, other: Program, scans: int = 6) -> None:
    """Let both phones hear a phone in several scans."""
    for program in (one, other):
        for _ in range(scans):
            program.wait_for("heard 1 phone")


@pytest.mark.parametrize(
    "spec",
    ["gaen", *(pytest.param(spec, marks=pytest.mark.heavy) for spec in ("lowcost", "unlinkable", "hybrid"))],
)
def test_one_phone_reports_and_the_other_is_warned(spec: str, tmp_path: Path) -> None:
    """Two phones that were near each other: one types a code, the other says that it was exposed; a third does not."""
    with (
        serving(spec, tmp_path / "server") as terminals,
        terminals.phone("anna", "0,0", "--store", tmp_path / "anna.sqlite3") as anna,
        terminals.phone("ben", "1.5,0") as ben,
        terminals.phone("carl", "-5000,0") as carl,
    ):
        meet(anna, ben)
        anna.enter(f"report {terminals.code().lower()} 3")
        assert "Your report was accepted" in anna.wait_for("REPORT")
        said = ben.wait_for("EXPOSURE")
        minutes = re.search(r"you spent (\d+) minutes closer than 63 dB", said)
        assert minutes is not None, said
        assert int(minutes[1]) >= 15
        carl.wait_for("downloaded the batch")
        for program in (anna, ben, carl):
            program.enter("status")
            program.enter("quit")
            assert program.ends() == 0
            assert program.lines[-1].endswith("stopped")
        assert "EXPOSURE" not in anna.output + carl.output
        assert "heard nobody" in carl.output
        assert "exposures: 1" in ben.output
        assert "exposures: 0" in carl.output
    status, output = run(PHONE, "status", "--store", tmp_path / "anna.sqlite3")
    assert status == 0
    assert "exposures: 0" in output


def test_a_phone_that_is_killed_while_it_reports_reports_once(tmp_path: Path) -> None:
    """Killed right after it was told to report and started again, a phone ends up with one accepted report."""
    with serving("lowcost", tmp_path / "server") as terminals, terminals.phone("ben", "1,0") as ben:
        store = ("--store", tmp_path / "anna.sqlite3")
        with terminals.phone("anna", "0,0", *store) as anna:
            meet(anna, ben)
            anna.enter(f"report {terminals.code()}")
            anna.wait_for("sending the report")
            anna.process.kill()
            assert anna.ends() != 0
        with terminals.phone("anna", "0,0", *store) as anna:
            assert "known from before" in anna.wait_for("signing key")
            ben.wait_for("EXPOSURE")
            anna.enter("status")
            anna.wait_for("exposures: 0")
            assert "report:" not in anna.output
    status, rows = run(SERVER, "rows", "--data-dir", terminals.data, "--clock", terminals.clock)
    assert status == 0, rows
    assert rows.count('"secret"') == 1


def test_a_phone_reports_by_itself_with_nobody_at_the_keyboard(tmp_path: Path) -> None:
    """With its standard input closed a phone runs, reports when its clock says so, and stops on a signal."""
    with serving("hybrid", tmp_path / "server") as terminals:
        later = ("--report", terminals.code(), "--after", 45)
        with terminals.phone("ben", "1,0") as ben, terminals.phone("anna", "0,0", *later) as anna:
            assert anna.process.stdin is not None
            anna.process.stdin.close()
            anna.wait_for("REPORT-DONE")
            ben.wait_for("EXPOSURE")
            anna.process.terminate()
            status = anna.ends()
            if sys.platform != "win32":  # where a process cannot be asked to end
                assert status == 0
                assert anna.lines[-1].endswith("stopped")
