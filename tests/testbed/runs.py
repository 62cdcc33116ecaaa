"""Recordings of runs that never were, written by the real writer: who sends, and who hears which PDU how strongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from anopticon_client.radio_records import (
    AddressType,
    Capabilities,
    HeardFrame,
    PduType,
    Rotation,
)
from anopticon_client.recording.appender import WriterPolicy
from anopticon_client.recording.rows import Manifest, Sent
from anopticon_client.recording.writer import RecordingWriter
from anopticon_protocol.advert import encode
from anopticon_protocol.params import DP3T_SERVICE_UUID

SECOND: Final = 1_000_000_000
START: Final = 1_772_409_600 * SECOND
POLICY: Final = WriterPolicy(background=False, sync=False)
CAN: Final = Capabilities(
    backend="test",
    rotation=Rotation.ATOMIC,
    every_pdu=True,
    rssi_bias="",
    duty=1.0,
    interval_ms=(200.0, 270.0),
    interval_honoured=True,
    exact_bytes_sent=True,
    exact_bytes_heard=True,
    works_while_scanning=True,
)

Hear = Callable[[str, str, int, float], int | None]
"""Signal in dBm of the n-th PDU of a sender at a receiver, sent at that second; None: not heard."""


def frame_of(name: str) -> bytes:
    """The one frame that a node sends."""
    return encode(DP3T_SERVICE_UUID, name.encode().ljust(16, b"."))


def write_run(
    folder: Path,
    names: Sequence[str],
    hear: Hear,
    *,
    seconds: float = 60,
    mute: Sequence[str] = (),
    tx: int = -15,
    places: Mapping[str, tuple[float, float, float]] | None = None,
) -> Path:
    """Write what each node heard and sent; all but `mute` send every 240 ms."""
    for receiver in names:
        place = (places or {}).get(receiver)
        manifest = Manifest(
            receiver, "run", 0, START, "beacon", DP3T_SERVICE_UUID, "test", tx, place, CAN, "test"
        )
        with RecordingWriter(folder, manifest, lambda: (0, START), POLICY) as out:
            if receiver not in mute:
                out.write(Sent(0, START, frame_of(receiver), b"\x01" * 6, tx))
            heard = []
            for sender in names:
                if sender == receiver or sender in mute:
                    continue
                for number in range(int(seconds / 0.24)):
                    at = number * 0.24
                    rssi = hear(sender, receiver, number, at)
                    if rssi is not None:
                        heard.append((round(at * SECOND), sender, rssi))
            for at_ns, sender, rssi in sorted(heard):
                out.heard(
                    HeardFrame(
                        at_ns,
                        START + at_ns,
                        b"\x02" * 6,
                        AddressType.NON_RESOLVABLE,
                        PduType.ADV_NONCONN_IND,
                        rssi,
                        frame_of(sender),
                    )
                )
            end = round(seconds * SECOND)
            out.write(Sent(end, START + end, b"", b"", tx))
    return folder
