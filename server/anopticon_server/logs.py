"""What the server writes to its log, which is everything that it ever tells anyone about its work.

An allow-list, not a filter that takes out what it recognises: a line holds a word of `Event` and fields of
`LogFields`, nothing else. Lines of other libraries are reduced to their logger's name, because nobody can say
what they hold. No line bears a time finer than the release period. There is no line for a request that went
well or was refused.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TextIO, TypedDict, Unpack

LOGGER: Final = logging.getLogger("anopticon_server")
_FIELDS: Final = "anopticon_fields"


class Event(StrEnum):
    """Everything that can happen as far as the log is concerned."""

    STARTED = "started"
    STOPPED = "stopped"
    PUBLISHED = "published"
    PURGED = "purged"
    HOUSEKEEPING_FAILED = "housekeeping-failed"
    STORAGE_FAILED = "storage-failed"
    UNEXPECTED = "unexpected-error"
    FOREIGN = "foreign"


class LogFields(TypedDict, total=False):
    """The fields that a line may have. Counts are of whole releases, never of one upload."""

    release: int
    """Unix seconds of a release."""
    kind: str
    """What was published: batches or exports."""
    length: int
    """Bytes of a published file."""
    rows: int
    """Rows that a purge deleted."""
    files: int
    """Files that a purge deleted."""
    error: str
    """Class of an error."""
    place: str
    """Module and line where an unexpected error came up."""


def emit(level: int, event: Event, **fields: Unpack[LogFields]) -> None:
    """Write one line, if `level` is wanted."""
    LOGGER.log(level, event.value, extra={_FIELDS: fields})


def emit_unexpected(error: BaseException) -> None:
    """Report an error that nobody foresaw by class and place. Its message may hold anything: it stays out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        "unknown" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
    )
    emit(logging.ERROR, Event.UNEXPECTED, error=type(error).__name__, place=place)


class AllowListFormatter(logging.Formatter):
    """JSON lines made of allowed fields only."""

    def __init__(self, slot: Callable[[], int]) -> None:
        """`slot` gives the start of the present release period, in Unix seconds."""
        super().__init__()
        self._slot = slot

    def format(self, record: logging.LogRecord) -> str:
        """One line for a record: ours with its fields, another library's with its origin."""
        line: dict[str, object] = {"slot": self._slot(), "level": record.levelname}
        if record.name == LOGGER.name and record.msg in set(Event):
            given = getattr(record, _FIELDS, {})
            line["event"] = str(record.msg)
            line.update({name: given[name] for name in LogFields.__annotations__ if name in given})
        else:
            line.update(event=Event.FOREIGN.value, logger=record.name)
            if record.exc_info and record.exc_info[0] is not None:
                line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def configure(level: str, slot: Callable[[], int], stream: TextIO | None = None) -> None:
    """Send all records of the process through the allow-list to `stream` (standard error), nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    if level != "DEBUG":
        handler.addFilter(lambda record: record.name == LOGGER.name or record.levelno >= logging.WARNING)
    handler.setFormatter(AllowListFormatter(slot))
    logging.basicConfig(level=level, handlers=[handler], force=True)
