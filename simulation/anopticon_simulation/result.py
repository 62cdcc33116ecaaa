"""What a run found, as `result.json`: the same bytes for the same seed on every machine (SPEC.md 11.4).

Timings, versions and machine facts are not in it; they go to `run.json` (see `running.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from anopticon_protocol import SPEC_VERSION
from anopticon_protocol.designs import DESIGNS
from anopticon_simulation.oracle import Hearing, OracleRules, Report, who_must_be_warned
from anopticon_simulation.plan import Plan
from anopticon_simulation.truth import Contagious, enough, near_seconds
from anopticon_simulation.verdict import DesignDifference, PersonDay, Verdict, compare_designs
from anopticon_simulation.world import WorldOutcome

RESULT_VERSION: Final = 1
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Judged:
    """A finished run and what it was held against."""

    plan: Plan
    outcome: WorldOutcome
    log: tuple[Hearing, ...]
    warned: Mapping[int, Mapping[int, int]]
    """By person and UTC day: seconds within the bound, as the phone counted them."""
    demanded: Mapping[int, Mapping[int, int]]
    """The same by the oracle."""
    truth: Mapping[int, Mapping[int, int]]
    """By person and UTC day: real seconds of contact with contagious people, from the trace."""
    near_seconds: Mapping[int, Mapping[int, int]]
    """Real seconds near contagious people of everybody who had any."""
    counted_seconds: Mapping[int, Mapping[int, int]]
    """Seconds within the bound of everybody whose phone counted any."""
    differences: tuple[DesignDifference, ...]

    @property
    def oracle_knows(self) -> bool:
        """Whether the oracle knows the scoring: of all there are it knows the minutes within a bound alone."""
        return not self.plan.scenario.exposure.scoring

    @property
    def by_oracle(self) -> Verdict:
        """Phones against the oracle: any difference is a fault of this software."""
        return Verdict.of(self.warned, self.demanded)

    @property
    def by_truth(self) -> Verdict:
        """Phones against real contact: what sampling, channel and adoption cost."""
        return Verdict.of(self.warned, self.truth)

    @property
    def agrees(self) -> bool:
        """Whether phones and oracle agree on every person, day and second, or the oracle cannot say."""
        return (
            not self.oracle_knows or {who: dict(days) for who, days in self.warned.items()} == self.demanded
        )


def judge(plan: Plan, outcome: WorldOutcome) -> Judged:
    """Hold what the phones did against oracle and truth."""
    scenario = plan.scenario
    rules = OracleRules(
        attenuation_bound_db=scenario.exposure.attenuation_bound_db,
        minutes_per_day=scenario.exposure.minutes_per_day,
        tx_power_dbm=scenario.channel.tx_power_dbm,
        release_period=scenario.server.release_period_seconds,
        clock_skew=plan.clock_skew,
        hybrid_window=scenario.world.hybrid_window_minutes * 60,
    )
    log = plan.log()
    reports = tuple(Report(one.person, one.contagious_since, when) for one, when in outcome.uploads)
    others = [name for name in DESIGNS if name != scenario.world.design]
    # Who did not upload was contagious all the same, until the result was known.
    contagious = [
        Contagious(one.person, one.contagious_since, one.uploads_at or one.positive_at)
        for one in plan.positives
    ]
    near = near_seconds(plan.trace, contagious, scenario.exposure.distance_bound_metres)
    return Judged(
        plan=plan,
        outcome=outcome,
        log=log,
        warned=_warned(outcome),
        demanded={} if scenario.exposure.scoring else who_must_be_warned(plan.design, rules, log, reports),
        truth=enough(near, scenario.exposure.minutes_per_day),
        near_seconds=near,
        counted_seconds={who: device.tally.counted for who, device in outcome.devices.items()},
        differences=()
        if scenario.exposure.scoring
        else compare_designs(plan.design, others, rules, log, reports),
    )


def _warned(outcome: WorldOutcome) -> dict[int, dict[int, int]]:
    warned = {}
    for person, device in outcome.devices.items():
        days = {day: device.tally.counted.get(day, 0) for day in sorted(device.tally.warned_at)}
        if days:
            warned[person] = days
    return warned


def result_of(judged: Judged) -> dict[str, Any]:
    """The result as JSON-ready values."""
    plan, outcome = judged.plan, judged.outcome
    tables = {name: len(rows) for name, rows in sorted(outcome.server_rows.items())}
    phone_days = max(1, len(outcome.devices) * plan.days)
    downloaded = sum(device.tally.bytes_downloaded for device in outcome.devices.values())
    oracle = judged.by_oracle.counts() | {"agrees_to_the_second": judged.agrees}
    result = {
        "result_version": RESULT_VERSION,
        "spec_version": SPEC_VERSION,
        "scenario": {"digest": plan.scenario.digest(), "title": plan.scenario.title},
        "contacts": {
            "contact_seconds": plan.trace.contact_seconds,
            "contacts": len(plan.trace.contacts),
            "digest": plan.trace.digest(),
            "notes": list(plan.notes),
            "pairs": plan.trace.pairs,
        },
        "design": plan.design,
        "seed": plan.scenario.world.seed,
        "days": plan.days,
        "people": len(plan.trace.people),
        "phones": len(outcome.devices),
        "sightings": len(judged.log),
        "positives": len(plan.positives),
        "uploads": len(outcome.uploads),
        "warned": len(judged.warned),
        "oracle": oracle if judged.oracle_knows else None,
        "truth": judged.by_truth.counts(),
        "server_rows_at_end": sum(tables.values()),
        "server_tables_at_end": tables,
        "batches_published": len(outcome.releases),
        "bytes_downloaded_per_phone_per_day": round(downloaded / phone_days, 1),
        "bytes_uploaded": sum(device.tally.bytes_uploaded for device in outcome.devices.values()),
        "observations_at_end": sum(device.phone.observation_count for device in outcome.devices.values()),
        "positive_people": _positives(plan, outcome),
        "warned_people": _people(plan, judged.warned),
        "oracle_people": _sets(plan, judged.by_oracle) if judged.oracle_knows else None,
        "truth_people": _sets(plan, judged.by_truth),
        "other_designs": [_difference(plan, one) for one in judged.differences],
    }
    return result if judged.oracle_knows else result | {"scoring": plan.scenario.exposure.scoring}


def result_bytes(result: Mapping[str, Any]) -> bytes:
    """`result.json`: indented, keys in the order given, a newline at the end."""
    return (json.dumps(result, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def utc(time: int) -> str:
    """A time of the world as people write it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


