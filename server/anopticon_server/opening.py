"""From settings to a key server: folders, secrets, database, and what the database was set up for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from anopticon_protocol.designs import open_design
from anopticon_protocol.signing import SigningKey
from anopticon_server.archive import DirectoryArchive
from anopticon_server.clock import Clock, PacedClock, open_clock
from anopticon_server.deployment import (
    REHEARSAL_CODE_KEY,
    REHEARSAL_KEY_ID,
    REHEARSAL_SIGNING_SECRET,
    Deployment,
    founding_facts,
)
from anopticon_server.durable import remove_unfinished
from anopticon_server.errors import SettingsError
from anopticon_server.secret_files import load_or_create
from anopticon_server.service import KeyServer
from anopticon_server.settings import Settings, check_index_fits, read_secret
from anopticon_server.storage import Store, Transaction

DATABASE_FILE: Final = "server.sqlite3"
ARCHIVE_FOLDER: Final = "archive"
SIGNING_FILE: Final = "signing.secret"
CODE_KEY_FILE: Final = "code.key"
CLOCK_FACT: Final = "clock"
_LEFT_OUT_AS: Final = {"design": "design", "period": "release_period_seconds"}
"""Facts that a setting may leave to the data, with the name of the setting."""
_FOLDER_MODE: Final = 0o700


def open_key_server(
    settings: Settings, clock: Clock | None, entropy: Callable[[int], bytes], *, recover: bool = False
) -> KeyServer:
    """The key server of `settings.data_dir`, made if it is new; raises SettingsError, StorageError.

    `recover` is for the one process that serves: it deletes what a crash left half written and notes down the
    clock. Commands beside it give None as clock, and so run by the same one. Design and release period belong
    to the data: a setting that was left out takes them from there, and one that contradicts them is refused.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"data directory {folder}: {error.strerror or error}") from error
    if recover:
        remove_unfinished(folder)
    signing_secret = _secret(
        settings, settings.signing_secret, REHEARSAL_SIGNING_SECRET, folder / SIGNING_FILE, entropy
    )
    code_key = _secret(settings, settings.code_key, REHEARSAL_CODE_KEY, folder / CODE_KEY_FILE, entropy)
    store = Store.open(settings.database_url or f"sqlite:///{folder / DATABASE_FILE}")
    try:
        with store.transaction() as transaction:
            facts = _agreed_facts(settings, transaction)
            if recover and isinstance(clock, PacedClock):
                transaction.set_fact(CLOCK_FACT, clock.text)
        archive = DirectoryArchive(folder / ARCHIVE_FOLDER)
        if recover:
            archive.remove_unfinished()
    except BaseException:
        store.close()
        raise
    own_key_id = "key_id" in settings.model_fields_set or not settings.rehearsal
    deployment = Deployment(
        design=open_design(facts["design"]),
        signer=SigningKey.from_secret(signing_secret),
        key_id=settings.key_id if own_key_id else REHEARSAL_KEY_ID,
        code_key=code_key,
        period=int(facts["period"]),
        retention_days=settings.retention_days,
        code_validity_hours=settings.code_validity_hours,
    )
    return KeyServer(deployment, store, archive, clock or open_clock(facts.get(CLOCK_FACT)), entropy)


def _secret(
    settings: Settings, given: SecretStr | None, rehearsed: bytes, path: Path, entropy: Callable[[int], bytes]
) -> bytes:
    if given is not None:
        return read_secret(given.get_secret_value())
    return rehearsed if settings.rehearsal else load_or_create(path, entropy)


def _agreed_facts(settings: Settings, transaction: Transaction) -> dict[str, str]:
    """What the data was set up for: written at the first start, compared at every later one."""
    wanted = founding_facts(settings.design, settings.release_period_seconds, rehearsal=settings.rehearsal)
    left_out = {fact for fact, name in _LEFT_OUT_AS.items() if name not in settings.model_fields_set}
    facts = transaction.facts()
    for name, value in wanted.items():
        if name not in facts:
            transaction.set_fact(name, value)
            facts[name] = value
        elif facts[name] != value and name not in left_out:
            raise SettingsError(
                f"{name} = {value}: the data in {settings.data_dir} was set up with {facts[name]}; "
                f"start with that, or with an empty data directory"
            )
    try:
        check_index_fits(int(facts["period"]), settings.retention_days)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return facts
