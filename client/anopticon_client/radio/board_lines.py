"""What boards print about a frame they heard, in the forms that are around (SPEC.md 19.3).

{"mac":"c0:ff:ee:00:00:01","rssi":-61,"rpi":"...32 digits...","aem":"...8 digits..."}     ESP32 scanners
{"mac":"c0:ff:ee:00:00:01","rssi":-61,"data":"02011a...","channel":37}                    AD structures as heard
RPI,AEM,RSSI                                                                              micro:bit, also with blanks
INDEX ADDRESS DATA RSSI                                                                   micro:bit, address reversed
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from anopticon_client.radio_records import AddressType
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID, EPHID_BYTES, GAEN_SERVICE_UUID, METADATA_BYTES

MAX_BOARD_LINE_BYTES: Final = 1_024
"""Four times the longest form; a board that never ends its line costs no memory."""
MAX_BOARD_DATA_BYTES: Final = 255
"""One PDU: boards report no chains."""
ADDRESS_BYTES: Final = 6
RSSI_RANGE: Final = range(-127, 21)
"""dBm that a receiver can report (Core Specification 4.E.7.7.65.2); 127 says that it does not know."""
RSSI_UNKNOWN: Final = 127
_UNSIGNED: Final = range(128, 256)
"""Some firmware prints the byte without its sign."""
_CHANNELS: Final = (0, 37, 38, 39)
_SEPARATORS: Final = re.compile(r"[,;\s]+")
_NUMBER: Final = re.compile(r"-?[0-9]{1,5}")
_THREE, _FOUR = 3, 4


class BoardFrame(NamedTuple):
    """One line's worth: the address (may be empty), RSSI (None unknown), AD structures, channel (0 unknown)."""

    address: bytes
    address_type: AddressType
    rssi_dbm: int | None
    data: bytes
    channel: int


def parse_board_line(line: bytes) -> BoardFrame:
    """Read a line; raises ValueError that says what is wrong with it."""
    try:
        text = line.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ValueError("is no ASCII text") from error
    return _from_json(text) if text.startswith("{") else _from_fields(text)


def _from_json(text: str) -> BoardFrame:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON") from error
    if not isinstance(said, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - one error for all of a line
    known = {name.lower(): value for name, value in said.items()}
    address = _address(known.get("mac", known.get("address", "")))
    kind = known.get("type", AddressType.UNKNOWN.value)
    if not isinstance(kind, str) or kind not in {member.value for member in AddressType}:
        raise ValueError("has a type that is no kind of address")
    channel = known.get("channel", 0)
    if type(channel) is not int or channel not in _CHANNELS:
        raise ValueError("has a channel other than 37, 38, 39 and 0")
    if "rssi" not in known:
        raise ValueError("has no rssi")
    return BoardFrame(address, AddressType(kind), _rssi(known["rssi"]), _payload(known), channel)


def _payload(said: dict[str, object]) -> bytes:
    if "data" in said:
        return _digits("data", said["data"], range(MAX_BOARD_DATA_BYTES + 1))
    if "rpi" in said:
        return _gaen(said["rpi"], said.get("aem", ""))
    if "ephid" in said:
        return encode(DP3T_SERVICE_UUID, _exact("ephid", said["ephid"], EPHID_BYTES), flags=False)
    raise ValueError("has none of rpi, ephid, data")


def _from_fields(text: str) -> BoardFrame:
    fields = _SEPARATORS.split(text)
    if len(fields) == _THREE:
        rpi, aem, rssi = fields
        return BoardFrame(b"", AddressType.UNKNOWN, _rssi(rssi), _gaen(rpi, aem), 0)
    if len(fields) == _FOUR:
        _, address, data, rssi = fields
        heard = _digits("data", data, range(1, MAX_BOARD_DATA_BYTES + 1))
        return BoardFrame(_address(address)[::-1], AddressType.UNKNOWN, _rssi(rssi), heard, 0)
    raise ValueError(f"has {len(fields)} fields, 3 (RPI,AEM,RSSI) or 4 (INDEX ADDRESS DATA RSSI) needed")


def _gaen(rpi: object, aem: object) -> bytes:
    # A board that reports an identifier alone is of use: nobody but its sender can read the metadata anyway.
    metadata = _exact("aem", aem, METADATA_BYTES) if aem else bytes(METADATA_BYTES)
    return encode(GAEN_SERVICE_UUID, _exact("rpi", rpi, EPHID_BYTES) + metadata, flags=False)


def _address(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("has a mac that is no text")  # noqa: TRY004 - as above
    digits = value.replace(":", "").replace("-", "")
    return _exact("mac", digits, ADDRESS_BYTES) if digits else b""


def _exact(name: str, value: object, size: int) -> bytes:
    return _digits(name, value, range(size, size + 1))


def _digits(name: str, value: object, sizes: range) -> bytes:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) and " " not in value else None
    except ValueError:
        data = None
    if data is None or len(data) not in sizes:
        raise ValueError(f"has {name} that is not {sizes[-1]} bytes in hexadecimal")
    return data


def _rssi(value: object) -> int | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        raise ValueError("has an rssi that is no whole number")
    if value == RSSI_UNKNOWN:
        return None
    if value in _UNSIGNED:
        value -= 256
    if value not in RSSI_RANGE:
        raise ValueError(f"has an rssi outside {RSSI_RANGE.start}..{RSSI_RANGE.stop - 1} dBm")
    return value
