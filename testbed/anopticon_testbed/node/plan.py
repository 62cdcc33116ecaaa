"""What a node is told before it starts, and the world it lives in: a machine, or a virtual testbed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.ports import Clock, KeyServer, Store
from anopticon_client.radio.interfaces import RadioDevice, RadioSink, Timestamps
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.rows import ClockReading
from anopticon_protocol.params import DP3T_SERVICE_UUID, REFERENCE_TX_POWER_DBM
from anopticon_testbed.errors import InputError
from anopticon_testbed.status import MAX_NAME_CHARS, NAME_PATTERN, Answer, NodeState

BEACON: Final = "beacon"
"""The design of a node without a phone: random identifiers, each for 10 to 20 minutes."""
RUN_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
MAX_NOTES: Final = 32
"""Room for what the node itself writes beside them in the manifest."""
MAX_NOTE_CHARS: Final = 200


def check_name(name: str) -> str:
    """The name if it can be a node's; raises InputError."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise InputError(
            f"--name {name[:MAX_NAME_CHARS]!r}: 1 to {MAX_NAME_CHARS} letters, digits, '.', '_' and '-'"
        )
    return name


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Who records what, where. `position` is metres, `about` what an experimenter wants to remember."""

    name: str
    run: str
    folder: Path
    radio: str
    service_uuid: int = DP3T_SERVICE_UUID
    tx_power_dbm: int = REFERENCE_TX_POWER_DBM
    position: tuple[float, float, float] | None = None
    about: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names and notes that cannot be part of a file name or a manifest."""
        check_name(self.name)
        if not re.fullmatch(RUN_PATTERN, self.run):
            raise InputError(f"--run {self.run[:64]!r}: 1 to 64 letters, digits, '.', '_' and '-'")
        if len(self.about) > MAX_NOTES:
            raise InputError(f"{len(self.about)} notes, at most {MAX_NOTES} (MAX_NOTES)")
        for key, value in self.about.items():
            if len(key) > MAX_NAME_CHARS or len(str(value)) > MAX_NOTE_CHARS:
                raise InputError(f"note {key[:MAX_NAME_CHARS]!r}: at most {MAX_NOTE_CHARS} characters")


@dataclass(frozen=True, slots=True)
class PhoneSetup:
    """The phone of a node: what it is set up with, its store, its key server, and how it was paid in."""

    config: PhoneConfig
    store: Store
    server: KeyServer
    about: Mapping[str, str | int | float]
    """What a replay needs: `key_id`, `public_key`, `release_period`, `store` (`memory` or `kept`)."""


async def nobody_knows() -> ClockReading | None:
    """No clock to measure against."""
    return None


@dataclass(frozen=True, slots=True)
class NodeWorld:
    """Where a node lives.

    `open` opens its radio, `timestamps` and `clock` are its time, `read_clock` measures its wall clock, `post` tells
    the collector (None if there is none) and raises CollectorError, `say` takes a sentence for the person.
    """

    open: Callable[[RadioSink], Awaitable[RadioDevice]]
    timestamps: Timestamps
    clock: Clock
    entropy: Callable[[int], bytes]
    say: Callable[[str], None]
    read_clock: Callable[[], Awaitable[ClockReading | None]] = nobody_knows
    post: Callable[[NodeState], Awaitable[Answer]] | None = None
    policy: WriterPolicy = field(default_factory=WriterPolicy)
