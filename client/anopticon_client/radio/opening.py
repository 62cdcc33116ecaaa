"""Radios of real machines and of tests, opened by a string as advertiser and scanner (SPEC.md 18).

    virtual                      Bumble controllers on a virtual air of this process
    bleak                        listens with the system's own Bluetooth (Linux, macOS, Windows)
    bluez:hci0                   sends and listens through BlueZ's daemon (Linux)
    hci:usb:0                    a controller of its own on USB; hci:serial:/dev/ttyACM0, hci:socket:1
    serial:/dev/ttyUSB0          a board that prints lines of JSON
    replay:FILE                  a recording
    bluez:hci0+bleak             the first sends, the second listens

Options follow a question mark: bluez:hci0?passive=yes. A backend's library is imported when one is opened, so that
the base install needs none of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast
from urllib.parse import parse_qsl

from anopticon_client.errors import RadioError
from anopticon_client.radio.guarding import REFUSAL, guarded, undisguising
from anopticon_client.radio.interfaces import RadioDevice, RadioSink
from anopticon_client.radio.joining import joined
from anopticon_client.radio.settings import MAX_SHOWN_CHARS, GaenOnAir, RadioSettings
from anopticon_protocol.params import GAEN_SERVICE_UUID

MAX_TEXT_CHARS: Final = 400
"""Room for the path of a recording, twice."""
MAX_OPTIONS: Final = 9
MAX_JOINED: Final = 2
"""One that sends and one that listens."""

OpenBackend = Callable[[str, Mapping[str, str], RadioSink, RadioSettings], Awaitable[RadioDevice]]
"""A backend's `open_backend(place, options, sink, settings)`; it raises RadioError."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a backend lives: module, extra of this package that brings its library, whether real phones hear it."""

    module: str
    extra: str
    real_air: bool


BACKENDS: Final[Mapping[str, Backend]] = {
    "virtual": Backend("anopticon_client.radio.virtual", "bumble", real_air=False),
    "bleak": Backend("anopticon_client.radio.bleak_scan", "ble", real_air=True),
    "bluez": Backend("anopticon_client.radio.bluez", "ble", real_air=True),
    "hci": Backend("anopticon_client.radio.hci", "bumble", real_air=True),
    "serial": Backend("anopticon_client.radio.serial_lines", "", real_air=True),
    "replay": Backend("anopticon_client.radio.replay", "", real_air=False),
}
_LIBRARIES: Final = ("bleak", "bumble", "dbus_fast")


class Parsed(NamedTuple):
    """One radio of a text."""

    scheme: str
    place: str
    options: Mapping[str, str]


async def open_device(text: str, sink: RadioSink, settings: RadioSettings | None = None) -> RadioDevice:
    """Open the radio that `text` names; what it hears and what happens to it goes to `sink`.

    Raises RadioError with a sentence that says what to do next.
    """
    settings = settings or RadioSettings()
    wanted = [parse_radio(one) for one in split_radios(text)]
    if len(wanted) == 1:
        return await _open(wanted[0], sink, settings)
    sender = await _open(wanted[0], sink, settings)
    try:
        listener = await _open(wanted[1], sink, settings)
    except BaseException:
        await sender.close()
        raise
    return await joined(sender, listener)


def check_service(text: str, service_uuid: int, gaen: GaenOnAir) -> None:
    """Raise RadioError if frames of this service would be refused by the radio that `text` names."""
    sender = parse_radio(split_radios(text)[0])
    if BACKENDS[sender.scheme].real_air and service_uuid == GAEN_SERVICE_UUID and gaen is GaenOnAir.REFUSE:
        raise RadioError(f"radio {sender.scheme}: {REFUSAL}")


def split_radios(text: str) -> list[str]:
    """The one or two radios of a text. A "+" parts them where the name of a radio follows it: paths keep theirs.

    Raises RadioError.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise RadioError(
            f"radio {text[:MAX_SHOWN_CHARS]!r}...: at most {MAX_TEXT_CHARS} characters (MAX_TEXT_CHARS)"
        )
    parts: list[str] = []
    for piece in text.split("+"):
        if parts and scheme_of(piece) not in BACKENDS:
            parts[-1] += f"+{piece}"
        else:
            parts.append(piece)
    if len(parts) > MAX_JOINED:
        raise RadioError(f"radio {text!r}: at most two, the first to send and the second to listen")
    return parts


def scheme_of(text: str) -> str:
    """What stands before the first ":" or "?"."""
    return text.partition("?")[0].partition(":")[0]


def parse_radio(text: str) -> Parsed:
    """Take one radio's text apart; raises RadioError."""
    scheme = scheme_of(text)
    if scheme not in BACKENDS:
        raise RadioError(
            f"radio {text[:MAX_SHOWN_CHARS]!r}: must begin with one of air, {', '.join(BACKENDS)}"
        )
    head, _, query = text.partition("?")
    place = head.partition(":")[2]
    try:
        options = dict(
            parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=MAX_OPTIONS)
        )
    except ValueError as error:
        raise RadioError(f"radio {text!r}: options must be like ?passive=yes&filter=none") from error
    return Parsed(scheme, place, options)


async def _open(wanted: Parsed, sink: RadioSink, settings: RadioSettings) -> RadioDevice:
    backend = BACKENDS[wanted.scheme]
    opener = _opener(wanted.scheme, backend)
    if not backend.real_air:
        return await opener(wanted.place, wanted.options, sink, settings)
    device = await opener(wanted.place, wanted.options, undisguising(sink, settings.gaen), settings)
    return guarded(device, settings.gaen)


def _opener(scheme: str, backend: Backend) -> OpenBackend:
    try:
        module = importlib.import_module(backend.module)
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _LIBRARIES:
            raise
        raise RadioError(
            f"radio {scheme}: needs the library {library}, which is not installed: "
            f"pip install 'anopticon[{backend.extra}]'"
        ) from error
    return cast("OpenBackend", module.open_backend)
