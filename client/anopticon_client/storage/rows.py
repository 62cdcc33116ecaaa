"""Between the phone's records and the rows of its file. Reading raises ValueError or TypeError on what nobody wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final, assert_never

from anopticon_client.state import (
    Change,
    DropBatch,
    DropNotice,
    DropObservation,
    DropOwnKey,
    Notice,
    NoticeKind,
    PendingUpload,
    Progress,
    PutBatch,
    PutNotice,
    PutObservation,
    PutOwnKey,
    SetProgress,
    SetUpload,
    UploadState,
)
from anopticon_client.storage.encoding import (
    decode_keys,
    decode_match,
    decode_readings,
    encode_keys,
    encode_match,
    encode_readings,
)
from anopticon_protocol.designs.records import Observation, OwnKey, Token

Row = tuple[Any, ...]
"""One row as sqlite3 gives it: whatever the file holds, until the functions below have looked at it."""
Statement = tuple[str, Row]

_PUT: Final = {
    "own_key": "INSERT OR REPLACE INTO own_key VALUES (?, ?, ?, ?)",
    "observation": "INSERT OR REPLACE INTO observation VALUES (?, ?, ?, ?, ?)",
    "batch": "INSERT OR REPLACE INTO batch VALUES (?, ?)",
    "notice": "INSERT OR REPLACE INTO notice VALUES (?, ?, ?, ?, ?, ?)",
    "upload": "INSERT OR REPLACE INTO upload VALUES (1, ?, ?, ?, ?)",
    "progress": "INSERT OR REPLACE INTO progress VALUES (1, ?, ?, ?, ?, ?, ?)",
}


def statement(change: Change) -> Statement:  # noqa: C901, PLR0911 - one line for each kind of change
    """The SQL that saves `change`, and its values."""
    match change:
        case PutObservation(row):
            said = None if row.match is None else encode_match(row.match)
            return _PUT["observation"], (*row.token, row.received, encode_readings(row.readings), said)
        case DropObservation(key):
            sql = "DELETE FROM observation WHERE slot = ? AND value = ? AND received = ?"
            return sql, (*key.token, key.received)
        case SetProgress(progress):
            return _PUT["progress"], astuple(progress)
        case PutOwnKey(own):
            return _PUT["own_key"], (own.index, own.secret, own.span, own.order)
        case DropOwnKey(key_id):
            return "DELETE FROM own_key WHERE first_slot = ? AND secret = ?", tuple(key_id)
        case PutBatch(release, sha256):
            return _PUT["batch"], (release, sha256)
        case DropBatch(release):
            return "DELETE FROM batch WHERE release = ?", (release,)
        case PutNotice(notice):
            words = (notice.notice_id, notice.kind.value, notice.day, notice.sentence)
            return _PUT["notice"], (*words, notice.seconds, int(notice.shown))
        case DropNotice(notice_id):
            return "DELETE FROM notice WHERE notice_id = ?", (notice_id,)
        case SetUpload(pending):
            if pending is None:
                return "DELETE FROM upload", ()
            values = (pending.code, encode_keys(pending.keys), pending.made_at, pending.state.value)
            return _PUT["upload"], values
        case _:
            assert_never(change)


def deletes(changes: Sequence[Change], settled_until: int) -> bool:
    """Whether after `changes` the file holds something that must not stay in it: see `SqliteStore.apply`."""
    return any(
        isinstance(change, DropObservation | DropOwnKey | DropBatch | DropNotice | SetUpload)
        or (isinstance(change, SetProgress) and change.progress.settled_until != settled_until)
        for change in changes
    )


def read_own_key(row: Row) -> OwnKey:
    """From the columns of own_key."""
    first_slot, secret, span, order = _typed(row, int, bytes, int, bytes)
    return OwnKey(first_slot, span, secret, order)


def read_observation(row: Row) -> Observation:
    """From the columns of observation."""
    slot, value, received, readings = _typed(row[:4], int, bytes, int, bytes)
    said = None if row[4] is None else decode_match(*_typed(row[4:], bytes))
    return Observation(Token(slot, value), received, decode_readings(readings), said)


def read_batch(row: Row) -> tuple[int, str]:
    """From the columns of batch."""
    release, sha256 = _typed(row, int, str)
    return release, sha256


def read_notice(row: Row) -> Notice:
    """From the columns of notice."""
    notice_id, kind, day, sentence, seconds, shown = _typed(row, str, str, int, str, int, int)
    return Notice(notice_id, NoticeKind(kind), day, sentence, seconds, bool(shown))


def read_upload(row: Row) -> PendingUpload:
    """From the columns of upload."""
    _, code, keys, made_at, state = _typed(row, int, str, bytes, int, str)
    return PendingUpload(code, decode_keys(keys), made_at, UploadState(state))


def read_progress(row: Row) -> Progress:
    """From the columns of progress."""
    numbers = _typed(row, int, int, int, int, int, int, int)[1:]
    if min(numbers) < 0:
        raise ValueError("progress holds a number below 0")
    return Progress(*numbers)


def _typed(row: Row, *types: type) -> Row:
    found = tuple(type(value) for value in row)
    if found != types:
        raise TypeError(f"a row of {_names(found)}, not of {_names(types)}")
    return row


def _names(types: Sequence[type]) -> str:
    return ", ".join(one.__name__ for one in types)
