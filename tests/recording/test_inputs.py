"""Events of a phone as rows, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.events import (
    BatchFetched,
    Event,
    FetchFailed,
    IndexFetched,
    NoticeShown,
    ReportRequested,
    Scanned,
    Started,
    TurnGranted,
    UploadAnswered,
    UploadResult,
    WakeAt,
    Woken,
)
from anopticon_client.recording.inputs import ANY_CODE, event_of, input_of
from anopticon_client.recording.rows import PhoneInput

COUNTS = st.integers(0, 2**40)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from([Started(), Woken(), TurnGranted()]),
    st.builds(IndexFetched, st.none() | st.binary(max_size=50)),
    st.builds(BatchFetched, COUNTS, st.binary(max_size=50)),
    st.builds(FetchFailed, st.text(max_size=30), of_index=st.booleans()),
    st.builds(ReportRequested, st.sampled_from([ANY_CODE, ""]), COUNTS),
    st.builds(UploadAnswered, st.sampled_from(UploadResult), st.text(max_size=30)),
    st.builds(NoticeShown, st.text(max_size=30)),
)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    """Law: from its row every event but a scan comes back (TB-3)."""
    found = input_of(event)
    assert found is not None
    assert event_of(PhoneInput(0, 0, 0, *found)) == event


def test_a_code_is_not_recorded() -> None:
    """Of a code only whether it could be one is told (TB-3)."""
    code = "2345-6789-ABCD"
    told = input_of(ReportRequested(code, 7))
    assert told is not None
    assert (told.number, told.data) == (7, b"invalid")
    told = input_of(ReportRequested(ANY_CODE, 7))
    assert told is not None
    assert told.data == b"valid"


def test_scans_and_effects_are_no_inputs() -> None:
    """A scan has marks of its own, and what a phone asks for is not what it was told."""
    assert input_of(Scanned(())) is None
    assert input_of(WakeAt(5)) is None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (PhoneInput(0, 0, 0, "Wished", 0, b""), "kind 'Wished'"),
        (PhoneInput(0, 0, 0, "UploadAnswered", -1, b""), "below 0"),
        (PhoneInput(0, 0, 0, "UploadAnswered", 3, b""), "cannot be read"),
        (PhoneInput(0, 0, 0, "NoticeShown", 0, b"\xff"), "cannot be read"),
    ],
    ids=["unknown", "negative", "no such result", "no text"],
)
def test_a_row_that_is_none_is_told(row: PhoneInput, told: str) -> None:
    """What stands for no event is an error that names the kind."""
    with pytest.raises(ValueError, match=told):
        event_of(row)
