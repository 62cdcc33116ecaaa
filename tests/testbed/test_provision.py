"""`provision`: a unit that starts what was asked for, with the least rights, and files that respect an editor."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.radio.opening import parse_radio, split_radios
from anopticon_testbed.checks.installing import Change, Plan, install
from anopticon_testbed.checks.unit import HIDDEN, SERVICE, environment_text, unit_text
from anopticon_testbed.cli import main
from anopticon_testbed.cli.live import TOKEN_VARIABLE
from anopticon_testbed.cli.node import add_arguments
from anopticon_testbed.errors import InputError, SetupError

PROGRAM = "/opt/anopticon/bin/anopticon-testbed"
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=80)


def unquoted(text: str) -> str:
    """What systemd.exec(5) says that a double-quoted value of an environment file means."""
    assert text.startswith('"')
    assert text.endswith('"')
    inner = text[1:-1]
    assert not re.search(r'(?<!\\)(?:\\\\)*"', inner), "a bare quote would end the value"
    return re.sub(r'\\(["\\`$])', r"\1", inner)


def unit(radio: str) -> str:
    """The unit of a node with this radio."""
    radios = [parse_radio(one) for one in split_radios(radio)]
    return unit_text(PROGRAM, [("--name", "ANOPTICON_NAME"), ("--radio", "ANOPTICON_RADIO")], radios)


@given(PRINTABLE)
def test_a_value_comes_back_as_it_was(value: str) -> None:
    """Law: whatever stands in a value, the environment file holds one line that means it (TB-17)."""
    text = environment_text({"ANOPTICON_PLACE": value})
    assert text.count("\n") == 1
    key, _, quoted = text.removesuffix("\n").partition("=")
    assert (key, unquoted(quoted)) == ("ANOPTICON_PLACE", value)


@pytest.mark.parametrize("value", ["two\nlines", "a\x00b", "x" * 401, "\x85", "a\u2028b"])
def test_a_value_that_no_line_can_hold_is_refused(value: str) -> None:
    """Line ends and control characters could add a variable of their own: they are refused by name."""
    with pytest.raises(InputError, match="ANOPTICON_PLACE"):
        environment_text({"ANOPTICON_PLACE": value})


@pytest.mark.parametrize(
    ("radio", "capabilities", "groups"),
    [
        ("bluez:hci0", "CAP_NET_RAW", "bluetooth"),
        ("bluez:hci0?tap=no", "", "bluetooth"),
        ("bleak", "", "bluetooth"),
        ("hci:socket:1", "CAP_NET_ADMIN CAP_NET_RAW", None),
        ("hci:usb:0", "", "plugdev"),
        ("hci:serial:/dev/ttyACM0", "", "dialout"),
        ("serial:/dev/ttyUSB0", "", "dialout"),
        ("hci:usb:0+bleak", "", "bluetooth plugdev"),
    ],
)
def test_a_unit_has_the_least_rights(radio: str, capabilities: str, groups: str | None) -> None:
    """Each radio gets the capabilities and groups that it needs and no others (TB-18)."""
    text = unit(radio)
    assert f"\nCapabilityBoundingSet={capabilities}\nAmbientCapabilities={capabilities}\n" in text
    assert re.findall(r"SupplementaryGroups=(.*)", text) == ([groups] if groups else [])


def test_a_program_with_blanks_is_refused() -> None:
    """A path that systemd would split or expand is refused."""
    for program in ("anopticon-testbed", "/opt/my things/testbed", "/opt/$HOME/testbed", "/opt/100%/x"):
        with pytest.raises(InputError, match="absolute path"):
            unit_text(program, [], [])


@pytest.mark.parametrize("folder", HIDDEN)
def test_a_program_that_the_unit_hides_is_refused(folder: str) -> None:
    """A unit that could not start its own program is not written (TB-18)."""
    with pytest.raises(InputError, match=r"cannot see it.*like /opt/anopticon"):
        unit_text(f"/{folder}/pi/testbed/bin/anopticon-testbed", [], [])


def test_a_token_is_for_root_and_the_node_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The token goes into the environment file, which nobody else may read; it is no argument and is not shown.

    SPEC: TB-18.
    """
    token = tmp_path / "token"
    token.write_text("f00dfeed" * 4 + "\n", encoding="ascii")
    command = ["provision", "--name", "pi-1", "--root", str(tmp_path), "--program", PROGRAM]
    command += ["--token-file", str(token)]
    assert main([*command, "--dry-run"]) == 0
    assert "f00dfeed" not in capsys.readouterr().out
    assert main(command) == 0
    written = tmp_path / "etc/anopticon/anopticon-node.env"
    assert f'{TOKEN_VARIABLE}="{"f00dfeed" * 4}"\n' in written.read_text(encoding="utf-8")
    assert written.stat().st_mode & 0o777 == 0o600
    assert "TOKEN" not in (tmp_path / "etc/systemd/system" / SERVICE).read_text(encoding="utf-8")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """systemd-analyze finds nothing wrong with a unit of each kind."""
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("needs systemd-analyze, of Debian's package systemd")
    for radio in ("bluez:hci0", "hci:socket:1", "hci:usb:0+bleak"):
        path = tmp_path / SERVICE
        path.write_text(unit(radio).replace(PROGRAM, "/bin/true"), encoding="utf-8")
        done = subprocess.run(
            [checker, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
        )
        assert SERVICE not in done.stderr, done.stderr


def test_options_are_those_of_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line in the unit, with the values of the environment file, is one that `node` understands."""
    given_options = [
        "--name",
        "pi-1",
        "--radio",
        "hci:usb:0",
        "--at=-1,2.5",
        "--place",
        'by the "window" $HOME',
    ]
    given_options += [
        "--tx-power=-8",
        "--carriage",
        "table",
        "--antenna",
        "-",
        "--collector",
        "http://10.0.0.2:8770",
    ]
    assert main(["provision", *given_options, "--root", str(tmp_path), "--program", PROGRAM]) == 0
    capsys.readouterr()
    lines = (tmp_path / "etc/anopticon/anopticon-node.env").read_text(encoding="utf-8").splitlines()
    values = {
        key: unquoted(value) for key, _, value in (line.partition("=") for line in lines if line[0] != "#")
    }
    text = (tmp_path / "etc/systemd/system" / SERVICE).read_text(encoding="utf-8")
    command = re.search(rf"^ExecStart={PROGRAM} node (.*)$", text, re.MULTILINE)
    assert command is not None
    words = [re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], word) for word in command[1].split(" ")]
    import argparse  # noqa: PLC0415 - only this test speaks node's language

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(words)
    assert (options.name, options.radio, options.at, options.place, options.tx_power, options.antenna) == (
        "pi-1",
        "hci:usb:0",
        "-1,2.5",
        'by the "window" $HOME',
        -8,
        "-",
    )


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run prints both files and leaves the disk alone."""
    command = ["provision", "--name", "pi-1", "--dry-run", "--root", str(tmp_path), "--program", PROGRAM]
    assert main(command) == 0
    assert {"[Service]", 'ANOPTICON_NAME="pi-1"'} <= set(capsys.readouterr().out.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_a_second_time_changes_nothing_and_edits_are_kept(tmp_path: Path) -> None:
    """Files are written, left, renewed, and not overwritten once somebody edited them (TB-19)."""
    plan = Plan("etc/a.env", 'A="1"\n', 0o600)
    path = tmp_path / plan.path
    assert install(plan, tmp_path) is Change.WRITTEN
    assert path.stat().st_mode & 0o777 == 0o600
    assert install(plan, tmp_path) is Change.UNCHANGED
    newer = Plan(plan.path, 'A="2"\n', plan.mode)
    assert install(newer, tmp_path) is Change.RENEWED
    path.write_text(path.read_text(encoding="utf-8") + 'B="mine"\n', encoding="utf-8")
    assert install(plan, tmp_path) is Change.KEPT
    assert 'B="mine"' in path.read_text(encoding="utf-8")
    assert install(plan, tmp_path, force=True) is Change.RENEWED
    assert path.read_text(encoding="utf-8") == plan.content
    assert [one.name for one in path.parent.iterdir()] == ["a.env"], "no draft is left"


def test_a_path_in_the_way_is_told(tmp_path: Path) -> None:
    """What cannot be written is an error that names the path and a way out."""
    (tmp_path / "etc").write_text("a file", encoding="utf-8")
    with pytest.raises(SetupError, match=r"etc.*--root"):
        install(Plan("etc/a.env", "", 0o600), tmp_path)


def test_a_machine_with_a_fault_is_not_provisioned(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --root the machine itself is checked first; with a fault nothing is written."""
    command = ["provision", "--name", "pi-1", "--radio", "serial:/dev/nobody-has-this", "--program", PROGRAM]
    assert main(command) == 1
    assert "nothing was written" in capsys.readouterr().out


def test_a_bad_name_or_place_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """What `node` would refuse on the Pi is refused here."""
    assert main(["provision", "--name", "pi 1", "--dry-run", "--program", PROGRAM]) == 2
    assert main(["provision", "--name", "pi", "--at", "here", "--dry-run", "--program", PROGRAM]) == 2
    said = capsys.readouterr().err
    assert "--name" in said
    assert "--at" in said
