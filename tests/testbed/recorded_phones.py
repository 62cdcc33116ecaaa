"""Phones run by hand in virtual time and recorded as a node does it, for replays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anopticon_client.events import (
    Event,
    Outcome,
    Scanned,
    ShowNotice,
    Started,
)
from anopticon_client.radio_records import AddressType, HeardFrame, PduType
from anopticon_client.recording.codec import encode_row
from anopticon_client.recording.inputs import input_of
from anopticon_client.recording.rows import Manifest, NoticeRow, PhoneInput, Row, ScanMark, ScanPhase
from tests.client.desk import KEY_ID, SIGNER
from tests.client.drive import Handset, Town
from tests.client.saved import Saved

NS = 10**9


class RecordedTown(Town):
    """A town whose handsets are all recorded: rows by name of the handset."""

    def __init__(self, spec: str, *names: str, store: str = "kept") -> None:
        """As a Town; stores are `kept`, or in `memory`."""
        self.store = store
        self.rows: dict[str, list[Row]] = {name: [] for name in names}
        super().__init__(spec, *names)

    def tell(self, handset: Handset, event: Event) -> None:
        """Record what goes through a handset's hands, from its first event on."""
        if not isinstance(handset.handle, _Recorder):
            handset.handle = _Recorder(handset, self.rows[handset.name])  # type: ignore[method-assign]
        super().tell(handset, event)

    def restart(self, handset: Handset) -> None:
        """The process ends, and with it all that a store in memory held; a new one begins."""
        if self.store == "memory":
            handset.saved = Saved()
        handset.crash()
        self.tell(handset, Started())

    def write(self, folder: Path) -> Path:
        """One recording for each handset."""
        folder.mkdir(parents=True, exist_ok=True)
        for handset in self.handsets:
            rows = [self._manifest(handset), *self.rows[handset.name]]
            text = "".join(encode_row(row) for row in rows)
            (folder / f"{handset.name}_run_000001.jsonl").write_text(text, encoding="ascii")
        return folder

    def _manifest(self, handset: Handset) -> Manifest:
        config = handset.config
        about: dict[str, str | int | float] = {
            "key_id": KEY_ID,
            "public_key": SIGNER.public.to_text(),
            "release_period": config.release_period,
            "store": self.store,
        }
        return Manifest(
            handset.name, "run", 0, 0, config.design.spec, config.design.service_uuid, "made", config.tx_power_dbm,
            None, None, "test", 1, about,
        )  # fmt: skip


class _Recorder:
    """Stands in front of Handset.handle and writes rows."""

    def __init__(self, handset: Handset, rows: list[Row]) -> None:
        self._handle = handset.handle
        self._rows = rows
        self._name = handset.name

    def __call__(self, event: Event, now: int) -> Outcome:
        outcome = self._handle(event, now)
        self._rows += rows_of(event, now)
        for effect in outcome.effects:
            if isinstance(effect, ShowNotice):
                one = effect.notice
                self._rows.append(
                    NoticeRow(
                        now * NS,
                        now * NS,
                        now,
                        one.notice_id,
                        one.kind.value,
                        one.day,
                        one.seconds,
                        one.sentence,
                    )
                )
        return outcome


def rows_of(event: Event, now: int) -> Iterator[Row]:
    """The rows that a node writes for an event, as its recorder does."""
    when = now * NS, now * NS
    if isinstance(event, Scanned):
        yield ScanMark(*when, ScanPhase.BEGUN)
        for sighting in event.sightings:
            address, kind = bytes(6), AddressType.NON_RESOLVABLE
            yield HeardFrame(*when, address, kind, PduType.UNKNOWN, None, sighting.frame)
            yield HeardFrame(*when, address, kind, PduType.UNKNOWN, sighting.rssi_dbm, sighting.frame)
        # Heard after the window, before the phone came to handle it: not part of the scan.
        yield HeardFrame(*when, bytes(6), AddressType.NON_RESOLVABLE, PduType.UNKNOWN, -40, b"late")
        yield ScanMark(*when, ScanPhase.ENDED, now, len(event.sightings))
        return
    found = input_of(event)
    assert found is not None
    yield PhoneInput(*when, now, found.kind, found.number, found.data)
