"""What a phone handled, as a row's kind, number and bytes, and back again (SPEC.md 20.1, TB-3).

A code is a secret until it is used, and what a phone shows does not depend on which valid one it was: so none is
recorded, and any valid one stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from anopticon_client.events import (
    BatchFetched,
    Effect,
    Event,
    FetchFailed,
    IndexFetched,
    NoticeShown,
    ReportRequested,
    Started,
    TurnGranted,
    UploadAnswered,
    UploadResult,
    Woken,
)
from anopticon_client.recording.rows import PhoneInput
from anopticon_protocol.codes import make_code, parse_code
from anopticon_protocol.errors import CodeError

UPLOAD_RESULTS: Final = (UploadResult.ACCEPTED, UploadResult.REFUSED, UploadResult.UNREACHABLE)
"""The `number` of an UploadAnswered row is the place of its result in this list."""
VALID: Final = b"valid"
INVALID: Final = b"invalid"
ANY_CODE: Final = make_code(bytes(16))


class Input(NamedTuple):
    """The fields of a PhoneInput that say what it was."""

    kind: str
    number: int
    data: bytes


def input_of(what: Event | Effect) -> Input | None:
    """What a row says of an event; None for a scan, which has marks of its own, and for what is no event."""
    told = _told(what)
    return None if told is None else Input(type(what).__name__, *told)


def event_of(row: PhoneInput) -> Event:
    """The event that a row stands for; raises ValueError with a sentence."""
    build = _BUILD.get(row.kind)
    if build is None:
        msg = f"an input of kind {row.kind[:40]!r}, which this version does not know"
        raise ValueError(msg)
    if row.number < 0:
        msg = f"an input {row.kind} with the number {row.number}: below 0"
        raise ValueError(msg)
    try:
        return build(row)
    except (ValueError, IndexError) as error:
        msg = f"an input {row.kind} that cannot be read: {error}"
        raise ValueError(msg) from error


def _told(what: Event | Effect) -> tuple[int, bytes] | None:  # noqa: PLR0911 - one line an event
    match what:
        case Started() | Woken() | TurnGranted():
            return 0, b""
        case IndexFetched(data):
            return (1, b"") if data is None else (0, data)
        case BatchFetched(release, data):
            return release, data
        case FetchFailed(sentence, of_index):
            return int(of_index), sentence.encode()
        case ReportRequested(code, contagious_since):
            return contagious_since, VALID if _is_code(code) else INVALID
        case UploadAnswered(result, sentence):
            return UPLOAD_RESULTS.index(result), sentence.encode()
        case NoticeShown(notice_id):
            return 0, notice_id.encode()
        case _:
            return None


_BUILD: Final[dict[str, Callable[[PhoneInput], Event]]] = {
    "Started": lambda _: Started(),
    "Woken": lambda _: Woken(),
    "IndexFetched": lambda row: IndexFetched(None if row.number else row.data),
    "BatchFetched": lambda row: BatchFetched(row.number, row.data),
    "TurnGranted": lambda _: TurnGranted(),
    "FetchFailed": lambda row: FetchFailed(row.data.decode(), of_index=bool(row.number)),
    "ReportRequested": lambda row: ReportRequested(ANY_CODE if row.data == VALID else "", row.number),
    "UploadAnswered": lambda row: UploadAnswered(UPLOAD_RESULTS[row.number], row.data.decode()),
    "NoticeShown": lambda row: NoticeShown(row.data.decode()),
}


def _is_code(text: str) -> bool:
    try:
        parse_code(text)
    except CodeError:
        return False
    return True
