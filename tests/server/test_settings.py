"""Settings: where they come from, which values are refused, and that no message shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from anopticon_protocol.params import MAX_INDEX_BATCHES, RETENTION_DAYS
from anopticon_server.errors import SettingsError
from anopticon_server.opening import open_key_server
from anopticon_server.settings import Settings, is_loopback, load_settings
from tests.server.kit import START, Fresh, Hand


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ANOPTICON_{name.upper()}", raising=False)


def test_without_settings_the_defaults_are_safe() -> None:
    """Exposure Notification, every two hours, on the loopback address, two weeks, no issuing over HTTP."""
    settings = load_settings()
    assert (settings.design, settings.host, settings.port) == ("gaen", "127.0.0.1", 8765)
    assert (settings.release_period_seconds, settings.retention_days) == (7_200, 14)
    assert (settings.issuer_key, settings.rehearsal, settings.code_validity_hours) == (None, False, 24)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("design", "gaen:x=1", "ANOPTICON_DESIGN: design gaen: does not take x"),
        ("port", "-1", "ANOPTICON_PORT: -1: must be 0..65535"),
        ("port", "eighty", "ANOPTICON_PORT: Input should be a valid integer"),
        ("release_period_seconds", "59", "ANOPTICON_RELEASE_PERIOD_SECONDS: 59: must be 60..86400"),
        ("release_period_seconds", "3000", f"at most {MAX_INDEX_BATCHES} fit the index (MAX_INDEX_BATCHES)"),
        ("retention_days", "15", f"must be 1..{RETENTION_DAYS} (RETENTION_DAYS"),
        ("retention_days", "0", "ANOPTICON_RETENTION_DAYS: 0: must be 1..14"),
        ("code_validity_hours", "337", "must be 1..336 (MAX_CODE_VALIDITY_HOURS)"),
        ("max_waiting_uploads", "0", "must be 1..10000"),
        ("upload_timeout_seconds", "601", "must be 1..600"),
        ("key_id", "x" * 33, "must be 1..32 printable ASCII characters (MAX_KEY_ID_CHARS)"),
        ("key_id", "clé", "must be 1..32 printable ASCII characters (MAX_KEY_ID_CHARS)"),
        ("database_url", "postgresql://db/x", "no other database is supported yet"),
        ("log_level", "loud", "must be one of DEBUG, INFO, WARNING, ERROR"),
        ("rehearsal", "perhaps", "ANOPTICON_REHEARSAL: Input should be a valid boolean"),
    ],
)
def test_a_bad_setting_is_named_with_its_range(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The sentence names the variable and what it may be."""
    monkeypatch.setenv(f"ANOPTICON_{name.upper()}", value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["signing_secret", "code_key", "issuer_key"])
