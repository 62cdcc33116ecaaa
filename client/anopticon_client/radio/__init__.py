"""Radios, opened by a string: the scheme, then what that scheme wants.

    air                            the virtual air between processes of this machine, on its usual ports
    air:27800-27831?at=1.5,0       the same on other ports, for a phone 1.5 m from the origin
    bluez:hci0, hci:usb:0, ...     every radio of `radio.opening`: real Bluetooth, and the virtual air of one process

A further radio is one module, and one line in `opening.BACKENDS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from anopticon_client.errors import RadioError
from anopticon_client.ports import Radio
from anopticon_client.radio.datagram import MAX_COORDINATE_METRES, Position
from anopticon_client.radio.opening import check_service, scheme_of
from anopticon_client.radio.paired import open_paired
from anopticon_client.radio.settings import GaenOnAir, RadioSettings, unknown_options
from anopticon_client.radio.udp_air import UdpAir

DEFAULT_RADIO: Final = "air"
DEFAULT_PORTS: Final = range(27_800, 27_832)
"""32 phones. Below the ports that Linux, macOS and Windows hand out by themselves."""
MAX_PORTS: Final = 64
"""Each frame is sent once to each port."""
MIN_PORT: Final = 1_024
"""Lower ones are for the machine's administrator."""
MAX_PORT: Final = 65_535
MAX_AIR_CHARS: Final = 200


def check_radio(text: str, service_uuid: int, gaen: GaenOnAir) -> None:
    """Raise RadioError if the radio that `text` names is none, or would refuse frames of this service."""
    if scheme_of(text) != DEFAULT_RADIO:
        check_service(text, service_uuid, gaen)


async def open_radio(text: str, settings: RadioSettings) -> Radio:
    """Open the radio that `text` names; raises RadioError with a sentence."""
    if scheme_of(text) != DEFAULT_RADIO:
        return await open_paired(text, settings)
    if len(text) > MAX_AIR_CHARS:
        raise RadioError(f"radio {text[:40]!r}...: at most {MAX_AIR_CHARS} characters (MAX_AIR_CHARS)")
    head, _, query = text.partition("?")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=9))
    except ValueError as error:
        raise RadioError(f"radio {text!r}: options must be like ?at=1,0") from error
    return await _open_air(head.partition(":")[2], options, settings)


def parse_position(text: str) -> Position:
    """Read "1.5,0" as metres; raises RadioError."""
    parts = text.split(",")
    try:
        x, y = (float(part) for part in parts)
    except ValueError as error:
        raise RadioError(f"position {text[:40]!r}: must be two numbers of metres, like 1.5,0") from error
    if not max(abs(x), abs(y)) <= MAX_COORDINATE_METRES or math.isnan(x + y):
        raise RadioError(f"position {text[:40]!r}: each must be within {MAX_COORDINATE_METRES:.0f} m of 0")
    return Position(x, y)


async def _open_air(place: str, options: Mapping[str, str], settings: RadioSettings) -> Radio:
    unknown_options("air", options, {"at"})
    position = parse_position(options["at"]) if "at" in options else settings.position or Position(0, 0)
    air = UdpAir(_ports(place), position, settings.tx_power_dbm, settings.wall_seconds, settings.entropy)
    try:
        await air.join()
    except BaseException:
        await air.close()
        raise
    return air


def _ports(text: str) -> range:
    if not text:
        return DEFAULT_PORTS
    first, _, last = text.partition("-")
    if not all(part.isascii() and part.isdigit() for part in (first, last)):
        raise RadioError(f"radio air: {text!r} is not a range of ports like 27800-27831")
    ports = range(int(first), int(last) + 1)
    if int(first) < MIN_PORT or int(last) > MAX_PORT or not 1 < len(ports) <= MAX_PORTS:
        bounds = f"2..{MAX_PORTS} ports in {MIN_PORT}..{MAX_PORT}"
        raise RadioError(f"radio air: {text} must be {bounds}, the first before the last")
    return ports


__all__ = [
    "DEFAULT_RADIO",
    "GaenOnAir",
    "Position",
    "RadioSettings",
    "check_radio",
    "open_radio",
    "parse_position",
]
