"""What an operator may set, in the environment (prefix ANOPTICON_) or by command, each with its bounds."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Final, Self

from pydantic import SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from anopticon_protocol.batch import MAX_KEY_ID_CHARS, MAX_PERIOD_SECONDS, MIN_PERIOD_SECONDS
from anopticon_protocol.designs import open_design
from anopticon_protocol.designs.base import Design
from anopticon_protocol.errors import InvalidParameterError
from anopticon_protocol.params import (
    DAY_SECONDS,
    MAX_INDEX_BATCHES,
    RELEASE_PERIOD_SECONDS,
    RETENTION_DAYS,
)
from anopticon_server.errors import SettingsError

PREFIX: Final = "ANOPTICON_"
DEFAULT_PORT: Final = 8765
SECRET_BYTES: Final = 32
MIN_ISSUER_KEY_CHARS: Final = 22
"""Base64 of 128 random bits: nobody limits how often it is guessed."""
MAX_CODE_VALIDITY_HOURS: Final = 24 * RETENTION_DAYS
"""No code outlives the keys it could upload."""
MAX_PORT: Final = 65_535
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_BOUNDS: Final = {
    "port": (0, MAX_PORT, "0 lets the system choose"),
    "release_period_seconds": (MIN_PERIOD_SECONDS, MAX_PERIOD_SECONDS, "what a batch can say"),
    "retention_days": (1, RETENTION_DAYS, "RETENTION_DAYS, the promise to those who upload"),
    "code_validity_hours": (1, MAX_CODE_VALIDITY_HOURS, "MAX_CODE_VALIDITY_HOURS"),
    "max_waiting_uploads": (1, 10_000, "each may hold MAX_UPLOAD_BYTES of memory"),
    "upload_timeout_seconds": (1, 600, "a phone gives up by then"),
}


class Settings(BaseSettings):
    """Everything an operator may set. Secrets left out are made at the first start and kept in `data_dir`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    design: str = "gaen"
    """Text form of the design, as `open_design` takes it."""
    data_dir: Path = Path("anopticon-server-data")
    database_url: str | None = None
    """SQLite only for now; without it the file server.sqlite3 in `data_dir`."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    clock: str | None = None
    """A faster clock, like `60x`: see protocol `pace`."""
    rehearsal: bool = False
    """Time is moved by the caller over HTTP; only on a loopback address."""
    release_period_seconds: int = RELEASE_PERIOD_SECONDS
    retention_days: int = RETENTION_DAYS
    code_validity_hours: int = 24
    key_id: str = "anopticon-1"
    """What batches call the signing key."""
    signing_secret: SecretStr | None = None
    """64 hex digits."""
    code_key: SecretStr | None = None
    """64 hex digits: the key under which codes are hashed."""
    issuer_key: SecretStr | None = None
    """Bearer token of POST /v1/codes; without it that address does not exist."""
    max_waiting_uploads: int = 64
    upload_timeout_seconds: int = 30
    log_level: str = "INFO"

    @field_validator(*_BOUNDS)
    @classmethod
    def _within_bounds(cls, value: int, info: ValidationInfo) -> int:
        least, most, reason = _BOUNDS[str(info.field_name)]
        if not least <= value <= most:
            raise ValueError(f"{value}: must be {least}..{most} ({reason})")
        return value

    @field_validator("design")
    @classmethod
    def _known_design(cls, value: str) -> str:
        return open_design(value).spec

    @field_validator("database_url")
    @classmethod
    def _sqlite(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("sqlite:///"):
            raise ValueError(
                "must be a file as in sqlite:///path/to/file; no other database is supported yet"
            )
        return value

    @field_validator("key_id")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not (0 < len(value) <= MAX_KEY_ID_CHARS and value.isascii() and value.isprintable()):
            raise ValueError(f"must be 1..{MAX_KEY_ID_CHARS} printable ASCII characters (MAX_KEY_ID_CHARS)")
        return value

    @field_validator("signing_secret", "code_key")
    @classmethod
    def _hex(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_secret(value.get_secret_value())
        return value

    @field_validator("issuer_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_ISSUER_KEY_CHARS:
            raise ValueError(f"must have at least {MIN_ISSUER_KEY_CHARS} characters (MIN_ISSUER_KEY_CHARS)")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LOG_LEVELS:
            raise ValueError(f"{value!r}: must be one of {', '.join(LOG_LEVELS)}")
        return value.upper()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        check_index_fits(self.release_period_seconds, self.retention_days)
        if self.rehearsal and self.clock is not None:
            raise ValueError("rehearsal: the caller moves the clock, so that a pace (clock) has no meaning")
        if self.rehearsal and not is_loopback(self.host):
            raise ValueError(
                f"rehearsal: host {self.host!r} is no loopback address, and whoever calls owns the clock"
            )
        return self

    def open_design(self) -> Design:
        """The design itself."""
        return open_design(self.design)


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - as the command line has it
    """Settings from the environment, with `given` ones first; raises SettingsError with one sentence."""
    try:
        return Settings(**given)
    except (ValidationError, InvalidParameterError) as error:
        raise SettingsError(_sentence(error)) from None


def check_index_fits(period: int, retention_days: int) -> None:
    """Raise ValueError if the releases of `retention_days`, one a `period`, are more than an index lists."""
    batches = retention_days * DAY_SECONDS // period + 2
    if batches > MAX_INDEX_BATCHES:
        raise ValueError(
            f"a release every {period} s (release_period_seconds) for {retention_days} days (retention_days) "
            f"makes {batches} batches, at most {MAX_INDEX_BATCHES} fit the index (MAX_INDEX_BATCHES)"
        )


def read_secret(text: str) -> bytes:
    """32 bytes from 64 hex digits; raises ValueError that does not show them."""
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"must be {2 * SECRET_BYTES} hex digits")
    return secret


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine as seen from itself only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _sentence(error: ValidationError | InvalidParameterError) -> str:
    """The first thing that is wrong. Values are not repeated here: one of them may be a secret."""
    if isinstance(error, InvalidParameterError):
        return str(error)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    return f"{PREFIX}{str(first['loc'][0]).upper()}: {message}"