def date_of(day: int) -> str:
    """A UTC day as people write it."""
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def _positives(plan: Plan, outcome: WorldOutcome) -> list[dict[str, Any]]:
    uploaded = {one.person: when for one, when in outcome.uploads}
    refused = {one.person: sentence for one, sentence in outcome.refused}
    return [
        {
            "person": plan.trace.people[one.person],
            "has_phone": one.person in outcome.devices,
            "contagious_since": utc(one.contagious_since),
            "positive_at": utc(one.positive_at),
            "uploaded_at": utc(uploaded[one.person]) if one.person in uploaded else None,
            "refused": refused.get(one.person),
        }
        for one in plan.positives
    ]


def _people(plan: Plan, warned: Mapping[int, Mapping[int, int]]) -> list[dict[str, Any]]:
    return [
        {
            "person": plan.trace.people[person],
            "days": [{"day": date_of(day), "seconds": seconds} for day, seconds in sorted(days.items())],
        }
        for person, days in sorted(warned.items())
    ]


def _sets(plan: Plan, verdict: Verdict) -> dict[str, list[str]]:
    return {
        name: _names(plan, people)
        for name, people in (("missed", verdict.missed), ("wrongly_warned", verdict.wrongly_warned))
    }


def _names(plan: Plan, people: Iterable[int]) -> list[str]:
    return [plan.trace.people[person] for person in sorted(people)]


def _difference(plan: Plan, one: DesignDifference) -> dict[str, Any]:
    def listed(rows: Iterable[PersonDay]) -> list[dict[str, str]]:
        return [{"person": plan.trace.people[person], "day": date_of(day)} for person, day in rows]

    window = plan.scenario.world.hybrid_window_minutes
    design = f"hybrid:window_minutes={window}" if one.design == "hybrid" else one.design
    return {"design": design, "only_here": listed(one.only_here), "only_there": listed(one.only_there)}
