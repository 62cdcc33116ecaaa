"""Hypothesis strategies for everything a store must be able to save, and ways to compare what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from anopticon_client.memory import Memory
from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    Notice,
    NoticeKind,
    ObservationKey,
    OwnKeyId,
    PendingUpload,
    Progress,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    Snapshot,
    UploadState,
)
from anopticon_protocol.designs.records import (
    SETTLED,
    Match,
    Observation,
    OwnKey,
    Reading,
    ReportType,
    SharedKey,
    Token,
)

times = st.integers(0, 2**42)
onsets = st.none() | st.integers(-14, 14)
readings = st.builds(
    Reading,
    st.integers(0, 86_399),
    st.integers(-127, 20),
    st.integers(0, 2**40),
    st.sampled_from([b"", b"\x01\x02\x03\x04", b"\xff" * 4]) | st.binary(max_size=200),
)
matches = st.builds(Match, st.integers(-50, 20), st.sampled_from(ReportType), onsets) | st.builds(
    Match,
    st.integers(-50, 20),
    st.sampled_from(ReportType),
    onsets,
    pad=st.binary(max_size=4),
    key_id=st.binary(min_size=1, max_size=8),
    key_start=st.integers(0, 2**32),
    revised=st.booleans(),
)
shared_keys = st.builds(
    SharedKey,
    st.binary(max_size=32),
    st.integers(0, 2**32),
    st.integers(0, 1_440),
    st.sampled_from(ReportType),
    onsets,
)
# Few values on purpose: replacing and dropping what is there is the interesting part.
tokens = st.builds(Token, st.integers(0, 1), st.sampled_from([bytes(16), b"\xff" * 16]))
received = st.sampled_from([SETTLED, 7_200])
observations = st.builds(
    Observation,
    tokens,
    received,
    st.lists(readings, max_size=5).map(lambda found: tuple(sorted(found))),
    st.none() | matches,
)
own_keys = st.builds(
    OwnKey,
    st.integers(0, 3),
    st.integers(1, 144),
    st.sampled_from([bytes(32), b"k" * 16]),
    st.sampled_from([b"", b"o" * 32]),
)
notices = st.builds(
    Notice,
    st.sampled_from(["exposure-1", "exposure-2", "report", "server-down"]),
    st.sampled_from(NoticeKind),
    st.integers(0, 50_000),
    st.text(max_size=40),
    st.integers(0, 86_400),
    st.booleans(),
)
uploads = st.builds(
    PendingUpload,
    st.text("ABC123", max_size=16),
    st.lists(shared_keys, max_size=4).map(tuple),
    times,
    st.sampled_from(UploadState),
)
progresses = st.builds(Progress, times, times, times, times, st.integers(0, 99), st.integers(0, 99))
releases = st.sampled_from([7_200, 14_400, 21_600])

puts: st.SearchStrategy[Change] = st.one_of(
    st.builds(PutOwnKey, own_keys),
    st.builds(PutObservation, observations),
    st.builds(PutBatch, releases, st.text("0123456789abcdef", min_size=64, max_size=64)),
    st.builds(PutNotice, notices),
    st.builds(SetUpload, st.none() | uploads),
    st.builds(SetProgress, progresses),
)


@st.composite
def change_lists(draw: st.DrawFn) -> list[Change]:
    """Changes as a Memory makes them: whatever is dropped was there."""
    changes: list[Change] = []
    for put in draw(st.lists(puts, max_size=25)):
        changes.append(put)
        if draw(st.integers(0, 2)) == 0:
            held = replay(changes)
            drops: list[Change] = [DropOwnKey(OwnKeyId(key.index, key.secret)) for key in held.own_keys]
            drops += [DropObservation(ObservationKey(row.token, row.received)) for row in held.observations]
            drops += [DropBatch(release) for release, _ in held.batches]
            drops += [DropNotice(notice.notice_id) for notice in held.notices]
            if drops:
                changes.append(draw(st.sampled_from(drops)))
    return changes


def replay(changes: Sequence[Change]) -> Snapshot:
    """What the phone's own Memory holds after it made `changes`."""
    memory = Memory(Snapshot())
    for change in changes:
        match change:
            case PutOwnKey(key):
                memory.put_own_key(key)
            case DropOwnKey(key_id):
                memory.drop_own_keys([memory.own_keys[key_id]])
            case PutObservation(row):
                memory.put_observation(row)
            case DropObservation(row_key):
                memory.drop_observation(row_key)
            case PutBatch(release, sha256):
                memory.put_batch(release, sha256)
            case DropBatch(release):
                memory.drop_batch(release)
            case PutNotice(notice):
                memory.put_notice(notice)
            case DropNotice(notice_id):
                memory.drop_notice(notice_id)
            case SetUpload(upload):
                memory.set_upload(upload)
            case SetProgress(progress):
                memory.progress = progress
    return Snapshot(
        tuple(memory.own_keys.values()),
        tuple(memory.observations.values()),
        tuple(memory.batches.items()),
        tuple(memory.notices.values()),
        memory.upload,
        memory.progress,
    )


def in_order(snapshot: Snapshot) -> Snapshot:
    """`snapshot` with its parts sorted, since their order means nothing."""
    return replace(
        snapshot,
        own_keys=tuple(sorted(snapshot.own_keys, key=lambda key: (key.index, key.secret))),
        observations=tuple(sorted(snapshot.observations, key=lambda row: (row.token, row.received))),
        batches=tuple(sorted(snapshot.batches)),
        notices=tuple(sorted(snapshot.notices, key=lambda notice: notice.notice_id)),
    )
