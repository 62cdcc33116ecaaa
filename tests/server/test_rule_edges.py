"""Rules at their very edge, where a bound that is off by one would not be noticed elsewhere."""

from __future__ import annotations

import pytest

from anopticon_protocol.export.model import EXPORT_MAGIC
from anopticon_server.archive import Kind
from anopticon_server.errors import ClockError
from tests.server.kit import PERIOD, keys_of, open_desk


def test_a_clock_may_stand_one_period_back_and_no_second_more() -> None:
    """SPEC: SV-13. At exactly one period before what is published uploads are taken, a second earlier they are not."""
    desk = open_desk("lowcost")
    desk.server.tick()
    closed = desk.index().complete_until
    desk.clock.now = closed - PERIOD
    desk.report(keys_of("lowcost", 1, desk.clock.now))
    desk.clock.now = closed - PERIOD - 1
    with pytest.raises(ClockError):
        desk.report(keys_of("lowcost", 2, desk.clock.now))


def test_nothing_above_the_complete_mark_is_listed() -> None:
    """SPEC: IX-1, SV-11. A batch that is in place before its release is complete is neither listed nor served."""
    desk = open_desk("lowcost")
    desk.server.tick()
    later = desk.index().complete_until + PERIOD
    desk.archive.put(Kind.BATCH, later, b"a batch that came early")
    assert later in [entry.release for entry in desk.archive.entries(Kind.BATCH)]
    assert later not in [entry.release for entry in desk.index().batches]


def test_the_magic_is_what_the_format_says() -> None:
    """SPEC: EX-1. Sixteen bytes, written out here a second time."""
    assert EXPORT_MAGIC == b"EK Export v1\x20\x20\x20\x20"
