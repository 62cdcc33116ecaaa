"""Reading tables of text from strangers: bounded lines, columns by name, errors with file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, NamedTuple

from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.common import ADDRESS_BYTES, RSSI_RANGE, Notes

MAX_CSV_LINE_BYTES: Final = 4_096
"""Forty times the longest line of these formats."""
MAX_CSV_COLUMNS: Final = 32
FIRST_SECOND: Final = 946_684_800
"""1 January 2000: no Bluetooth LE before it."""
LAST_SECOND: Final = 7_258_118_400
"""1 January 2200: a 64-bit time of nanoseconds can still tell it."""


class Line(NamedTuple):
    """One line: its number and its fields by column."""

    number: int
    fields: dict[str, str]


class Table:
    """A file of lines under a line of column names, which may come again (files that were appended to)."""

    def __init__(self, path: Path, separator: str, notes: Notes) -> None:
        self.path = path
        self._separator = separator
        self._notes = notes

    def lines(self, columns: Callable[[list[str]], bool]) -> Iterator[Line]:
        """Every line by column; `columns` says whether a list of names is the head of such a file.

        A last line without its end and with too few fields was cut off: it is counted, not refused. Raises
        RecordingError for any other line with the wrong number of fields.
        """
        head: list[str] = []
        number = 0
        with self.path.open("rb") as source:
            while data := source.readline(MAX_CSV_LINE_BYTES + 1):
                number += 1
                fields = self._fields(data, number)
                if not fields:
                    continue
                if columns(fields):
                    head = fields
                elif not head:
                    raise self.error(number, f"is no head of such a table: {','.join(fields)[:80]!r}")
                elif len(fields) != len(head):
                    if not data.endswith(b"\n") and len(fields) < len(head):
                        self._notes.leave_out("a line that the end of the file cuts off")
                        return
                    raise self.error(number, f"has {len(fields)} fields, the head has {len(head)}")
                else:
                    yield Line(number, dict(zip(head, fields, strict=True)))

    def error(self, number: int, what: str) -> RecordingError:
        """An error that names file and line."""
        return RecordingError(f"{self.path}: line {number} {what}")

    def wrong(self, line: Line, column: str, what: str) -> RecordingError:
        """An error that names file, line and column."""
        return self.error(line.number, f"column {column}: {line.fields[column][:40]!r} {what}")

    def hexadecimal(self, line: Line, column: str, size: int) -> bytes:
        """A column of so many bytes."""
        text = line.fields[column]
        try:
            data = bytes.fromhex(text) if text.isalnum() else b""
        except ValueError:
            data = b""
        if len(data) != size:
            raise self.wrong(line, column, f"is not {size} bytes in hexadecimal")
        return data

    def address(self, line: Line, column: str, text: str) -> bytes:
        """A device address like b8:27:eb:74:3e:15."""
        try:
            address = bytes(int(part, 16) for part in text.split(":"))
        except ValueError:
            address = b""
        if len(address) != ADDRESS_BYTES:
            raise self.wrong(line, column, "is no device address")
        return address

    def seconds_ns(self, line: Line, column: str) -> int:
        """A column of Unix seconds, perhaps with a fraction, in nanoseconds."""
        try:
            seconds = Decimal(line.fields[column])
        except InvalidOperation:
            seconds = Decimal(0)
        if not seconds.is_finite() or not FIRST_SECOND <= seconds <= LAST_SECOND:
            raise self.wrong(line, column, "is no time between the years 2000 and 2200 in Unix seconds")
        return int(seconds * 1_000_000_000)

    def rssi(self, line: Line, column: str) -> int | None:
        """A column of dBm. None, and a note, for what no receiver can have measured: these files have such lines."""
        text = line.fields[column]
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= len("18446744073709551615")):
            raise self.wrong(line, column, "is no whole number of dBm")
        value = int(text)
        if value not in RSSI_RANGE:
            self._notes.leave_out("lines with an RSSI that no receiver can have measured")
            return None
        return value

    def _fields(self, data: bytes, number: int) -> list[str]:
        if len(data) > MAX_CSV_LINE_BYTES:
            raise self.error(number, f"is longer than {MAX_CSV_LINE_BYTES} bytes (MAX_CSV_LINE_BYTES)")
        try:
            text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise self.error(number, "is no text") from error
        fields = [field.strip() for field in text.split(self._separator)] if text else []
        if len(fields) > MAX_CSV_COLUMNS:
            raise self.error(number, f"has more than {MAX_CSV_COLUMNS} fields")
        return fields
