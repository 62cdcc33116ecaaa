"""The rows of a recording as the events that its phone handled, and what the phone had been set up with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from anopticon_client.config import PhoneConfig
from anopticon_client.errors import ConfigurationError
from anopticon_client.events import Event, Scanned, Sighting
from anopticon_client.radio_records import HeardFrame, RadioEvent, RadioEventKind
from anopticon_client.recording.inputs import event_of
from anopticon_client.recording.rows import Manifest, NoticeRow, PhoneInput, Row, ScanMark, ScanPhase
from anopticon_protocol.designs import open_design
from anopticon_protocol.errors import ProtocolError
from anopticon_protocol.params import RELEASE_PERIOD_SECONDS
from anopticon_protocol.signing import VerifyingKey
from anopticon_testbed.errors import RecordingError

NO_PHONE: Final = frozenset({"", "beacon"})
"""Designs of recordings without a phone: imports, and nodes that only send."""


@dataclass(frozen=True, slots=True)
class Handled:
    """An event that the live phone handled at `now`."""

    now: int
    event: Event


def phone_config(manifest: Manifest) -> PhoneConfig:
    """What the phone of a recording was set up with; raises RecordingError naming what the manifest lacks."""
    about = manifest.about
    for name in ("key_id", "public_key"):
        if name not in about:
            raise RecordingError(
                f"{manifest.node}: its manifest does not say {name}, without which no batch can be checked"
            )
    try:
        return PhoneConfig(
            open_design(manifest.design),
            {str(about["key_id"]): VerifyingKey.from_text(str(about["public_key"]))},
            release_period=int(about.get("release_period", RELEASE_PERIOD_SECONDS)),
            tx_power_dbm=manifest.tx_power_dbm,
        )
    except (ProtocolError, ConfigurationError, ValueError) as error:
        raise RecordingError(f"{manifest.node}: its phone cannot be set up again: {error}") from error


def phone_rows(rows: Iterable[Row], node: str) -> Iterator[Handled | NoticeRow | RadioEvent]:
    """What the phone handled and showed, and rows that the recorder lost, in order.

    Raises RecordingError if frames of a scan are missing.
    """
    window: list[Sighting] | None = None
    for row in rows:
        match row:
            case HeardFrame() if window is not None and row.rssi_dbm is not None:
                window.append(Sighting(row.data, row.rssi_dbm))
            case ScanMark(phase=ScanPhase.BEGUN):
                window = []
            case ScanMark():
                if window is None or len(window) < row.count:
                    raise RecordingError(
                        f"{node}: a scan of {row.count} frames ends at {row.now} and only {len(window or ())} are "
                        f"recorded: rows were dropped, so a replay can show nothing"
                    )
                yield Handled(row.now, Scanned(tuple(window[: row.count])))
                window = None
            case PhoneInput():
                yield Handled(row.now, _event(row, node))
            case NoticeRow() | RadioEvent(kind=RadioEventKind.DROPPED):
                yield row
            case _:
                pass


def _event(row: PhoneInput, node: str) -> Event:
    try:
        return event_of(row)
    except ValueError as error:
        raise RecordingError(f"{node}, at {row.now}: {error}") from error
