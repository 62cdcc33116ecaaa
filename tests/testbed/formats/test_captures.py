"""Captures: what is written comes back, what Wireshark makes of it, and what malformed files get."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.rows import Manifest, Row, Truth
from anopticon_protocol.advert import encode
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats import btsnoop, pcap
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.link_layer import Skipped, crc, decode_packet, encode_packet

OPTIONS = ImportOptions()
START = 1_700_000_000_000_000_000
RANDOM_KINDS = {0: AddressType.NON_RESOLVABLE, 1: AddressType.RESOLVABLE, 3: AddressType.STATIC}


@st.composite
def airborne(draw: st.DrawFn) -> HeardFrame:
    """A frame as a controller can hear it: what a capture can say without loss."""
    address = draw(st.binary(min_size=6, max_size=6).filter(lambda drawn: drawn[0] >> 6 != 2))
    kind = draw(st.sampled_from([AddressType.PUBLIC, RANDOM_KINDS[address[0] >> 6]]))
    pdu = draw(st.sampled_from([pdu for pdu in PduType if pdu is not PduType.UNKNOWN]))
    longest = {PduType.EXTENDED: 200, PduType.ADV_DIRECT_IND: 0}.get(pdu, 31)
    wall_ns = draw(st.integers(0, 2**32 - 1)) * 1_000_000_000 + draw(st.integers(0, 999_999)) * 1_000
    rssi = draw(st.none() | st.integers(-127, 20))
    data = draw(st.binary(max_size=longest))
    return HeardFrame(
        wall_ns, wall_ns, address, kind, pdu, rssi, data, draw(st.sampled_from([0, 37, 38, 39]))
    )


def frames_of(rows: list[Row]) -> list[HeardFrame]:
    """The frames, after the one manifest at the beginning."""
    assert isinstance(rows[0], Manifest)
    return [row for row in rows[1:] if isinstance(row, HeardFrame)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(airborne(), max_size=10))
def test_a_capture_of_the_link_layer_brings_every_frame_back(
    tmp_path_factory: pytest.TempPathFactory, frames: list[HeardFrame]
) -> None:
    """SPEC: RC-15. Frames written to pcap and read again are the same: time, address, PDU, RSSI, data, channel."""
    path = tmp_path_factory.mktemp("pcap") / "out.pcap"
    assert pcap.write_pcap(path, frames, Notes()) == len(frames)
    assert frames_of(list(pcap.read_pcap(path, OPTIONS, Notes()))) == frames


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(airborne(), max_size=10))
def test_a_log_of_hci_brings_every_frame_back(
    tmp_path_factory: pytest.TempPathFactory, frames: list[HeardFrame]
) -> None:
    """SPEC: RC-15. The same through btsnoop, which has no channel."""
    path = tmp_path_factory.mktemp("snoop") / "out.btsnoop"
    assert btsnoop.write_btsnoop(path, frames, Notes()) == len(frames)
    back = frames_of(list(btsnoop.read_btsnoop(path, OPTIONS, Notes())))
    assert back == [frame._replace(channel=0) for frame in frames]


def test_crc_is_that_of_published_packets() -> None:
    """The CRC by a table is that of the shift register of the specification, bit by bit (RC-16)."""

    def by_definition(pdu: bytes) -> int:
        """The shift register of Core Specification 6.B.3.1.1, bit by bit, and its bits as they leave it."""
        state = 0x555555
        for byte in pdu:
            for bit in range(8):
                fed = state >> 23 ^ byte >> bit & 1
                state = state << 1 & 0xFFFFFF
                if fed:
                    state ^= 0x00065B
        return state

    for pdu in (b"", b"\x00\x00", bytes(range(39)), b"\x42\x25" + encode(0xFD68, bytes(16))):
        mirrored = int(f"{by_definition(pdu):024b}"[::-1], 2)
        assert crc(pdu) == mirrored.to_bytes(3, "little")


GAEN = HeardFrame(
    START,
    START + 123_456_000,
    bytes.fromhex("3a5bc1d20e77"),
    AddressType.NON_RESOLVABLE,
    PduType.ADV_NONCONN_IND,
    -61,
    encode(0xFD6F, bytes(range(20))),
    38,
)
DP3T = GAEN._replace(data=encode(0xFD68, bytes(range(16)), flags=False), rssi_dbm=-88, channel=39)
LONG = GAEN._replace(pdu=PduType.EXTENDED, data=b"\x02\x01\x06" + bytes([60, 0x09]) + b"n" * 59, channel=37)


def attempt(reader: Callable[[Path, ImportOptions, Notes], Iterator[Row]], path: Path) -> Row | str:
    """The first row of a file, all of which is read, or the sentence that refuses it."""
    try:
        first, *_ = reader(path, OPTIONS, Notes())
    except RecordingError as error:
        return str(error)
    return first


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """The fields of every packet as Wireshark dissects them."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("needs tshark, which is not installed")
    chosen = [part for field in fields for part in ("-e", field)]
    command = [program, "-r", str(path), "-T", "fields", "-E", "separator=|", *chosen]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("|") for line in out.splitlines()]


