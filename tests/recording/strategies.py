"""Any row of a recording, for laws."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from anopticon_client.radio_records import (
    AddressType,
    Capabilities,
    HeardFrame,
    PduType,
    RadioEvent,
    RadioEventKind,
    Rotation,
)
from anopticon_client.recording.fields import INT64_MAX, INT64_MIN
from anopticon_client.recording.rows import (
    ClockReading,
    Manifest,
    Moved,
    NoticeRow,
    PhoneInput,
    Row,
    ScanMark,
    ScanPhase,
    Sent,
    Truth,
)

times = st.integers(INT64_MIN, INT64_MAX)
seconds = st.integers(0, INT64_MAX)
powers = st.integers(-128, 127)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True)
addresses = st.binary(max_size=16)
frames = st.binary(max_size=40)
metres = st.floats(-1e6, 1e6)
positions = st.tuples(metres, metres, metres)
keys = st.text("abcdefghijklmnop _-é", min_size=1, max_size=20)


def details(*, fractions: bool) -> st.SearchStrategy[Mapping[str, str | int | float]]:
    """Names with values, as events and manifests hold them."""
    values: st.SearchStrategy[str | int | float] = texts | times
    if fractions:
        values |= st.floats(allow_nan=False, allow_infinity=False)
    return st.dictionaries(keys, values, max_size=5)


capabilities = st.builds(
    Capabilities,
    texts,
    st.sampled_from(Rotation),
    st.booleans(),
    texts,
    st.floats(0, 1),
    st.none() | st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(texts, max_size=3).map(tuple),
)
manifests = st.builds(
    Manifest,
    names,
    names,
    times,
    times,
    texts,
    st.integers(0, 0xFFFF),
    texts,
    powers,
    st.none() | positions,
    st.none() | capabilities,
    texts,
    st.integers(1, 999_999),
    details(fractions=True),
)
heard = st.builds(
    HeardFrame,
    times,
    times,
    addresses,
    st.sampled_from(AddressType),
    st.sampled_from(PduType),
    st.none() | powers,
    frames,
    st.sampled_from([0, 37, 38, 39]),
)
others: st.SearchStrategy[Row] = st.one_of(
    st.builds(RadioEvent, times, times, st.sampled_from(RadioEventKind), details(fractions=False)),
    st.builds(Sent, times, times, frames, addresses, powers),
    st.builds(Moved, times, times, positions),
    st.builds(ClockReading, times, times, times, times, texts),
    st.builds(ScanMark, times, times, st.sampled_from(ScanPhase), seconds, seconds),
    st.builds(PhoneInput, times, times, seconds, texts, times, st.binary(max_size=200)),
    st.builds(NoticeRow, times, times, seconds, texts, texts, times, times, texts),
    st.builds(Truth, times, times, addresses, st.none() | st.floats(0, 1e6), st.none() | powers, texts),
)
rows: st.SearchStrategy[Row] = heard | others | manifests