@pytest.mark.parametrize("value", ["canary", "zz" * 32, "ab" * 8])
def test_a_bad_secret_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Neither the message nor anything it was raised from repeats what was given."""
    if name == "issuer_key":
        value = value[:21]
    monkeypatch.setenv(f"ANOPTICON_{name.upper()}", value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert f"ANOPTICON_{name.upper()}: must" in str(refusal.value)
    assert value not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_printed_setting_shows_no_secret() -> None:
    """Settings may end up in a debugger or a log."""
    shown = repr(load_settings(signing_secret="ab" * 32, code_key="cd" * 32, issuer_key="e" * 40))
    assert not any(secret in shown for secret in ("ab" * 32, "cd" * 32, "e" * 40))


def test_an_unknown_setting_is_refused() -> None:
    """A slip in a keyword is not silently dropped."""
    with pytest.raises(SettingsError, match="COLOUR"):
        load_settings(colour="red")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - refused, that is the point
        ("::", False),
        ("192.168.1.1", False),
        ("localhost.example.org", False),
    ],
)
def test_a_rehearsal_listens_to_this_machine_only(host: str, loopback: bool) -> None:
    """Whoever can call a rehearsal owns its clock, so nobody else may."""
    assert is_loopback(host) is loopback
    if loopback:
        assert load_settings(rehearsal=True, host=host).rehearsal
    else:
        with pytest.raises(SettingsError, match="loopback"):
            load_settings(rehearsal=True, host=host)


def test_design_and_period_belong_to_the_data(tmp_path: Path) -> None:
    """Left out they come from the data; said otherwise the server does not start (SV-17)."""
    first = load_settings(data_dir=tmp_path, design="lowcost", release_period_seconds=3_600)
    open_key_server(first, None, Fresh()).close()
    again = open_key_server(load_settings(data_dir=tmp_path), None, Fresh())
    assert (again.deployment.design.spec, again.deployment.period) == ("lowcost", 3_600)
    again.close()
    for given in ({"design": "gaen"}, {"release_period_seconds": 7_200}, {"rehearsal": True}):
        with pytest.raises(SettingsError, match="was set up with"):
            open_key_server(load_settings(data_dir=tmp_path, **given), None, Fresh())


def test_a_period_of_the_data_must_fit_the_retention(tmp_path: Path) -> None:
    """Data with ten-minute releases and two days of retention cannot be kept for two weeks."""
    short = load_settings(data_dir=tmp_path, release_period_seconds=600, retention_days=2)
    open_key_server(short, None, Fresh()).close()
    with pytest.raises(SettingsError, match="MAX_INDEX_BATCHES"):
        open_key_server(load_settings(data_dir=tmp_path), None, Fresh())


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    """The second start signs with the key of the first; another directory has another."""
    keys = []
    for folder, seed in ((tmp_path / "a", 1), (tmp_path / "a", 2), (tmp_path / "b", 3)):
        server = open_key_server(load_settings(data_dir=folder), None, Fresh(seed))
        keys.append((server.deployment.signer.public.to_text(), server.deployment.code_key))
        server.close()
    assert keys[0] == keys[1]
    assert keys[0][0] != keys[2][0]
    assert keys[0][1] != keys[2][1]


def test_a_starting_server_sweeps_up_after_a_crash(tmp_path: Path) -> None:
    """Half written secrets and batches go when the server starts, not when a command runs beside it."""
    open_key_server(load_settings(data_dir=tmp_path), None, Fresh()).close()
    leftovers = [tmp_path / ".unfinished-0a", tmp_path / "archive" / "batches" / ".unfinished-0b"]
    for path in leftovers:
        path.write_bytes(b"half a secret")
    open_key_server(load_settings(data_dir=tmp_path), None, Fresh()).close()
    assert [path.exists() for path in leftovers] == [True, True]
    open_key_server(load_settings(data_dir=tmp_path), None, Fresh(), recover=True).close()
    assert [path.exists() for path in leftovers] == [False, False]


def test_signing_and_code_key_are_not_the_same(tmp_path: Path) -> None:
    """One leaked secret does not give the other away."""
    open_key_server(load_settings(data_dir=tmp_path), None, Fresh()).close()
    assert (tmp_path / "signing.secret").read_text() != (tmp_path / "code.key").read_text()


def test_given_secrets_leave_no_file(tmp_path: Path) -> None:
    """An operator who keeps secrets elsewhere finds none in the data directory."""
    settings = load_settings(data_dir=tmp_path, signing_secret="ab" * 32, code_key="cd" * 32)
    server = open_key_server(settings, None, Fresh())
    assert server.deployment.code_key == bytes.fromhex("cd" * 32)
    server.close()
    assert {path.name for path in tmp_path.iterdir()} == {"server.sqlite3", "archive"}


def test_the_database_may_lie_elsewhere(tmp_path: Path) -> None:
    """A database URL moves the file, and the rest stays."""
    elsewhere = tmp_path / "elsewhere.sqlite3"
    settings = load_settings(data_dir=tmp_path / "data", database_url=f"sqlite:///{elsewhere}")
    server = open_key_server(settings, None, Fresh())
    server.clock = Hand(START)
    server.issue_code()
    server.close()
    assert elsewhere.stat().st_size > 0
    assert not (tmp_path / "data" / "server.sqlite3").exists()
