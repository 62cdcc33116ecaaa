"""A board on a serial line that prints what it hears: serial:/dev/ttyUSB0?baud=115200 (SPEC.md 19.3).

It listens only; a board that sends does so by its own firmware. A board that is unplugged is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from typing import Final

from anopticon_client.errors import RadioError
from anopticon_client.radio.board_lines import MAX_BOARD_LINE_BYTES, parse_board_line
from anopticon_client.radio.frames import carries
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.settings import RadioSettings, unknown_options
from anopticon_client.radio_records import (
    Capabilities,
    HeardFrame,
    PduType,
    RadioEvent,
    RadioEventKind,
    Rotation,
)

DEFAULT_BAUD: Final = 115_200
READ_BYTES: Final = 4_096
RECONNECT_SECONDS: Final = 1.0
REPORT_EVERY_SECONDS: Final = 60.0
"""Malformed lines are told of at once, and then at most this often: a board may print its log among them."""
MAX_SHOWN_BYTES: Final = 60


async def open_backend(
    place: str, options: Mapping[str, str], sink: RadioSink, settings: RadioSettings
) -> RadioDevice:
    """Open a serial line; raises RadioError."""
    unknown_options("serial", options, {"baud"})
    baud = options.get("baud", str(DEFAULT_BAUD))
    line = SerialLine(place, baud)
    scanner = SerialScanner(line, sink, settings)
    line.open()
    return RadioDevice(_capabilities(), None, scanner, scanner.close, f"board at {place}, {baud} baud")


def _capabilities() -> Capabilities:
    return Capabilities(
        backend="serial",
        rotation=Rotation.NONE,
        every_pdu=False,
        rssi_bias="",
        duty=1.0,
        interval_ms=None,
        interval_honoured=False,
        exact_bytes_sent=False,
        exact_bytes_heard=False,
        works_while_scanning=True,
        remarks=("what the board's firmware leaves out, and its duty, are not known here",),
    )


class SerialLine:
    """The port: opened raw, without a lock on the terminal, read without waiting."""

    def __init__(self, place: str, baud: str) -> None:
        """A port by its path; raises RadioError where serial lines cannot be had."""
        try:
            import termios  # noqa: PLC0415 - there is none on Windows
        except ImportError as error:
            raise RadioError("radio serial: works on Linux and macOS only") from error
        if not place:
            raise RadioError("radio serial: say which port, like serial:/dev/ttyUSB0")
        speed = getattr(termios, f"B{baud}", None)
        if speed is None or baud == "0":
            raise RadioError(f"radio serial: {baud[:20]!r} is no baud rate of this system; 115200 is usual")
        self.place = place
        self.descriptor = -1
        self._speed = speed

    def open(self) -> None:
        """Open and set it up; raises RadioError with advice."""
        import termios  # noqa: PLC0415 - as above
        import tty  # noqa: PLC0415

        descriptor = -1
        try:
            descriptor = os.open(self.place, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            tty.setraw(descriptor)
            attributes = termios.tcgetattr(descriptor)
            attributes[4] = attributes[5] = self._speed
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        except (OSError, termios.error) as error:
            if descriptor >= 0:
                os.close(descriptor)
            raise RadioError(f"radio serial:{self.place}: {_advice(error)}") from error
        self.descriptor = descriptor

    def close(self) -> None:
        """Let go of it; harmless the second time."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            with contextlib.suppress(OSError):
                os.close(descriptor)


class SerialScanner:
    """Turns lines of the board into frames."""

    def __init__(self, line: SerialLine, sink: RadioSink, settings: RadioSettings) -> None:
        """Read `line`, which is opened by then, once started."""
        self.malformed = 0
        self._line = line
        self._sink = sink
        self._settings = settings
        self._uuids = frozenset(settings.service_uuids)
        self._rest = b""
        self._skipping = False
        self._fresh = True
        self._untold = 0
        self._told_at = float("-inf")
        self._reconnecting: asyncio.Task[None] | None = None
        self._running = False

    async def start(self) -> None:
        """Begin to listen; raises RadioError if the board cannot be opened again after it was lost."""
        if self._running:
            return
        if self._line.descriptor < 0:
            self._line.open()
        self._running = True
        self._listen()

    async def stop(self) -> None:
        """Stop listening."""
        if not self._running:
            return
        self._running = False
        if self._reconnecting is not None:
            self._reconnecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reconnecting
            self._reconnecting = None
        if self._line.descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._line.descriptor)
            self._happened(RadioEventKind.SCAN_OFF)
        self._tell_malformed("")

    async def close(self) -> None:
        """Stop and let go of the port."""
        await self.stop()
        self._line.close()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._rest, self._skipping, self._fresh = b"", False, True
        asyncio.get_running_loop().add_reader(self._line.descriptor, self._readable)
        self._happened(RadioEventKind.SCAN_ON)

    def _readable(self) -> None:
        try:
            data = os.read(self._line.descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # unplugged: Linux says EIO, others end the file
        if not data:
            self._lost()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False
            else:
                self._one(line)
        if len(self._rest) > MAX_BOARD_LINE_BYTES:
            if not self._skipping:
                self._wrong(self._rest, f"is longer than {MAX_BOARD_LINE_BYTES} bytes")
            self._rest, self._skipping = b"", True

    def _one(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            address, kind, rssi_dbm, data, channel = parse_board_line(line)
        except ValueError as error:
            # The first line may be the end of one that began before anybody listened.
            if not self._fresh:
                self._wrong(line, str(error))
            self._fresh = False
            return
        self._fresh = False
        if carries(data, self._uuids):
            moment = self._settings.timestamps()
            self._sink.heard(HeardFrame(*moment, address, kind, PduType.UNKNOWN, rssi_dbm, data, channel))

    def _wrong(self, line: bytes, reason: str) -> None:
        self.malformed += 1
        self._untold += 1
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= REPORT_EVERY_SECONDS:
            self._told_at = now
            shown = line[:MAX_SHOWN_BYTES].decode("ascii", "backslashreplace")
            self._tell_malformed(f"a line {reason}: {shown}")

    def _tell_malformed(self, reason: str) -> None:
        if self._untold:
            details: dict[str, str | int] = {"count": self._untold, "reason": reason or "malformed lines"}
            self._untold = 0
            self._happened(RadioEventKind.DROPPED, details)

    def _lost(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._line.descriptor)
        self._line.close()
        self._happened(RadioEventKind.SCAN_OFF)
        details: dict[str, str | int] = {
            "reason": f"the board at {self._line.place} is gone",
            "advice": "plug it in again: it is looked for every second; names in /dev/serial/by-id stay the same",
        }
        self._happened(RadioEventKind.FAILED, details)
        self._reconnecting = loop.create_task(self._reconnect())

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(RECONNECT_SECONDS)
            with contextlib.suppress(RadioError):
                self._line.open()
                break
        self._reconnecting = None
        self._happened(RadioEventKind.RESET, {"reason": "the board is there again"})
        self._listen()

    def _happened(self, kind: RadioEventKind, details: Mapping[str, str | int] | None = None) -> None:
        self._sink.happened(RadioEvent(*self._settings.timestamps(), kind, details or {}))


def _advice(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such port; is the board plugged in?"
    if isinstance(error, PermissionError):
        return "permission denied; on Linux add yourself to the group dialout and log in again"
    if isinstance(error, OSError):
        return f"{error.strerror or error}; another program may hold it"
    return f"{error}: this is no serial line"
