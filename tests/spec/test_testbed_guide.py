"""docs/testbed.md shows real commands and real output."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_simulation.cli import main as simulate
from anopticon_testbed.cli import VERBS
from anopticon_testbed.cli import main as run_testbed

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "testbed.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """What stands between the markers of `name`."""
    found = re.search(
        rf"<!-- {re.escape(name)}: begin.*?-->\n```\n(.*?)```\n<!-- {re.escape(name)}: end -->",
        GUIDE,
        re.DOTALL,
    )
    assert found is not None, f"docs/testbed.md has no block {name!r}"
    return found[1]


def commands(program: str) -> list[list[str]]:
    """The indented commands of a program, in words."""
    return [shlex.split(line) for line in re.findall(rf"^    (?:sudo )?{program} (.*)$", GUIDE, re.MULTILINE)]


def same(name: str, got: str) -> None:
    """What was printed is what the guide shows, line by line."""
    want = block(name).strip().splitlines()
    have = [line.rstrip() for line in got.strip().splitlines()][: len(want)]
    difference = "\n".join(difflib.unified_diff(want, have, "docs/testbed.md", name, lineterm=""))
    assert not difference, f"paste the new output into docs/testbed.md:\n{difference}"


def test_every_command_of_the_guide_parses(capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb that the guide shows exists, with the options that it is shown with."""
    shown = commands("anopticon-testbed")
    assert len(shown) >= 8
    for words in shown:
        assert words[0] in VERBS
        with pytest.raises(SystemExit) as ended:
            run_testbed([words[0], "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in told, f"{words[0]} does not know {option}"


@pytest.mark.timeout(300)
def test_the_example_prints_what_the_guide_shows(
    shared: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Import, analysis and simulation of DP-3T's train print the blocks of the guide."""
    source = shared("data/ble/dp3t-exp05/scenario02-train.sqlite")
    monkeypatch.chdir(tmp_path)
    (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "train.toml").write_text(block("train.toml"), encoding="utf-8")
    bring, analyse = [words for words in commands("anopticon-testbed") if "train" in words]
    assert run_testbed(bring) == 0
    capsys.readouterr()
    assert run_testbed(analyse) == 0
    same("analyse", capsys.readouterr().out)
    (run,) = commands("anopticon-sim")
    assert simulate(run) == 0
    same("simulate", capsys.readouterr().out)
