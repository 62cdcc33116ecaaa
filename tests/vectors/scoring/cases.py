"""The cases of the scoring vectors, each with the value that it must come to, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

DAY: Final = 20_416
"""2025-11-24."""
MIDNIGHT: Final = DAY * 86_400
NOON: Final = MIDNIGHT + 43_200
NOW: Final = MIDNIGHT + 86_400
SAMPLE: Final[dict[str, Any]] = {
    "kind": "windows",
    "thresholds_db": [30, 50, 60],
    "weights_percent": [150, 100, 50, 0],
    "classes": [{"day_sum": 900}],
}
FOURS: Final[dict[str, Any]] = {"kind": "summary", "threshold": 1}
FLAGS: Final = {
    "Bounds": "A field of the configuration is outside its bounds.",
    "NoTime": "The scoring is defined on packets with times, and one has none.",
    "Unknown": "The configuration has a field or a kind that there is not.",
}


@dataclass(frozen=True)
class Case:
    """A case before it is computed: `says` is the value of each day, or the error that it must end with."""

    comment: str
    configuration: dict[str, Any]
    contacts: Sequence[dict[str, Any]]
    says: dict[int, Fraction | int] | str
    flags: tuple[str, ...] = ()
    now: int = NOW


def heard(attenuation_db: int, after: int = 0, gap: int = 300, **changed: Any) -> dict[str, Any]:
    """A packet `after` seconds from noon, of a sender of -15 dBm."""
    packet = {
        "day": None,
        "time": NOON + after,
        "rssi_dbm": -15 - attenuation_db,
        "tx_power_dbm": -15,
        "seconds": gap,
        "identifier": "aa",
    }
    return packet | changed


def kept(attenuation_db: int, seconds: int, day: int = DAY) -> dict[str, Any]:
    """What a design without times keeps."""
    return heard(attenuation_db, gap=seconds, day=day, time=None)


def contact(*packets: dict[str, Any], **key: Any) -> dict[str, Any]:
    """The packets of one key."""
    whole = {"start": MIDNIGHT, "report_type": 1, "days_since_onset": None, "risk_level": 0}
    return {"key": whole | key, "packets": list(packets)}


def every(*attenuations: int, step: int = 300) -> list[dict[str, Any]]:
    """A packet every `step` seconds."""
    return [heard(decibels, step * number) for number, decibels in enumerate(attenuations)]


def minutes_cases() -> list[Case]:
    """Minutes within a bound, in buckets, and expected within two metres."""
    rule, buckets = {"kind": "minutes"}, {"kind": "durations"}
    mixed = contact(kept(49, 1_200), kept(54, 600), kept(55, 2_400))
    even = {"kind": "proximity", "prior_percent": 50}
    return [
        Case("at the bound of 63 dB", rule, [contact(kept(63, 900))], {DAY: 15}),
        Case("beyond the bound", rule, [contact(kept(64, 900))], {}),
        Case("packets of one second are one scan", rule, [contact(heard(63), heard(64))], {}),
        Case("63 and 62 dB have a mean of 63", rule, [contact(heard(63), heard(62))], {DAY: 5}),
        Case("no scan before: two minutes", rule, [contact(heard(40, gap=0))], {DAY: 2}),
        Case("an hour since the last scan: five minutes", rule, [contact(heard(40, gap=3_600))], {DAY: 5}),
        Case("nobody", rule, [], {}),
        Case("20 at 49, 10 at 54, 40 at 55 dB", buckets, [mixed], {DAY: 25}),
        Case(
            "the most that a day can score", buckets, [contact(kept(49, 9_000), kept(54, 9_000))], {DAY: 45}
        ),
        Case("two people count together", buckets, [contact(kept(49, 480))] * 2, {DAY: 16}),
        Case("ten days ago", buckets, [contact(kept(49, 900, DAY - 9))], {DAY - 9: 15}),
        Case("eleven days ago", buckets, [contact(kept(49, 900, DAY - 10))], {}),
        Case(
            "20 minutes at 47 dB, even prior",
            even,
            [contact(kept(47, 1_200))],
            {DAY: Fraction(20 * 48 * 87, 48 * 87 + 52 * 13)},
        ),
        Case("at 62 dB nobody is near", even, [contact(kept(62, 1_200))], {}),
        Case("thresholds that do not ascend", buckets | {"thresholds_db": [55, 50]}, [], "C", ("Bounds",)),
        Case("no minutes", rule | {"minutes_per_day": 0}, [], "C", ("Bounds",)),
        Case("a slip in a field", rule | {"minute_per_day": 15}, [], "C", ("Unknown",)),
        Case("a kind that there is not", {"kind": "metres"}, [], "C", ("Unknown",)),
    ]


def summary_cases() -> list[Case]:
    """Exposure Notification v1."""
    german = {
        "kind": "summary",
        "threshold": 15,
        "attenuation_scores": [0, 1, 1, 1, 1, 1, 1, 1],
        "days_scores": [5] * 8,
        "duration_scores": [0, 0, 0, 1, 1, 1, 1, 1],
        "transmission_scores": [1, 2, 3, 4, 5, 6, 7, 8],
        "minimum_risk_score": 11,
        "thresholds_db": [55, 63],
        "duration_weights_percent": [100, 50, 0],
        "score_divisor": 25,
    }
    durations = {"kind": "summary", "threshold": 15, "duration_weights_percent": [100, 10, 1]}
    steps = contact(heard(40), heard(80, 300), heard(50, 600))
    by_attenuation = FOURS | {"attenuation_scores": [1, 2, 3, 4, 5, 6, 7, 8]}
    return [
        Case("every table 4, no risk level", FOURS, [steps], {DAY: 64}),
        Case("a mean of 55 dB is entry 2", by_attenuation, [steps], {DAY: 3 * 16}),
        Case("450, 150 and 300 s", durations, [steps], {DAY: Fraction(45_000 + 1_500 + 300, 6_000)}),
        Case("a gap of 600 s is one exposure", FOURS, [contact(heard(60), heard(60, 600))], {DAY: 64}),
        Case(
            "15 minutes of one exposure",
            FOURS | {"duration_scores": [0, 1, 2, 3, 4, 5, 6, 7]},
            [contact(heard(60), heard(60, 600))],
            {DAY: 4 * 4 * 3},
        ),
        Case(
            "a gap of 601 s makes two of five minutes",
            FOURS | {"duration_scores": [0, 1, 2, 3, 4, 5, 6, 7]},
            [contact(heard(60), heard(60, 601))],
            {DAY: 4 * 4 * 1},
        ),
        Case(
            "merged within 25 s, the strongest counts",
            by_attenuation,
            [contact(heard(70), heard(50, 25), heard(70, 50))],
            {DAY: 4 * 16},
        ),
        Case("the German rule of 2020", german, [contact(*every(50, 50, 50, 50), risk_level=5)], {DAY: 20}),
        Case(
            "the German rule, a level too low",
            german,
            [contact(*every(50, 50, 50, 50), risk_level=2)],
            {DAY: 0},
        ),
        Case("below the minimum", FOURS | {"minimum_risk_score": 65}, [steps], {DAY: 0}),
        Case("no time", FOURS, [contact(kept(40, 300))], "S", ("NoTime",)),
        Case("a score of nine", FOURS | {"days_scores": [9] * 8}, [], "C", ("Bounds",)),
    ]


def window_cases() -> list[Case]:
    """Exposure Notification v2."""
    one = [heard(50), heard(51, 1), heard(50, 300), heard(30, 1_799), heard(60, 1_800)]
    midnight = contact(heard(50, -43_260), heard(50, -42_960))
    pairs = SAMPLE | {"risk_weights_percent": [0, 0, 60, 80, 100, 120, 140, 160]}
    onset = SAMPLE | {
        "mapping": {"onset": "0400000000000002"},
        "infectiousness_weights_percent": [100, 200],
    }
    return [
        Case("the worked example", SAMPLE, [contact(*one)], {DAY: 1_050}),
        Case(
            "the largest window of it",
            SAMPLE | {"classes": [{"day_maximum": 900}]},
            [contact(*one)],
            {DAY: 900},
        ),
        Case("25 s apart are one scan", SAMPLE, [contact(heard(50), heard(50, 25))], {DAY: 300}),
        Case("26 s apart are two", SAMPLE, [contact(heard(50), heard(50, 26, 26))], {DAY: 300}),
        Case("26 s apart, across a minute", SAMPLE, [contact(heard(50, 40), heard(50, 66, 26))], {DAY: 360}),
        Case("no scan before", SAMPLE, [contact(heard(50, gap=0))], {DAY: 120}),
        Case("a window across midnight is of its first day", SAMPLE, [midnight], {DAY - 1: 600}),
        Case("self report, standard: 0.6", pairs, [contact(heard(50), report_type=3)], {DAY: 180}),
        Case("unknown type is a confirmed test", pairs, [contact(heard(50), report_type=0)], {DAY: 420}),
        Case("a revoked key", SAMPLE, [contact(heard(50), report_type=5)], {}),
        Case("high on day -14", onset, [contact(heard(50), days_since_onset=-14)], {DAY: 600}),
        Case("none on day 0", onset, [contact(heard(50), days_since_onset=0)], {}),
        Case("day 15 is as good as missing", onset, [contact(heard(50), days_since_onset=15)], {DAY: 300}),
        Case("a window too small", SAMPLE | {"min_window_score": 301}, [contact(heard(50))], {}),
        Case("fourteen days ago", SAMPLE, [contact(heard(50))], {DAY: 300}, now=MIDNIGHT + 14 * 86_400),
        Case("fifteen days ago", SAMPLE, [contact(heard(50))], {}, now=MIDNIGHT + 15 * 86_400),
        Case("two people", SAMPLE, [contact(*one), contact(heard(20))], {DAY: 1_500}),
        Case("no time", SAMPLE, [contact(kept(40, 300))], "S", ("NoTime",)),
        Case("no class", SAMPLE | {"classes": []}, [], "C", ("Bounds",)),
        Case("a weight of 2.51", SAMPLE | {"weights_percent": [251, 0, 0, 0]}, [], "C", ("Bounds",)),
        Case("an onset map with a 3", SAMPLE | {"mapping": {"onset": "3"}}, [], "C", ("Bounds",)),
    ]