def test_wireshark_reads_the_link_layer(tmp_path: Path) -> None:
    """SPEC: RC-16. Wireshark shows address, RSSI, channel, a right CRC, and the identifier by its GAEN dissector."""
    path = tmp_path / "out.pcap"
    pcap.write_pcap(path, [GAEN, DP3T, LONG], Notes())
    shown = tshark(
        path,
        "frame.time_epoch",
        "btle.advertising_address",
        "btle_rf.signal_dbm",
        "btle_rf.channel",
        "btle.advertising_header.pdu_type",
        "btle.crc.incorrect",
        "btcommon.eir_ad.entry.uuid_16",
        "bluetooth.gaen.rpi",
        "_ws.expert.message",
    )
    assert [row[1:6] for row in shown] == [
        ["3a:5b:c1:d2:0e:77", "-61", "12", "0x02", ""],
        ["3a:5b:c1:d2:0e:77", "-88", "39", "0x02", ""],
        ["3a:5b:c1:d2:0e:77", "-61", "0", "0x07", ""],
    ]
    assert shown[0][0].startswith("1700000000.123456")
    assert shown[0][7].replace(":", "") == bytes(range(16)).hex()
    assert {row[8] for row in shown} == {""}


def test_wireshark_sees_a_wrong_crc(tmp_path: Path) -> None:
    """The check above can fail: with one bit of the CRC changed Wireshark complains (RC-16)."""
    path = tmp_path / "out.pcap"
    pcap.write_pcap(path, [GAEN], Notes())
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "CRC" in tshark(path, "_ws.expert.message")[0][0]
    notes = Notes()
    assert frames_of(list(pcap.read_pcap(path, OPTIONS, notes))) == []
    assert notes.left_out == {"packets with a wrong CRC": 1}


def test_wireshark_reads_the_log_of_hci(tmp_path: Path) -> None:
    """SPEC: RC-16. Wireshark shows the advertising reports of a btsnoop file, and its GAEN dissector the identifier."""
    path = tmp_path / "out.btsnoop"
    btsnoop.write_btsnoop(path, [GAEN, DP3T, LONG], Notes())
    shown = tshark(
        path,
        "frame.time_epoch",
        "bthci_evt.le_meta_subevent",
        "bthci_evt.bd_addr",
        "bthci_evt.rssi",
        "bluetooth.gaen.rpi",
        "_ws.expert.message",
    )
    assert [row[1:4] for row in shown] == [
        ["0x02", "3a:5b:c1:d2:0e:77", "-61"],
        ["0x02", "3a:5b:c1:d2:0e:77", "-88"],
        ["0x0d", "3a:5b:c1:d2:0e:77", "-61"],
    ]
    assert shown[0][0].startswith("1700000000.123456")
    assert shown[0][4].replace(":", "") == bytes(range(16)).hex()
    assert {row[5] for row in shown} == {""}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1_000), (0xA1B23C4D, 1)])
