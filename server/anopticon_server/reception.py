"""Taking an upload: strict reading, then one transaction that spends the code and stores the keys.

An upload whose answer was lost may be sent again: a spent code together with keys that are all stored is
answered as the first time. So no record is needed of which code brought which keys. A malformed upload never
touches its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import SharedKey
from anopticon_protocol.errors import UploadError
from anopticon_protocol.export.model import MAX_WRITTEN_KEYS
from anopticon_protocol.messages import Upload
from anopticon_protocol.params import MAX_BATCH_KEYS
from anopticon_protocol.timebase import next_release
from anopticon_server.authorisation import Opens, code_hash, opens
from anopticon_server.deployment import Deployment
from anopticon_server.errors import ClockError, CodeRefusedError, UploadRefusedError
from anopticon_server.storage import Store

ACCEPTED: Final = b'{"accepted":true}'
"""The answer to every accepted upload, the first time and each time after."""
MAX_RELEASE_KEYS: Final = min(MAX_BATCH_KEYS, MAX_WRITTEN_KEYS)
"""Keys of one release: what one batch and one export file may hold. The rest waits for the next release."""


def receive(deployment: Deployment, store: Store, clock: Callable[[], int], body: bytes) -> bytes:
    """Accept an upload and return ACCEPTED; raises ServerError, and then nothing has changed."""
    try:
        upload = Upload.decode(body)
    except UploadError as error:
        raise _refusal(error) from error
    if upload.design != deployment.design.spec:
        raise UploadRefusedError(f"design: this server takes {deployment.design.spec}", "design")
    fault = _fault(deployment.design, upload.keys, clock())
    hashed = code_hash(deployment.code_key, upload.code)
    with store.transaction() as transaction:
        # The time counts from here, where nothing else can happen: what gets a release in the future is in it
        # for good.
        now = clock()
        opened = opens(transaction.code(hashed), now)
        few = len(upload.keys) <= deployment.design.max_upload_keys
        if opened is Opens.RETRY and few and upload.keys and transaction.holds(upload.keys):
            return ACCEPTED
        if fault is not None:
            raise fault
        if opened is not Opens.UPLOAD:
            raise CodeRefusedError
        floor = int(transaction.facts().get(CLOSED_UNTIL, "0"))
        check_clock(now, floor, deployment.period)
        first = max(next_release(now, deployment.period), floor + deployment.period)
        taken = transaction.counts_by_release(first)
        transaction.add_keys(assign_releases(deployment, upload.keys, first, taken))
        transaction.spend_code(hashed)
    return ACCEPTED


CLOSED_UNTIL: Final = "closed_until"
"""Fact of the database: the last release that takes no more keys, being published or having been."""


def check_clock(now: int, closed_until: int, period: int) -> None:
    """Raise ClockError if the clock stands a whole period before a release that is closed already.

    A step of seconds does no harm. But after a jump to next year and back, keys would wait a year for their
    release.
    """
    if now + period < closed_until:
        raise ClockError(
            "the server's clock stands before what is already published; its operator must look at it"
        )


def assign_releases(
    deployment: Deployment, keys: Sequence[SharedKey], first: int, taken: Mapping[int, int]
) -> list[tuple[SharedKey, int]]:
    """Give each key the first release from `first` on that its design allows and that has room."""
    period = deployment.period
    counts = dict(taken)
    assigned = []
    for key in keys:
        allowed = deployment.design.release_from(key)
        release = max(first, allowed + -allowed % period)
        while counts.get(release, 0) >= MAX_RELEASE_KEYS:
            release += period
        counts[release] = counts.get(release, 0) + 1
        assigned.append((key, release))
    return assigned


def _fault(design: Design, keys: Sequence[SharedKey], now: int) -> UploadRefusedError | None:
    try:
        design.check_upload(keys, now)
    except UploadError as error:
        return _refusal(error)
    return None


def _refusal(error: UploadError) -> UploadRefusedError:
    return UploadRefusedError(str(error), error.field)
