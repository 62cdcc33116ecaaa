"""The things a phone's shell needs from the world: clock, radio, store, key server, notifier, entropy (SPEC.md 9.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from anopticon_client.events import Sighting
from anopticon_client.state import Change, Notice, Snapshot


class Clock(Protocol):
    """Where a shell's time comes from."""

    def now(self) -> int:
        """Unix seconds."""

    async def sleep_until(self, time: int) -> None:
        """Return when `now()` has reached `time`."""


class Radio(Protocol):
    """Something that can broadcast a frame and hear others. Every method but close raises RadioError."""

    async def advertise(self, frame: bytes) -> None:
        """Broadcast `frame` from now on, under a new address, in place of the one before."""

    async def scan(self, seconds: float) -> Sequence[Sighting]:
        """Listen for `seconds` of the phone's clock and return what was heard."""

    async def silence(self) -> None:
        """Broadcast nothing until the next `advertise`; go on hearing."""

    async def close(self) -> None:
        """Fall silent and let go of the device."""


class Store(Protocol):
    """Where a phone's state survives. Writes are all or nothing."""

    def load(self) -> Snapshot:
        """Everything that is stored; raises StoreError."""

    def apply(self, changes: Sequence[Change]) -> None:
        """Save `changes` in one transaction; raises StoreError and then has saved none of them."""

    def wipe(self) -> None:
        """Delete everything."""

    def close(self) -> None:
        """Let go of the file."""


class KeyServer(Protocol):
    """The key server as a phone sees it. Every method raises ServerDownError or ServerError."""

    async def fetch_index(self) -> bytes | None:
        """The index of batches; None if it has not changed since the last call."""

    async def fetch_batch(self, sha256: str, length: int) -> bytes:
        """One batch, by the hash that the index lists."""

    async def upload(self, body: bytes) -> None:
        """Hand in an upload; returns when it was accepted. Raises UploadRefusedError with the server's sentence."""


class Notifier(Protocol):
    """The phone's screen."""

    async def show(self, notice: Notice) -> None:
        """Show a notice; one with the same id replaces it."""

    async def warn(self, sentence: str) -> None:
        """Show a line that needs no answer."""


class EntropySource(Protocol):
    """Where fresh secret bytes come from."""

    def __call__(self) -> bytes:
        """32 bytes that were never handed out before."""
