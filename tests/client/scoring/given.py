"""Contacts for the tests of scoring: packets by attenuation, on fixed days."""

from __future__ import annotations

from anopticon_client.scoring import Contact, KeyFacts, Packet

DAY = 86_400
MONDAY = 20_416
"""2025-11-24, a Monday."""
MIDNIGHT = MONDAY * DAY
NOON = MIDNIGHT + DAY // 2
NOW = MIDNIGHT + DAY
TX = -15


def heard(
    attenuation_db: int, at: int = NOON, gap: int = 300, identifier: bytes = b"r", tx: int = TX
) -> Packet:
    """One packet with a time, `gap` seconds after the scan before."""
    return Packet(at // DAY, tx - attenuation_db, tx, gap, at, identifier)


def kept(attenuation_db: int, seconds: int, day: int = MONDAY) -> Packet:
    """What a design keeps that keeps no times: so many seconds at an attenuation."""
    return Packet(day, TX - attenuation_db, TX, seconds)


def contact(*packets: Packet, key: KeyFacts | None = None) -> Contact:
    """The packets of one key."""
    return Contact(packets, key or KeyFacts(MIDNIGHT))
