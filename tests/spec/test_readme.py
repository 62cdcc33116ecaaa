"""README shows real output: what stands there is what the commands print."""

from __future__ import annotations

import difflib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from anopticon_client.cli import main as phone
from anopticon_protocol.cli import main as protocol
from anopticon_server.cli import main as server
from anopticon_simulation.cli import main as simulate
from anopticon_testbed.cli import main as run_testbed

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = {
    "anopticon-phone": phone,
    "anopticon-server": server,
    "anopticon-sim": simulate,
    "anopticon-testbed": run_testbed,
    "anopticon_protocol": protocol,
}


def shown(name: str) -> str:
    """The block between the markers of `name`."""
    found = re.search(rf"<!-- {name}: begin.*?-->\n```\n(.*?)```\n<!-- {name}: end -->", README, re.DOTALL)
    assert found is not None, f"README.md has no block {name!r}"
    return found[1]


def without_timings(text: str) -> str:
    """The text less what differs from machine to machine: seconds, speed, commit."""
    text = re.sub(
        r"in [\d.]+ s: [\d,]+ phone-days per second \([^)]*\)", "in S: N phone-days per second", text
    )
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.timeout(300)
def test_the_demo_ends_as_readme_says(tmp_path: Path) -> None:
    """The demo's output, less its timings, is the block in README."""
    command = [sys.executable, "-m", "anopticon_simulation", "demo"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    want, got = without_timings(shown("demo")), without_timings(printed)
    difference = "\n".join(
        difflib.unified_diff(want.splitlines(), got.splitlines(), "README", "demo", lineterm="")
    )
    assert not difference, f"paste the new output into README.md:\n{difference}"


def test_every_command_in_readme_parses(capsys: pytest.CaptureFixture[str]) -> None:
    """Each program and verb that README shows exists, with the options that it is shown with."""
    commands = re.findall(r"^(?:python -m )?(anopticon[-_]\w+) (.*)$", README, re.MULTILINE)
    assert len(commands) >= 16
    for program, line in commands:
        words = shlex.split(line.partition("  ")[0], comments=True)
        with pytest.raises(SystemExit) as ended:
            PROGRAMS[program]([words[0], "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in told, f"{program} {words[0]} does not know {option}"
