"""The log is an allow-list: our events with their fields, of other libraries the name alone."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_server.logs import LOGGER, AllowListFormatter, Event, configure, emit, emit_unexpected
from tests.server.kit import PERIOD, START

SLOT = START - START % PERIOD
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Callable[[str], Lines]]:
    """Take over the root logger at a level, and give what was written."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def start(wanted: str) -> Lines:
        stream = io.StringIO()
        configure(wanted, lambda: SLOT, stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    yield start
    root.handlers[:] = before
    root.setLevel(level)


def test_an_event_is_written_with_its_fields(lines: Callable[[str], Lines]) -> None:
    """A line has the release period it was written in, the level, the event and the fields; no time."""
    written = lines("INFO")
    emit(logging.INFO, Event.PUBLISHED, release=SLOT, kind="batches", length=5)
    assert written() == [
        {"slot": SLOT, "level": "INFO", "event": "published", "release": SLOT, "kind": "batches", "length": 5}
    ]


def test_fields_that_are_not_on_the_list_are_left_out(lines: Callable[[str], Lines]) -> None:
    """Somebody who adds a field at the call does not get it into the log."""
    written = lines("DEBUG")
    extra = {"anopticon_fields": {"address": "192.0.2.1", "rows": 3}, "code": "ABCD"}
    LOGGER.info(Event.PURGED.value, extra=extra)
    assert written() == [{"slot": SLOT, "level": "INFO", "event": "purged", "rows": 3}]


def test_words_that_are_no_event_are_not_written(lines: Callable[[str], Lines]) -> None:
    """A careless line of our own logger is treated as a stranger's."""
    written = lines("DEBUG")
    LOGGER.warning("code %s used", "ABCD")
    assert written() == [{"slot": SLOT, "level": "WARNING", "event": "foreign", "logger": "anopticon_server"}]


@given(st.text(min_size=5).filter(lambda text: not "foreign slot level logger uvicorn.error".count(text)))
def test_law_a_strangers_words_never_come_through(text: str) -> None:
    """Message, arguments, exception and stack of another library's record are dropped, whatever they hold."""
    info = (ValueError, ValueError(text), None)
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "x.py", 1, "%s", (text,), info, sinfo=text)
    line = AllowListFormatter(lambda: SLOT).format(record)
    assert json.loads(line) == {
        "slot": SLOT,
        "level": "ERROR",
        "event": "foreign",
        "logger": "uvicorn.error",
        "error": "ValueError",
    }


def test_strangers_are_heard_from_warnings_on_unless_debugging(lines: Callable[[str], Lines]) -> None:
    """At INFO the chatter of libraries is left out, at DEBUG their names are shown."""
    for level, heard in (("INFO", 1), ("DEBUG", 3)):
        written = lines(level)
        for severity in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger("some.library").log(severity, "chatter")
        assert len(written()) == heard


def test_an_unexpected_error_is_named_with_its_place(lines: Callable[[str], Lines]) -> None:
    """Class and line of the innermost frame; neither its message nor its locals."""
    written = lines("INFO")

    def innermost() -> None:
        secret = "canary"
        raise KeyError(secret)

    try:
        innermost()
    except KeyError as error:
        emit_unexpected(error)
    emit_unexpected(RuntimeError("never raised"))
    first, second = written()
    assert (first["event"], first["error"]) == ("unexpected-error", "KeyError")
    assert first["place"] == f"{__name__}:{innermost.__code__.co_firstlineno + 2}"
    assert second["place"] == "unknown"
    assert "canary" not in str(written())
