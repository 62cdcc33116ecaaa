"""The native engine is built where it can be, said in one line where not, and never in the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import environment, native

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of native/ and an empty environment, in place of those of this checkout."""
    crate = tmp_path / "native"
    shutil.copytree(ROOT / "native", crate, ignore=shutil.ignore_patterns("target", "Cargo.lock", "fuzz"))
    venv = tmp_path / "venv"
    venv.mkdir()
    for name, path in {
        "CRATE": crate,
        "CRATES": crate / "crates.lock",
        "CARGO_LOCK": crate / "Cargo.lock",
        "VENV": venv,
    }.items():
        monkeypatch.setattr(native, name, path)
    monkeypatch.setattr(environment, "GUARD", tmp_path / "guard")
    monkeypatch.delenv(native.SKIP, raising=False)
    return tmp_path


def a_cargo(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Put a program of that name before all others on the path."""
    program = folder / "bin" / "cargo"
    program.parent.mkdir()
    program.write_text("\n".join(("#!/bin/sh", *lines)) + "\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_without_cargo_one_line_says_so(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine without cargo is told once what that means, and again only when asked to build (MT-15)."""
    monkeypatch.setenv("PATH", str(checkout))
    assert not native.ready()
    assert capsys.readouterr().out == (
        "Native matching engine: no cargo on this machine; matching runs in Python.\n"
    )
    assert not native.ready()
    assert capsys.readouterr().out == ""
    assert not native.ready(again=True)
    assert capsys.readouterr().out.startswith("Native matching engine: no cargo")


@pytest.mark.skipif(os.name == "nt", reason="a stand-in for cargo is a shell script")
def test_an_old_cargo_and_a_failing_one_are_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cargo that is too old, or whose build fails, costs one line and nothing else (MT-15)."""
    a_cargo(checkout, monkeypatch, 'echo "cargo 1.63.0 (fd9c4297c 2022-07-01)"')
    assert not native.ready()
    needed = re.search(r'rust-version = "(.*)"', (native.CRATE / "Cargo.toml").read_text(encoding="utf-8"))
    assert needed
    assert f"cargo 1.63.0 is older than {needed[1]}; matching runs in Python.\n" in capsys.readouterr().out
    failing = checkout / "bin" / "cargo"
    failing.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo "cargo 1.99.0";; *) echo "error: no route"; exit 1;; esac\n',
        encoding="utf-8",
    )
    assert not native.ready(again=True)
    said = capsys.readouterr().out
    assert said == "Native matching engine: the build failed (error: no route); matching runs in Python.\n"


def test_it_can_be_left_out(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ANOPTICON_NO_NATIVE builds nothing and says nothing; so does a checkout without native/ (MT-15)."""
    monkeypatch.setenv("ANOPTICON_NO_NATIVE", "1")
    assert not native.ready()
    monkeypatch.delenv("ANOPTICON_NO_NATIVE")
    shutil.rmtree(native.CRATE)
    assert not native.ready()
    assert capsys.readouterr().out == ""
    assert list((checkout / "venv").iterdir()) == []


def test_another_source_is_another_state(checkout: Path) -> None:
    """What was built is built again when any file that it was made from changes (MT-15)."""
    del checkout
    before = native._state()
    assert native._state() == before
    with (native.CRATE / "src" / "lib.rs").open("a", encoding="utf-8") as file:
        file.write("// more\n")
    changed = native._state()
    assert changed != before
    with native.CRATES.open("a", encoding="utf-8") as file:
        file.write("\n")
    assert native._state() not in {before, changed}


def test_the_lock_holds_versions_and_hashes_only() -> None:
    """Every crate but our own has a version and a hash; no line names a source (MT-16)."""
    text = (ROOT / "native" / "crates.lock").read_text(encoding="utf-8")
    assert "source" not in text
    assert "://" not in text
    packages = text.split("[[package]]")[1:]
    ours = [package for package in packages if "checksum" not in package]
    assert [re.findall(r'name = "(.*)"', package) for package in ours] == [["anopticon-native"]]
    for package in packages:
        assert re.search(r'^version = "\d+\.\d+\.\d+"$', package, re.MULTILINE)
    for package in set(packages) - set(ours):
        assert re.search(r'^checksum = "[0-9a-f]{64}"$', package, re.MULTILINE)


def test_the_lock_is_made_whole_for_cargo(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cargo's lock is ours and, before each hash, the source that cargo itself names (MT-16)."""
    del checkout
    source = 'source = "registry+here"\n'
    drafts: list[tuple[str, ...]] = []

    def fresh(*arguments: str) -> None:
        drafts.append(arguments)
        native.CARGO_LOCK.write_text(f'[[package]]\nname = "a"\n{source}checksum = "0"\n', encoding="utf-8")

    monkeypatch.setattr(native, "_cargo_run", fresh)
    native._restore_lock()
    made = native.CARGO_LOCK.read_text(encoding="utf-8")
    ours = native.CRATES.read_text(encoding="utf-8")
    assert made.replace(source, "") == ours
    assert made.count(source) == ours.count("checksum")
    native._restore_lock()
    assert drafts == [("generate-lockfile",)]


def test_versions_agree() -> None:
    """Crate, its package and the module that looks for it name one version (MT-9)."""
    from anopticon_client.native import VERSION  # noqa: PLC0415 - this test alone needs the client

    for name in ("Cargo.toml", "pyproject.toml"):
        text = (ROOT / "native" / name).read_text(encoding="utf-8")
        assert f'\nversion = "{VERSION}"\n' in text


def test_rust_is_formatted_tested_and_free_of_warnings(tmp_path: Path) -> None:
    """The crate's own tests pass, and cargo's formatter and linter find nothing (MT-8)."""
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("no cargo on this machine")
    crate = tmp_path / "native"
    shutil.copytree(ROOT / "native", crate, ignore=shutil.ignore_patterns("target", "fuzz"))
    if not (crate / "Cargo.lock").exists():
        pytest.skip("cargo's lock was not made: the native engine was not built here")
    variables = {**os.environ, "CARGO_TARGET_DIR": str(tmp_path / "target")}
    for command in (
        ["fmt", "--check"],
        ["clippy", "--locked", "--offline", "--no-default-features", "--all-targets", "--", "-D", "warnings"],
        ["test", "--locked", "--offline", "--no-default-features", "--quiet"],
    ):
        done = subprocess.run(
            [cargo, *command], cwd=crate, env=variables, capture_output=True, text=True, check=False
        )
        if "is not installed" in done.stderr:
            continue  # a toolchain without formatter or linter
        assert done.returncode == 0, done.stdout + done.stderr
