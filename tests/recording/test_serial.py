"""The radio `serial:` over a pair of pseudo terminals, and the lines that boards print."""

from __future__ import annotations

import contextlib
import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_client.errors import RadioError
from anopticon_client.radio import serial_lines
from anopticon_client.radio.board_lines import MAX_BOARD_LINE_BYTES, parse_board_line
from anopticon_client.radio.opening import open_device
from anopticon_client.radio_records import AddressType, RadioEventKind
from anopticon_protocol.advert import encode, parse
from tests.recording.waiting import WaitingEar

RPI = bytes(range(16))
AEM = bytes.fromhex("0badcafe")
GAEN = encode(0xFD6F, RPI + AEM, flags=False)
JSON_LINE = json.dumps({"mac": "c0:ff:ee:00:00:01", "rssi": -61, "rpi": RPI.hex(), "aem": AEM.hex()}).encode()
CSV_LINE = f"{RPI.hex()},{AEM.hex()},-70".encode()


class Board:
    """A board at the other end of the line, at a path that stays the same when it is plugged in again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.master, self.slave = -1, -1
        self.plug_in()

    def plug_in(self) -> None:
        """Appear."""
        self.master, self.slave = pty.openpty()
        self.place.unlink(missing_ok=True)
        self.place.symlink_to(os.ttyname(self.slave))

    def unplug(self) -> None:
        """Vanish."""
        self.place.unlink(missing_ok=True)
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def print(self, *lines: bytes) -> None:
        """Print lines."""
        os.write(self.master, b"".join(line + b"\r\n" for line in lines))


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    """A board that is plugged in."""
    board = Board(tmp_path / "ttyUSB0")
    yield board
    board.unplug()


async def test_a_board_is_heard_in_every_form_it_prints(board: Board) -> None:
    """SPEC: RC-11. Lines of JSON, of three fields and of four become frames with address, RSSI and data."""
    ear = WaitingEar()
    device = await open_device(f"serial:{board.place}?baud=57600", ear)
    assert device.advertiser is None
    assert device.scanner
    await device.scanner.start()
    raw = json.dumps(
        {"mac": "c0ffee000002", "rssi": 127, "data": GAEN.hex(), "channel": 38, "type": "static"}
    )
    reversed_address = bytes.fromhex("c0ffee000003")[::-1].hex()
    board.print(
        JSON_LINE,
        CSV_LINE,
        raw.encode(),
        f"05 {reversed_address} {GAEN.hex()} -88".encode(),
        b"" * 2,
        JSON_LINE,
    )
    await ear.until(lambda: len(ear.frames) == 5)
    await device.close()
    assert {frame.data for frame in ear.frames} == {GAEN}
    assert [(frame.address.hex(), frame.rssi_dbm, frame.channel) for frame in ear.frames] == [
        ("c0ffee000001", -61, 0),
        ("", -70, 0),
        ("c0ffee000002", None, 38),
        ("c0ffee000003", -88, 0),
        ("c0ffee000001", -61, 0),
    ]
    assert [frame.address_type for frame in ear.frames][2] is AddressType.STATIC
    assert ear.kinds() == [RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF]


async def test_malformed_lines_are_counted_and_told(board: Board) -> None:
    """SPEC: RC-12. A bad line costs no other; the first is told with its reason, all are counted at the end."""
    ear = WaitingEar()
    device = await open_device(f"serial:{board.place}", ear)
    assert device.scanner
    await device.scanner.start()
    board.print(b"...of a line", JSON_LINE, b"boot: ESP-IDF v4", b"\xff\xfe", b"{", CSV_LINE + b"00")
    board.print(b"7" * (3 * MAX_BOARD_LINE_BYTES), CSV_LINE)
    await ear.until(lambda: len(ear.frames) == 2)
    await device.close()
    dropped = [event.details for event in ear.events if event.kind is RadioEventKind.DROPPED]
    assert [told["count"] for told in dropped] == [1, 4]
    assert "boot: ESP-IDF" in str(dropped[0]["reason"])


async def test_a_board_that_is_plugged_in_again_is_heard_again(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC: RC-13. Unplugging is an event with advice, and the same radio hears the board once it is back."""
    monkeypatch.setattr(serial_lines, "RECONNECT_SECONDS", 0.001)
    ear = WaitingEar()
    device = await open_device(f"serial:{board.place}", ear)
    assert device.scanner
    await device.scanner.start()
    board.print(JSON_LINE)
    await ear.until(lambda: len(ear.frames) == 1)
    board.unplug()
    await ear.until(lambda: RadioEventKind.FAILED in ear.kinds())
    assert "plug it in again" in str(ear.events[-1].details["advice"])
    board.plug_in()
    await ear.until(lambda: RadioEventKind.RESET in ear.kinds())
    board.print(CSV_LINE)
    await ear.until(lambda: len(ear.frames) == 2)
    board.unplug()
    await ear.until(lambda: ear.kinds().count(RadioEventKind.FAILED) == 2)
    await device.close()
    on, off = RadioEventKind.SCAN_ON, RadioEventKind.SCAN_OFF
    assert [kind for kind in ear.kinds() if kind in {on, off}] == [on, off, on, off]


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("", "say which port"),
        ("/nowhere/ttyUSB9", "is the board plugged in"),
        ("{folder}/file", "no serial line"),
        ("{folder}/file?baud=12345", "no baud rate"),
        ("{folder}/file?baud=0", "no baud rate"),
        ("{folder}/file?speed=9", "there is baud"),
    ],
)
async def test_a_port_that_cannot_be_opened_says_what_to_do(tmp_path: Path, place: str, advice: str) -> None:
    """A bad port or option is a RadioError with advice, at once (RC-13)."""
    (tmp_path / "file").write_text("no terminal")
    with pytest.raises(RadioError, match=advice):
        await open_device(f"serial:{place.format(folder=tmp_path)}", WaitingEar())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"", "has 1 fields"),
        (b"[1]", "has 1 fields"),
        (b'{"mac":1,"rssi":-1,"rpi":"00"}', "mac that is no text"),
        (b'{"mac":"c0ffee","rssi":-1,"rpi":"00"}', "mac that is not 6 bytes"),
        (b'{"rssi":-1,"rpi":"00"}', "rpi that is not 16 bytes"),
        (b'{"rssi":-1}', "none of rpi, ephid, data"),
        (b'{"rpi":"00112233445566778899aabbccddeeff"}', "no rssi"),
        (b'{"rssi":-1.5,"data":"00"}', "rssi that is no whole number"),
        (b'{"rssi":-4294967234,"data":"00"}', "rssi outside -127..20"),
        (b'{"rssi":true,"data":"00"}', "rssi that is no whole number"),
        (b'{"rssi":-1,"data":"0 0"}', "data that is not"),
        (b'{"rssi":-1,"data":"00","channel":7}', "channel other than"),
        (b'{"rssi":-1,"data":"00","type":"odd"}', "no kind of address"),
        (b'{"rssi":-1,"data":"00","type":[]}', "no kind of address"),
        (b'{"rssi":-1,"data":"00","channel":{}}', "has a channel other"),
        (b'{"rssi":-1,"data":"00","channel":37.0}', "has a channel other"),
        (b"00112233445566778899aabbccddeeff,00112233,64", "rssi outside"),
        (b"00112233445566778899aabbccddeeff,0011,-64", "aem that is not 4 bytes"),
    ],
)
def test_a_bad_line_names_its_field(line: bytes, complaint: str) -> None:
    """Every way to be malformed has its own words (RC-12)."""
    with pytest.raises(ValueError, match=complaint):
        parse_board_line(line)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4), st.integers(-127, 20))
def test_an_identifier_printed_is_the_identifier_heard(rpi: bytes, aem: bytes, rssi: int) -> None:
    """Any identifier, metadata and RSSI come back from both forms, and from a byte without sign as well (RC-11)."""
    as_json = json.dumps({"rssi": rssi, "rpi": rpi.hex().upper(), "aem": aem.hex()}).encode()
    for line in (
        as_json,
        f"{rpi.hex()} {aem.hex()} {rssi}\r".encode(),
        f"{rpi.hex()};{aem.hex()};{rssi % 256 if rssi < 0 else rssi}".encode(),
    ):
        found = parse_board_line(line)
        assert parse(found.data).service_data == rpi + aem
        assert found.rssi_dbm == (rssi if rssi != 127 else None)


@given(st.binary(max_size=120) | st.text(max_size=60).map(str.encode))
def test_no_line_of_a_board_does_worse_than_be_malformed(line: bytes) -> None:
    """Any bytes are a frame or a ValueError with a reason (RC-12)."""
    with contextlib.suppress(ValueError):
        found = parse_board_line(line)
        assert found.rssi_dbm is None or -127 <= found.rssi_dbm <= 20
