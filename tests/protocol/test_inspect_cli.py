"""The command line: python -m anopticon_protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anopticon_protocol import cli
from anopticon_protocol.cli import CLEAN, FAULTY, UNUSABLE, main
from anopticon_protocol.export import wire
from tests.protocol.export_kit import SIGNER, STRANGER, export_of, record, small_archive

Captured = pytest.CaptureFixture[str]
PEM = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A sound archive on disk."""
    path = tmp_path / "sound.zip"
    path.write_bytes(small_archive())
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """An export.bin with a short key."""
    path = tmp_path / "broken.bin"
    path.write_bytes(export_of(record(wire.bytes_field(1, bytes(15)), wire.varint_field(3, 2_650_032))))
    return path


def test_a_sound_file_exits_with_0(sound: Path, capsys: Captured) -> None:
    """A sound archive is described and ends with a verdict."""
    assert main(["inspect", str(sound)]) == CLEAN
    out = capsys.readouterr().out
    assert out.startswith(f"{sound}\n  holds       export archive")
    assert out.endswith("verdict     clean, signature not checked (give --key)\n")


def test_keys_come_as_text_pem_or_file(sound: Path, tmp_path: Path, capsys: Captured) -> None:
    """--key takes base64, PEM, and the name of a file with either; the report names the key that verified."""
    base64 = SIGNER.public.to_text()
    pem = tmp_path / "key.pem"
    pem.write_text(PEM.format(base64))
    for given, label in ((base64, "key 1"), (PEM.format(base64), "key 1"), (str(pem), str(pem))):
        assert main(["inspect", str(sound), "--key", given]) == CLEAN
        assert f"verified, with {label}\n" in capsys.readouterr().out
    assert main(["inspect", str(sound), "--key", STRANGER.public.to_text(), "--key", base64]) == CLEAN
    assert "verified, with key 2" in capsys.readouterr().out


def test_a_defect_or_a_wrong_key_exits_with_1(sound: Path, broken: Path, capsys: Captured) -> None:
    """Defects and signatures that do not verify end with status 1, among whatever other files."""
    assert main(["inspect", str(sound), str(broken)]) == FAULTY
    assert "key_data has 15 bytes" in capsys.readouterr().out
    assert main(["inspect", str(sound), "--key", STRANGER.public.to_text()]) == FAULTY
    assert "does not verify with the given key" in capsys.readouterr().out


def test_json_is_one_object(sound: Path, broken: Path, capsys: Captured) -> None:
    """--json prints one object for all files, in the documented format, and nothing else."""
    assert main(["inspect", "--json", str(sound), str(broken)]) == FAULTY
    told = json.loads(capsys.readouterr().out)
    assert told["format"] == "anopticon-inspection-1"
    assert [one["verdict"] for one in told["files"]] == ["clean", "usable"]


@pytest.mark.parametrize("command", ["inspect", "check-vectors"])
def test_files_that_cannot_be_read_are_explained(command: str, tmp_path: Path, capsys: Captured) -> None:
    """A missing file, a directory and an impossible name end with status 2 and a sentence each."""
    names = [str(tmp_path / "none"), str(tmp_path), "a\0b", str(tmp_path / ("x" * 300))]
    assert main([command, *names]) == UNUSABLE
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("none: there is no such file")
    assert lines[1].endswith("this is a directory; name the files in it")
    assert lines[2].startswith("a\\x00b: ")
    assert len(lines) == 4


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", int)() == 0, reason="root may read everything")
def test_a_file_without_permission_is_explained(sound: Path, capsys: Captured) -> None:
    """A file that may not be read says so."""
    sound.chmod(0)
    assert main(["inspect", str(sound)]) == UNUSABLE
    assert "no permission to read it" in capsys.readouterr().err


