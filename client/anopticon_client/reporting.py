"""Reporting a positive test: keys fixed once, replaced at once, sent until the server has answered (SPEC.md 9.7)."""

from __future__ import annotations

from dataclasses import replace

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Effect, ReportRequested, SendUpload, UploadAnswered, UploadResult, Warn
from anopticon_client.memory import Memory
from anopticon_client.notices import Notices
from anopticon_client.schedule import Schedule
from anopticon_client.state import PendingUpload, UploadState
from anopticon_client.sync import RETRY_LONGEST_SECONDS, TELL_AFTER_FAILURES, backoff_seconds
from anopticon_protocol.codes import parse_code
from anopticon_protocol.entropy import Entropy
from anopticon_protocol.errors import CodeError, InvalidParameterError
from anopticon_protocol.messages import Upload
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS


class Reporting:
    """The one report that may be under way."""

    def __init__(self, config: PhoneConfig, memory: Memory, schedule: Schedule, notices: Notices) -> None:
        """Work on `memory`."""
        self._config = config
        self._memory = memory
        self._schedule = schedule
        self._notices = notices

    def request(self, event: ReportRequested, now: int, entropy: Entropy) -> list[Effect]:
        """Start a report, or give the one under way a new code."""
        try:
            code = parse_code(event.code)
        except CodeError as error:
            return [Warn(str(error))]
        pending = self._memory.upload
        if pending is not None:
            return self._send(replace(pending, code=code, state=UploadState.SENDING), now, entropy)
        since = max(event.contagious_since, now - RETENTION_DAYS * DAY_SECONDS)
        own = tuple(self._memory.own_keys.values())
        try:
            keys = self._config.design.uploadable(own, since, now, event.withheld)
        except InvalidParameterError as error:
            return [Warn(str(error))]
        if not keys:
            return [Warn("there are no keys of that time to report")]
        # The keys leave the schedule now, not when the server answers: whatever this phone broadcasts from here on
        # is unrelated to them, however long the upload takes.
        sent = self._send(PendingUpload(code, keys, now), now, entropy)
        return [*self._schedule.restart(now, entropy), *sent]

    def answered(self, event: UploadAnswered, now: int, entropy: Entropy) -> list[Effect]:
        """Go on from what the server said."""
        pending = self._memory.upload
        if pending is None:
            return []
        if event.result is not UploadResult.UNREACHABLE:
            refused = event.result is UploadResult.REFUSED
            self._memory.set_upload(replace(pending, state=UploadState.NEEDS_CODE) if refused else None)
            self._memory.update_progress(failed_uploads=0, next_upload_try=0)
            self._notices.server_answers()
            return (
                self._notices.report_refused(event.sentence, now)
                if refused
                else self._notices.report_done(now)
            )
        failures = self._memory.progress.failed_uploads + 1
        retry = now + backoff_seconds(failures, entropy)
        self._memory.update_progress(failed_uploads=failures, next_upload_try=retry)
        if failures == TELL_AFTER_FAILURES:
            return self._notices.server_down(event.sentence, now)
        return [Warn(event.sentence)]

    def retry_if_due(self, now: int, entropy: Entropy) -> list[Effect]:
        """Send the pending report again when its time has come."""
        pending = self._memory.upload
        if pending is None or pending.state is not UploadState.SENDING:
            return []
        # A time further ahead than any plan was made by a clock that has since been set back.
        if now < self._memory.progress.next_upload_try <= now + RETRY_LONGEST_SECONDS:
            return []
        return self._send(pending, now, entropy)

    def next_time(self) -> int | None:
        """When to try again, or None if nothing waits."""
        pending = self._memory.upload
        if pending is None or pending.state is not UploadState.SENDING:
            return None
        return self._memory.progress.next_upload_try

    def expire(self, now: int) -> None:
        """Delete keys of the pending report that are older than retention, and the report when none is left."""
        pending = self._memory.upload
        if pending is None:
            return
        design = self._config.design
        left = (design.remaining(key, now, pending.made_at) for key in pending.keys)
        kept = tuple(key for key in left if key is not None)
        if kept != pending.keys:
            self._memory.set_upload(replace(pending, keys=kept) if kept else None)

    def next_expiry(self) -> int | None:
        """When the oldest key of the pending report turns too old, or None if there is none."""
        pending = self._memory.upload
        if pending is None:
            return None
        ends = (self._config.design.key_range(key)[1] for key in pending.keys)
        return min(ends) + RETENTION_DAYS * DAY_SECONDS

    def _send(self, pending: PendingUpload, now: int, entropy: Entropy) -> list[Effect]:
        self._memory.set_upload(pending)
        # Until an answer comes, the next try is planned as if this one had failed: a crash loses no upload.
        failures = self._memory.progress.failed_uploads + 1
        self._memory.update_progress(next_upload_try=now + backoff_seconds(failures, entropy))
        design = self._config.design
        return [SendUpload(Upload(design.spec, pending.code, pending.keys).encode(design))]
