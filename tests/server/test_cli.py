"""The command line: what each command prints, and that every failure is one sentence and status 2."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_protocol.codes import parse_code
from anopticon_server.cli import main
from anopticon_server.opening import CODE_KEY_FILE, DATABASE_FILE, SIGNING_FILE, open_key_server
from anopticon_server.settings import Settings
from tests.server.kit import Fresh, Hand


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ANOPTICON_{name.upper()}", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of a server of the hybrid design that ran once and was stopped."""
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, design="hybrid")
    open_key_server(settings, None, Fresh()).close()
    return folder


def test_codes_are_printed_one_a_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is a code that checks; no two are the same."""
    assert main(["issue-code", "--count", "4", "--data-dir", str(data)]) == 0
    codes = capsys.readouterr().out.splitlines()
    assert len({parse_code(code) for code in codes}) == 4


def test_rows_are_printed_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every table is there, and nothing that the server was not told."""
    main(["issue-code", "--data-dir", str(data)])
    capsys.readouterr()
    assert main(["rows", "--data-dir", str(data)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [len(rows[name]) for name in ("codes", "keys")] == [1, 0]
    facts = {row["name"]: row["value"] for row in rows["deployment"]}
    assert facts == {
        "design": "hybrid:window_minutes=120",
        "period": "7200",
        "rehearsal": "no",
        "schema": "1",
    }


def test_publish_purge_and_show_key_answer(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An idle server has nothing to publish and nothing to delete; its key is printed for phones."""
    assert main(["publish", "--data-dir", str(data)]) == 0
    assert main(["purge", "--data-dir", str(data)]) == 0
    assert main(["show-key", "--data-dir", str(data)]) == 0
    purged, parameters = capsys.readouterr().out.splitlines()
    assert purged == "deleted: 0 codes, 0 keys, 0 files"
    assert json.loads(parameters)["design"] == "hybrid:window_minutes=120"


def make_folder(path: Path) -> None:
    """Put a folder where a file was."""
    path.unlink()
    path.mkdir()


Spoil = Callable[[Path], object]
FAILURES: list[tuple[list[str], Spoil, str]] = [
    (["serve", "--design", "enigma"], lambda _: None, "ANOPTICON_DESIGN: design 'enigma': must be one of"),
    (
        ["serve", "--design", "hybrid:window_minutes=7"],
        lambda _: None,
        "window_minutes = 7: must be a multiple",
    ),
    (["serve", "--design", "gaen"], lambda _: None, "design = gaen: the data in"),
    (["serve", "--rehearsal"], lambda _: None, "rehearsal = yes: the data in"),
    (["serve", "--port", "70000"], lambda _: None, "ANOPTICON_PORT: 70000: must be 0..65535"),
    (["serve", "--host", "not a host"], lambda _: None, "cannot listen on not a host port"),
    (["serve", "--host", "203.0.113.1"], lambda _: None, "cannot listen on 203.0.113.1 port 8765: "),
    (["serve", "--clock", "fast"], lambda _: None, "clock 'fast': must be like 60x"),
    (["serve", "--clock", "60x@2999-01-01T00:00:00Z"], lambda _: None, "must be 0..253402300799"),
    (["serve", "--clock", "60x", "--rehearsal"], lambda _: None, "the caller moves the clock"),
    (["serve", "--rehearsal", "--host", "0.0.0.0"], lambda _: None, "is no loopback address"),  # noqa: S104
    (
        ["rows"],
        lambda data: (data / DATABASE_FILE).write_bytes(b"no database" * 99),
        "the database cannot be",
    ),
    (
        ["rows"],
        lambda data: make_folder(data / DATABASE_FILE),
        "Is a directory",
    ),
    (
        ["show-key"],
        lambda data: (data / SIGNING_FILE).write_text("00"),
        "signing.secret: 64 hex digits expected",
    ),
    (["show-key"], lambda data: (data / SIGNING_FILE).write_bytes(b"\xff" * 64), "64 hex digits"),
    (
        ["show-key"],
        lambda data: make_folder(data / CODE_KEY_FILE),
        "code.key: ",
    ),
]


@pytest.mark.parametrize(("arguments", "spoil", "sentence"), FAILURES, ids=[case[2] for case in FAILURES])
def test_a_failure_is_one_sentence_and_status_2(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], spoil: Spoil, sentence: str
) -> None:
    """No failure that an operator can cause ends in a traceback, and each names what is wrong."""
    spoil(data)
    assert main([*arguments, "--data-dir", str(data)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("anopticon-server: ")
    assert printed.err.count("\n") == 1
    assert sentence in printed.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
@pytest.mark.parametrize("name", [SIGNING_FILE, CODE_KEY_FILE])
def test_a_secret_that_others_may_read_is_not_used(
    data: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The server stops, and says how to put it right; made by itself the files are for their owner alone."""
    path = data / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    path.chmod(0o640)
    assert main(["show-key", "--data-dir", str(data)]) == 2
    assert f"chmod 600 {path}" in capsys.readouterr().err
    path.chmod(0o600)
    assert main(["show-key", "--data-dir", str(data)]) == 0


def test_a_data_directory_that_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the way of the data directory, or no server there yet."""
    (tmp_path / "file").write_text("in the way")
    assert main(["serve", "--data-dir", str(tmp_path / "file" / "data")]) == 2
    assert "Not a directory" in capsys.readouterr().err
    assert main(["issue-code", "--data-dir", str(tmp_path / "nothing")]) == 2
    assert "does not exist: start the server there first" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("count", ["0", "10001", "-1", "two", "²"])
def test_a_number_of_codes_out_of_range_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], count: str
) -> None:
    """The bound is named, and no code is made."""
    with pytest.raises(SystemExit) as end:
        main(["issue-code", "--count", count, "--data-dir", str(data)])
    assert end.value.code == 2
    assert "must be 1..10000 (MAX_CODES_AT_ONCE)" in capsys.readouterr().err


def test_a_setting_in_the_environment_is_read(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The environment says where the data are; the command line comes before it."""
    monkeypatch.setenv("ANOPTICON_DATA_DIR", str(data))
    monkeypatch.setenv("ANOPTICON_SIGNING_SECRET", "11" * 32)
    assert main(["show-key"]) == 0
    with_given_secret = capsys.readouterr().out
    monkeypatch.delenv("ANOPTICON_SIGNING_SECRET")
    assert main(["show-key"]) == 0
    assert capsys.readouterr().out != with_given_secret
    assert main(["show-key", "--data-dir", str(data / "missing")]) == 2


def test_a_clock_behind_the_data_does_not_start(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data that were published by a faster clock cannot be served by the wall's (SV-13)."""
    later = open_key_server(Settings(data_dir=data), None, Fresh())
    later.clock = Hand(4_000_000_000)
    later.publish()
    later.close()
    assert main(["serve", "--port", "0", "--data-dir", str(data)]) == 2
    assert "clock stands before what is already published" in capsys.readouterr().err