def test_a_permission_error_has_its_sentence(
    sound: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence does not depend on who runs the test."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    assert main(["inspect", str(sound)]) == UNUSABLE
    assert capsys.readouterr().err == f"{sound}: no permission to read it\n"


def test_an_endless_file_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    """No more than the bound and one byte is read of any file."""
    monkeypatch.setattr(cli, "MAX_INSPECTED_BYTES", 1000)
    long = tmp_path / "long"
    long.write_bytes(bytes(1001))
    assert main(["inspect", str(long)]) == UNUSABLE
    assert "longer than 1,000 bytes, which no file of this kind is" in capsys.readouterr().err


def test_a_sound_file_beside_an_unreadable_one_exits_with_2(sound: Path, capsys: Captured) -> None:
    """What cannot be read spoils the status, and the other file is still shown."""
    assert main(["inspect", "nowhere", str(sound)]) == UNUSABLE
    assert "verdict     clean" in capsys.readouterr().out


def test_an_unreadable_file_is_listed_in_json(sound: Path, broken: Path, capsys: Captured) -> None:
    """--json lists every file in the order of the call, and a defect wins over a file that cannot be read."""
    assert main(["inspect", "--json", "nowhere", str(sound)]) == UNUSABLE
    captured = capsys.readouterr()
    missing, found = json.loads(captured.out)["files"]
    assert missing.keys() == found.keys()
    assert (missing["file"], missing["verdict"], missing["bytes"]) == ("nowhere", "unreadable", 0)
    assert captured.err == f"{missing['error']}\n" == "nowhere: there is no such file\n"
    assert (found["verdict"], found["error"]) == ("clean", None)
    assert main(["inspect", "nowhere", str(broken), str(sound)]) == FAULTY


def test_the_help_says_which_status_wins(capsys: Captured) -> None:
    """Both commands tell what comes of several files."""
    for command in ("inspect", "check-vectors"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "With several files 1 wins over 2, and 2 over 0" in capsys.readouterr().out


def test_key_files_of_one_name_are_two_keys(sound: Path, tmp_path: Path, capsys: Captured) -> None:
    """Files of the same name in two folders are both tried, and told apart."""
    names = []
    for folder, key in (("one", STRANGER), ("two", SIGNER)):
        (tmp_path / folder).mkdir()
        names += ["--key", str(tmp_path / folder / "key.pem")]
        Path(names[-1]).write_text(key.public.to_text())
    assert main(["inspect", str(sound), *names, names[0], names[1]]) == CLEAN
    assert f"verified, with {names[-1]}\n" in capsys.readouterr().out


def test_a_file_that_holds_no_key_is_explained(sound: Path, capsys: Captured) -> None:
    """The sentence names the file, and does not claim that there is none."""
    assert main(["inspect", str(sound), "--key", str(sound)]) == UNUSABLE
    assert capsys.readouterr().err == f"--key {str(sound)[:60]}: public key: neither PEM nor base64\n"


@pytest.mark.parametrize("text", ["nonsense", "AAAA", "x" * 5000, "a\0b", "-----BEGIN PUBLIC KEY-----"])
def test_a_key_that_is_none_is_explained(sound: Path, text: str, capsys: Captured) -> None:
    """What is neither a key nor the file of one ends with status 2 before any file is read."""
    assert main(["inspect", str(sound), "--key", text]) == UNUSABLE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("--key ")


def test_a_call_without_files_shows_the_usage(capsys: Captured) -> None:
    """A wrong call ends with status 2 and the usage."""
    for wrong in ([], ["inspect"], ["inspect", "--nope", "x"], ["check-vectors"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == UNUSABLE
    assert "usage: python -m anopticon_protocol" in capsys.readouterr().err


def test_it_runs_as_a_module(sound: Path) -> None:
    """Python -m anopticon_protocol is the same program, and a closed pipe is no traceback."""
    command = [sys.executable, "-m", "anopticon_protocol", "inspect", *[str(sound)] * 400]
    whole = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (whole.returncode, whole.stderr) == (CLEAN, "")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == FAULTY
