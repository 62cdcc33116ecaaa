"""The oracle: who must have been warned, worked out a second time, by identity (SPEC.md 11.1).

It takes the channel's own log of who heard whom, and what each person reported when. It knows nothing of keys,
identifiers, batches or stored observations, and shares no code with phone or matcher: the numbers below stand here a
second time on purpose. So it must agree with the phones exactly, for every design and every channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from anopticon_simulation.errors import SimulationError

DAY: Final = 86_400
QUARTER_HOUR: Final = 900
TEN_MINUTES: Final = 600
LONGEST_CREDIT: Final = 300
CREDIT_OF_FIRST_SCAN: Final = 120
GAEN_TOLERANCE: Final = 12


class Hearing(NamedTuple):
    """One person's phone heard another's in a scan: world time, RSSI, and the receiver's gap to its previous scan.

    The gap is 0 for the first. `more_dbm` are the strengths of further frames of the same sender in the same scan.
    """

    time: int
    receiver: int
    sender: int
    rssi_dbm: int
    gap_seconds: int
    more_dbm: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One person's upload as it happened, in world time."""

    person: int
    contagious_since: int
    uploaded_at: int


@dataclass(frozen=True, slots=True)
class OracleRules:
    """What the oracle is told of the deployment: the rule, the sender's power, and how wrong each clock is."""

    attenuation_bound_db: int
    minutes_per_day: int
    tx_power_dbm: int
    release_period: int
    clock_skew: Mapping[int, int]
    hybrid_window: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How one design lays identifiers over time: by slots of a length, shared by sender and receiver.

    `tolerance` is how many slots apart the two clocks may place one hearing. `checks_release` says whether phones
    refuse what they received after its key was out, `waits_for_slot` whether a key is held back until its slot is over,
    `keeps_packets` whether phones take the mean of attenuations rather than of strengths.
    """

    report_slot: int
    match_slot: int
    tolerance: int = 0
    checks_release: bool = True
    waits_for_slot: bool = False
    keeps_packets: bool = False


def coverage_of(design: str, hybrid_window: int) -> Coverage:
    """What the oracle knows of a design, by its name; raises SimulationError for one it does not know."""
    known = {
        "lowcost": Coverage(DAY, DAY),
        "unlinkable": Coverage(QUARTER_HOUR, QUARTER_HOUR, waits_for_slot=True),
        "hybrid": Coverage(hybrid_window, hybrid_window),
        "gaen": Coverage(DAY, TEN_MINUTES, GAEN_TOLERANCE, checks_release=False, keeps_packets=True),
    }
    name = design.partition(":")[0]
    if name not in known:
        msg = f"the oracle does not know design {name!r}: teach it its slots in coverage_of"
        raise SimulationError(msg)
    return known[name]


def who_must_be_warned(
    design: str, rules: OracleRules, log: Iterable[Hearing], reports: Iterable[Report]
) -> dict[int, dict[int, int]]:
    """Seconds within the bound by person and UTC day, of every person and day on which the exposure rule is met."""
    coverage = coverage_of(design, rules.hybrid_window)
    counts = _counter(coverage, rules, {one.person: one for one in reports})
    seconds: dict[int, dict[int, int]] = {}
    for hearing in log:
        if _attenuation(hearing, rules, coverage) > rules.attenuation_bound_db or not counts(hearing):
            continue
        day = (hearing.time + rules.clock_skew.get(hearing.receiver, 0)) // DAY
        credit = min(hearing.gap_seconds, LONGEST_CREDIT) if hearing.gap_seconds else CREDIT_OF_FIRST_SCAN
        of_person = seconds.setdefault(hearing.receiver, {})
        of_person[day] = of_person.get(day, 0) + credit
    needed = rules.minutes_per_day * 60
    warned = {who: {d: s for d, s in days.items() if s >= needed} for who, days in seconds.items()}
    return {who: days for who, days in sorted(warned.items()) if days}


def _attenuation(hearing: Hearing, rules: OracleRules, coverage: Coverage) -> int:
    """Attenuation of a scan in dB: a mean of whole numbers, halves rounded up before or after the subtraction."""
    strengths = (hearing.rssi_dbm, *hearing.more_dbm)
    if coverage.keeps_packets:
        return _mean([max(0, rules.tx_power_dbm - one) for one in strengths])
    return max(0, rules.tx_power_dbm - _mean(strengths))


def _mean(values: Sequence[int]) -> int:
    doubled, count = 2 * sum(values), 2 * len(values)
    return (doubled + len(values)) // count


def _counter(
    coverage: Coverage, rules: OracleRules, reports: Mapping[int, Report]
) -> Callable[[Hearing], bool]:
    """Whether one hearing is of an identifier that its sender reported, in the slot where the receiver heard it."""

    def counts(hearing: Hearing) -> bool:
        report = reports.get(hearing.sender)
        # From the moment of the report on a phone broadcasts under unrelated keys.
        if report is None or hearing.time >= report.uploaded_at:
            return False
        sent = hearing.time + rules.clock_skew.get(hearing.sender, 0)
        heard = hearing.time + rules.clock_skew.get(hearing.receiver, 0)
        since = report.contagious_since + rules.clock_skew.get(hearing.sender, 0)
        if sent // coverage.report_slot < since // coverage.report_slot:
            return False
        if abs(sent // coverage.match_slot - heard // coverage.match_slot) > coverage.tolerance:
            return False
        if not coverage.checks_release:
            return True
        period = rules.release_period
        released = report.uploaded_at // period * period + period
        if coverage.waits_for_slot:
            slot_end = (sent // coverage.report_slot + 1) * coverage.report_slot
            released = max(released, -(-slot_end // period) * period)
        return heard // period * period < released

    return counts
