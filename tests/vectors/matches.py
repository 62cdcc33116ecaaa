"""Vectors of matching: replay rules and slot borders of every design."""

from __future__ import annotations

from typing import Any, Final

from anopticon_protocol.designs.gaen import encrypt_metadata, rpis
from anopticon_protocol.designs.hybrid import window_ephids
from anopticon_protocol.designs.lowcost import day_ephids, next_day_key
from anopticon_protocol.designs.records import ReportType, SharedKey
from anopticon_protocol.designs.unlinkable import ephid_of_seed
from anopticon_protocol.primitives import aes_ctr_keystream, hmac_sha256
from anopticon_protocol.vectors.cases import key_json
from tests.vectors.made import DAY, HOUR, MIDNIGHT, Case, VectorFile, made

NO_MATCH: Final[dict[str, Any]] = {"match": False}


def match_file() -> VectorFile:
    """Replay rules and slot borders of every design."""
    return VectorFile(
        "match",
        (
            "One published key, one identifier heard once at -63 dBm, a batch released at a multiple of the period.",
            "Valid means that the observation matches the key.",
        ),
        {
            "AfterRelease": "Heard when the key was public: anybody could have sent it.",
            "Metadata": "The decrypted transmit power lies outside -50..20 dBm.",
            "Replay": "A replay that this design cannot tell from the real thing.",
            "Revoked": "A revoked key matches nothing.",
            "WrongIdentifier": "The key does not make this identifier.",
            "WrongSlot": "Heard in another day, window, epoch or interval than the identifier is for.",
        },
        [*lowcost_matches(), *unlinkable_matches(), *hybrid_matches(), *gaen_matches()],
    )


