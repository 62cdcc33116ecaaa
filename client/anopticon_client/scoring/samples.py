"""From packets to scans: one attenuation and the seconds it stands for (SPEC.md 6.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from anopticon_client.scoring.records import Contact
from anopticon_protocol.designs.base import credited_seconds, mean_rounded_half_up
from anopticon_protocol.designs.records import NO_TIME, Packet


class Sample(NamedTuple):
    """Some seconds near a person who tested positive: the UTC day, the attenuation in dB, the seconds."""

    day: int
    attenuation_db: int
    seconds: int


def samples(contacts: Iterable[Contact]) -> Iterator[Sample]:
    """One sample for each identifier and second: the mean attenuation of its packets, and the credited seconds.

    A packet without time is a sample by itself: the design that kept it has made its mean already. Of packets of one
    second that disagree about the scan before, the weakest says how long ago it was.
    """
    for contact in contacts:
        for (time, _), packets in groupby(sorted(contact.packets, key=_order), key=_scan):
            if time == NO_TIME:
                for packet in packets:
                    yield Sample(packet.day, packet.attenuation_db, packet.seconds)
                continue
            heard = list(packets)
            mean = mean_rounded_half_up([packet.attenuation_db for packet in heard])
            yield Sample(heard[0].day, mean, credited_seconds(heard[0].seconds))


def _scan(packet: Packet) -> tuple[int, bytes]:
    return packet.time, packet.identifier


def _order(packet: Packet) -> tuple[int, bytes, int, int, int]:
    return packet.time, packet.identifier, packet.rssi_dbm, packet.seconds, packet.tx_power_dbm
