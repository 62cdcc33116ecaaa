"""Rows as lines of JSON and back (SPEC.md 19.1): one object a line, its kind first, keys in a fixed order.

One row has one text: encoding what was decoded gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, cast

from anopticon_client.errors import RecordingFileError
from anopticon_client.radio_records import HeardFrame
from anopticon_client.recording.fields import Base64
from anopticon_client.recording.heard import decode_heard, encode_heard
from anopticon_client.recording.rows import PhoneInput, Row
from anopticon_client.recording.schema import (
    KINDS,
    MAX_INPUT_BYTES,
    MAX_LINE_BYTES,
    PIECE_BYTES,
    VERSION,
    Kind,
)

_NAMES: Final = {kind.row: name for name, kind in KINDS.items()}
_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode_row(row: Row) -> str:
    """The row as its line with the line's end; a long input as several. Raises RecordingFileError naming the field."""
    if type(row) is HeardFrame and (line := encode_heard(row)) is not None:
        return line
    name = _NAMES.get(type(row))
    if name is None:
        raise RecordingFileError(f"{type(row).__name__} is no row of a recording")
    pieces = ""
    if isinstance(row, PhoneInput) and len(row.data) > PIECE_BYTES:
        pieces, rest = _split(row.data)
        row = PhoneInput(row.mono_ns, row.wall_ns, row.now, row.kind, row.number, rest)
    said: dict[str, object] = {"k": name}
    if name == "manifest":
        said["v"] = VERSION
    for key, attribute, kind, _ in KINDS[name].fields:
        try:
            said[key] = kind.encode(getattr(row, attribute))
        except ValueError as error:
            raise RecordingFileError(f"{name} row, {attribute} {error}") from error
    line = _ENCODE(said) + "\n"
    if len(line) > MAX_LINE_BYTES:
        raise RecordingFileError(
            f"{name} row of {len(line)} bytes, at most {MAX_LINE_BYTES} (MAX_LINE_BYTES)"
        )
    return pieces + line


class RowDecoder:
    """Reads the lines of one recording in order. It holds the pieces of a long input until its last line."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0

    @property
    def waiting(self) -> bool:
        """Whether pieces of an input came whose last line did not."""
        return bool(self._pieces)

    def decode(self, line: bytes) -> Row | None:
        """The row of a line (its end may be missing), None for a piece of one; raises RecordingFileError."""
        if not self._pieces and (frame := decode_heard(line)) is not None:
            return frame
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RecordingFileError("is no line of JSON") from error
        if not isinstance(said, dict):
            raise RecordingFileError("is no JSON object")
        name = said.get("k")
        if name == "piece":
            self._keep(said)
            return None
        return self._row(name, said)

    def _row(self, name: object, said: dict[str, object]) -> Row:
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise RecordingFileError(f"has the kind {str(name)[:40]!r}, which is none of {', '.join(KINDS)}")
        if self._pieces and name != "input":
            raise RecordingFileError(f"is {name} where the rest of an input was due")
        if name == "manifest" and said.pop("v", None) != VERSION:
            raise RecordingFileError(
                f"is of a version other than {VERSION}: read it with the program that wrote it"
            )
        values = dict(_values(kind, said))
        row = kind.row(**values)
        if isinstance(row, PhoneInput) and self._pieces:
            whole = b"".join([*self._pieces, row.data])
            self._pieces, self._held = [], 0
            return PhoneInput(row.mono_ns, row.wall_ns, row.now, row.kind, row.number, whole)
        return row

    def _keep(self, said: dict[str, object]) -> None:
        try:
            piece = cast("bytes", Base64(PIECE_BYTES).decode(said.get("d")))
        except ValueError as error:
            raise RecordingFileError(f"is a piece whose d {error}") from error
        self._held += len(piece)
        if self._held > MAX_INPUT_BYTES:
            raise RecordingFileError(
                f"adds to an input of more than {MAX_INPUT_BYTES} bytes (MAX_INPUT_BYTES)"
            )
        self._pieces.append(piece)


def _split(data: bytes) -> tuple[str, bytes]:
    """The lines of all but the last PIECE_BYTES of an input, and the rest of it."""
    if len(data) > MAX_INPUT_BYTES:
        raise RecordingFileError(f"input of {len(data)} bytes, at most {MAX_INPUT_BYTES} (MAX_INPUT_BYTES)")
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES)]
    lines = [_ENCODE({"k": "piece", "d": Base64(PIECE_BYTES).encode(piece)}) + "\n" for piece in pieces[:-1]]
    return "".join(lines), pieces[-1]


def _values(kind: Kind, said: dict[str, object]) -> Iterator[tuple[str, object]]:
    unknown = said.keys() - {field.key for field in kind.fields} - {"k"}
    if unknown:
        raise RecordingFileError(f"has the unknown key {min(unknown)[:40]!r}")
    for key, attribute, reads, optional in kind.fields:
        if key in said:
            try:
                yield attribute, reads.decode(said[key])
            except ValueError as error:
                raise RecordingFileError(f"has {key}, which {error}") from error
        elif not optional:
            raise RecordingFileError(f"lacks the key {key}")
