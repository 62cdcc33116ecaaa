"""What the person is told, once each, and kept until it was shown (SPEC.md 9.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from anopticon_client.config import PhoneConfig
from anopticon_client.events import Effect, ShowNotice
from anopticon_client.exposure import day_scores
from anopticon_client.memory import Memory
from anopticon_client.state import Notice, NoticeKind
from anopticon_protocol.designs.records import Observation
from anopticon_protocol.params import DAY_SECONDS, RETENTION_DAYS
from anopticon_protocol.timebase import day_of

SERVER_DOWN_ID = "server-down"
REPORT_ID = "report"


class Notices:
    """The notices of one phone."""

    def __init__(self, config: PhoneConfig, memory: Memory) -> None:
        """Work on `memory`."""
        self._config = config
        self._memory = memory

    def exposures(self, matched: Iterable[Observation], now: int) -> list[Effect]:
        """A notice for each day that is an exposure and that the person has not been told of."""
        effects: list[Effect] = []
        config = self._config
        for score in day_scores(config.design, config.rule, matched, now, config.calibration):
            notice_id = f"exposure-{score.day}"
            told = notice_id in self._memory.notices
            if score.exposed and not told and not self._too_old(score.day, now):
                sentence = f"On {_date(score.day)} {score.summary}."
                effects += self._show(
                    Notice(notice_id, NoticeKind.EXPOSURE, score.day, sentence, score.seconds)
                )
        return effects

    def report_done(self, now: int) -> list[Effect]:
        """The server took the report."""
        sentence = "Your report was accepted. Phones that were near yours will now find out by themselves."
        return self._show(Notice(REPORT_ID, NoticeKind.REPORT_DONE, day_of(now), sentence))

    def report_refused(self, why: str, now: int) -> list[Effect]:
        """The server refused the report's code."""
        sentence = f"Your report was refused ({why}). Nothing is lost: enter a new code to try again."
        return self._show(Notice(REPORT_ID, NoticeKind.REPORT_REFUSED, day_of(now), sentence))

    def server_down(self, why: str, now: int) -> list[Effect]:
        """The server has not answered for a while; told once until it answers again."""
        if SERVER_DOWN_ID in self._memory.notices:
            return []
        sentence = f"The key server does not answer ({why}). The phone keeps trying; nothing is lost."
        return self._show(Notice(SERVER_DOWN_ID, NoticeKind.SERVER_DOWN, day_of(now), sentence))

    def server_answers(self) -> None:
        """The server answers again: another failure is told anew."""
        if SERVER_DOWN_ID in self._memory.notices:
            self._memory.drop_notice(SERVER_DOWN_ID)

    def unshown(self) -> list[Effect]:
        """Notices that an earlier process may not have got to show."""
        waiting = (notice for notice in self._memory.notices.values() if not notice.shown)
        return [ShowNotice(notice) for notice in sorted(waiting, key=lambda notice: notice.notice_id)]

    def shown(self, notice_id: str) -> None:
        """Remember that a notice was shown."""
        notice = self._memory.notices.get(notice_id)
        if notice is not None and not notice.shown:
            self._memory.put_notice(replace(notice, shown=True))

    def expire(self, now: int) -> None:
        """Delete notices about days that are older than retention."""
        for notice in [notice for notice in self._memory.notices.values() if self._too_old(notice.day, now)]:
            self._memory.drop_notice(notice.notice_id)

    def _show(self, notice: Notice) -> list[Effect]:
        self._memory.put_notice(notice)
        return [ShowNotice(notice)]

    @staticmethod
    def _too_old(day: int, now: int) -> bool:
        return (day + 1 + RETENTION_DAYS) * DAY_SECONDS <= now


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%Y-%m-%d")
