"""Captures that other programs made: Bumble's snoopers on real HCI packets, Wireshark's converter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from bumble.hci import Address, HCI_LE_Advertising_Report_Event, HCI_LE_Set_Scan_Enable_Command
from bumble.snoop import BtSnooper, PcapSnooper, Snooper

from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_protocol.advert import encode
from anopticon_testbed.errors import RecordingError
from anopticon_testbed.formats.common import ImportOptions, Notes
from anopticon_testbed.formats.pcap import write_pcap
from anopticon_testbed.formats.registry import read_foreign

DATA = encode(0xFD68, bytes(range(16)))


def imported(path: Path) -> list[HeardFrame]:
    """The frames of a file whose format is told by its first bytes."""
    rows = read_foreign(path, "auto", ImportOptions(), Notes())
    return [row for row in rows if isinstance(row, HeardFrame)]


@pytest.mark.parametrize("form", [BtSnooper, PcapSnooper])
def test_what_bumble_snooped_is_read(tmp_path: Path, form: type[BtSnooper | PcapSnooper]) -> None:
    """SPEC: RC-15. Reports that Bumble's own packets hold come out of its btsnoop and pcap files as frames."""
    report = HCI_LE_Advertising_Report_Event.Report(
        event_type=HCI_LE_Advertising_Report_Event.EventType.ADV_NONCONN_IND,
        address_type=1,
        address=Address("3A:5B:C1:D2:0E:77"),
        data=DATA,
        rssi=-61,
    )
    events = [HCI_LE_Advertising_Report_Event([report]), HCI_LE_Advertising_Report_Event([report, report])]
    command = HCI_LE_Set_Scan_Enable_Command(le_scan_enable=1, filter_duplicates=0)
    path = tmp_path / "snooped"
    with path.open("wb") as target:
        snooper = form(target)
        snooper.snoop(bytes(command), Snooper.Direction.HOST_TO_CONTROLLER)
        for event in events:
            snooper.snoop(bytes(event), Snooper.Direction.CONTROLLER_TO_HOST)
    frames = imported(path)
    assert [frame[2:] for frame in frames] == [
        (
            bytes.fromhex("3a5bc1d20e77"),
            AddressType.NON_RESOLVABLE,
            PduType.ADV_NONCONN_IND,
            -61,
            DATA,
            0,
        )
    ] * 3
    assert all(frame.wall_ns > 1_700_000_000_000_000_000 for frame in frames)


def test_what_wireshark_converted_is_read(tmp_path: Path) -> None:
    """SPEC: RC-15. Through pcapng and back the frames are the same; pcapng itself is refused with that very command."""
    editcap = shutil.which("editcap")
    if editcap is None:
        pytest.skip("needs editcap of Wireshark, which is not installed")
    wall_ns = 1_700_000_000_123_456_789
    address = bytes.fromhex("3a5bc1d20e77")
    frame = HeardFrame(
        wall_ns, wall_ns, address, AddressType.NON_RESOLVABLE, PduType.ADV_NONCONN_IND, -61, DATA, 37
    )
    write_pcap(tmp_path / "a.pcap", [frame, frame._replace(rssi_dbm=None, channel=0)], Notes())
    for form, source, target in (("pcapng", "a.pcap", "b.pcapng"), ("nsecpcap", "b.pcapng", "c.pcap")):
        subprocess.run([editcap, "-F", form, tmp_path / source, tmp_path / target], check=True)
    assert imported(tmp_path / "c.pcap") == imported(tmp_path / "a.pcap")
    assert imported(tmp_path / "a.pcap")[0] == frame
    with pytest.raises(RecordingError, match="editcap -F nsecpcap"):
        imported(tmp_path / "b.pcapng")
