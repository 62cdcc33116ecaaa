"""From matched observations to the scores of days: what the phone hands to its scoring (SPEC.md 9.5, 16.1)."""

from __future__ import annotations

from collections.abc import Iterable

from anopticon_client.scoring import Contact, DayScore, DeviceCalibration, ExposureRule, KeyFacts, Scorer
from anopticon_protocol.designs.base import Design
from anopticon_protocol.designs.records import Observation, Packet, ReportType


def contacts(design: Design, matched: Iterable[Observation]) -> list[Contact]:
    """The packets of matched observations, together if they are known to be of one key.

    An observation without match is nobody's. One whose key was revoked after it had matched counts no more.
    """
    packets: dict[object, list[Packet]] = {}
    facts: dict[object, KeyFacts] = {}
    for number, row in enumerate(matched):
        said = row.match
        if said is None or said.report_type is ReportType.REVOKED:
            continue
        key = said.key_id or number
        packets.setdefault(key, []).extend(design.packets(row, said))
        start = said.key_start * design.slot_seconds
        facts[key] = KeyFacts(start, said.report_type, said.days_since_onset)
    return [Contact(tuple(heard), facts[key]) for key, heard in packets.items() if heard]


def day_scores(
    design: Design,
    scorer: Scorer,
    matched: Iterable[Observation],
    now: int,
    calibration: DeviceCalibration | None = None,
) -> tuple[DayScore, ...]:
    """The score of each UTC day, oldest first; `calibration` is that of the phone that heard the packets."""
    found = contacts(design, matched)
    return scorer.score(found if calibration is None else calibration.corrected(found), now=now)


__all__ = ["ExposureRule", "contacts", "day_scores"]
