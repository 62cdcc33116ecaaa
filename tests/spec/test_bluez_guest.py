"""``run.py bluez`` before it boots anything: what it needs, where it takes Debian and wheels from, what it reports."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import environment
from tools.bluez import building, needs, root
from tools.bluez.__main__ import main, report
from tools.bluez.machine import Said
from tools.bluez.suites import SUITES, WHEELS
from tools.failures import SetupError

TARGETS = """\
Debian|http://mirror.example/debian/|bookworm|main
Debian|http://mirror.example/debian/|bookworm-updates|main
Debian|http://mirror.example/debian/|bookworm|contrib
Debian|http://mirror.example/debian-security/|bookworm-security|main
Debian|http://mirror.example/debian/|bookworm|main
Somebody|http://other.example/|nodistro|main
Debian|http://mirror.example/a b\tc|bookworm|main
half a line
"""


def test_debian_comes_from_the_mirrors_of_this_machine() -> None:
    """Each Debian archive that apt uses is asked for the wanted release, once, and nobody else's."""
    assert needs.parse_targets(TARGETS, "trixie") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/debian-security/ trixie-security main",
    ]


def test_machine_without_a_mirror_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where apt names no Debian mirror, the sentence says where to add one."""
    silent = subprocess.CompletedProcess([], 0, stdout="", stderr="")
    monkeypatch.setattr(needs, "program", lambda name: name)
    monkeypatch.setattr("tools.bluez.needs.subprocess.run", lambda *_, **__: silent)
    with pytest.raises(SetupError, match=r"sources\.list\.d"):
        needs.sources("trixie")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is refused for another reason")
def test_everything_that_is_missing_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a machine without the programs, one sentence names the packages to install, and the status is 1."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(needs, "SYSTEM_PATH", (str(tmp_path),))
    assert main(["--cache", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    for package in ("qemu-system-x86", "mmdebstrap", "busybox-static", "cpio", "kmod", "e2fsprogs"):
        assert package in said
    assert list(tmp_path.iterdir()) == []


def test_other_systems_are_told_that_it_is_for_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without Debian's tools, the sentence says where to run it."""
    monkeypatch.setattr("tools.bluez.needs.sys.platform", "darwin")
    with pytest.raises(SetupError, match="on Linux"):
        needs.check()


@pytest.mark.parametrize("name", SUITES)
def test_wheels_of_the_guest_are_those_of_the_lock(name: str) -> None:
    """For each guest's Python, every wheel is locked at one version, with hashes and without a marker."""
    lines = root.locked_lines(environment.LOCK.read_text(encoding="utf-8"), SUITES[name].python)
    assert sorted(line.partition("==")[0] for line in lines) == sorted(WHEELS)
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( --hash=sha256:[0-9a-f]{64})+", line)


def test_markers_are_decided_for_the_python_of_the_guest() -> None:
    """Of two versions of one package, the guest's Python decides, not the one that runs this."""
    lock = "".join(
        f"numpy=={version} ; python_full_version {sign} '3.12' \\\n    --hash=sha256:{'0' * 64}\n"
        for version, sign in (("1.0", "<"), ("2.0", ">="))
    )
    assert root.locked_lines(lock, "3.11")[0].startswith("numpy==1.0 ")
    assert root.locked_lines(lock, "3.13")[0].startswith("numpy==2.0 ")


def test_guest_is_made_anew_when_its_recipe_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package or another release is another guest; the same recipe is the same."""
    names = {building.recipe(suite) for suite in SUITES.values()}
    assert len(names) == len(SUITES)
    monkeypatch.setattr(building, "PACKAGES", ("bluez", "one more"))
    assert building.recipe(SUITES["trixie"]) not in names


def test_report_counts_failures_and_early_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """Each failed check counts, and so does a guest that ended before it had said that it was through."""
    begin = {"kind": "begin", "kernel": "6.1", "bluez": "5.66", "bleak": "3.1.0", "python": "3.11"}
    good = {"kind": "check", "name": "one", "ok": True, "detail": "seen"}
    bad = {"kind": "check", "name": "two", "ok": False, "detail": "Oops: no", "trace": "line"}
    assert report("bookworm", Said([begin, good, bad, {"kind": "end"}], ended=True)) == 1
    assert report("bookworm", Said([begin, good], ended=False, console="its last words")) == 1
    said = capsys.readouterr().out
    assert "FAIL  two" in said
    assert "its last words" in said
