"""The whole key server as one plain object, which HTTP and a simulator in the same process use alike.

It holds no decision of its own: it joins authorisation, reception, publisher and archive with a clock and
entropy, and gives the same bytes to everyone who asks for the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from anopticon_protocol.codes import ENTROPY_BYTES as CODE_ENTROPY_BYTES
from anopticon_protocol.codes import make_code
from anopticon_protocol.messages import BatchEntry, BatchIndex, upload_bytes
from anopticon_protocol.params import MAX_INDEX_BATCHES, SPEC_VERSION
from anopticon_server import authorisation
from anopticon_server.archive import NO_SUCH_FILE, Archive, Entry, Kind, MemoryArchive
from anopticon_server.deployment import Deployment, founding_facts
from anopticon_server.errors import NotFoundError
from anopticon_server.exports import export_name, release_of_name
from anopticon_server.publisher import Purged, publish, purge
from anopticon_server.reception import CLOSED_UNTIL, receive
from anopticon_server.storage import Store
from anopticon_server.storage.store import JsonRow


class IssuedCode(NamedTuple):
    """A code as the person gets it, and the Unix second at which it ends."""

    code: str
    valid_until: int


class PublishedFile(NamedTuple):
    """One file to serve: its place in the archive, its facts, and its path if it lies on disk."""

    kind: Kind
    entry: Entry
    path: Path | None


class KeyServer:
    """A key server. `clock` gives Unix seconds, `entropy(n)` gives n fresh secret bytes."""

    def __init__(
        self,
        deployment: Deployment,
        store: Store,
        archive: Archive,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.deployment = deployment
        self.clock = clock
        self._store = store
        self._archive = archive
        self._entropy = entropy

    @classmethod
    def in_memory(
        cls, deployment: Deployment, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> KeyServer:
        """A rehearsal's server that leaves nothing behind, with the rows that one in a data directory has."""
        store = Store.in_memory()
        with store.transaction() as transaction:
            for name, value in founding_facts(
                deployment.design.spec, deployment.period, rehearsal=True
            ).items():
                transaction.set_fact(name, value)
        return cls(deployment, store, MemoryArchive(), clock, entropy)

    # -- what an issuer does ------------------------------------------------------------------------------
    def issue_code(self, entropy: bytes | None = None) -> IssuedCode:
        """Make and store a one-time code, from 16 bytes of `entropy` if given; raises StorageError."""
        code = make_code(self._entropy(CODE_ENTROPY_BYTES) if entropy is None else entropy)
        ends = authorisation.valid_until(self.clock(), self.deployment.code_validity_hours)
        with self._store.transaction() as transaction:
            transaction.add_code(authorisation.code_hash(self.deployment.code_key, code), ends)
        return IssuedCode(code, ends)

    # -- what phones do -----------------------------------------------------------------------------------
    def upload(self, body: bytes) -> bytes:
        """Take an upload and return the answer; raises ServerError, and then nothing has changed."""
        answer = receive(self.deployment, self._store, self.clock, body)
        self._store.forget_order()
        return answer

    def index(self) -> bytes:
        """The list of published batches (messages.BatchIndex)."""
        deployment = self.deployment
        until, listed = self._listed(Kind.BATCH)
        entries = tuple(BatchEntry(*entry) for entry in listed[-MAX_INDEX_BATCHES:])
        return BatchIndex(deployment.design.spec, deployment.period, until, entries).encode()

    def batch(self, name: str) -> bytes:
        """The batch whose SHA-256 is `name`; raises NotFoundError."""
        return self.read(self.find_batch(name))

    def find_batch(self, name: str) -> PublishedFile:
        """Where the batch whose SHA-256 is `name` lies; raises NotFoundError."""
        _, listed = self._listed(Kind.BATCH)
        for entry in listed:
            if entry.sha256 == name:
                return PublishedFile(Kind.BATCH, entry, self._archive.path(Kind.BATCH, entry.release))
        raise NotFoundError(NO_SUCH_FILE)

    def export_index(self) -> bytes:
        """The names of the export files, one a line, oldest first; empty unless the design is gaen."""
        _, listed = self._listed(Kind.EXPORT)
        return "".join(f"{export_name(entry.release)}\n" for entry in listed).encode("ascii")

    def find_export(self, name: str) -> PublishedFile:
        """Where the export file `name` lies; raises NotFoundError."""
        release = release_of_name(name)
        _, listed = self._listed(Kind.EXPORT)
        for entry in listed:
            if entry.release == release:
                return PublishedFile(Kind.EXPORT, entry, self._archive.path(Kind.EXPORT, entry.release))
        raise NotFoundError(NO_SUCH_FILE)

    def read(self, file: PublishedFile) -> bytes:
        """The bytes of a published file; raises NotFoundError if it has been deleted since."""
        return self._archive.read(file.kind, file.entry.release)

    def parameters(self) -> bytes:
        """What a phone needs to know once: design, period, signing key, versions."""
        deployment = self.deployment
        whole = {
            "design": deployment.design.spec,
            "key_id": deployment.key_id,
            "period": deployment.period,
            "public_key": deployment.signer.public.to_text(),
            "retention_days": deployment.retention_days,
            "spec_version": SPEC_VERSION,
            "upload_bytes": upload_bytes(deployment.design),
        }
        return json.dumps(whole, separators=(",", ":")).encode("ascii")

    # -- what time does -----------------------------------------------------------------------------------
    def publish(self) -> list[int]:
        """Publish every release whose time has come; returns their times. Raises StorageError, ClockError."""
        return publish(self.deployment, self._store, self._archive, self.clock)

    def purge(self) -> Purged:
        """Delete what is older than retention; raises StorageError."""
        return purge(self.deployment, self._store, self._archive, self.clock())

    def tick(self) -> list[int]:
        """Publish, then purge: what is due at this moment, however long the last time is ago."""
        published = self.publish()
        self.purge()
        if published:
            self._store.forget_order(always=True)
        return published

    # -- what an operator or a researcher does ------------------------------------------------------------
    def rows(self) -> dict[str, list[JsonRow]]:
        """Every row of every table, sorted, bytes as hex: all it holds beside what it published."""
        with self._store.transaction() as transaction:
            return transaction.rows()

    def reset(self) -> None:
        """Begin again without codes, keys and files. Only a rehearsal offers this."""
        with self._store.transaction() as transaction:
            transaction.wipe()
            transaction.drop_fact(CLOSED_UNTIL)
        self._archive.wipe()

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def _listed(self, kind: Kind) -> tuple[int, list[Entry]]:
        """Up to where the list is complete, and the files up to there: beside a later one others may lack."""
        until = self._archive.complete_until()
        return until, [entry for entry in self._archive.entries(kind) if entry.release <= until]
