"""What a case of the scoring vectors comes to: a configuration and contacts in, days or an error out."""

from __future__ import annotations

import json
from typing import Any

from anopticon_client.errors import ClientError
from anopticon_client.scoring import NO_TIME, Contact, KeyFacts, Packet, parse_scoring
from anopticon_protocol.designs.records import ReportType
from anopticon_protocol.params import DAY_SECONDS


def evaluate(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The result of a case and its outcome."""
    try:
        scorer = parse_scoring(json.dumps(given["configuration"]))
        scores = scorer.score(contacts_of(given), now=given["now"])
    except ClientError as error:
        return "invalid", {"error": type(error).__name__}
    days = [
        {
            "day": score.day,
            "value": [score.value.numerator, score.value.denominator],
            "threshold": [score.threshold.numerator, score.threshold.denominator],
            "level": score.level,
            "seconds": score.seconds,
        }
        for score in scores
    ]
    return "valid", {"days": days}


def contacts_of(given: dict[str, Any]) -> list[Contact]:
    """The contacts of a case."""
    return [
        Contact(tuple(map(_packet, contact["packets"])), _key(contact["key"]))
        for contact in given["contacts"]
    ]


def _key(key: dict[str, Any]) -> KeyFacts:
    return KeyFacts(key["start"], ReportType(key["report_type"]), key["days_since_onset"], key["risk_level"])


def _packet(packet: dict[str, Any]) -> Packet:
    time = packet["time"]
    day = packet["day"] if time is None else time // DAY_SECONDS
    return Packet(
        day,
        packet["rssi_dbm"],
        packet["tx_power_dbm"],
        packet["seconds"],
        NO_TIME if time is None else time,
        bytes.fromhex(packet["identifier"]),
    )
