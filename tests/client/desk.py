"""A key server reduced to what a phone sees of it, made of protocol parts: uploads in, signed batches out."""

from __future__ import annotations

import hashlib
from typing import Final

from anopticon_client.events import UploadAnswered, UploadResult
from anopticon_protocol.batch import encode_batch
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import UploadError
from anopticon_protocol.messages import BatchEntry, BatchIndex, Upload
from anopticon_protocol.params import DAY_SECONDS, RELEASE_PERIOD_SECONDS, RETENTION_DAYS
from anopticon_protocol.signing import SigningKey

SIGNER: Final = SigningKey.from_secret(bytes(range(32)))
KEY_ID: Final = "town-1"


class KeyDesk:
    """Takes uploads and publishes every two hours what is due. Takes every code, each once."""

    def __init__(self, design: Design, period: int = RELEASE_PERIOD_SECONDS) -> None:
        """A desk with nothing published."""
        self.design = design
        self.period = period
        self.accepted: dict[str, tuple[SharedKey, ...]] = {}
        self.waiting: list[tuple[int, SharedKey]] = []
        self.files: dict[int, bytes] = {}
        self.spoilt: dict[int, bytes] = {}
        """What is served in place of a file, though the index lists the file."""
        self._published_until = 0

    def take(self, body: bytes, now: int) -> UploadAnswered:
        """Accept or refuse an upload; a second copy of an accepted one is accepted and changes nothing."""
        self.publish(now)
        upload = Upload.decode(body)
        if upload.code in self.accepted:
            same = self.accepted[upload.code] == upload.keys
            return UploadAnswered(UploadResult.ACCEPTED if same else UploadResult.REFUSED, "used code")
        try:
            self.design.check_upload(upload.keys, now)
        except UploadError as error:
            return UploadAnswered(UploadResult.REFUSED, str(error))
        self.accepted[upload.code] = upload.keys
        self.waiting += [(now, key) for key in upload.keys]
        return UploadAnswered(UploadResult.ACCEPTED)

    def publish(self, now: int) -> None:
        """Make the batches of all releases up to `now`; a release with nothing due has no batch."""
        latest = now - now % self.period
        if not self.waiting:
            self._published_until = max(self._published_until, latest)
        while self._published_until < latest:
            release = self._published_until = self._published_until + self.period
            due = [
                (at, key)
                for at, key in self.waiting
                if at < release and self.design.release_from(key) <= release
            ]
            if due:
                self.put(release, *(key for _, key in due))
                self.waiting = [entry for entry in self.waiting if entry not in due]

    def put(self, release: int, *keys: SharedKey, design: Design | None = None) -> bytes:
        """Publish `keys` at `release`, whatever anybody thinks of it; returns the file."""
        data = encode_batch(design or self.design, release, self.period, keys, SIGNER, KEY_ID)
        self.files[release] = data
        return data

    def fetch(self, release: int) -> bytes:
        """What a phone gets that asks for the batch of `release`."""
        return self.spoilt.get(release, self.files[release])

    def entries(self, now: int) -> tuple[BatchEntry, ...]:
        """The batches of the last 14 days, oldest first."""
        oldest = now - RETENTION_DAYS * DAY_SECONDS
        return tuple(
            entry_of(release, data)
            for release, data in sorted(self.files.items())
            if oldest <= release <= now
        )

    def index(self, now: int) -> bytes:
        """The index as of `now`."""
        self.publish(now)
        latest = now - now % self.period
        return BatchIndex(self.design.spec, self.period, latest, self.entries(now)).encode()


def entry_of(release: int, data: bytes) -> BatchEntry:
    """The line of the index about `data`."""
    return BatchEntry(release, hashlib.sha256(data).hexdigest(), len(data))