def test_captures_of_either_byte_order_and_resolution_are_read(
    tmp_path: Path, order: str, magic: int, unit: int
) -> None:
    """SPEC: RC-15. Big and little endian, microseconds and nanoseconds give the same frames."""
    packet = encode_packet(GAEN)
    assert isinstance(packet, bytes)
    path = tmp_path / "made.pcap"
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, 256)
    record = struct.pack(order + "IIII", 1_700_000_000, 123_456_000 // unit, len(packet), len(packet))
    path.write_bytes(head + record + packet)
    assert frames_of(list(pcap.read_pcap(path, OPTIONS, Notes()))) == [GAEN._replace(mono_ns=GAEN.wall_ns)]


@pytest.mark.parametrize(("datalink", "flags"), [(1_001, 3), (1_002, 3), (2_001, 3 | 1 << 16)])
def test_logs_of_every_data_link_are_read(tmp_path: Path, datalink: int, flags: int) -> None:
    """SPEC: RC-15. HCI without type bytes, H4, and the monitor form of btmon give the same frames."""
    packet = btsnoop.encode_report(GAEN)
    assert packet
    content = struct.pack(">8sII", b"btsnoop\0", 1, datalink)
    time = GAEN.wall_ns // 1_000 + btsnoop.EPOCH_MICROSECONDS
    command = b"\x01\x0c\x20\x02\x01\x00"
    for sent, bits in ((command, 2), (packet, flags)):
        bare = sent if datalink == 1_002 else sent[1:]
        content += struct.pack(">IIIIq", len(bare), len(bare), bits, 0, time) + bare
    path = tmp_path / "made.log"
    path.write_bytes(content)
    notes = Notes()
    back = frames_of(list(btsnoop.read_btsnoop(path, OPTIONS, notes)))
    assert back == [GAEN._replace(mono_ns=GAEN.wall_ns, channel=0)]
    assert notes.left_out == {"packets that are no advertising report": 1}


def test_distance_given_at_the_import_becomes_truth(tmp_path: Path) -> None:
    """Each sender's distance stands before its first frame, once (RC-17)."""
    other = GAEN._replace(address=bytes.fromhex("0102030405ff"))
    path = tmp_path / "out.pcap"
    pcap.write_pcap(path, [GAEN, other, GAEN], Notes())
    rows = list(pcap.read_pcap(path, replace(OPTIONS, metres=1.5), Notes()))
    kinds = [type(row).__name__ for row in rows]
    assert kinds == ["Manifest", "Truth", "HeardFrame", "Truth", "HeardFrame", "HeardFrame"]
    truths = [row for row in rows if isinstance(row, Truth)]
    assert [(truth.address, truth.distance_m) for truth in truths] == [
        (GAEN.address, 1.5),
        (other.address, 1.5),
    ]


def test_what_a_capture_cannot_say_is_counted(tmp_path: Path) -> None:
    """SPEC: RC-17. Frames that are too long or cannot be dated are left out, and the reason is counted."""
    long = GAEN._replace(data=bytes(300))
    early = GAEN._replace(wall_ns=-1)
    notes = Notes()
    assert pcap.write_pcap(tmp_path / "a.pcap", [GAEN, long, early], notes) == 1
    assert sorted(notes.left_out.values()) == [1, 1]
    notes = Notes()
    assert btsnoop.write_btsnoop(tmp_path / "a.log", [GAEN, long, early], notes) == 2
    assert sum(notes.left_out.values()) == 1
    with pytest.raises(RecordingError, match="is there already"):
        pcap.write_pcap(tmp_path / "a.pcap", [GAEN], notes)


@given(st.binary(max_size=80) | airborne().map(encode_packet), st.data())
def test_no_packet_does_worse_than_be_refused(packet: bytes | Skipped, data: st.DataObject) -> None:
    """SPEC: RC-18. Any bytes, and any packet with bytes changed or cut, are a frame, a reason or a ValueError."""
    assert isinstance(packet, bytes)
    for _ in range(3):
        at = data.draw(st.integers(0, len(packet)))
        packet = packet[:at] + data.draw(st.binary(max_size=2)) + packet[at + data.draw(st.integers(0, 2)) :]
    body = packet[:-3] + crc(packet[14:-3])
    for linktype in (256, 251):
        for sent in (packet, body):
            try:
                found = decode_packet(sent, linktype)
            except ValueError:
                continue
            assert isinstance(found, Skipped) or len(found.address) == 6


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(airborne(), min_size=1, max_size=4), st.data())
def test_malformed_captures_are_refused_with_file_and_record(
    tmp_path_factory: pytest.TempPathFactory, frames: list[HeardFrame], data: st.DataObject
) -> None:
    """SPEC: RC-18. A capture or log with bytes changed gives rows or one error that names the file."""
    folder = tmp_path_factory.mktemp("fuzz")
    pcap.write_pcap(folder / "a", frames, Notes())
    btsnoop.write_btsnoop(folder / "b", frames, Notes())
    for name, reader in (("a", pcap.read_pcap), ("b", btsnoop.read_btsnoop)):
        content = bytearray((folder / name).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path = folder / f"{name}-changed"
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        outcome = attempt(reader, path)
        assert str(path) in outcome if isinstance(outcome, str) else isinstance(outcome, Manifest)


@pytest.mark.parametrize("size", [2**32 - 1, 70_001])
def test_a_record_that_says_it_is_huge_is_refused(tmp_path: Path, size: int) -> None:
    """A length beyond the bound is an error with record and offset, before anything of that size is read (RC-18)."""
    path = tmp_path / "huge.pcap"
    pcap.write_pcap(path, [GAEN], Notes())
    path.write_bytes(path.read_bytes() + struct.pack("<IIII", 1, 1, size, size))
    with pytest.raises(RecordingError, match=r"huge\.pcap: record 2 \(offset \d+\): packet of \d+ bytes"):
        list(pcap.read_pcap(path, OPTIONS, Notes()))


def signed(pdu: bytes) -> bytes:
    """An advertising PDU as a packet without pseudo header, with a right CRC."""
    return struct.pack("<I", 0x8E89BED6) + pdu + crc(pdu)


@pytest.mark.parametrize(
    ("packet", "complaint"),
    [
        (signed(b"\x42\x07" + bytes(6)), "PDU of 6 bytes says that it has 7"),
        (signed(b"\x42\x05" + bytes(5)), "shorter than an address"),
        (signed(b"\x42\x26" + bytes(38)), "legacy PDU with 32 bytes of data"),
        (signed(b"\x47\x02\x07\x01"), "extended header of 7 bytes in a PDU of 2"),
        (b"\xd6\xbe\x89\x8e" + bytes(4), "shorter than an empty one"),
    ],
)
def test_a_packet_that_contradicts_itself_is_refused(packet: bytes, complaint: str) -> None:
    """Lengths that do not fit are errors in packets whose CRC is right, with or without pseudo header (RC-18)."""
    with pytest.raises(ValueError, match=complaint):
        decode_packet(packet, 251)
    with pytest.raises(ValueError, match=complaint):
        decode_packet(bytes(10) + packet, 256)
    with pytest.raises(ValueError, match="shorter than its pseudo header"):
        decode_packet(bytes(9), 256)


def test_a_fraction_of_more_than_a_second_is_refused(tmp_path: Path) -> None:
    """Microseconds above 999,999 are an error that names the record (RC-18)."""
    path = tmp_path / "odd.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 256)
    path.write_bytes(head + struct.pack("<IIII", 1, 1_000_000, 0, 0))
    with pytest.raises(RecordingError, match=r"record 1 .* fraction of a second 1000000"):
        list(pcap.read_pcap(path, OPTIONS, Notes()))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\n\r\r\n" + bytes(40), "editcap"),
        (bytes(24), "no capture"),
        (b"short", "ends within the head"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1), "link type 1"),
    ],
)
def test_other_files_are_refused_with_advice(tmp_path: Path, content: bytes, complaint: str) -> None:
    """What is no capture of Bluetooth LE is refused, and pcapng with the command that makes it one (RC-18)."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=complaint):
        list(pcap.read_pcap(path, OPTIONS, Notes()))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (struct.pack(">8sII", b"btsnoop\0", 2, 1_002), "version 2"),
        (struct.pack(">8sII", b"btsnoop\0", 1, 1_003), "data link 1003"),
        (struct.pack(">8sII", b"btsnoob\0", 1, 1_002), "no HCI log"),
        (struct.pack(">8sIIIIIIq", b"btsnoop\0", 1, 1_002, 0, 0, 0, 0, 2**62), "time stamp"),
        (struct.pack(">8sIIIIIIq", b"btsnoop\0", 1, 1_002, 0, 80_000, 0, 0, 0), "packet of 80000 bytes"),
    ],
)
def test_other_logs_are_refused_with_advice(tmp_path: Path, content: bytes, complaint: str) -> None:
    """What is no log of these kinds is refused by name (RC-18)."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=complaint):
        list(btsnoop.read_btsnoop(path, OPTIONS, Notes()))