def lowcost_matches() -> list[Case]:
    """Same day, before the release; nothing else."""
    key = SharedKey(made("match lowcost"), MIDNIGHT // DAY, 1)
    today, tomorrow = day_ephids(key.secret)[7], day_ephids(next_day_key(key.secret))[7]
    capital = aes_ctr_keystream(hmac_sha256(key.secret, b"Broadcast key"), 16)

    def case(comment: str, ephid: bytes, at: int, release: int, flag: str = "", *, hit: bool = False) -> Case:
        flags = (flag,) if flag else ()
        return Case(
            f"lowcost: {comment}", heard("lowcost", key, ephid, at, release), flags, None if hit else NO_MATCH
        )

    return [
        case("heard 09:59, released 10:00", today, 10 * HOUR - 60, 10 * HOUR, hit=True),
        case("heard 10:00, released 10:00", today, 10 * HOUR, 10 * HOUR, "AfterRelease"),
        case("heard 11:00, released 10:00", today, 11 * HOUR, 10 * HOUR, "AfterRelease"),
        case("heard 11:00, released 12:00", today, 11 * HOUR, 12 * HOUR, hit=True),
        case("heard 12:00, released 12:00", today, 12 * HOUR, 12 * HOUR, "AfterRelease"),
        case("heard in the first second of the day", today, 0, 2 * HOUR, hit=True),
        case("heard in the last second of the day", today, DAY - 1, DAY, hit=True),
        case("heard a second too late, on the next day", today, DAY, 2 * DAY, "WrongSlot"),
        case("heard a second too early, on the day before", today, -1, DAY, "WrongSlot"),
        case("replayed 20 hours later on the same day", today, 20 * HOUR, DAY, "Replay", hit=True),
        case("the next key of the chain, on its day", tomorrow, DAY + HOUR, 2 * DAY, hit=True),
        case("the next key of the chain, a day early", tomorrow, HOUR, 2 * DAY, "WrongSlot"),
        case("an EphID of nobody", made("nobody", 16), HOUR, 2 * HOUR, "WrongIdentifier"),
        case(
            "derived with a capital B, a dead variant of April 2020",
            capital,
            HOUR,
            2 * HOUR,
            "WrongIdentifier",
        ),
    ]


def unlinkable_matches() -> list[Case]:
    """Same epoch, before the release."""
    key = SharedKey(made("match unlinkable"), MIDNIGHT // 900, 1)
    ephid = ephid_of_seed(key.secret)

    def case(comment: str, at: int, release: int, flag: str = "") -> Case:
        flags = (flag,) if flag else ()
        given = heard("unlinkable", key, ephid, at, release)
        return Case(f"unlinkable: {comment}", given, flags, NO_MATCH if flag else None)

    return [
        case("heard in the first second of its epoch", 0, 2 * HOUR),
        case("heard in the last second of its epoch", 899, 2 * HOUR),
        case("heard in the next epoch", 900, 2 * HOUR, "WrongSlot"),
        case("heard in the epoch before", -1, 2 * HOUR, "WrongSlot"),
        case("heard when the batch was out already", 10, 0, "AfterRelease"),
    ]


def hybrid_matches() -> list[Case]:
    """Same window, before the release."""
    key = SharedKey(made("match hybrid", 16), MIDNIGHT // (2 * HOUR), 1)
    ephid = window_ephids(key.secret, 8)[3]

    def case(comment: str, at: int, release: int, flag: str = "", minutes: int = 120) -> Case:
        flags = (flag,) if flag else ()
        given = heard(f"hybrid:window_minutes={minutes}", key, ephid, at, release)
        return Case(f"hybrid: {comment}", given, flags, NO_MATCH if flag else None)

    return [
        case("heard in the first second of its window", 0, 2 * HOUR),
        case("heard in the last second of its window", 2 * HOUR - 1, 2 * HOUR),
        case("heard a second after its window", 2 * HOUR, 4 * HOUR, "WrongSlot"),
        case("heard a second before its window", -1, 2 * HOUR, "WrongSlot"),
        case("heard when the batch was out already", 30, 0, "AfterRelease"),
        case("read with windows of another length", 0, 4 * HOUR, "WrongSlot", minutes=240),
    ]


def gaen_matches() -> list[Case]:
    """Two hours either way of its interval, with metadata that makes sense."""
    first = MIDNIGHT // 600
    key = SharedKey(made("match gaen", 16), first, 144)
    number = 60
    rpi = rpis(key.secret, first, 144)[number]

    def case(comment: str, at: int, flag: str = "", **changed: Any) -> Case:
        fields: dict[str, Any] = {"identifier": rpi, "metadata": "40f10000", "key": key} | changed
        sealed = encrypt_metadata(key.secret, fields["identifier"], bytes.fromhex(fields["metadata"]))
        given = heard("gaen", fields["key"], fields["identifier"] + sealed, at, 2 * DAY)
        return Case(f"gaen: {comment}", given, (flag,) if flag else (), NO_MATCH if flag else None)

    start = number * 600
    short = SharedKey(key.secret, first, number)
    revoked = SharedKey(key.secret, first, 144, ReportType.REVOKED)
    return [
        case("heard in its interval", start + 300),
        case("heard twelve intervals late", start + 12 * 600 + 599),
        case("heard thirteen intervals late", start + 13 * 600, "WrongSlot"),
        case("heard twelve intervals early", start - 12 * 600),
        case("heard thirteen intervals early", start - 12 * 600 - 1, "WrongSlot"),
        case("an interval behind the end of a key cut short", start, "WrongIdentifier", key=short),
        case("a revoked key", start, "Revoked", key=revoked),
        case("transmit power at its bound of 20 dBm", start, metadata="40140000"),
        case("transmit power of 21 dBm", start, "Metadata", metadata="40150000"),
        case("transmit power of -51 dBm", start, "Metadata", metadata="40cd0000"),
    ]


def heard(spec: str, key: SharedKey, service_data: bytes, at: int, release: int) -> dict[str, Any]:
    """The input of a case of matching; times in seconds from MIDNIGHT."""
    return {
        "design": spec,
        "key": key_json(key),
        "service_data": service_data.hex(),
        "heard_at": MIDNIGHT + at,
        "release": MIDNIGHT + release,
        "period_seconds": 2 * HOUR,
    }
